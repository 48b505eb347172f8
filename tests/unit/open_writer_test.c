/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is opened to write to in a directory where everybody can make names: what we or the
 * directory's owner made, and nothing that another user left there for us. Not elsewhere: there only
 * those could, whom root trusts with the directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "open_writer.h"
#include "util.h"

#define OTHER 65534u

static char dir[] = "/tmp/ecapture-writer-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chmod(dir, 0755) && !chdir(dir) && !mkdir("public", 0700) &&
	       !chmod("public", 01777) && !mkdir("private", 0755) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return chdir("/") || system(command);
}

static void put(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void assert_holds(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char found[64] = "";

	assert_non_null(f);
	(void)!fread(found, 1, sizeof(found) - 1, f);
	assert_string_equal(found, text);
}

static void give_away(const char *path)
{
	assert_int_equal(lchown(path, OTHER, OTHER), 0);
}

static void assert_refused(const char *path, const char *why)
{
	char text[256];

	assert_int_equal(ecap_open_writer("key log", path, O_CREAT | O_TRUNC), -EPERM);
	snprintf(text, sizeof(text), "key log %s: refused: %s, in a directory where others can make "
		 "names; choose another directory", path, why);
	assert_string_equal(ecap_err_text(), text);
}

static void assert_opens(const char *path, int flags)
{
	_cleanup_close_ int fd = ecap_open_writer("key log", path, flags);

	if (fd < 0)
		fail_msg("%s", ecap_err_text());
	assert_int_equal(write(fd, "keys", 4), 4);
}

static void test_of_others(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	put("private/ours", "ours");
	put("public/theirs", "theirs");
	give_away("public/theirs");
	assert_refused("public/theirs", "\"theirs\" belongs to uid 65534");
	assert_holds("public/theirs", "theirs");

	assert_int_equal(symlink("../private/ours", "public/link"), 0);
	give_away("public/link");
	assert_refused("public/link", "\"link\" is a link that belongs to uid 65534");
	assert_int_equal(symlink("../private/none", "public/dangling"), 0);
	give_away("public/dangling");
	assert_refused("public/dangling", "\"dangling\" is a link that belongs to uid 65534");
	assert_int_equal(access("private/none", F_OK), -1);
	assert_int_equal(symlink("../private", "public/dir"), 0);
	give_away("public/dir");
	assert_refused("public/dir/ours", "\"dir\" is a link that belongs to uid 65534");

	assert_int_equal(link("private/ours", "public/hard"), 0);
	assert_refused("public/hard", "\"hard\" is a hard link");
	assert_int_equal(unlink("public/hard"), 0);
	assert_holds("private/ours", "ours");

	assert_int_equal(mkfifo("public/fifo", 0666), 0);
	give_away("public/fifo");
	assert_refused("public/fifo", "\"fifo\" belongs to uid 65534");
}

static void test_of_ours(void **state)
{
	(void)state;
	assert_opens("public/new", O_CREAT);
	assert_opens("public/new", O_CREAT | O_APPEND);
	assert_holds("public/new", "keyskeys");
	put("private/target", "");
	assert_int_equal(symlink("../private/target", "public/own"), 0);
	assert_opens("public/own", O_CREAT);
	assert_holds("private/target", "keys");
	assert_int_equal(symlink("../private", "public/own_dir"), 0);
	assert_opens("./public//own_dir/target", O_CREAT | O_APPEND);
	assert_holds("private/target", "keyskeys");
	assert_int_equal(mkfifo("public/own_fifo", 0600), 0);
	_cleanup_close_ int reader = open("public/own_fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	assert_opens("public/own_fifo", O_CREAT);
}

static void test_elsewhere(void **state)
{
	int ends[2];
	char name[32];

	(void)state;
	if (!geteuid()) {
		put("private/theirs", "");
		give_away("private/theirs");
		assert_opens("private/theirs", O_CREAT);
		assert_int_equal(symlink("theirs", "private/link"), 0);
		give_away("private/link");
		assert_opens("private/link", O_CREAT);
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[1]);
	assert_opens(name, O_CREAT);
	close(ends[0]);
	close(ends[1]);
}

static void test_no_file(void **state)
{
	static const struct {
		const char *path;
		int err;
	} names[] = {
		{ "", -ENOENT }, { "/", -EISDIR }, { "public", -EISDIR }, { "public/", -EISDIR },
		{ "none/", -ENOENT }, { "none/file", -ENOENT }, { "public/..", -EISDIR },
		{ "file/below", -ENOTDIR },
	};
	char longest[300] = "";

	(void)state;
	put("file", "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ecap_open_writer("key log", names[i].path, O_CREAT) != names[i].err)
			fail_msg("\"%s\": %s", names[i].path, ecap_err_text());
	memset(longest, 'n', sizeof(longest) - 1);
	assert_int_equal(ecap_open_writer("key log", longest, O_CREAT), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_others),
		cmocka_unit_test(test_of_ours),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests_name("open_writer", tests, make_dir, remove_dir);
}
