/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.elf/1 on files that were made to take a long time or all memory, and on files that change
 * while they are looked at. What it refuses it refuses with a reason.
 */
#include "elf_builds.h"

#include <elf.h>
#include <errno.h>
#include <sys/resource.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* The bytes of a build, to be damaged, and where they are written to. */
struct victim {
	uint8_t *bytes;
	size_t len;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
	Elf64_Shdr *sh;
	char path[128];
};

static struct victim victim_of(int build)
{
	struct victim v = { 0 };

	v.bytes = read_file(path_of(build), &v.len);
	v.eh = (Elf64_Ehdr *)v.bytes;
	v.ph = (Elf64_Phdr *)(v.bytes + v.eh->e_phoff);
	v.sh = (Elf64_Shdr *)(v.bytes + v.eh->e_shoff);
	snprintf(v.path, sizeof(v.path), "%s/victim", dir);
	return v;
}

static void write_victim(const struct victim *v, uint64_t size)
{
	write_file(v->path, v->bytes, v->len);
	if (size)
		assert_int_equal(truncate(v->path, (off_t)size), 0);
}

static void free_victim(struct victim *v)
{
	unlink(v->path);
	free(v->bytes);
}

static Elf64_Shdr *section_of_type(struct victim *v, uint32_t type)
{
	for (uint32_t i = 0; i < v->eh->e_shnum; i++)
		if (v->sh[i].sh_type == type)
			return &v->sh[i];
	fail_msg("no section of type %u", type);
	return NULL;
}

static int touch_all(struct ecap_elf_file *file)
{
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };
	int sum = 0;

	for (uint32_t i = 0; elf->segment(file, i, &segment) == 0; i++) {
		const uint8_t *p = elf->data(file, segment.addr, segment.size);

		for (uint64_t k = 0; p && k < segment.size; k++)
			sum += p[k];
	}
	return sum;
}

/* Whoever owns a library may cut it while a process has it mapped, and while we read it. */
static void test_cut_while_open(void **state)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct victim v = victim_of(RELA);
	struct ecap_elf_file *file;
	int before;

	(void)state;
	write_victim(&v, 0);
	assert_int_equal(elf->open(v.path, &file), 0);
	before = touch_all(file);
	assert_int_equal(truncate(v.path, 0), 0);
	assert_int_equal(touch_all(file), before);
	assert_int_equal(elf->symbol(file, "push_first", &symbol), 0);
	elf->close(file);
	free_victim(&v);
}

static void test_changed_while_open(void **state)
{
	struct victim v = victim_of(RELA);
	struct ecap_elf_file *file;
	int before;

	(void)state;
	write_victim(&v, 0);
	assert_int_equal(elf->open(v.path, &file), 0);
	before = touch_all(file);
	memset(v.bytes, 0x41, v.len);

	int fd = open(v.path, O_WRONLY);

	assert_int_equal(pwrite(fd, v.bytes, v.len, 0), v.len);
	close(fd);
	assert_int_equal(touch_all(file), before);
	elf->close(file);
	free_victim(&v);
}

static void refused(struct victim *v, uint64_t size, const char *why)
{
	struct ecap_elf_file *file;

	write_victim(v, size);
	assert_int_equal(elf->open(v->path, &file), -EFBIG);
	assert_non_null(strstr(ecap_err_text(), why));
	free_victim(v);
}

static void test_too_large(void **state)
{
	struct victim v = victim_of(RELA);

	(void)state;
	refused(&v, 17 * GIB, "has more than 16 GiB");

	v = victim_of(RELA);
	for (uint32_t i = 0; i < v.eh->e_phnum; i++)
		if (v.ph[i].p_type == PT_LOAD)
			v.ph[i].p_filesz = 2 * GIB;
	refused(&v, 3 * GIB, "more than 1024 MiB of code, data and symbols");

	v = victim_of(RELA);
	section_of_type(&v, SHT_SYMTAB)->sh_size = 512 * MIB;
	refused(&v, 3 * GIB, "more than 8388608 symbols");
}

/* In MiB, at most so far. */
static long memory(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

/* 2^26 sections, all of which are in the file: the count is in the first one, elf(5). */
static void test_many_sections(void **state)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct victim v = victim_of(RELA);
	struct ecap_elf_file *file;
	long before = memory();

	(void)state;
	v.eh->e_shnum = 0;
	v.sh[0].sh_size = UINT64_C(1) << 26;
	write_victim(&v, 8 * GIB);
	assert_int_equal(elf->open(v.path, &file), 0);
	assert_int_equal(elf->symbol(file, "push_first", &symbol), -ENOENT);
	assert_true(memory() - before < 100);
	elf->close(file);
	free_victim(&v);
}

/* Holes are no data: a gigabyte of them takes neither memory nor time. */
static void test_holes(void **state)
{
	struct victim v = victim_of(RELA);
	struct ecap_elf_file *file;
	long before = memory();

	(void)state;
	v.ph[0].p_type = PT_LOAD;
	v.ph[0].p_filesz = 1000 * MIB;
	write_victim(&v, 8 * GIB);
	assert_int_equal(elf->open(v.path, &file), 0);
	assert_true(memory() - before < 100);
	elf->close(file);
	free_victim(&v);
}

/* No capture may stand still because of one file; what that does is said. */
static void test_much_work(void **state)
{
	struct victim v = victim_of(RELA);
	struct ecap_elf_file *file;
	struct hits hits = { 0 };
	uint64_t value;
	int err = 0;

	(void)state;
	v.ph[0].p_type = PT_LOAD;
	v.ph[0].p_flags = PF_R;
	v.ph[0].p_filesz = 1000 * MIB;
	write_victim(&v, GIB);
	assert_int_equal(elf->open(v.path, &file), 0);
	for (int i = 0; i < 100 && !err; i++)
		err = elf->find(file, "nowhere to be found", 19, count_hit, &hits);
	assert_int_equal(err, -E2BIG);
	assert_int_equal(elf->pointer(file, 0, &value), -E2BIG);
	elf->close(file);
	free_victim(&v);
}

/* A bitmap of RELR stands for 63 words, and the next one may be for the same ones. */
static void test_many_relocations(void **state)
{
	struct victim v = victim_of(RELR);
	uint64_t n = UINT64_C(1) << 19, at = (v.len + 7) & ~UINT64_C(7);
	uint64_t (*pairs)[2] = calloc(n, sizeof(*pairs));
	struct ecap_elf_file *file;
	Elf64_Dyn *dyn = NULL;
	uint64_t value;
	long before = memory();

	(void)state;
	assert_non_null(pairs);
	for (uint32_t i = 0; i < v.eh->e_phnum; i++)
		if (v.ph[i].p_type == PT_DYNAMIC)
			dyn = (Elf64_Dyn *)(v.bytes + v.ph[i].p_offset);
	assert_non_null(dyn);
	for (; dyn->d_tag; dyn++)
		if (dyn->d_tag == DT_RELR || dyn->d_tag == DT_RELRSZ)
			dyn->d_un.d_val = dyn->d_tag == DT_RELR ? GIB + at : n * sizeof(*pairs);
	for (uint64_t i = 0; i < n; i++) {
		pairs[i][0] = GIB;
		pairs[i][1] = UINT64_MAX;
	}
	for (uint32_t i = 0; i < v.eh->e_phnum; i++)
		if (v.ph[i].p_type == PT_GNU_STACK)
			v.ph[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = GIB,
						.p_filesz = at + n * sizeof(*pairs) };
	write_victim(&v, at);

	int fd = open(v.path, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, pairs, n * sizeof(*pairs)), n * sizeof(*pairs));
	close(fd);
	free(pairs);
	assert_int_equal(elf->open(v.path, &file), 0);
	assert_int_equal(elf->pointer(file, GIB, &value), -E2BIG);
	assert_true(memory() - before < 600);
	elf->close(file);
	free_victim(&v);
}

/* Two hundred thousand symbols with one name of a megabyte. */
static void test_long_names(void **state)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct victim v = victim_of(RELA);
	uint64_t n = 200000, names = MIB, at = (v.len + 7) & ~UINT64_C(7);
	Elf64_Sym *syms = calloc(1, n * sizeof(*syms) + names);
	Elf64_Shdr *table = section_of_type(&v, SHT_SYMTAB);
	struct ecap_elf_file *file;

	(void)state;
	assert_non_null(syms);
	for (uint64_t i = 1; i < n; i++)
		syms[i] = (Elf64_Sym){ .st_name = 1, .st_shndx = 1,
				       .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) };
	memset((char *)(syms + n) + 1, 'a', names - 2);
	table->sh_offset = at;
	table->sh_size = n * sizeof(*syms);
	v.sh[table->sh_link].sh_offset = at + table->sh_size;
	v.sh[table->sh_link].sh_size = names;
	write_victim(&v, at);

	int fd = open(v.path, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, syms, table->sh_size + names), table->sh_size + names);
	close(fd);
	free(syms);
	assert_int_equal(elf->open(v.path, &file), 0);
	assert_int_equal(elf->symbol(file, "none of that name", &symbol), -ENOENT);
	elf->close(file);
	free_victim(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_while_open),
		cmocka_unit_test(test_changed_while_open),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_many_sections),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_much_work),
		cmocka_unit_test(test_many_relocations),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("elf_hostile", tests, make_builds, remove_builds);
}
