/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.elf/1 on files whose content is known: data/shapes.S, assembled as libraries with
 * different relocations and as programs, and on thousands of damaged copies of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "services.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct ecap_elf *const elf = &ecap_elf_service;
static char dir[64];

/* What is built from shapes.S; the last two have nothing that says where functions are. */
enum { RELA, RELR, PROGRAM, BARE, STRIPPED, N_BUILDS };

static const struct {
	const char *name, *flags;
} builds[N_BUILDS] = {
	[RELA] = { "rela.so", "-shared -Wl,--build-id=0x0123456789abcdef" },
	[RELR] = { "relr.so", "-shared -Wl,-z,pack-relative-relocs" },
	[PROGRAM] = { "program", "-static -no-pie -DPROGRAM" },
	[BARE] = { "bare", "-static -no-pie -DPROGRAM -Wl,--no-eh-frame-hdr" },
	[STRIPPED] = { "stripped", "-static -no-pie -DPROGRAM -Wl,--no-eh-frame-hdr -s" },
};

static const char *path_of(int build)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, builds[build].name);
	return path;
}

static struct ecap_elf_file *open_build(int build)
{
	struct ecap_elf_file *file = NULL;
	int err = elf->open(path_of(build), &file);

	if (err)
		fail_msg("%s: %s", path_of(build), ecap_err_text());
	return file;
}

static uint64_t address(struct ecap_elf_file *file, const char *name)
{
	struct ecap_elf_symbol symbol = { 0 };

	if (elf->symbol(file, name, &symbol) != 0)
		fail_msg("%s", ecap_err_text());
	return symbol.addr;
}

static int make_builds(void **state)
{
	const char *cc = getenv("CC"), *src = getenv("top_srcdir");

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/elf-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (int i = 0; i < N_BUILDS; i++) {
		char command[1024];

		snprintf(command, sizeof(command), "%s -nostdlib %s '%s/tests/unit/data/shapes.S' -o '%s'",
			 cc && *cc ? cc : "cc", builds[i].flags, src && *src ? src : ".", path_of(i));
		if (system(command) != 0) {
			fprintf(stderr, "%s\n", command);
			return -1;
		}
	}
	return 0;
}

static int remove_builds(void **state)
{
	(void)state;
	for (int i = 0; i < N_BUILDS; i++)
		unlink(path_of(i));
	return rmdir(dir);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static uint8_t *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);

	uint8_t *bytes = malloc((size_t)st.st_size);

	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*len = (size_t)st.st_size;
	return bytes;
}

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

/* Of an arm64 file we know the data; asked about its code we say that we do not. */
static void test_arm64(void **state)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_site site = { .struct_size = sizeof(site) };
	struct ecap_elf_file *file = NULL;
	char path[128];
	size_t len;
	uint8_t *bytes = read_file(path_of(RELA), &len);
	uint64_t target = 1;

	(void)state;
	snprintf(path, sizeof(path), "%s/other", dir);
	((Elf64_Ehdr *)(void *)bytes)->e_machine = EM_AARCH64;
	write_file(path, bytes, len);
	assert_int_equal(elf->open(path, &file), 0);
	assert_int_equal(elf->info(file, &info), 0);
	assert_int_equal(info.machine, ECAP_ELF_AARCH64);
	assert_int_equal(elf->site(file, address(file, "push_first"), 1, &site), -ENOENT);
	assert_int_equal(elf->refs(file, &target, 1, NULL, NULL), -EOPNOTSUPP);
	elf->close(file);
	unlink(path);
	free(bytes);
}

static void test_info(void **state)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_info small = { .struct_size = 8 };
	struct ecap_elf_file *file = open_build(RELA);
	struct ecap_elf_segment segment;
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
	struct ecap_elf_symbol symbol;

	(void)state;
	assert_int_equal(elf->symbol(file, "push_behind_endbr", &symbol), 0);
	assert_int_equal(symbol.dynamic, 1);
	assert_int_equal(symbol.size, 7);
	assert_string_equal(elf->symbol_name(file, symbol.addr), "push_behind_endbr");
	assert_null(elf->symbol_name(file, symbol.addr + 1));
	assert_int_equal(elf->symbol(file, "local_function", &symbol), 0);
	assert_int_equal(symbol.dynamic, 0);
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
	struct ecap_elf_segment last = { 0 };

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
		assert_int_equal(elf->function(file, address(file, "pointers"), &start, &end), -ENOENT);
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

struct hits {
	uint64_t at[8];
	int n, stop_after;
};

static int count_hit(void *arg, uint64_t addr)
{
	struct hits *hits = arg;

	if (hits->n < (int)ARRAY_SIZE(hits->at))
		hits->at[hits->n] = addr;
	return ++hits->n == hits->stop_after;
}

static int count_ref(void *arg, uint64_t insn, uint64_t target)
{
	(void)target;
	return count_hit(arg, insn);
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
			assert_int_equal(elf->reads_arg(file, address(file, readers[i].function), k),
					 readers[i].reads >> k & 1);
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

/* Asks everything about a file that may say anything. */
static void ask_everything(struct ecap_elf_file *file, const uint64_t *addrs, size_t n)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_symbol symbol;
	struct ecap_elf_segment segment;
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
	static const char *const names[] = {
		"push_first", "jump_behind_copy", "forwards_saved", "reads_after_branch", "pointers",
	};
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
	int opened = 0;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/damaged", dir);
	for (int build = 0; build < N_BUILDS; build++) {
		struct ecap_elf_file *file = open_build(build == STRIPPED ? BARE : build);
		uint64_t addrs[ARRAY_SIZE(names) + 2] = { 0, UINT64_MAX - 8 };
		size_t len;
		uint8_t *whole = read_file(path_of(build), &len), *bytes = malloc(len);

		assert_non_null(bytes);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			addrs[i + 2] = address(file, names[i]);
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
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_arm64),
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
		cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests_name("elf", tests, make_builds, remove_builds);
}
