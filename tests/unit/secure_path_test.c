/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permission matrix: a file and the directories above it, with every owner and mode that
 * matters. It needs root, to give files away, and a directory that is root's up to /.
 */
#define _GNU_SOURCE 1 /* nftw(3) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "err.h"
#include "loader.h"
#include "util.h"

#define PARENT  "/var/lib" /* hier(7): made by the system, writable by root only */
#define SOMEONE 12345u

static char top[64], dir[80], file[96]; /* top/dir/file.so */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	umask(022);
	snprintf(top, sizeof(top), PARENT "/ecapture-test-XXXXXX");
	if (!mkdtemp(top) || chmod(top, 0755))
		return -1;
	snprintf(dir, sizeof(dir), "%s/dir", top);
	snprintf(file, sizeof(file), "%s/file.so", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return *top ? nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("only root can give files to other users\n");
	skip();
}

/* A fresh tree: directory and file, both root's, 0755 and 0644. */
static void make_tree(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(dir, 0755), 0);
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static int check(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0);
	return ecap_secure_path(fd, path);
}

/* @text: what stands behind "path: ", or NULL when the path is to pass. */
static void expect(const char *path, const char *text)
{
	int err = check(path);
	size_t len = strlen(path);

	if (!text) {
		if (err)
			fail_msg("refused: %s", ecap_err_text());
		return;
	}
	if (!err)
		fail_msg("%s passed, expected was \"%s\"", path, text);
	if (strncmp(ecap_err_text(), path, len) || strncmp(ecap_err_text() + len, ": ", 2) ||
	    strcmp(ecap_err_text() + len + 2, text))
		fail_msg("\"%s\" is not \"%s: %s\"", ecap_err_text(), path, text);
}

static void checks_the_file(void **state)
{
	static const struct {
		uid_t uid;
		mode_t mode;
		const char *text;
	} files[] = {
		{ 0, 0644, NULL },
		{ 0, 0755, NULL },
		{ 0, 0600, NULL },
		{ 0, 0444, NULL },
		{ 0, 04755, NULL },
		{ 0, 0775, "refused: writable by group (mode 0775), and it would act as root; "
		  "chmod g-w it" },
		{ 0, 0664, "refused: writable by group (mode 0664), and it would act as root; "
		  "chmod g-w it" },
		{ 0, 0646, "refused: writable by others (mode 0646), and it would act as root; "
		  "chmod go-w it" },
		{ 0, 0666, "refused: writable by others (mode 0666), and it would act as root; "
		  "chmod go-w it" },
		{ 0, 01666, "refused: writable by others (mode 1666), and it would act as root; "
		  "chmod go-w it" },
		{ SOMEONE, 0644, "refused: belongs to uid 12345, and it would act as root; "
		  "chown it" },
		{ SOMEONE, 0444, "refused: belongs to uid 12345, and it would act as root; "
		  "chown it" },
	};
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		make_tree();
		assert_int_equal(chown(file, files[i].uid, 0), 0);
		assert_int_equal(chmod(file, files[i].mode), 0);
		expect(file, files[i].text);
	}
}

/* Each directory of the chain counts: the one of the file, and the one above it. */
static void checks_the_directories(void **state)
{
	static const struct {
		uid_t uid;
		mode_t mode;
		const char *text; /* behind "refused: directory NAME ", or NULL */
	} dirs[] = {
		{ 0, 0755, NULL },
		{ 0, 0711, NULL },
		{ 0, 02755, NULL },
		{ 0, 0775, "is writable by group (mode 0775); move the file or chmod g-w the "
		  "directory" },
		{ 0, 0777, "is writable by others (mode 0777); move the file or chmod go-w the "
		  "directory" },
		{ 0, 01777, "is writable by others (mode 1777); move the file" },
		{ 0, 01775, "is writable by group (mode 1775); move the file" },
		{ SOMEONE, 0755, "belongs to uid 12345; move the file or chown the directory" },
		{ SOMEONE, 0555, "belongs to uid 12345; move the file or chown the directory" },
	};
	const char *const both[] = { dir, top };
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(dirs) * ARRAY_SIZE(both); i++) {
		const char *which = both[i % ARRAY_SIZE(both)];
		size_t row = i / ARRAY_SIZE(both);
		char text[256];

		make_tree();
		assert_int_equal(chown(which, dirs[row].uid, 0), 0);
		assert_int_equal(chmod(which, dirs[row].mode), 0);
		snprintf(text, sizeof(text), "refused: directory %s %s", which,
			 dirs[row].text ? dirs[row].text : "");
		expect(file, dirs[row].text ? text : NULL);
		assert_int_equal(chown(top, 0, 0), 0);
		assert_int_equal(chmod(top, 0755), 0);
	}
}

/* A sticky directory keeps others from removing the file, not from making one beside it. */
static void refuses_tmp(void **state)
{
	char path[] = "/tmp/ecapture-test-XXXXXX";
	struct stat st;
	(void)state;

	assert_int_equal(stat("/tmp", &st), 0);
	if (!(st.st_mode & S_IWOTH)) {
		print_message("/tmp is not writable by others here\n");
		skip();
	}
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	int err = ecap_secure_path(fd, path);

	close(fd);
	unlink(path);
	assert_int_equal(err, -EPERM);
	assert_non_null(strstr(ecap_err_text(), "refused: directory /tmp is writable by others"));
}

static void refuses_links(void **state)
{
	char link_path[128], through[160];
	(void)state;

	need_root();
	make_tree();
	/* a link as the file: what was opened is not what has the name */
	snprintf(link_path, sizeof(link_path), "%s/link.so", dir);
	assert_int_equal(symlink(file, link_path), 0);
	expect(link_path, "refused: replaced while it was looked at; try again");
	/* a link among the directories: the path is not canonical, so the chain is another one */
	snprintf(link_path, sizeof(link_path), "%s/link", top);
	snprintf(through, sizeof(through), "%s/file.so", link_path);
	assert_int_equal(symlink(dir, link_path), 0);
	char text[256];

	snprintf(text, sizeof(text), "refused: %s is not a directory", link_path);
	expect(through, text);
}

static void refuses_another_file(void **state)
{
	char other[128];
	(void)state;

	need_root();
	make_tree();
	snprintf(other, sizeof(other), "%s/other.so", dir);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(ecap_secure_path(fd, file), 0);
	close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(rename(other, file), 0);
	assert_int_equal(ecap_secure_path(fd, file), -ESTALE);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(ecap_secure_path(fd, file), -ENOENT);
}

static void refuses_what_is_no_file(void **state)
{
	(void)state;

	need_root();
	make_tree();
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	expect(file, "refused: not a regular file");
	expect(dir, "refused: not a regular file");
	expect("/", "refused: not a regular file");
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_int_equal(ecap_secure_path(fd, "relative.so"), -EINVAL);
	close(fd);
}

/* Somebody who is not root may use root's files and the own ones, but nobody else's. */
static int as_someone(void)
{
	char buffer[512];

	if (setgid(SOMEONE) || setuid(SOMEONE))
		return 100;
	if (check(file))
		return 1;
	snprintf(buffer, sizeof(buffer), "%s/own.so", dir);
	if (check(buffer))
		return 2;
	snprintf(buffer, sizeof(buffer), "%s/foreign.so", dir);
	if (!check(buffer) || !strstr(ecap_err_text(), "belongs to uid 54321, and it would act as "
				      "you; chown it"))
		return 3;
	return 0;
}

static void knows_who_asks(void **state)
{
	static const struct {
		const char *name;
		uid_t uid;
	} more[] = { { "own.so", SOMEONE }, { "foreign.so", 54321 } };
	char path[128];
	int status;
	(void)state;

	need_root();
	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, more[i].name);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
		assert_int_equal(chown(path, more[i].uid, 0), 0);
	}
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(as_someone());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_the_file),
		cmocka_unit_test(checks_the_directories),
		cmocka_unit_test(refuses_tmp),
		cmocka_unit_test(refuses_links),
		cmocka_unit_test(refuses_another_file),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(knows_who_asks),
	};

	return cmocka_run_group_tests_name("secure_path", tests, setup, teardown);
}
