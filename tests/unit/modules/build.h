/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds test modules with the compiler ($CC, else cc) in a directory of the test's own, so
 * that each test says next to its expectations how its module differs.
 */
#ifndef TESTS_UNIT_MODULES_BUILD_H
#define TESTS_UNIT_MODULES_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 64

extern char **environ;

static char work[PATH_MAX]; /* the test's directory */

static void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int work_remove(void **state)
{
	(void)state;
	return *work ? nftw(work, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

/*
 * Makes the directory, in @parent, with what ECAP_BPF_OBJECT includes: all that the loader
 * looks at in a BPF object is its ELF header.
 */
static inline int work_make(const char *parent)
{
	Elf64_Ehdr object = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL, .e_machine = EM_BPF, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(object),
	};
	char path[PATH_MAX + 16];

	umask(022);
	snprintf(work, sizeof(work), "%s/ecapture-test-XXXXXX", parent);
	if (!mkdtemp(work) || chmod(work, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/object.o", work);
	write_file(path, &object, sizeof(object));
	return 0;
}

/* Appends the words of @text, which is cut up for it. */
static void add_words(char **args, size_t *n, char *text)
{
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		assert_true(*n < MAX_ARGS - 1);
		args[(*n)++] = word;
	}
}

/*
 * Compiles tests/unit/modules/SOURCE.c with @flags ("-O2 -s") to the file @name in the test's
 * directory; returns its path, valid until the next call.
 */
static inline const char *build(const char *name, const char *source, const char *flags)
{
	const char *top = getenv("top_srcdir"), *cc = getenv("CC");
	static char path[PATH_MAX + 64];
	char text[8 * PATH_MAX], *args[MAX_ARGS] = { NULL };
	size_t n = 0;
	pid_t pid;
	int status;

	top = top ? top : ".";
	snprintf(path, sizeof(path), "%s/%s", work, name);
	snprintf(text, sizeof(text), "%s -std=gnu11 -fPIC -shared -fvisibility=hidden -I%s/sdk "
		 "-Wa,-I,%s %s/tests/unit/modules/%s.c -o %s %s", cc && *cc ? cc : "cc", top, work,
		 top, source, path, flags);
	add_words(args, &n, text);
	assert_int_equal(posix_spawnp(&pid, args[0], NULL, NULL, args, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("the compiler ended with %#x: %s", (unsigned int)status, flags);
	return path;
}

#endif
