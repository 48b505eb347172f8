/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads descriptors of real modules, built in many ways, and compares them with what dlopen
 * shows; then each refusal with its text, and thousands of damaged files.
 */
#define _GNU_SOURCE 1 /* memfd_create(2), dlinfo(3) */
#include "modules/image.h"

#include <dlfcn.h>
#include <link.h>

#include "descriptor.h"
#include "err.h"
#include "util.h"

static void desc_freep(struct ecap_desc **desc)
{
	ecap_desc_free(*desc);
}

/* tests/unit/modules/full.c: its file, and its descriptor in memory. */
static struct image full;
static const struct ecap_module *full_module;
static uintptr_t full_base;

static const struct ecap_module *load(const char *path, uintptr_t *base)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct link_map *map;

	if (!handle)
		fail_msg("%s", dlerror());
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	*base = map->l_addr;
	return dlsym(handle, ECAP_MODULE_SYMBOL);
}

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	if (work_make(tmp ? tmp : "/tmp"))
		return -1;
	image_read(build("base.so", "full", "-Wl,-z,nopack-relative-relocs"), &full);
	full_module = load(build("base.so", "full", "-Wl,-z,nopack-relative-relocs"), &full_base);
	return !full_module;
}

static int teardown(void **state)
{
	free(full.bytes);
	return work_remove(state);
}

static int read_path(const char *path, struct ecap_desc **desc)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return ecap_desc_read(fd, path, desc);
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a) {
		assert_ptr_not_equal(a, b);
		assert_string_equal(a, b);
	}
}

static void same_options(const struct ecap_option *a, uint32_t n, const struct ecap_option *rows,
			 uint32_t n_rows, uint32_t row_size)
{
	assert_int_equal(n, n_rows);
	for (uint32_t i = 0; i < n; i++) {
		const struct ecap_option *x = &a[i];
		const struct ecap_option *y = (const void *)((const char *)rows +
							     (size_t)i * row_size);

		same_text(x->name, y->name);
		same_text(x->alias, y->alias);
		same_text(x->metavar, y->metavar);
		same_text(x->def, y->def);
		same_text(x->choices, y->choices);
		same_text(x->group, y->group);
		same_text(x->help, y->help);
		same_text(x->doc, y->doc);
		assert_memory_equal(&x->min, &y->min, sizeof(*x) - offsetof(struct ecap_option, min));
	}
}

/* The object's bytes in memory are those in the file at the place that the descriptor says. */
static void same_bpf(const char *path, const struct ecap_desc *desc, const struct ecap_module *b)
{
	struct image image;

	image_read(path, &image);
	assert_int_equal(desc->module.n_bpf, b->n_bpf);
	for (uint32_t i = 0; i < b->n_bpf; i++) {
		const struct ecap_desc_bpf *x = &desc->bpf[i];
		const struct ecap_bpf *y = (const void *)((const char *)b->bpf +
							  (size_t)i * b->bpf_size);

		same_text(x->name, y->name);
		assert_int_equal(x->features, y->features);
		assert_int_equal(x->variant, y->variant);
		assert_int_equal(x->size, (const char *)y->end - (const char *)y->data);
		assert_true(x->offset + x->size <= image.size);
		assert_memory_equal(image.bytes + x->offset, y->data, x->size);
	}
	free(image.bytes);
}

static void same_ops(const struct ecap_desc *desc, const struct ecap_ops *ops)
{
	const uint64_t given =
		(uint64_t)!!ops->init | (uint64_t)!!ops->load << 1 | (uint64_t)!!ops->maps << 2 |
		(uint64_t)!!ops->start << 3 | (uint64_t)!!ops->stop << 4 |
		(uint64_t)!!ops->close << 5 | (uint64_t)!!ops->decode << 6 |
		(uint64_t)!!ops->dispatch << 7 | (uint64_t)!!ops->lost << 8 |
		(uint64_t)!!ops->reconfigure << 9 | (uint64_t)!!ops->survey << 10;

	assert_int_equal(desc->ops_set, given);
}

/* Loads the module and compares it with what was read before. */
static void same_as_loaded(const char *path, const struct ecap_desc *desc)
{
	uintptr_t base;
	const struct ecap_module *a = &desc->module, *b = load(path, &base);

	assert_non_null(b);
	assert_int_equal((uintptr_t)b - base, desc->addr);
	assert_int_equal(a->struct_size, b->struct_size);
	assert_int_equal(a->abi_major, b->abi_major);
	assert_int_equal(a->abi_minor, b->abi_minor);
	assert_int_equal(a->abi_target, b->abi_target);
	assert_int_equal(a->config_size, b->config_size);
	assert_int_equal(a->option_size, b->option_size);
	assert_int_equal(a->bpf_size, b->bpf_size);
	assert_int_equal(a->map_size, b->map_size);
	assert_int_equal(a->field_size, b->field_size);
	same_text(a->name, b->name);
	same_text(a->command, b->command);
	same_text(a->aliases, b->aliases);
	same_text(a->version, b->version);
	same_text(a->summary, b->summary);
	same_text(a->description, b->description);
	same_text(a->examples, b->examples);
	same_text(a->license, b->license);
	same_text(a->author, b->author);
	same_text(a->url, b->url);
	same_text(a->targets, b->targets);
	for (uint32_t i = 0; b->services && i <= desc->n_services; i++)
		same_text(a->services[i], b->services[i]);
	assert_int_equal(!a->services, !b->services);
	same_ops(desc, b->ops);
	same_options(a->options, a->n_options, b->options, b->n_options, b->option_size);
	same_text(a->named, b->named);
	same_text(a->named_help, b->named_help);
	assert_int_equal(a->named_size, b->named_size);
	same_options(a->named_options, a->n_named_options, b->named_options, b->n_named_options,
		     b->option_size);
	same_bpf(path, desc, b);
}

static void reads_what_dlopen_shows(void **state)
{
	static const struct {
		const char *source, *flags;
	} modules[] = {
		{ "full", "-O0" },
		{ "full", "-O2 -s" },
		{ "full", "-O2 -flto" },
		{ "full", "-Wl,--hash-style=sysv" },
		{ "full", "-Wl,--hash-style=gnu -Wl,-z,norelro" },
		{ "full", "-Wl,--hash-style=both -Wl,-z,separate-code" },
		{ "full", "-Wl,-z,noseparate-code" },
		{ "full", "-DSTATIC= -fvisibility=default" },
		{ "full", "-DSTATIC= -fvisibility=default -Wl,-Bsymbolic" },
		{ "full", "-Wl,-rpath,/usr/lib/x:$ORIGIN:${ORIGIN}/../lib" },
		{ "small", "-O2" },
		{ "later", "-O2" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		_cleanup_(desc_freep) struct ecap_desc *desc = NULL;
		char name[32];

		snprintf(name, sizeof(name), "variant%zu.so", i);
		const char *path = build(name, modules[i].source, modules[i].flags);

		if (read_path(path, &desc))
			fail_msg("%s: %s", modules[i].flags, ecap_err_text());
		same_as_loaded(path, desc);
	}
}

/* Relative relocations as bit maps (DT_RELR), and as they were before. */
static void reads_packed_relocations(void **state)
{
	_cleanup_(desc_freep) struct ecap_desc *desc = NULL;
	const char *path = build("packed.so", "full", "-Wl,-z,pack-relative-relocs");
	struct image image;
	int packed = 0;
	(void)state;

	image_read(path, &image);
	Elf64_Phdr *ph = image_phdr(&image, PT_DYNAMIC);
	Elf64_Dyn *dyn = (Elf64_Dyn *)(image.bytes + ph->p_offset);

	for (; dyn->d_tag != DT_NULL; dyn++)
		packed |= dyn->d_tag == 36; /* DT_RELR; elf.h has it since glibc 2.36 */
	free(image.bytes);
	if (!packed) {
		print_message("this linker does not know -z pack-relative-relocs\n");
		skip();
	}
	if (read_path(path, &desc))
		fail_msg("%s", ecap_err_text());
	same_as_loaded(path, desc);
}

static void runs_no_code(void **state)
{
	_cleanup_(desc_freep) struct ecap_desc *desc = NULL;
	char mark[PATH_MAX + 8], flags[PATH_MAX + 32];
	uintptr_t base;
	(void)state;

	snprintf(mark, sizeof(mark), "%s/mark", work);
	snprintf(flags, sizeof(flags), "-DMARK=\"%s\"", mark);
	const char *path = build("mark.so", "full", flags);

	assert_int_equal(read_path(path, &desc), 0);
	assert_string_equal(desc->module.name, "full");
	assert_int_equal(access(mark, F_OK), -1);
	assert_non_null(load(path, &base));
	assert_int_equal(access(mark, F_OK), 0);
}

/* @text must stand behind the path. */
static void refused(int err, const char *path, const char *text, const struct ecap_desc *desc)
{
	size_t len = strlen(path);

	if (!err)
		fail_msg("not refused: \"%s\" was expected", text);
	assert_true(err < 0);
	assert_null(desc);
	if (strncmp(ecap_err_text(), path, len) || strncmp(ecap_err_text() + len, ": ", 2) ||
	    !strstr(ecap_err_text() + len, text))
		fail_msg("\"%s\" does not say \"%s\"", ecap_err_text(), text);
}

static void refuses_files(void **state)
{
	static const struct {
		const char *source, *flags, *text;
	} files[] = {
		{ "small", "-c", "not a shared object but an object file; link it with -shared" },
		{ "small", "-Wl,-z,execstack", "refused: asks for an executable stack; link it" },
		{ "small", "-DTEXTREL -Wl,-z,notext", "relocations in its code; build it with -fPIC" },
		{ "small", "-Wl,-z,nodlopen", "cannot be loaded at run time" },
		{ "small", "-Wl,-rpath,lib", "looks for libraries in \"lib\", which depends on" },
		{ "small", "-Wl,-rpath,/lib:", "looks for libraries in \"\", which depends on" },
		{ "small", "-Wl,-rpath,$ORIGINAL/lib", "in \"$ORIGINAL/lib\", which depends on" },
		{ "small", "-Wl,-rpath,/a:$LIB -Wl,--disable-new-dtags", "in \"$LIB\", which" },
		{ "library", "-O2", "not an ecapture module: no symbol ecapture_module_1" },
		{ "library", "-fvisibility=default -Dsmall_library=ecapture_module_1",
		  "its ecapture_module_1 is not data; define it with ECAP_MODULE" },
		{ "later", "-DMAJOR=2", "built for SDK ABI 2, this ecapture speaks ABI 1; upgrade "
		  "ecapture, or rebuild it" },
		{ "later", "-DTARGET=3", "later 2.0.0 needs SDK ABI 1.3, this ecapture offers 1.0; "
		  "upgrade ecapture, or rebuild it with -DECAP_ABI_TARGET=0" },
		{ "later", "-DTARGET=3 -DNEW_MODULE=(void*)options", "needs SDK ABI 1.3" },
		{ "later", "-DNEW_MODULE=(void*)options", "descriptor uses members of a later SDK" },
		{ "later", "-DNEW_OPS=step", "table of operations uses members of a later SDK" },
		{ "later", "-DNEW_OPTION=1", "option row uses members of a later SDK" },
		{ "later", "-DNEW_BPF=1", "BPF object row uses members of a later SDK" },
		{ "small", "-DFOREIGN", "leads to data of another library" },
		{ "small", "-DNAME=\"Small\"", "name \"Small\" is not a letter a-z and up to 31" },
		{ "small", "-DNAME=\"a23456789012345678901234567890123\"", "name \"a2345678901" },
		{ "small", "-DCOMMAND=\"1st\"", "command \"1st\" is not a letter" },
		{ "small", "-DALIASES=\"a,\"", "alias \"\" is not a letter" },
		{ "small", "-DALIASES=\"a,small\"", "alias \"small\" is the command itself" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct ecap_desc *desc = NULL;
		const char *path = build("refused.so", files[i].source, files[i].flags);

		refused(read_path(path, &desc), path, files[i].text, desc);
	}
}

static void refuses_relative_libraries(void **state)
{
	struct ecap_desc *desc = NULL;
	char flags[PATH_MAX + 32];
	(void)state;

	snprintf(flags, sizeof(flags), "-DLIBRARY %s", build("library.so", "library",
		 "-fvisibility=default -Wl,-soname,sub/library.so"));
	const char *path = build("refused.so", "small", flags);

	refused(read_path(path, &desc), path, "needs the library sub/library.so, which depends",
		desc);
}

static void refuses_what_is_no_file(void **state)
{
	struct ecap_desc *desc = NULL;
	char path[PATH_MAX + 16];
	(void)state;

	refused(read_path("/dev/null", &desc), "/dev/null", "not a regular file", desc);
	refused(read_path(work, &desc), work, "not a regular file", desc);
	snprintf(path, sizeof(path), "%s/text.so", work);
	write_file(path, "", 0);
	refused(read_path(path, &desc), path, "not an ELF file", desc);
	write_file(path, "INPUT(libsmall.so)", 18);
	refused(read_path(path, &desc), path, "not an ELF file", desc);
	assert_int_equal(truncate(path, 65 << 20), 0);
	refused(read_path(path, &desc), path, "larger than 64 MiB; strip it", desc);
}

/* --- values, in a copy of full.so ----------------------------------------------------------- */

static int read_image(const struct image *image, size_t size, struct ecap_desc **desc)
{
	_cleanup_close_ int fd = image_fd(image, size);

	return ecap_desc_read(fd, "image.so", desc);
}

enum table { FILE_HEADER, STACK, MODULE, OPS, OPTION, BPF };

/* Where the i-th row of a table begins, as an address of the file. */
static uint64_t address_of(enum table table, uint32_t i)
{
	switch (table) {
	case MODULE:
		return (uintptr_t)full_module - full_base;
	case OPS:
		return (uintptr_t)full_module->ops - full_base;
	case OPTION:
		return (uintptr_t)&full_module->options[i] - full_base;
	case BPF:
		return (uintptr_t)&full_module->bpf[i] - full_base;
	default:
		return 0;
	}
}

#define MEMBER(type, m) (uint32_t)offsetof(type, m), (uint32_t)sizeof(((type *)0)->m)
#define HEADER_(m)    FILE_HEADER, 0, MEMBER(Elf64_Ehdr, m)
#define STACK_(m)     STACK, 0, MEMBER(Elf64_Phdr, m)
#define MODULE_(m)    MODULE, 0, MEMBER(struct ecap_module, m)
#define OPS_(m)       OPS, 0, MEMBER(struct ecap_ops, m)
#define OPTION_(i, m) OPTION, i, MEMBER(struct ecap_option, m)
#define BPF_(i, m)    BPF, i, MEMBER(struct ecap_bpf, m)

static void refuses_numbers(void **state)
{
	static const struct {
		enum table table;
		uint32_t row, offset, size;
		uint64_t value;
		const char *text;
	} numbers[] = {
		{ HEADER_(e_ident[EI_CLASS]), ELFCLASS32, "not a 64-bit ELF file" },
		{ HEADER_(e_ident[EI_DATA]), ELFDATA2MSB, "of another byte order" },
		{ HEADER_(e_ident[EI_VERSION]), 9, "damaged: ELF version" },
		{ HEADER_(e_machine), EM_S390, "for s390 (ELF machine 22), this ecapture is " },
		{ HEADER_(e_machine), 9999, "for another machine (ELF machine 9999), this" },
		{ HEADER_(e_type), ET_EXEC, "not a shared object but a program" },
		{ HEADER_(e_type), ET_CORE, "not a shared object but a core dump" },
		{ HEADER_(e_type), 77, "not a shared object but an ELF file of an unknown type" },
		{ HEADER_(e_phnum), 0, "damaged: 0 program headers of 56 bytes" },
		{ HEADER_(e_phnum), 0xffff, "damaged: 65535 program headers" },
		{ HEADER_(e_phentsize), 32, "program headers of 32 bytes" },
		{ HEADER_(e_phoff), UINT64_MAX - 8, "damaged: it ends in the program headers" },
		{ STACK_(p_type), PT_NULL, "does not say that its stack need not be executable" },
		{ STACK_(p_flags), PF_R | PF_W | PF_X, "asks for an executable stack" },
		{ MODULE_(struct_size), 40, "its descriptor has 40 bytes, expected are" },
		{ MODULE_(struct_size), 4000, "says it has 4000 bytes, but ecapture_module_1 has" },
		{ MODULE_(struct_size), UINT32_MAX, "says it has 4294967295 bytes" },
		{ MODULE_(abi_major), 2, "says it is built for SDK ABI 2, but has the symbol" },
		{ MODULE_(abi_target), 9, "full 1.2.3 needs SDK ABI 1.9, this ecapture offers" },
		{ MODULE_(flags), 1, "has flags that this ecapture does not know (0x1)" },
		{ MODULE_(config_size), 1 << 30, "its config has 1073741824 bytes" },
		{ MODULE_(config_size), 8, "does not fit a config of 8 bytes" },
		{ MODULE_(n_options), 513, "has 513 options, more than 512" },
		{ MODULE_(n_options), UINT32_MAX, "has 4294967295 options" },
		{ MODULE_(n_options), 500, "option row ends outside of its data" },
		{ MODULE_(n_named_options), 513, "named sections: has 513 options, more than 512" },
		{ MODULE_(option_size), 0, "its option row has 0 bytes, expected are" },
		{ MODULE_(option_size), 88, "its option row has 88 bytes, expected are" },
		{ MODULE_(option_size), 97, "its option row has 97 bytes, expected are" },
		{ MODULE_(option_size), UINT32_MAX, "its option row has 4294967295 bytes" },
		{ MODULE_(n_bpf), 0, "has 0 BPF objects, expected are 1 to 64" },
		{ MODULE_(n_bpf), 65, "has 65 BPF objects" },
		{ MODULE_(n_bpf), 64, "BPF object row" },
		{ MODULE_(bpf_size), 8, "its BPF object row has 8 bytes" },
		{ MODULE_(map_size), 0, "its map has 0 bytes, expected are" },
		{ MODULE_(map_size), 4104, "its map has 4104 bytes, expected are" },
		{ MODULE_(field_size), 16, "its field has 16 bytes, expected are" },
		{ MODULE_(field_size), 25, "its field has 25 bytes, expected are" },
		{ OPS_(struct_size), 56, "its table of operations has 56 bytes, expected are" },
		{ OPS_(struct_size), UINT32_MAX, "its table of operations has 4294967295 bytes" },
		{ OPS_(reserved), 1, "reserved bytes of its table of operations are not zero" },
		{ OPTION_(0, type), 0, "option --bytes: unknown type 0" },
		{ OPTION_(0, type), 99, "option --bytes: unknown type 99" },
		{ OPTION_(0, size), 4, "option --bytes: its type takes 8 bytes, the member has 4" },
		{ OPTION_(0, size), 0, "option --bytes: its type takes 8 bytes, the member has 0" },
		{ OPTION_(0, offset), 4096, "option --bytes: offset 4096 does not fit a config" },
		{ OPTION_(0, offset), UINT32_MAX - 7, "option --bytes: offset 4294967288 does" },
		{ OPTION_(0, offset), 1, "options --bytes and --wait share a member" },
		{ OPTION_(9, offset), 8, "options --wait and --number share a member" },
		{ OPTION_(3, flags), 1u << 20, "option --id: flags 0x100000 are not known" },
		{ OPTION_(3, reserved[2]), 1, "option --id: reserved bytes are not zero" },
		{ OPTION_(3, short_name), '-', "option --id: short name 0x2d is not usable" },
		{ OPTION_(3, short_name), 'B', "options --bytes and --id share -B" },
		{ OPTION_(9, max), 100, "option --number: default must be between 0 and 100, not" },
		{ OPTION_(9, min), 200, "option --number: no number lies between its bounds" },
		{ BPF_(0, variant), 0, "BPF object 1: variant 0 is neither ECAP_BTF_CORE nor" },
		{ BPF_(1, variant), 3, "BPF object 2: variant 3 is neither" },
		{ BPF_(1, reserved), 1, "BPF object 2: its reserved bytes are not zero" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct image copy = image_copy(&full);
		struct ecap_desc *desc = NULL;
		enum table table = numbers[i].table;
		uint8_t *row = table == FILE_HEADER ? copy.bytes :
			       table == STACK ? (uint8_t *)image_phdr(&copy, PT_GNU_STACK) :
			       image_at(&copy, address_of(table, numbers[i].row));

		/* both machines are little endian */
		memcpy(row + numbers[i].offset, &numbers[i].value, numbers[i].size);
		refused(read_image(&copy, copy.size, &desc), "image.so", numbers[i].text, desc);
		free(copy.bytes);
	}
}

static void refuses_pointers(void **state)
{
	static const struct {
		enum table table;
		uint32_t row, offset, size;
		uint64_t target; /* 0: NULL */
		const char *text;
	} pointers[] = {
		{ MODULE_(name), 0, "has no name; set .name in its descriptor" },
		{ MODULE_(command), 0, "has no command; set .command" },
		{ MODULE_(version), 0, "has no version" },
		{ MODULE_(summary), 0, "has no summary" },
		{ MODULE_(ops), 0, "has no operations; set .ops in its descriptor" },
		{ MODULE_(options), 0, "no option row at all, although they are counted" },
		{ MODULE_(bpf), 0, "no BPF object row at all" },
		{ MODULE_(url), UINT64_C(1) << 40, "a text that does not end in its data" },
		{ MODULE_(url), UINT64_MAX - 1, "a text that does not end in its data" },
		{ MODULE_(ops), UINT64_C(1) << 40, "table of operations is outside of its data" },
		{ MODULE_(options), UINT64_MAX - 64, "option row ends outside of its data" },
		{ MODULE_(services), UINT64_C(1) << 40, "service list ends outside of its data" },
		{ OPS_(init), 0, "has no operation init, which is required" },
		{ OPS_(load), 0, "has no operation load, which" },
		{ OPS_(maps), 0, "has no operation maps, which" },
		{ OPS_(start), 0, "has no operation start, which" },
		{ OPS_(close), 0, "has no operation close, which" },
		{ OPS_(decode), 0, "has no operation decode, which" },
		{ OPS_(init), 8, "its operation init is not code" },
		{ OPS_(lost), 0, NULL },
		{ OPS_(stop), 0, NULL },
		{ OPTION_(2, name), 0, "option 3 has no name" },
		{ OPTION_(1, choices), 0, "option --model: no choices" },
		{ BPF_(1, name), 0, "BPF object 2: has no name" },
		{ BPF_(0, data), 0, "BPF object 1: is not a BPF object in the module's data" },
		{ BPF_(0, end), 1, "BPF object 1: is not a BPF object in the module's data" },
		{ BPF_(0, end), UINT64_C(1) << 40, "BPF object 1: is not a BPF object" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		struct image copy = image_copy(&full);
		_cleanup_(desc_freep) struct ecap_desc *desc = NULL;
		uint64_t addr = address_of(pointers[i].table, pointers[i].row) +
				pointers[i].offset;
		int is_null = !*(void **)(addr + full_base);
		Elf64_Rela *rela = is_null ? NULL : image_rela(&copy, addr);

		if (rela && pointers[i].target)
			rela->r_addend = (int64_t)pointers[i].target;
		else if (rela)
			rela->r_info = rela->r_offset = 0;
		memset(image_at(&copy, addr), 0, sizeof(uint64_t));
		int err = read_image(&copy, copy.size, &desc);

		if (pointers[i].text)
			refused(err, "image.so", pointers[i].text, desc);
		else
			assert_int_equal(err, 0);
		free(copy.bytes);
	}
}

static void refuses_texts(void **state)
{
	const struct {
		const char *at, *now, *text;
	} texts[] = {
		{ full_module->options[2].def, "1xms", "option --wait: default \"1xms\" is not" },
		{ full_module->options[1].choices, "Text|p", "option --model: default \"text\" is "
		  "not one of Text|pcap|keylog" },
		{ full_module->options[0].name, "by es", "option 1: \"by es\" is not a usable" },
		{ full_module->options[1].alias, "id\0", "share a name" },
		{ full_module->summary, "\033[2J", "one of its texts has control characters" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct image copy = image_copy(&full);
		struct ecap_desc *desc = NULL;
		uint8_t *at = image_at(&copy, (uintptr_t)texts[i].at - full_base);
		size_t len = strlen(texts[i].now);

		memcpy(at, texts[i].now, len < strlen(texts[i].at) && len < 3 ? len + 1 : len);
		refused(read_image(&copy, copy.size, &desc), "image.so", texts[i].text, desc);
		free(copy.bytes);
	}
}

/* A pointer that the dynamic linker would not move is no pointer. */
static void refuses_bare_pointers(void **state)
{
	struct image copy = image_copy(&full);
	struct ecap_desc *desc = NULL;
	uint64_t addr = address_of(MODULE, 0) + offsetof(struct ecap_module, url);
	Elf64_Rela *rela = image_rela(&copy, addr);
	(void)state;

	memcpy(image_at(&copy, addr), &rela->r_addend, sizeof(rela->r_addend));
	rela->r_info = rela->r_offset = 0;
	refused(read_image(&copy, copy.size, &desc), "image.so", "a pointer without a relocation",
		desc);
	free(copy.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_dlopen_shows),
		cmocka_unit_test(reads_packed_relocations),
		cmocka_unit_test(runs_no_code),
		cmocka_unit_test(refuses_files),
		cmocka_unit_test(refuses_relative_libraries),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(refuses_numbers),
		cmocka_unit_test(refuses_pointers),
		cmocka_unit_test(refuses_texts),
		cmocka_unit_test(refuses_bare_pointers),
	};

	return cmocka_run_group_tests_name("descriptor", tests, setup, teardown);
}
