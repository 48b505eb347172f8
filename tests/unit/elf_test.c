/* SPDX-License-Identifier: Apache-2.0 */
/* ecap.elf/1 on files whose content is known: see elf_builds.h. */
#include "elf_builds.h"

#include <elf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

static void test_open_refuses(void **state)
{
	struct ecap_elf_file *untouched = (struct ecap_elf_file *)state, *file = untouched;
	char path[128];
	size_t len;
	uint8_t *bytes = read_file(path_of(RELA), &len);

	snprintf(path, sizeof(path), "%s/other", dir);
	assert_int_equal(elf->open(path, &file), -ENOENT);
	assert_int_equal(elf->open(dir, &file), -ENOEXEC);
	assert_int_equal(elf->open("/dev/null", &file), -ENOEXEC);
	write_file(path, "#!/bin/sh\n", 10);
	assert_int_equal(elf->open(path, &file), -ENOEXEC);
	write_file(path, bytes, 40); /* less than a header */
	assert_int_equal(elf->open(path, &file), -ENOEXEC);
	bytes[EI_CLASS] = ELFCLASS32;
	write_file(path, bytes, len);
	assert_int_equal(elf->open(path, &file), -ENOEXEC);
	bytes[EI_CLASS] = ELFCLASS64;
	((Elf64_Ehdr *)(void *)bytes)->e_machine = EM_RISCV;
	write_file(path, bytes, len);
	assert_int_equal(elf->open(path, &file), -ENOEXEC);
	assert_non_null(strstr(ecap_err_text(), path));
	assert_ptr_equal(file, untouched);
	unlink(path);
	free(bytes);
}

static void test_info(void **state)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_info small = { .struct_size = 8 };
	struct ecap_elf_file *file = open_build(RELA);
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };
	uint32_t kinds = 0, i = 0;

	(void)state;
	assert_int_equal(elf->info(file, &info), 0);
	assert_int_equal(info.machine, ECAP_ELF_X86_64);
	assert_int_equal(info.type, ET_DYN);
	assert_string_equal(info.build_id, "0123456789abcdef");
	assert_int_equal(elf->info(file, &small), -EINVAL);
	for (; elf->segment(file, i, &segment) == 0; i++)
		kinds |= 1u << segment.flags;
	assert_int_equal(i, info.n_segments);
	assert_true(kinds & 1u << (ECAP_ELF_R | ECAP_ELF_X));
	assert_true(kinds & 1u << (ECAP_ELF_R | ECAP_ELF_W));
	assert_int_equal(elf->segment(file, UINT32_MAX, &segment), -ENOENT);
	elf->close(file);

	file = open_build(STRIPPED);
	assert_int_equal(elf->info(file, &info), 0);
	assert_int_equal(info.type, ET_EXEC);
	elf->close(file);
}

static void test_symbols(void **state)
{
	struct ecap_elf_file *file = open_build(RELA);
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	(void)state;
	assert_int_equal(elf->symbol(file, "push_behind_endbr", &symbol), 0);
	assert_int_equal(symbol.source, ECAP_ELF_FROM_DYNSYM);
	assert_int_equal(symbol.size, 7);
	assert_string_equal(elf->symbol_name(file, symbol.addr), "push_behind_endbr");
	assert_null(elf->symbol_name(file, symbol.addr + 1));
	assert_int_equal(elf->symbol(file, "local_function", &symbol), 0);
	assert_int_equal(symbol.source, ECAP_ELF_FROM_SYMTAB);
	assert_string_equal(elf->symbol_name(file, symbol.addr), "local_function");
	/* Undefined, absent, part of a name, and nothing. */
	assert_int_equal(elf->symbol(file, "elsewhere", &symbol), -ENOENT);
	assert_int_equal(elf->symbol(file, "push_second", &symbol), -ENOENT);
	assert_int_equal(elf->symbol(file, "push", &symbol), -ENOENT);
	assert_int_equal(elf->symbol(file, "", &symbol), -ENOENT);
	assert_string_equal(elf->symbol_name(file, symbol.addr), "local_function");
	elf->close(file);

	file = open_build(STRIPPED);
	assert_int_equal(elf->symbol(file, "push_first", &symbol), -ENOENT);
	elf->close(file);
}

static void check_pointers(int build)
{
	struct ecap_elf_file *file = open_build(build);
	uint64_t at = address(file, "pointers"), local = address(file, "local_function");
	uint64_t value = 0;

	assert_int_equal(elf->pointer(file, at, &value), 0);
	assert_int_equal(value, local);
	assert_int_equal(elf->pointer(file, at + 8, &value), 0);
	assert_int_equal(value, address(file, "push_first"));
	assert_int_equal(elf->pointer(file, at + 16, &value), 0);
	assert_true(value == UINT64_C(0x1234567890abcdef));
	assert_int_equal(elf->pointer(file, at + 24, &value), 0);
	assert_int_equal(value, local + 1);
	if (build != PROGRAM)
		assert_int_equal(elf->pointer(file, at + 32, &value), -ENXIO);
	assert_int_equal(elf->pointer(file, UINT64_MAX - 3, &value), -ENOENT);
	assert_int_equal(value, local + 1);
	elf->close(file);
}

static void test_pointers(void **state)
{
	(void)state;
	check_pointers(RELA);
	check_pointers(RELR);
	check_pointers(PROGRAM);
}

static void test_data_and_offset(void **state)
{
	struct ecap_elf_file *file = open_build(PROGRAM);
	uint64_t at = address(file, "known_text"), offset = 0;
	size_t len;
	uint8_t *bytes = read_file(path_of(PROGRAM), &len);
	struct ecap_elf_segment last = { .struct_size = sizeof(last) };

	(void)state;
	assert_memory_equal(elf->data(file, at, 19), "a text to be found", 19);
	assert_int_equal(elf->offset(file, at, &offset), 0);
	assert_int_not_equal(offset, at);
	assert_memory_equal(bytes + offset, "a text to be found", 19);
	for (uint32_t i = 0; elf->segment(file, i, &last) == 0;)
		i++;
	assert_non_null(elf->data(file, last.addr, last.size));
	assert_null(elf->data(file, last.addr, last.size + 1));
	assert_null(elf->data(file, last.addr + last.size, 1));
	assert_null(elf->data(file, last.addr, UINT64_MAX));
	assert_null(elf->data(file, UINT64_MAX, 2));
	assert_int_equal(elf->offset(file, 8, &offset), -ENOENT);
	elf->close(file);
	free(bytes);
}

static void test_function_bounds(void **state)
{
	uint64_t start = 0, end = 0, at;

	(void)state;
	/* By .eh_frame_hdr, then by symbols with a size. */
	for (int build = RELA; build <= BARE; build++) {
		struct ecap_elf_file *file = open_build(build);

		at = address(file, "reads_three");
		assert_int_equal(elf->function(file, at + 2, &start, &end), 0);
		assert_int_equal(start, at);
		assert_int_equal(end, at + 4);
		assert_int_equal(elf->function(file, address(file, "pointers"), &start, &end),
				 -ENOENT);
		assert_int_equal(start, at);
		elf->close(file);
	}

	/* With neither, by what is called: the next function that is called ends it. */
	struct ecap_elf_file *named = open_build(BARE), *file = open_build(STRIPPED);

	at = address(named, "reads_four");
	assert_int_equal(elf->function(file, at + 5, &start, &end), 0);
	assert_int_equal(start, at);
	assert_true(end > at + 5);
	elf->close(file);
	elf->close(named);
}

static void test_find_and_refs(void **state)
{
	(void)state;
	for (int build = RELA; build <= PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);
		uint64_t at = address(file, "known_text"), code = address(file, "takes_addresses");
		struct hits found = { .n = 0 }, refs = { .n = 0 }, first = { .stop_after = 1 };
		uint64_t targets[] = { at - 0x777, at };

		assert_int_equal(elf->find(file, "text to be", 10, count_hit, &found), 0);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.at[0], at + 2);
		assert_int_equal(elf->find(file, "", 0, count_hit, &found), -EINVAL);
		assert_int_equal(elf->refs(file, targets, 2, count_ref, &refs), 0);
		assert_int_equal(refs.n, build == PROGRAM ? 3 : 2);
		assert_int_equal(refs.at[0], code);
		assert_int_equal(refs.at[1], code + (build == PROGRAM ? 5 : 7));
		assert_int_equal(elf->refs(file, targets, 2, count_ref, &first), 0);
		assert_int_equal(first.n, 1);
		elf->close(file);
	}
}

/* Where the probe goes: bytes from the start, whether emulated, where the arguments are. */
static const struct {
	const char *function;
	uint32_t n_args;
	uint64_t distance;
	uint8_t emulated, arg[4];
	const char *insn;
} sites[] = {
	{ "push_first", 4, 0, 1, { 0, 1, 2, 3 }, "push r13" },
	{ "push_behind_endbr", 4, 4, 1, { 0, 1, 2, 3 }, "push rbp" },
	{ "jump_behind_copy", 4, 5, 1, { 0, 1, 2, 4 }, "jmp 0x" },
	{ "jump_behind_copy", 3, 5, 1, { 0, 1, 2, 4 }, "jmp 0x" },
	{ "branch_behind_test", 4, 3, 1, { 0, 1, 2, 3 }, "je 0x" },
	{ "argument_in_rax", 1, 5, 1, { ECAP_REG_RAX, 1, 2, 3 }, "nop" },
	{ "argument_in_rbx", 1, 5, 1, { 0, ECAP_REG_NONE, 2, 3 }, "push rbx" },
	{ "argument_in_rbx", 2, 0, 0, { 0, 1, 2, 3 }, "mov rbp, rsi" },
	{ "reads_three", 3, 2, 1, { 0, 1, 2, ECAP_REG_NONE }, "jmp 0x" },
	{ "reads_three", 4, 0, 0, { 0, 1, 2, 3 }, "xor ecx, ecx" },
	{ "stack_moves_first", 1, 0, 0, { 0, 1, 2, 3 }, "sub rsp, 8" },
	{ "branch_into_loop", 1, 0, 0, { 0, 1, 2, 3 }, "mov eax, 0x64" },
	{ "too_far", 1, 0, 0, { 0, 1, 2, 3 }, "mov rax, " },
	{ "long_nop", 4, 4, 1, { 0, 1, 2, 3 }, "push rbx" },
	{ "push_immediate", 1, 0, 0, { 0, 1, 2, 3 }, "push 1" },
	{ "prefixed_nop", 1, 0, 1, { 0, 1, 2, 3 }, "nop" },
	{ "prefixed_jump", 1, 0, 0, { 0, 1, 2, 3 }, "test rdi, rdi" },
	{ "exchange", 1, 0, 0, { 0, 1, 2, 3 }, "xchg rax, r8" },
	{ "call_first", 4, 0, 1, { 0, 1, 2, 3 }, "call 0x" },
};

static void test_sites(void **state)
{
	(void)state;
	for (int build = RELA; build <= PROGRAM; build++) {
		struct ecap_elf_file *file = open_build(build);

		for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
			struct ecap_site site = { .struct_size = sizeof(site) };
			uint64_t at = address(file, sites[i].function), offset;

			print_message("# %s, %u arguments\n", sites[i].function, sites[i].n_args);
			assert_int_equal(elf->site(file, at, sites[i].n_args, &site), 0);
			assert_int_equal(site.addr - at, sites[i].distance);
			assert_int_equal(site.emulated, sites[i].emulated);
			assert_memory_equal(site.arg, sites[i].arg, sizeof(sites[i].arg));
			assert_memory_equal(site.insn, sites[i].insn, strlen(sites[i].insn));
			assert_int_equal(elf->offset(file, site.addr, &offset), 0);
			assert_int_equal(site.offset, offset);
		}
		elf->close(file);
	}
}

static void test_site_refuses(void **state)
{
	struct ecap_elf_file *file = open_build(RELA);
	struct ecap_site site = { .struct_size = sizeof(site) };
	struct ecap_site unsized = { .struct_size = 0 };

	(void)state;
	assert_int_equal(elf->site(file, address(file, "pointers"), 1, &site), -ENOENT);
	assert_int_equal(elf->site(file, 1, 1, &site), -ENOENT);
	assert_int_equal(elf->site(file, address(file, "push_first"), 7, &site), -EINVAL);
	assert_int_equal(elf->site(file, address(file, "push_first"), 1, &unsized), -EINVAL);
	assert_int_equal(site.addr, 0);
	elf->close(file);
}

/* A uprobe there, as perf_event_open(2) makes one for this process. -1: not allowed here. */
static int place_uprobe(const char *path, uint64_t offset)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.uprobe_path = (uint64_t)(uintptr_t)path,
		.probe_offset = offset,
	};
	FILE *type = fopen("/sys/bus/event_source/devices/uprobe/type", "re");

	if (!type)
		return -1;

	int n = fscanf(type, "%u", &attr.type);

	fclose(type);
	return n == 1 ? (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) : -1;
}

/* Code is what the file says, also while somebody probes it. */
static void test_probed_file(void **state)
{
	struct ecap_elf_file *file = open_build(RELA);
	uint64_t at = address(file, "push_first"), offset = 0;
	struct ecap_site site = { .struct_size = sizeof(site) };

	(void)state;
	assert_int_equal(elf->offset(file, at, &offset), 0);
	elf->close(file);

	int fd = place_uprobe(path_of(RELA), offset);

	if (fd < 0) {
		printf("uprobes cannot be placed here: %s\n", strerror(errno));
		fflush(stdout);
		skip();
	}
	file = open_build(RELA);
	assert_int_equal(elf->site(file, at, 4, &site), 0);
	assert_string_equal(site.insn, "push r13");
	elf->close(file);
	close(fd);
}

/* Bit i: argument i is read. */
static const struct {
	const char *function;
	unsigned int reads;
} readers[] = {
	{ "push_first", 0 },
	{ "reads_four", 0xf },
	{ "reads_three", 0x7 },
	{ "aligns_with_fourth", 0x1 },
	{ "reads_after_branch", 0x9 },
	{ "passes_on", 0xf },
	{ "passes_nothing", 0 },
	{ "passes_to_other_file", 0 },
	{ "forwards_widened", 0x7 },
};

static void test_reads_arg(void **state)
{
	struct ecap_elf_file *file = open_build(RELR);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		for (uint32_t k = 0; k < 6; k++) {
			print_message("# %s, argument %u\n", readers[i].function, k);
			uint64_t at = address(file, readers[i].function);

			assert_int_equal(elf->reads_arg(file, at, k), readers[i].reads >> k & 1);
		}
	assert_int_equal(elf->reads_arg(file, address(file, "reads_four"), 6), -EINVAL);
	assert_int_equal(elf->reads_arg(file, address(file, "pointers"), 0), -ENOENT);
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
	{ "call_first", -ENOENT, NULL }, /* what it calls takes no arguments */
};

static void test_forwards(void **state)
{
	struct ecap_elf_file *file = open_build(RELA);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forwarders); i++) {
		uint64_t callee = 1;
		int result = elf->forwards(file, address(file, forwarders[i].function), &callee);

		print_message("# %s\n", forwarders[i].function);
		assert_int_equal(result, forwarders[i].result);
		assert_int_equal(callee, result ? 1 : address(file, forwarders[i].callee));
	}
	elf->close(file);
}

static void test_call(void **state)
{
	struct ecap_elf_file *file = open_build(RELA);
	struct ecap_elf_call call = { .struct_size = sizeof(call) }, unsized = { .struct_size = 8 };
	uint64_t at = address(file, "gives_constants_here");

	(void)state;
	assert_int_equal(elf->call(file, at, &call), 0);
	assert_int_equal(call.callee, address(file, "push_first"));
	assert_int_equal(call.known, 0x1f); /* the last was loaded from memory */
	assert_int_equal(call.value[0], 16);
	assert_int_equal(call.value[1], 0);
	assert_int_equal(call.value[2], 66);
	assert_int_equal(call.value[3], address(file, "reads_four"));
	assert_int_equal(call.value[4], UINT32_MAX);

	/* What was loaded before another call is gone. */
	assert_int_equal(elf->call(file, address(file, "gives_nothing_here"), &call), 0);
	assert_int_equal(call.callee, 0);
	assert_int_equal(call.known, 1);

	assert_int_equal(elf->call(file, at, &unsized), -EINVAL);
	assert_int_equal(elf->call(file, at + 1, &call), -ENOENT);
	assert_int_equal(elf->call(file, address(file, "push_first"), &call), -ENOENT);
	assert_int_equal(elf->call(file, address(file, "pointers"), &call), -ENOENT);
	assert_int_equal(call.known, 1);
	elf->close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_data_and_offset),
		cmocka_unit_test(test_function_bounds),
		cmocka_unit_test(test_find_and_refs),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_site_refuses),
		cmocka_unit_test(test_probed_file),
		cmocka_unit_test(test_reads_arg),
		cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_call),
	};

	return cmocka_run_group_tests_name("elf", tests, make_builds, remove_builds);
}
