/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of checks: in which order they are told, what is not made after one that fails, and
 * how much of a module can be read that is refused.
 */
#define _GNU_SOURCE 1 /* memfd_create(2) */
#include "modules/image.h"

#include "err.h"
#include "module_checks.h"
#include "util.h"

/* What a report was told. */
struct told {
	enum ecap_check order[ECAP_N_CHECKS];
	uint32_t n;
	int result[ECAP_N_CHECKS];
	char text[ECAP_N_CHECKS][512];
};

static void tell(void *arg, enum ecap_check check, int result)
{
	struct told *told = arg;

	assert_in_range(told->n, 0, ECAP_N_CHECKS - 1);
	told->order[told->n++] = check;
	told->result[check] = result;
	if (result)
		snprintf(told->text[check], sizeof(told->text[check]), "%s", ecap_err_text());
}

static struct ecap_module_file file_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return (struct ecap_module_file){ .path = path, .fd = fd };
}

/* Goes through the checks of the file's bytes. */
static int go_on(struct ecap_module_file *file, struct told *told)
{
	const struct ecap_check_report report = { .tell = tell, .arg = told };

	memset(told, 0, sizeof(*told));
	return ecap_module_checks(file, ECAP_CHECK_ELF, ECAP_CHECK_LATER, &report);
}

static void tells_each_once(void **state)
{
	_cleanup_(ecap_module_file_end) struct ecap_module_file file =
		file_of(build("full.so", "full", "-O2"));
	struct told told;
	(void)state;

	assert_int_equal(go_on(&file, &told), 0);
	assert_int_equal(told.n, ECAP_CHECK_LATER - ECAP_CHECK_ELF + 1);
	for (uint32_t i = 0; i < told.n; i++) {
		assert_int_equal(told.order[i], ECAP_CHECK_ELF + i);
		assert_int_equal(told.result[told.order[i]], 0);
	}
	assert_int_equal(file.failed, 0);
	assert_string_equal(file.desc->module.name, "full");
}

static void names_differ(void **state)
{
	(void)state;
	for (enum ecap_check a = 0; a < ECAP_N_CHECKS; a++) {
		assert_true(*ecap_check_name(a) && *ecap_check_sentence(a));
		for (enum ecap_check b = 0; b < a; b++) {
			assert_string_not_equal(ecap_check_name(a), ecap_check_name(b));
			assert_string_not_equal(ecap_check_sentence(a), ecap_check_sentence(b));
		}
	}
}

/* Loading ends where looking goes on, and both give the same error. */
static void first_error_is_the_same(void **state)
{
	const char *path = build("both.so", "small", "-Wl,-z,execstack -Wl,-rpath,lib "
				 "-DNAME=\"X\"");
	_cleanup_(ecap_module_file_end) struct ecap_module_file all = file_of(path);
	_cleanup_(ecap_module_file_end) struct ecap_module_file one = file_of(path);
	struct told told;
	char text[PATH_MAX + 512];
	(void)state;

	assert_int_equal(go_on(&all, &told), -ENOEXEC);
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	assert_int_equal(ecap_module_checks(&one, ECAP_CHECK_ELF, ECAP_CHECK_LATER, NULL),
			 -ENOEXEC);
	assert_string_equal(ecap_err_text(), text);
	snprintf(text, sizeof(text), "%s: %s", path, told.text[ECAP_CHECK_STACK]);
	assert_string_equal(ecap_err_text(), text);
	assert_null(one.desc);
	assert_int_equal(one.failed, 1u << ECAP_CHECK_STACK);
	assert_int_equal(all.failed, 1u << ECAP_CHECK_STACK | 1u << ECAP_CHECK_LIBRARIES |
			 1u << ECAP_CHECK_NAMES);
	assert_string_equal(all.desc->module.name, "X");
}

static void says_what_is_lacking(void **state)
{
	struct told told;
	char path[PATH_MAX + 16];
	(void)state;

	snprintf(path, sizeof(path), "%s/text.so", work);
	write_file(path, "text", 4);
	_cleanup_(ecap_module_file_end) struct ecap_module_file text = file_of(path);

	assert_int_equal(go_on(&text, &told), -ENOEXEC);
	assert_int_equal(told.result[ECAP_CHECK_ELF], -ENOEXEC);
	for (enum ecap_check check = ECAP_CHECK_STACK; check <= ECAP_CHECK_LATER; check++)
		assert_int_equal(told.result[check], ECAP_NOT_CHECKED);
	assert_string_equal(told.text[ECAP_CHECK_STACK], "not checked, for lack of: elf");
	assert_string_equal(told.text[ECAP_CHECK_SYMBOL], "not checked, for lack of: elf");
	assert_string_equal(told.text[ECAP_CHECK_ABI], "not checked, for lack of: descriptor");

	_cleanup_(ecap_module_file_end) struct ecap_module_file library =
		file_of(build("library.so", "library", "-O2"));

	assert_int_equal(go_on(&library, &told), -ENOEXEC);
	assert_int_equal(told.result[ECAP_CHECK_LIBRARIES], 0);
	assert_int_equal(told.result[ECAP_CHECK_SYMBOL], -ENOEXEC);
	assert_string_equal(told.text[ECAP_CHECK_DESCRIPTOR],
			    "not checked, for lack of: symbol");
}

/* It says that it needs more than there is: so what it uses of that is no fault of its own. */
static void reads_a_later_abi(void **state)
{
	_cleanup_(ecap_module_file_end) struct ecap_module_file file =
		file_of(build("later.so", "later", "-DTARGET=90 -DMINOR=91 -DNEW_OPTION=1 "
			      "-DNEW_OPS=step -DNEW_BPF=1 -DNEW_MODULE=(void*)options"));
	struct told told;
	(void)state;

	assert_int_equal(go_on(&file, &told), -EPROTONOSUPPORT);
	assert_int_equal(file.failed, 1u << ECAP_CHECK_ABI | 1u << ECAP_CHECK_LATER);
	assert_string_equal(told.text[ECAP_CHECK_LATER], "not checked, for lack of: abi");

	const struct ecap_module *m = &file.desc->module;

	assert_string_equal(m->name, "later");
	assert_string_equal(m->version, "2.0.0");
	assert_int_equal(m->abi_minor, 91);
	assert_int_equal(m->abi_target, 90);
	assert_int_equal(m->n_options, 2);
	assert_string_equal(m->options[1].name, "second");
	assert_int_equal(m->n_bpf, 2);
	assert_string_equal(file.desc->bpf[1].name, "second");
}

/* The module's descriptor in a copy of its file. */
static struct ecap_module *descriptor_in(const struct image *image, uint64_t addr)
{
	return (struct ecap_module *)image_at(image, addr);
}

/* Moves the pointer at @addr out of the file. */
static void break_pointer(const struct image *image, uint64_t addr)
{
	image_rela(image, addr)->r_addend = INT64_C(1) << 40;
}

static void reads_what_is_whole(void **state)
{
	const char *path = build("whole.so", "full", "-Wl,-z,nopack-relative-relocs");
	_cleanup_(ecap_module_file_end) struct ecap_module_file sound = file_of(path);
	struct told told;
	struct image image;
	(void)state;

	assert_int_equal(go_on(&sound, &told), 0);
	image_read(path, &image);
	uint64_t addr = sound.desc->addr;
	const struct ecap_option *options = sound.desc->row->options;

	break_pointer(&image, addr + offsetof(struct ecap_module, description));
	break_pointer(&image, addr + offsetof(struct ecap_module, ops));
	break_pointer(&image, (uintptr_t)&options[2].help);
	break_pointer(&image, (uintptr_t)sound.desc->row->bpf + offsetof(struct ecap_bpf, end));
	descriptor_in(&image, addr)->flags = 1;

	_cleanup_(ecap_module_file_end) struct ecap_module_file broken = {
		.path = "broken.so", .fd = image_fd(&image, image.size),
	};

	assert_int_equal(go_on(&broken, &told), -EINVAL);
	assert_int_equal(broken.failed, 1u << ECAP_CHECK_STRINGS | 1u << ECAP_CHECK_ABI |
			 1u << ECAP_CHECK_NAMES | 1u << ECAP_CHECK_OPERATIONS |
			 1u << ECAP_CHECK_OPTIONS | 1u << ECAP_CHECK_BPF | 1u << ECAP_CHECK_LATER);
	assert_int_equal(told.result[ECAP_CHECK_NAMES], ECAP_NOT_CHECKED);

	const struct ecap_desc *desc = broken.desc;

	assert_string_equal(desc->module.name, "full");
	assert_null(desc->module.description);
	assert_string_equal(desc->module.examples, "ecapture fill --on");
	assert_null(desc->module.ops);
	assert_int_equal(desc->ops_set, 0);
	assert_int_equal(desc->module.n_options, 11);
	assert_string_equal(desc->module.options[2].name, "wait");
	assert_null(desc->module.options[2].help);
	assert_string_equal(desc->module.options[3].help, "a number");
	assert_int_equal(desc->module.n_bpf, 2);
	assert_string_equal(desc->bpf[0].name, "first");
	assert_int_equal(desc->bpf[0].size, 0);
	assert_int_equal(desc->bpf[1].size, 64);
	free(image.bytes);
}

static void leaves_open_what_is_not_known(void **state)
{
	_cleanup_(ecap_module_file_end) struct ecap_module_file file =
		file_of(build("open.so", "small", "-O2"));
	struct told told = { 0 };
	const struct ecap_check_report report = { .tell = tell, .arg = &told };
	(void)state;

	file.host.why_not = "nobody asked the kernel";
	assert_int_equal(ecap_module_checks(&file, ECAP_CHECK_ELF, ECAP_CHECK_WORDS, &report), 0);
	assert_int_equal(ecap_module_checks(&file, ECAP_CHECK_FEATURES, ECAP_CHECK_DLOPEN, &report),
			 0);
	assert_int_equal(told.result[ECAP_CHECK_WORDS], ECAP_NOT_CHECKED);
	assert_string_equal(told.text[ECAP_CHECK_WORDS], "other modules were not looked at");
	assert_int_equal(told.result[ECAP_CHECK_FEATURES], ECAP_NOT_CHECKED);
	assert_string_equal(told.text[ECAP_CHECK_FEATURES], "nobody asked the kernel");
	/* a module with an open question is not loaded */
	assert_int_equal(told.result[ECAP_CHECK_DLOPEN], ECAP_NOT_CHECKED);
	assert_null(file.handle);
}

static int has_all(const char *id)
{
	return !strcmp(id, "ecap.elf/1") || !strcmp(id, "ecap.targets/1");
}

static int has_later(const char *id)
{
	return !strcmp(id, "ecap.elf/3") || !strcmp(id, "ecap.targets/1");
}

static int has_none(const char *id)
{
	return !id;
}

#define FIRST_NEEDS (ECAP_FEAT_BTF | ECAP_FEAT_RINGBUF | ECAP_FEAT_UPROBE_MULTI)

/* tests/unit/modules/full.c needs two services and has an object of each variant. */
static void checks_what_the_host_has(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t btf_mode;
		int (*has_service)(const char *id);
		const char *text;
	} hosts[] = {
		{ FIRST_NEEDS, 0, has_all, NULL },
		{ FIRST_NEEDS, ECAP_BTF_CORE, has_all, NULL },
		{ 0, 0, has_all, NULL },
		{ 0, ECAP_BTF_NONCORE, has_all, NULL },
		{ FIRST_NEEDS, 0, has_later, "/full.so: needs service ecap.elf/1, this ecapture "
		  "has ecap.elf/3; upgrade the older of the two" },
		{ FIRST_NEEDS, 0, has_none, "/full.so: needs service ecap.elf/1, which this "
		  "ecapture does not have; upgrade ecapture" },
		{ ECAP_FEAT_RINGBUF, ECAP_BTF_CORE, has_all, "/full.so: no BPF object of module "
		  "full fits this kernel: first needs BTF of the kernel and uprobe "
		  "multi links; second is for --btf 2" },
	};
	_cleanup_(ecap_module_file_end) struct ecap_module_file file =
		file_of(build("full.so", "full", "-O2"));
	struct told told;
	(void)state;

	assert_int_equal(go_on(&file, &told), 0);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		int err = ecap_module_check(file.desc, file.path, hosts[i].features,
					    hosts[i].btf_mode, hosts[i].has_service);

		assert_int_equal(err < 0, hosts[i].text != NULL);
		if (err)
			assert_non_null(strstr(ecap_err_text(), hosts[i].text));
	}
}

static void picks_the_first_that_fits(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t btf_mode;
		uint32_t index; /* 9: none */
	} picks[] = {
		{ FIRST_NEEDS, 0, 0 },
		{ UINT64_MAX, 0, 0 },
		{ UINT64_MAX, ECAP_BTF_CORE, 0 },
		{ UINT64_MAX, ECAP_BTF_NONCORE, 1 },
		{ FIRST_NEEDS & ~ECAP_FEAT_BTF, 0, 1 }, /* a CO-RE object needs BTF, said or not */
		{ FIRST_NEEDS & ~ECAP_FEAT_RINGBUF, 0, 1 },
		{ FIRST_NEEDS & ~ECAP_FEAT_RINGBUF, ECAP_BTF_CORE, 9 },
		{ 0, 0, 1 },
	};
	_cleanup_(ecap_module_file_end) struct ecap_module_file file =
		file_of(build("full.so", "full", "-O2"));
	struct told told;
	(void)state;

	assert_int_equal(go_on(&file, &told), 0);
	for (size_t i = 0; i < ARRAY_SIZE(picks); i++) {
		uint32_t index = 9;
		int err = ecap_module_pick_bpf(file.desc, picks[i].features,
					       picks[i].btf_mode, &index);

		assert_int_equal(index, picks[i].index);
		assert_int_equal(err, picks[i].index == 9 ? -EOPNOTSUPP : 0);
	}
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	return work_make(tmp ? tmp : "/tmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each_once),
		cmocka_unit_test(names_differ),
		cmocka_unit_test(first_error_is_the_same),
		cmocka_unit_test(says_what_is_lacking),
		cmocka_unit_test(reads_a_later_abi),
		cmocka_unit_test(reads_what_is_whole),
		cmocka_unit_test(leaves_open_what_is_not_known),
		cmocka_unit_test(checks_what_the_host_has),
		cmocka_unit_test(picks_the_first_that_fits),
	};

	return cmocka_run_group_tests_name("module_checks", tests, setup, work_remove);
}
