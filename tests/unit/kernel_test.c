/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is probed agrees with what the kernel says of itself elsewhere, is absent where the kernel
 * refuses it, and leads to the right BPF object of the modules that were built, on this kernel
 * and on older ones.
 */
#include "ring.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/version.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "descriptor.h"
#include "loader.h"

static struct ecap_features probe(const char *btf_path)
{
	struct ecap_features features = {};

	if (ecap_features_probe(btf_path, &features))
		fail_msg("%s", ecap_err_text());
	return features;
}

static void test_version(void **state)
{
	unsigned int major, minor, patch = 0;
	struct utsname name;

	(void)state;
	assert_int_equal(uname(&name), 0);
	assert_true(sscanf(name.release, "%u.%u.%u", &major, &minor, &patch) >= 2);
	assert_int_equal(probe(NULL).kernel_version,
			 KERNEL_VERSION(major, minor, patch > 255 ? 255 : patch));
}

static void test_btf_and_maps(void **state)
{
	uint64_t bits;
	int ring, array;

	(void)state;
	need_kernel(0);
	bits = probe(NULL).bits;
	assert_int_equal(!!(bits & ECAP_FEAT_BTF), !access("/sys/kernel/btf/vmlinux", R_OK));
	ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
			      NULL);
	assert_int_equal(!!(bits & ECAP_FEAT_RINGBUF), ring >= 0);
	/* Frozen maps came with global data, in Linux 5.2. */
	array = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL);
	assert_int_equal(!!(bits & ECAP_FEAT_GLOBAL_DATA), !bpf_map_freeze(array));
	close(ring);
	close(array);
}

/* The function that is there in every kernel with the feature, in /proc/kallsyms. */
static const struct {
	uint64_t bit;
	const char *symbol;
} symbols[] = {
	{ ECAP_FEAT_RINGBUF, "bpf_ringbuf_output" },
	{ ECAP_FEAT_UPROBE_MULTI, "bpf_uprobe_multi_link_attach" },
	{ ECAP_FEAT_BPF_COOKIE, "bpf_get_attach_cookie_trace" },
	{ ECAP_FEAT_TASK_STORAGE, "bpf_task_storage_get" },
	{ ECAP_FEAT_BPF_LOOP, "bpf_loop" },
	{ ECAP_FEAT_USER_DYNPTR, "bpf_probe_read_user_dynptr" },
	{ ECAP_FEAT_SOCK_LENGTH_TP, "__traceiter_sock_send_length" },
	{ ECAP_FEAT_TASK_REGS, "bpf_task_pt_regs" },
	{ ECAP_FEAT_ANCESTOR_CGROUP, "bpf_get_current_ancestor_cgroup_id" },
};

static void test_symbols(void **state)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t bits, there = 0;
	char line[512], name[256];
	uint32_t n = 0;

	(void)state;
	need_kernel(0);
	bits = probe(NULL).bits;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %255s", name) != 1)
			continue;
		n++;
		for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
			if (!strcmp(symbols[i].symbol, name))
				there |= symbols[i].bit;
	}
	if (!n) {
		print_message("no symbols in /proc/kallsyms\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		if ((bits ^ there) & symbols[i].bit)
			fail_msg("%s: probed %d", symbols[i].symbol, !!(bits & symbols[i].bit));
}

/* enum bpf_attach_type of the kernel itself has a name for each kind of link. */
static void test_attach_types(void **state)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} types[] = {
		{ ECAP_FEAT_UPROBE_MULTI, "BPF_TRACE_UPROBE_MULTI" },
		{ ECAP_FEAT_UPROBE_SESSION, "BPF_TRACE_UPROBE_SESSION" },
	};
	uint64_t bits = need_kernel(ECAP_FEAT_BTF), there = 0;
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(btf, "bpf_attach_type", BTF_KIND_ENUM);

	(void)state;
	assert_true(id > 0);
	const struct btf_type *type = btf__type_by_id(btf, (uint32_t)id);

	for (uint32_t i = 0; i < btf_vlen(type); i++)
		for (size_t j = 0; j < ARRAY_SIZE(types); j++)
			if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off),
				    types[j].name))
				there |= types[j].bit;
	btf__free(btf);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(bits & types[i].bit, there & types[i].bit);
}

/* Runs @check in a child, which cannot take back what it gives up; the text that it leaves. */
static int in_child(int (*check)(void *arg, char *text, size_t size), void *arg, char *text,
		    size_t size)
{
	int ends[2], status;
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		int got = check(arg, text, size);

		(void)!write(ends[1], text, strlen(text) + 1);
		_exit(got);
	}
	close(ends[1]);
	n = read(ends[0], text, size);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(n > 0);
	return WEXITSTATUS(status);
}

/* From now on bpf(2) refuses this command, as a kernel does that does not know it. */
static int refuse_command(uint32_t command)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int probe_without(void *arg, char *text, size_t size)
{
	struct ecap_features features;
	int err = refuse_command(*(uint32_t *)arg);

	if (!err)
		err = ecap_features_probe(NULL, &features);
	snprintf(text, size, "%llx", (unsigned long long)features.bits);
	return err != 0;
}

/* A kernel that refuses part of bpf(2) has fewer features, and no error is made of it. */
static void test_refused_commands(void **state)
{
	const uint64_t links = ECAP_FEAT_UPROBE_MULTI | ECAP_FEAT_UPROBE_SESSION;
	const uint64_t maps = ECAP_FEAT_RINGBUF | ECAP_FEAT_GLOBAL_DATA;
	const uint64_t names = ECAP_FEAT_BTF | ECAP_FEAT_USER_DYNPTR | ECAP_FEAT_SOCK_LENGTH_TP;
	uint64_t bits = need_kernel(0);
	uint32_t link = BPF_LINK_CREATE, map = BPF_MAP_CREATE, program = BPF_PROG_LOAD;
	char text[64];

	(void)state;
	assert_int_equal(in_child(probe_without, &link, text, sizeof(text)), 0);
	assert_int_equal(strtoull(text, NULL, 16), bits & ~links);
	assert_int_equal(in_child(probe_without, &map, text, sizeof(text)), 0);
	assert_int_equal(strtoull(text, NULL, 16) & maps, 0);
	assert_int_equal(strtoull(text, NULL, 16) & names, bits & names);
	assert_int_equal(in_child(probe_without, &program, text, sizeof(text)), 0);
	/* Of helpers libbpf believes the best unless the verifier has said that they are not there. */
	assert_int_equal(strtoull(text, NULL, 16) & (links | ECAP_FEAT_GLOBAL_DATA), 0);
	assert_int_equal(strtoull(text, NULL, 16) & names, bits & names);
}

static void test_btf_path(void **state)
{
	static const char *const bad[] = { "/dev/null", "/etc/passwd", "/nowhere/at/all", "/" };
	uint64_t bits = need_kernel(ECAP_FEAT_BTF);
	struct btf *small = btf__new_empty();
	char path[] = "/tmp/ecapture-btf-XXXXXX";
	const void *bytes;
	uint32_t size;

	(void)state;
	assert_int_equal(probe("/sys/kernel/btf/vmlinux").bits, bits);

	/* A BTF without any function: the kernel has them in its own all the same. */
	assert_true(btf__add_int(small, "int", 4, BTF_INT_SIGNED) > 0);
	bytes = btf__raw_data(small, &size);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	btf__free(small);
	uint64_t with_small = probe(path).bits;

	unlink(path);
	assert_int_equal(with_small, bits);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ecap_features features = { .bits = 123 };
		char text[64];

		assert_true(ecap_features_probe(bad[i], &features) < 0);
		assert_int_equal(features.bits, 123);
		snprintf(text, sizeof(text), "--btf-path %s: ", bad[i]);
		assert_memory_equal(ecap_err_text(), text, strlen(text));
		assert_true(strlen(ecap_err_text()) > strlen(text));
	}
}

static void test_names(void **state)
{
	char text[512];

	(void)state;
	memset(text, 'x', sizeof(text));
	ecap_features_names(0, text, sizeof(text));
	assert_string_equal(text, "");
	ecap_features_names(ECAP_FEAT_RINGBUF, text, sizeof(text));
	assert_string_equal(text, "ring buffers");
	ecap_features_names(ECAP_FEAT_BTF | ECAP_FEAT_BPF_COOKIE | UINT64_C(1) << 63, text,
			    sizeof(text));
	assert_string_equal(text, "BTF of the kernel, attach cookies");
	ecap_features_names(UINT64_MAX, text, sizeof(text));
	uint32_t len = (uint32_t)strlen(text);

	assert_true(len < 300);
	for (uint32_t size = 1; size <= len + 1; size++) {
		char *small = malloc(size); /* of its own: nothing is written behind it */

		assert_non_null(small);
		ecap_features_names(UINT64_MAX, small, size);
		assert_int_equal(strlen(small), size - 1);
		assert_memory_equal(small, text, size - 1);
		free(small);
	}
}

struct caps {
	int keep[2], n;
	int err;
	const char *text;
};

static int check_with(void *arg, char *text, size_t size)
{
	const struct caps *caps = arg;
	int err;

	capng_clear(CAPNG_SELECT_CAPS);
	for (int i = 0; i < caps->n; i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			     (unsigned int)caps->keep[i]);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return 100;
	ecap_err(0, "%s", "nothing");
	err = ecap_privileges_check();
	snprintf(text, size, "%s", ecap_err_text());
	return -err;
}

static void test_privileges(void **state)
{
	static const char needs[] =
		"capturing needs root, or the capabilities CAP_BPF and CAP_PERFMON; "
		"this process lacks ";
	static struct caps cases[] = {
		{ {}, 0, EPERM, "CAP_BPF and CAP_PERFMON" },
		{ { CAP_BPF }, 1, EPERM, "CAP_PERFMON" },
		{ { CAP_PERFMON }, 1, EPERM, "CAP_BPF" },
		{ { CAP_NET_ADMIN, CAP_SYS_PTRACE }, 2, EPERM, "CAP_BPF and CAP_PERFMON" },
		{ { CAP_BPF, CAP_PERFMON }, 2, 0, NULL },
		{ { CAP_SYS_ADMIN }, 1, 0, NULL },
	};
	char text[512];

	(void)state;
	if (capng_get_caps_process() || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) ||
	    !capng_have_capability(CAPNG_PERMITTED, CAP_BPF)) {
		print_message("not root: there are no capabilities to give up\n");
		skip();
	}
	assert_int_equal(ecap_privileges_check(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(in_child(check_with, &cases[i], text, sizeof(text)),
				 cases[i].err);
		if (cases[i].err) {
			assert_memory_equal(text, needs, strlen(needs));
			assert_string_equal(text + strlen(needs), cases[i].text);
		} else {
			assert_string_equal(text, "nothing");
		}
	}
}

/* By the version in which each came, with BTF built in or not. */
#define SINCE_5_2  ECAP_FEAT_GLOBAL_DATA
#define SINCE_5_8  (SINCE_5_2 | ECAP_FEAT_RINGBUF)
#define SINCE_5_11 (SINCE_5_8 | ECAP_FEAT_TASK_STORAGE)
#define SINCE_5_15 (SINCE_5_11 | ECAP_FEAT_BPF_COOKIE | ECAP_FEAT_TASK_REGS)
#define SINCE_5_17 (SINCE_5_15 | ECAP_FEAT_BPF_LOOP)
#define SINCE_6_6  (SINCE_5_17 | ECAP_FEAT_UPROBE_MULTI | ECAP_FEAT_SOCK_LENGTH_TP | \
		    ECAP_FEAT_ANCESTOR_CGROUP)
#define SINCE_6_16 (SINCE_6_6 | ECAP_FEAT_UPROBE_SESSION | ECAP_FEAT_USER_DYNPTR)

static const struct {
	uint64_t features;
	uint32_t btf_mode;
	const char *openssl, *bash; /* the objects for it, or a part of the reason */
} picks[] = {
	{ SINCE_6_16 | ECAP_FEAT_BTF, 0, "openssl.dynptr", "bash.storage" },
	{ SINCE_6_16 | ECAP_FEAT_BTF, ECAP_BTF_CORE, "openssl.dynptr", "bash.storage" },
	{ SINCE_6_16 | ECAP_FEAT_BTF, ECAP_BTF_NONCORE, "openssl.noncore", "bash.noncore" },
	{ SINCE_6_6 | ECAP_FEAT_BTF, 0, "openssl.storage", "bash.storage" },
	{ SINCE_5_17 | ECAP_FEAT_BTF, 0, "openssl.storage", "bash.storage" },
	{ SINCE_5_15 | ECAP_FEAT_BTF, 0, "openssl.core", "bash.storage" },
	{ SINCE_5_8 | ECAP_FEAT_BTF, 0, "openssl.core", "bash.noncore" },
	{ SINCE_5_2 | ECAP_FEAT_BTF, 0, "openssl.core", "bash.noncore" },
	{ SINCE_5_2 | ECAP_FEAT_BTF, ECAP_BTF_NONCORE, "openssl.noncore", "bash.noncore" },
	{ SINCE_6_6, 0, "openssl.noncore", "bash.noncore" },
	{ SINCE_5_2, 0, "openssl.noncore", "bash.noncore" },
	{ SINCE_6_16, ECAP_BTF_CORE, "?openssl.noncore is for --btf 2",
	  "?bash.noncore is for --btf 2" },
	{ 0, 0, "?openssl.noncore needs ", "?bash.noncore needs " },
	{ ECAP_FEAT_BTF, 0, "?openssl.core needs ", "?bash.storage needs " },
};

static void assert_picked(const struct ecap_desc *desc, uint32_t i, const char *want)
{
	uint32_t index = 999;
	int err = ecap_module_pick_bpf(desc, picks[i].features, picks[i].btf_mode, &index);

	if (*want == '?') {
		assert_int_equal(err, -EOPNOTSUPP);
		assert_int_equal(index, 999);
		if (!strstr(ecap_err_text(), want + 1))
			fail_msg("%u: %s", i, ecap_err_text());
	} else {
		if (err)
			fail_msg("%u: %s", i, ecap_err_text());
		if (strcmp(desc->bpf[index].name, want))
			fail_msg("%u: %s", i, desc->bpf[index].name);
	}
}

static struct ecap_desc *read_module(const char *name)
{
	struct ecap_desc *desc = NULL;
	char path[4096];

	built_file(path, sizeof(path), name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (ecap_desc_read(fd, path, &desc))
		fail_msg("%s", ecap_err_text());
	return desc;
}

static void test_picks(void **state)
{
	struct ecap_desc *openssl = read_module(".libs/openssl.so");
	struct ecap_desc *bash = read_module(".libs/bash.so");

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(picks); i++) {
		assert_picked(openssl, i, picks[i].openssl);
		assert_picked(bash, i, picks[i].bash);
	}
	ecap_desc_free(openssl);
	ecap_desc_free(bash);
}

static int setup(void **state)
{
	(void)state;
	libbpf_set_print(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_btf_and_maps),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_attach_types),
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_btf_path),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_picks),
	};

	return cmocka_run_group_tests_name("kernel", tests, setup, NULL);
}
