/* SPDX-License-Identifier: Apache-2.0 */
/* ecap.elf/1 on arm64 code whose content is known: data/arm64.S, see elf_builds.h. */
#include "elf_builds.h"

#include <elf.h>
#include <errno.h>

#include "uses_text.h"

static void test_info_and_symbols(void **state)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_file *file = open_build(ARM64_RELA);

	(void)state;
	assert_int_equal(elf->info(file, &info), 0);
	assert_int_equal(info.machine, ECAP_ELF_AARCH64);
	assert_int_equal(info.type, ET_DYN);
	assert_string_equal(info.build_id, "fedcba9876543210");
	assert_int_equal(elf->symbol(file, "behind_landing", &symbol), 0);
	assert_int_equal(symbol.size, 16);
	elf->close(file);
}

static void test_pointers(void **state)
{
	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);
		uint64_t at = address(file, "pointers"), local = address(file, "local_function");
		uint64_t value = 0;

		assert_int_equal(elf->pointer(file, at, &value), 0);
		assert_int_equal(value, local);
		assert_int_equal(elf->pointer(file, at + 8, &value), 0);
		assert_int_equal(value, address(file, "visible"));
		assert_int_equal(elf->pointer(file, at + 16, &value), 0);
		assert_true(value == UINT64_C(0x1234567890abcdef));
		assert_int_equal(elf->pointer(file, at + 24, &value), 0);
		assert_int_equal(value, local + 4);
		if (build != ARM64_PROGRAM)
			assert_int_equal(elf->pointer(file, at + 32, &value), -ENXIO);
		elf->close(file);
	}
}

static void test_function_bounds(void **state)
{
	uint64_t start = 0, end = 0, at;

	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_BARE; build++) {
		struct ecap_elf_file *file = open_build(build);

		at = address(file, "reads_three");
		assert_int_equal(elf->function(file, at + 4, &start, &end), 0);
		assert_int_equal(start, at);
		assert_int_equal(end, at + 8);
		elf->close(file);
	}

	/* With neither frame information nor symbols, by what is called. */
	struct ecap_elf_file *named = open_build(ARM64_BARE), *file = open_build(ARM64_STRIPPED);

	at = address(named, "reads_four");
	assert_int_equal(elf->function(file, at + 8, &start, &end), 0);
	assert_int_equal(start, at);
	assert_true(end > at + 8);
	elf->close(file);
	elf->close(named);
}

/* Where the probe goes: bytes from the start, whether emulated, where the arguments are. */
static const struct {
	const char *function;
	uint32_t n_args;
	uint64_t distance;
	uint8_t emulated, arg[4];
	const char *insn;
} sites[] = {
	{ "test_first", 4, 0, 1, { 0, 1, 2, 3 }, "cbz x0, " },
	{ "behind_landing", 4, 4, 1, { 0, 1, 2, 3 }, "tbnz w1, " },
	{ "jump_behind_copy", 4, 8, 1, { 0, 1, 2, 4 }, "b " },
	{ "page_first", 4, 0, 1, { 0, 1, 2, 3 }, "adrp x8, " },
	{ "stack_moves_first", 1, 0, 0, { 0, 1, 2, 3 }, "sub sp, sp, #" },
	{ "signs_first", 1, 0, 0, { 0, 1, 2, 3 }, "" },
	{ "keeps_return", 1, 0, 0, { 0, 1, 2, 3 }, "mov x9, x30" },
	{ "literal_first", 1, 4, 1, { 0, 1, 2, 3 }, "b.eq " },
	{ "nop_first", 1, 0, 0, { 0, 1, 2, 3 }, "nop" },
	{ "argument_in_x9", 2, 8, 1, { 9, 1, 2, 3 }, "cbz x1, " },
	{ "argument_lost", 1, 0, 0, { 0, 1, 2, 3 }, "mov" },
	{ "branch_into_loop", 1, 0, 0, { 0, 1, 2, 3 }, "mov" },
	{ "too_far", 1, 0, 0, { 0, 1, 2, 3 }, "ldr x8, " },
	{ "forwards_twice", 3, 0, 1, { 0, 1, 2, 3 }, "cbz x0, " },
};

static void test_sites(void **state)
{
	struct ecap_site site = { .struct_size = sizeof(site) };

	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);

		for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
			uint64_t at = address(file, sites[i].function), offset;

			print_message("# %s\n", sites[i].function);
			assert_int_equal(elf->site(file, at, sites[i].n_args, &site), 0);
			assert_int_equal(site.addr - at, sites[i].distance);
			assert_int_equal(site.emulated, sites[i].emulated);
			for (uint32_t k = 0; k < sites[i].n_args; k++)
				assert_int_equal(site.arg[k], sites[i].arg[k]);
			/* Versions of Capstone differ in mov and the hints. */
			assert_memory_equal(site.insn, sites[i].insn, strlen(sites[i].insn));
			assert_int_equal(elf->offset(file, site.addr, &offset), 0);
			assert_int_equal(site.offset, offset);
		}
		/* Instructions are at multiples of four. */
		assert_int_equal(elf->site(file, address(file, "page_first") + 2, 1, &site),
				 -ENOENT);
		assert_int_equal(elf->site(file, address(file, "pointers"), 1, &site), -ENOENT);
		elf->close(file);
	}
}

/* Bit i: argument i is read. */
static const struct {
	const char *function;
	unsigned int reads;
} readers[] = {
	{ "test_first", 0x1 },
	{ "reads_four", 0xf },
	{ "reads_three", 0x7 },
	{ "compares_second", 0x2 },
	{ "stores_third", 0x4 },
	{ "overwrites_all", 0 },
	{ "adds_in_memory", 0xb },
	{ "converts", 0xa },
	{ "reads_after_branch", 0x9 },
	{ "passes_on", 0xf },
	{ "passes_by_pointer", 0x3f },
	{ "passes_to_other_file", 0 },
	{ "forwards_widened", 0x7 },
};

static void test_reads_arg(void **state)
{
	struct ecap_elf_file *file = open_build(ARM64_RELR);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		for (uint32_t k = 0; k < 6; k++) {
			print_message("# %s, argument %u\n", readers[i].function, k);
			assert_int_equal(elf->reads_arg(file, address(file, readers[i].function),
							k), readers[i].reads >> k & 1);
		}
	assert_int_equal(elf->reads_arg(file, address(file, "reads_four"), 6), -EINVAL);
	elf->close(file);
}

static const struct {
	const char *function;
	int result;
	const char *callee;
} forwarders[] = {
	{ "forwards_widened", 0, "reads_four" },
	{ "forwards_saved", 0, "reads_four" },
	{ "passes_on", 0, "reads_four" },
	{ "reads_three", 0, "reads_four" },
	{ "forwards_changed", -ENOENT, NULL },
	{ "forwards_twice", -ENOTUNIQ, NULL },
	{ "passes_to_other_file", -ENOENT, NULL },
};

static void test_forwards(void **state)
{
	struct ecap_elf_file *file = open_build(ARM64_RELA);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forwarders); i++) {
		uint64_t callee = 1;

		print_message("# %s\n", forwarders[i].function);
		assert_int_equal(elf->forwards(file, address(file, forwarders[i].function),
					       &callee), forwarders[i].result);
		assert_int_equal(callee, forwarders[i].callee
				 ? address(file, forwarders[i].callee) : 1);
	}
	elf->close(file);
}

static void test_call(void **state)
{
	struct ecap_elf_call call = { .struct_size = sizeof(call) };

	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);

		assert_int_equal(elf->call(file, address(file, "gives_constants_here"), &call), 0);
		assert_int_equal(call.callee, address(file, "test_first"));
		assert_int_equal(call.known, 0x1f); /* the last was loaded from memory */
		assert_int_equal(call.value[0], 16);
		assert_int_equal(call.value[1], 0);
		assert_int_equal(call.value[2], 0x56781234);
		assert_int_equal(call.value[3], address(file, "reads_four"));
		assert_int_equal(call.value[4], UINT32_MAX);

		/* What was loaded before another call is gone. */
		assert_int_equal(elf->call(file, address(file, "gives_one_here"), &call), 0);
		assert_int_equal(call.callee, 0);
		assert_int_equal(call.known, 1);

		/* A page that was taken at another place. */
		assert_int_equal(elf->call(file, address(file, "far_away_takes"), &call), 0);
		assert_int_equal(call.known, 2);
		assert_int_equal(call.value[1], address(file, "known_text"));
		assert_int_equal(elf->call(file, address(file, "sink"), &call), -ENOENT);
		elf->close(file);
	}
}

/* --- ways of a constant ----------------------------------------------------------------- */

/* What each function does with the text: calls in any order, arguments as bits. */
static const struct way {
	const char *function;
	int only; /* in which builds: 0 all, 1 shared libraries, 2 the program */
	struct {
		const char *callee;
		uint32_t arguments;
	} calls[2];
} ways[] = {
	{ "at_once", 0, { { "sink", 1 << 1 } } },
	{ "several_arguments", 0, { { "sink", 1 << 0 | 1 << 3 } } },
	{ "by_branch", 0, { { "sink", 1 << 1 } } },
	{ "by_select", 0, { { "sink", 1 << 1 } } },
	{ "on_the_stack", 0, { { "sink", 1 << 2 } } },
	{ "in_a_frame", 0, { { "sink", 1 << 4 } } },
	{ "pushed", 0, { { "sink", 1 << 1 } } },
	{ "by_jump", 0, { { "sink", 1 << 1 } } },
	{ "two_calls", 0, { { "sink", 1 << 1 }, { "other", 1 << 0 } } },
	{ "far_away", 0, { { "sink", 1 << 1 } } },
	{ "added_twice", 0, { { "sink", 1 << 1 } } },
	{ "by_adr", 0, { { "sink", 1 << 1 } } },
	{ "by_table", 1, { { "sink", 1 << 1 } } },
	{ "by_literal", 2, { { "sink", 1 << 1 } } },
	{ "overwritten", 0, { { NULL, 0 } } },
	{ "lost_in_a_call", 0, { { NULL, 0 } } },
	{ "overwritten_on_the_stack", 0, { { NULL, 0 } } },
	{ "changed", 0, { { NULL, 0 } } },
};

static int is_in(const struct way *way, int build)
{
	return !way->only || (way->only == 2) == (build == ARM64_PROGRAM);
}

static uint64_t place_of(struct ecap_elf_file *file, const struct way *way)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_takes", way->function);
	return address(file, name);
}

struct calls {
	struct ecap_elf_call list[4];
	uint32_t n;
};

static int on_call(void *arg, const struct ecap_elf_call *call)
{
	struct calls *calls = arg;

	assert_true(calls->n < ARRAY_SIZE(calls->list));
	calls->list[calls->n++] = *call;
	return 0;
}

static void check_way(struct ecap_elf_file *file, const struct way *way)
{
	struct calls found = { .n = 0 };
	uint64_t text = address(file, "known_text");
	uint32_t expected = 0;

	print_message("# %s\n", way->function);
	assert_int_equal(elf->flow(file, place_of(file, way), on_call, &found), 0);
	for (size_t k = 0; k < ARRAY_SIZE(way->calls) && way->calls[k].callee; k++) {
		uint64_t callee = address(file, way->calls[k].callee);
		uint32_t matches = 0;

		expected++;
		for (uint32_t i = 0; i < found.n; i++)
			if (found.list[i].callee == callee) {
				matches++;
				assert_int_equal(found.list[i].known, way->calls[k].arguments);
				for (unsigned int a = 0; a < 6; a++)
					assert_int_equal(found.list[i].value[a],
							 found.list[i].known >> a & 1 ? text : 0);
			}
		assert_int_equal(matches, 1);
	}
	assert_int_equal(found.n, expected);
}

static void test_ways(void **state)
{
	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_BARE; build++) {
		struct ecap_elf_file *file = open_build(build);

		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			if (build != ARM64_BARE && is_in(&ways[i], build))
				check_way(file, &ways[i]);
		elf->close(file);
	}
}

struct places {
	uint64_t list[64];
	uint32_t n;
};

static int on_place(void *arg, uint64_t insn, uint64_t target)
{
	struct places *places = arg;

	(void)target;
	assert_true(places->n < ARRAY_SIZE(places->list));
	places->list[places->n++] = insn;
	return 0;
}

static int on_first(void *arg, uint64_t insn, uint64_t target)
{
	(void)insn;
	(void)target;
	return ++*(int *)arg;
}

/* Each function that takes the text is found once, and nothing else. */
static void test_refs(void **state)
{
	(void)state;
	for (int build = ARM64_RELA; build <= ARM64_PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);
		uint64_t targets[] = { address(file, "known_text"), 1 };
		struct places found = { .n = 0 };
		uint32_t expected = 0;
		int n = 0;

		assert_int_equal(elf->refs(file, targets, 2, on_place, &found), 0);
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
			uint32_t times = 0;

			if (!is_in(&ways[i], build))
				continue;
			for (uint32_t k = 0; k < found.n; k++)
				times += found.list[k] == place_of(file, &ways[i]);
			if (times != 1)
				fail_msg("%s is found %u times", ways[i].function, times);
			expected++;
		}
		/* Two more: overwrites_all by adr, and address. */
		assert_int_equal(found.n, expected + 2);
		assert_int_equal(elf->refs(file, targets, 2, on_first, &n), 0);
		assert_int_equal(n, 1);
		elf->close(file);
	}
}

/* --- getters ---------------------------------------------------------------------------- */

static const struct {
	const char *function, *uses;
} getters[] = {
	{ "member", "load [a0+0x50]+0:8\nreturn [a0+0x50]+0:8" },
	{ "half", "load [a0+0x10]+0:2\nreturn [a0+0x10]+0:2" },
	{ "widened", "load [a1+0x4]+0:4\nreturn [a1+0x4]+0:4" },
	{ "both", "load [a0+0x20]+0:8\nload [a0+0x28]+0:8\nreturn [a0+0x28]+0x8:8" },
	{ "traps", "load [a0+0x8]+0:4\nreturn [a0+0x8]+0:4" },
	{ "vectors", "load [a0+0x40]+0:16\nload [a0+0x50]+0:16\nload [a0+0x60]+0:16\nreturn a0+0" },
	{ "behind_two", "load [a1+0x8]+0:8\nload [[a1+0x8]-0x10]+0:8\n"
			"return [[a1+0x8]-0x10]+0x30:8" },
	{ "array", "load [a0+0xa8]+0:8\ncall copy 0=a1+0 1=[a0+0xa8]+0xb8:8 2=0x20\nreturn 0" },
	{ "array_at_the_end", "jump copy 1=0x20 2=a0+0x160 3=a0+0x160" },
	{ "kept", "call copy\nload [a0+0x18]+0:8\nreturn [a0+0x18]+0:8" },
	{ "given_away", "call copy\nreturn ?" },
	{ "calls_member", "load [a0+0x8]+0:8\nload [[a0+0x8]+0x38]+0:8\njump ?" },
	{ "indexed", "load [a0+0]+0:1\nreturn ?" },
	{ "same_either_way", "return a0+0x8" },
	{ "one_or_the_other", "return ?" },
	{ "from_a_call", "call copy\nreturn ?" },
};

static void test_getters(void **state)
{
	struct ecap_elf_file *file = open_build(ARM64_RELA);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(getters); i++) {
		struct text text = { .file = file };

		assert_int_equal(elf->uses(file, address(file, getters[i].function), on_use,
					   &text), 0);
		if (strcmp(text.s, getters[i].uses))
			fail_msg("%s:\n%s\nwhere this is expected:\n%s", getters[i].function,
				 text.s, getters[i].uses);
	}

	struct text text = { .file = file };
	char expected[32];

	snprintf(expected, sizeof(expected), "return %#llx",
		 (unsigned long long)address(file, "known_text"));
	assert_int_equal(elf->uses(file, address(file, "address"), on_use, &text), 0);
	assert_string_equal(text.s, expected);
	assert_int_equal(elf->uses(file, address(file, "endless"), on_use, &text), 0);
	elf->close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info_and_symbols),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_function_bounds),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_reads_arg),
		cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_getters),
	};

	return cmocka_run_group_tests_name("elf_arm64", tests, make_arm64_builds, remove_builds);
}
