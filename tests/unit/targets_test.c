/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding files that there are, with child processes that load a private copy of a library: in
 * plain sight, deleted, replaced, in another mount namespace, root directory or overlay mount.
 */
#include "targets_help.h"

#include <sched.h>
#include <sys/mount.h>

#include "targets/find.h"

/* Looks for the file with this inode number, alone. Returns what the search returned. */
static int find(const struct ecap_target_spec *spec, ino_t ino, struct findings *findings)
{
	*findings = (struct findings){.ino = ino, .result = findings->result};
	int r = ecap_targets_find(&findings->given, spec, found, findings);

	if (r >= 0)
		assert_int_equal(r, findings->n + findings->n_others);
	ecap_file_keys_clear(&findings->given);
	return r;
}

/*
 * In a chroot, the kernel shows paths of other mount namespaces from the root of those, not from
 * ours: what we know is only how they end.
 */
static void assert_shown(const char *shown, const char *expected)
{
	size_t len = strlen(shown), end = strlen(expected);

	assert_in_range(end, 1, len);
	assert_string_equal(shown + len - end, expected);
}

static void find_mapped(const struct ecap_target_spec *spec, ino_t ino, const struct child *child,
			const char *shown)
{
	struct findings findings = {0};

	assert_return_code(find(spec, ino, &findings), 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.how, ECAP_TARGET_MAPPED);
	assert_int_equal(findings.pid, child->pid);
	assert_shown(findings.shown, shown);
}

static void given_file(void **state)
{
	struct findings findings = {0};
	struct ecap_target_spec spec = spec_of(NULL, NULL);
	struct stat st = copy_here("copy");

	(void)state;
	spec.path = "copy";
	assert_int_equal(find(&spec, st.st_ino, &findings), 1);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.how, ECAP_TARGET_GIVEN);
	assert_string_equal(findings.shown, "copy");
	unlink("copy");
	assert_int_equal(find(&spec, st.st_ino, &findings), -ENOENT);
	assert_string_equal(ecap_err_text(), "open copy: No such file or directory");
	assert_int_equal(mkfifo("copy", 0600), 0);
	assert_int_equal(find(&spec, st.st_ino, &findings), -EINVAL);
	assert_string_equal(ecap_err_text(), "copy is not a regular file");
	unlink("copy");
	spec.path = "/dev/zero";
	assert_int_equal(find(&spec, st.st_ino, &findings), -EINVAL);
	spec.path = dir;
	assert_int_equal(find(&spec, st.st_ino, &findings), -EINVAL);
}

static void library_in_cache(void **state)
{
	static const char *const libraries[] = {"no-such-*", "libz.so*", NULL};
	struct findings findings = {0};
	struct ecap_target_spec spec = spec_of(libraries, NULL);
	struct stat st;

	(void)state;
	assert_int_equal(stat(original, &st), 0);
	assert_return_code(find(&spec, st.st_ino, &findings), 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.how, ECAP_TARGET_CACHE);
	assert_string_equal(findings.shown, original);
}

/* Three directories in PATH with a program of this name: only the last one is a program. */
static void program_in_path(void **state)
{
	static const char *const programs[] = {"no-such-program", "copy-program", NULL};
	static const char *const other_symbols[] = {"inflate", "no_such_symbol", NULL};
	_cleanup_free_ char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
	struct findings findings = {0};
	struct ecap_target_spec spec = spec_of(NULL, by_symbols);
	char mine[PATH_MAX];

	(void)state;
	snprintf(mine, sizeof(mine), "%s/a:relative::%s/b:%s/c", dir, dir, dir);
	assert_int_equal(mkdir("a", 0755) || mkdir("b", 0755) || mkdir("c", 0755), 0);
	assert_int_equal(mkfifo("a/copy-program", 0700), 0);
	_cleanup_close_ int script = open("b/copy-program", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	assert_int_equal(write(script, "#!/bin/sh\n", 10), 10);
	struct stat st = copy_here("c/copy-program");

	setenv("PATH", mine, 1);
	spec.programs = programs;
	assert_return_code(find(&spec, st.st_ino, &findings), 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.how, ECAP_TARGET_PATH);
	assert_string_equal(findings.shown, in_dir("c/copy-program"));
	spec.symbols = other_symbols;
	assert_return_code(find(&spec, st.st_ino, &findings), 0);
	assert_int_equal(findings.n, 0);
	setenv("PATH", path, 1);
	unlink("a/copy-program");
	unlink("b/copy-program");
	unlink("c/copy-program");
	rmdir("a");
	rmdir("b");
	rmdir("c");
}

static void mapped_file(void **state)
{
	struct stat st = copy_here("libcopy-1 x.so");
	struct child child = start_loaded(in_dir("libcopy-1 x.so"));
	struct child second = start_loaded(in_dir("libcopy-1 x.so"));
	struct ecap_target_spec name = spec_of(by_name, NULL), symbols = spec_of(NULL, by_symbols);
	static const char *const by_path[] = {"no-such", "/*/libcopy-1 ?.so", NULL};
	static const char *const by_other_path[] = {"no-such", "/no-such/libcopy-1 ?.so", NULL};
	struct ecap_target_spec path = spec_of(by_path, NULL), other = spec_of(by_other_path, NULL);
	struct findings findings = {0};

	(void)state;
	find_mapped(&path, st.st_ino, &child, in_dir("libcopy-1 x.so"));
	assert_int_equal(find(&other, st.st_ino, &findings), 0);
	find_mapped(&name, st.st_ino, &child, in_dir("libcopy-1 x.so"));
	find_mapped(&symbols, st.st_ino, &child, in_dir("libcopy-1 x.so"));
	name.pid = symbols.pid = (uint64_t)second.pid;
	find_mapped(&name, st.st_ino, &second, in_dir("libcopy-1 x.so"));
	find_mapped(&symbols, st.st_ino, &second, in_dir("libcopy-1 x.so"));
	name.pid = (uint64_t)getpid();
	assert_int_equal(find(&name, st.st_ino, &findings), 0);

	/* The callback's own error comes back, and ends the search. */
	findings.result = -EXDEV;
	name.pid = (uint64_t)child.pid;
	assert_int_equal(find(&name, st.st_ino, &findings), -EXDEV);
	assert_int_equal(findings.n, 1);
	/* But not when any user may have mapped the file. */
	name.pid = ECAP_ANY;
	assert_return_code(find(&name, st.st_ino, &findings), 0);
	assert_int_equal(findings.n, 1);

	/* And a file is given once, also by two searches; another test's children may be there too. */
	findings = (struct findings){.ino = st.st_ino};
	for (int searches = 0; searches < 2; searches++) {
		int before = findings.n + findings.n_others;
		int r = ecap_targets_find(&findings.given, &name, found, &findings);

		assert_int_equal(r, findings.n + findings.n_others - before);
		assert_int_equal(findings.n, 1);
	}
	ecap_file_keys_clear(&findings.given);
	end_child(&child);
	end_child(&second);
	unlink("libcopy-1 x.so");
}

static void absent_process(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct findings findings = {0};

	(void)state;
	spec.pid = INT32_MAX;
	assert_int_equal(find(&spec, 1, &findings), -ESRCH);
	assert_string_equal(ecap_err_text(), "no process 2147483647");
	spec.pid = UINT32_MAX + UINT64_C(2);
	assert_int_equal(find(&spec, 1, &findings), -ESRCH);
}

static void our_own_mappings_do_not_count(void **state)
{
	struct stat st = copy_here("libcopy-own.so");
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	struct findings findings = {0};

	(void)state;
	void *library = dlopen(in_dir("libcopy-own.so"), RTLD_NOW);

	assert_non_null(library);
	assert_return_code(find(&spec, st.st_ino, &findings), 0);
	assert_int_equal(findings.n, 0);
	dlclose(library);
	unlink("libcopy-own.so");
}

static void need_root(const char *what)
{
	if (!geteuid())
		return;
	print_message("%s needs root\n", what);
	skip();
}

static void deleted_and_replaced_file(void **state)
{
	struct ecap_target_spec name = spec_of(by_name, NULL), symbols = spec_of(NULL, by_symbols);

	(void)state;
	need_root("/proc/PID/map_files");
	struct stat st = copy_here("libcopy-2.so");
	struct child child = start_loaded(in_dir("libcopy-2.so"));

	unlink("libcopy-2.so");
	find_mapped(&name, st.st_ino, &child, in_dir("libcopy-2.so"));
	find_mapped(&symbols, st.st_ino, &child, in_dir("libcopy-2.so"));
	assert_int_equal(mkfifo("libcopy-2.so", 0600), 0);
	find_mapped(&name, st.st_ino, &child, in_dir("libcopy-2.so"));
	end_child(&child);
	unlink("libcopy-2.so");
}

/* In a mount namespace of its own, with another file where the mapped one was. */
static int load_and_cover(const char *path)
{
	int r = load(path);

	if (r)
		return r;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(original, path, NULL, MS_BIND, NULL))
		return -errno;
	return 0;
}

static int load_in_tmpfs(const char *path)
{
	char name[PATH_MAX];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", path, "tmpfs", 0, NULL))
		return -errno;
	snprintf(name, sizeof(name), "%s/libcopy-3.so", path);
	int r = copy_library(name);

	return r ? r : load(name);
}

static int load_and_chroot(const char *path)
{
	int r = load(path);

	if (r)
		return r;
	return chroot("/proc") ? -errno : 0;
}

/* The child after its answer; skips the test when this system does not allow what it tried. */
static struct child start_or_skip(int (*body)(const char *path), const char *path)
{
	struct child child = start_child(body, path, false);
	int r = answer(&child);

	if (!r)
		return child;
	print_message("the child may not do it: %s\n", strerror(-r));
	end_child(&child);
	skip();
	return child;
}

static void covered_file(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);

	(void)state;
	struct stat st = copy_here("libcopy-4.so");
	struct child child = start_or_skip(load_and_cover, in_dir("libcopy-4.so"));

	find_mapped(&spec, st.st_ino, &child, in_dir("libcopy-4.so"));
	end_child(&child);
	unlink("libcopy-4.so");
}

static void file_in_other_namespace(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);
	char seen[PATH_MAX + 64];
	struct stat st;

	(void)state;
	assert_int_equal(mkdir("other", 0755), 0);
	struct child child = start_or_skip(load_in_tmpfs, in_dir("other"));

	assert_int_equal(access("other/libcopy-3.so", F_OK), -1);
	snprintf(seen, sizeof(seen), "/proc/%d/root%s", child.pid, in_dir("other/libcopy-3.so"));
	assert_int_equal(stat(seen, &st), 0);
	find_mapped(&spec, st.st_ino, &child, in_dir("other/libcopy-3.so"));
	end_child(&child);
	rmdir("other");
}

static void file_outside_of_root(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);

	(void)state;
	struct stat st = copy_here("libcopy-5.so");
	struct child child = start_or_skip(load_and_chroot, in_dir("libcopy-5.so"));

	find_mapped(&spec, st.st_ino, &child, in_dir("libcopy-5.so"));
	end_child(&child);
	unlink("libcopy-5.so");
}

/* Two overlay mounts of one image, as two containers have. */
static int load_in_overlay(const char *path)
{
	char options[3 * PATH_MAX], upper[PATH_MAX], work[PATH_MAX], name[PATH_MAX];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "rw", "tmpfs", 0, NULL))
		return -errno;
	snprintf(upper, sizeof(upper), "%s/rw/upper", dir);
	snprintf(work, sizeof(work), "%s/rw/work", dir);
	snprintf(options, sizeof(options), "lowerdir=%s/image,upperdir=%s,workdir=%s", dir, upper,
		 work);
	if (mkdir(upper, 0755) || mkdir(work, 0755) ||
	    mount("overlay", path, "overlay", 0, options))
		return -errno;
	snprintf(name, sizeof(name), "%s/libcopy-6.so", path);
	return load(name);
}

/* And the file itself, as the host has it. */
static void file_in_two_overlays(void **state)
{
	struct ecap_target_spec spec = spec_of(by_name, NULL);

	(void)state;
	assert_int_equal(mkdir("image", 0755) || mkdir("root", 0755) || mkdir("rw", 0755), 0);
	struct stat st = copy_here("image/libcopy-6.so");
	struct child child = start_or_skip(load_in_overlay, in_dir("root"));
	struct child second = start_or_skip(load_in_overlay, in_dir("root"));
	struct child plain = start_or_skip(load, in_dir("image/libcopy-6.so"));
	struct child third = start_or_skip(load_in_overlay, in_dir("root"));

	find_mapped(&spec, st.st_ino, &child, in_dir("root/libcopy-6.so"));
	end_child(&child);
	find_mapped(&spec, st.st_ino, &second, in_dir("root/libcopy-6.so"));
	end_child(&second);
	find_mapped(&spec, st.st_ino, &plain, in_dir("image/libcopy-6.so"));
	end_child(&plain);
	find_mapped(&spec, st.st_ino, &third, in_dir("root/libcopy-6.so"));
	end_child(&third);
	unlink("image/libcopy-6.so");
	rmdir("image");
	rmdir("root");
	rmdir("rw");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_file),
		cmocka_unit_test(library_in_cache),
		cmocka_unit_test(program_in_path),
		cmocka_unit_test(mapped_file),
		cmocka_unit_test(absent_process),
		cmocka_unit_test(our_own_mappings_do_not_count),
		cmocka_unit_test(deleted_and_replaced_file),
		cmocka_unit_test(covered_file),
		cmocka_unit_test(file_in_other_namespace),
		cmocka_unit_test(file_outside_of_root),
		cmocka_unit_test(file_in_two_overlays),
	};

	return cmocka_run_group_tests_name("targets", tests, set_up, tear_down);
}
