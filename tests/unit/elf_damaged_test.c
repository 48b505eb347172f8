/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.elf/1 on thousands of damaged copies of the files in elf_builds.h: whatever they say, no
 * question may crash, read outside the file or go on for ever.
 */
#include "elf_builds.h"

static int on_flow(void *arg, const struct ecap_elf_call *call)
{
	return count_hit(arg, call->callee);
}

static int on_use(void *arg, const struct ecap_elf_use *use)
{
	return count_hit(arg, use->callee);
}

/* A build with the same addresses that still has its symbols. */
static int with_symbols(int build)
{
	return build == STRIPPED ? BARE : build == ARM64_STRIPPED ? ARM64_BARE : build;
}

/* Asks everything about a file that may say anything. */
static void ask_everything(struct ecap_elf_file *file, const uint64_t *addrs, size_t n)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_call call = { .struct_size = sizeof(call) };
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };
	struct hits hits = { .stop_after = 100 };
	uint64_t value, end;

	elf->info(file, &info);
	elf->symbol(file, "push_first", &symbol);
	elf->symbol(file, "no such symbol", &symbol);
	elf->find(file, "text to be", 10, count_hit, &hits);
	elf->refs(file, addrs, (uint32_t)n, count_ref, &hits);
	for (uint32_t i = 0; elf->segment(file, i, &segment) == 0; i++) {
		const uint8_t *p = elf->data(file, segment.addr, segment.size);

		/* All of it must be there: touching it is the test. */
		for (uint64_t k = 0; p && k < segment.size; k += 512)
			hits.n += p[k];
	}
	for (size_t i = 0; i < n; i++) {
		struct ecap_site site = { .struct_size = sizeof(site) };
		const char *name = elf->symbol_name(file, addrs[i]);

		hits.n += name ? (int)strlen(name) : 0;
		elf->pointer(file, addrs[i], &value);
		elf->offset(file, addrs[i], &value);
		elf->function(file, addrs[i], &value, &end);
		elf->site(file, addrs[i], 4, &site);
		elf->reads_arg(file, addrs[i], 3);
		elf->forwards(file, addrs[i], &value);
		elf->call(file, addrs[i], &call);
		elf->flow(file, addrs[i], on_flow, &hits);
		elf->uses(file, addrs[i], on_use, &hits);
	}
}

/* xorshift64: the same damage every time. */
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Half of the damage goes where the structure is: the headers at the start and at the end. */
static void damage(uint8_t *bytes, size_t len, uint64_t *x)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 0x41 };
	uint64_t count = 1 + next_random(x) % 8;

	while (count--) {
		uint64_t where = next_random(x) % 4;
		size_t at = where == 0 ? next_random(x) % 64 : where == 1 ? next_random(x) % 0x400 :
			where == 2 ? len - 1 - next_random(x) % 0x600 : next_random(x) % len;

		bytes[at] = next_random(x) % 2 ? (uint8_t)next_random(x)
					       : values[next_random(x) % sizeof(values)];
	}
}

static void test_damaged_files(void **state)
{
	static const char *const names[][6] = {
		{ "push_first", "jump_behind_copy", "forwards_saved", "reads_after_branch",
		  "gives_constants_here", "pointers" },
		{ "test_first", "far_away_takes", "forwards_saved", "reads_after_branch",
		  "gives_constants_here", "known_text" },
	};
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
	int opened = 0;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/damaged", dir);
	for (int build = 0; build < N_BUILDS; build++) {
		struct ecap_elf_file *file = open_build(with_symbols(build));
		const char *const *asked = names[build >= ARM64_RELA];
		uint64_t addrs[ARRAY_SIZE(names[0]) + 2] = { 0, UINT64_MAX - 8 };
		size_t len;
		uint8_t *whole = read_file(path_of(build), &len), *bytes = malloc(len);

		assert_non_null(bytes);
		for (size_t i = 0; i < ARRAY_SIZE(names[0]); i++)
			addrs[i + 2] = address(file, asked[i]);
		elf->close(file);
		for (int i = 0; i < 1000; i++) {
			size_t cut = i % 8 ? len : next_random(&x) % len;

			memcpy(bytes, whole, len);
			damage(bytes, len, &x);
			write_file(path, bytes, cut);
			if (elf->open(path, &file) != 0)
				continue;
			opened++;
			ask_everything(file, addrs, ARRAY_SIZE(addrs));
			elf->close(file);
		}
		free(bytes);
		free(whole);
	}
	unlink(path);
	/* Most must get past the header, or nothing was tested. */
	assert_true(opened > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests_name("elf_damaged", tests, make_all_builds, remove_builds);
}
