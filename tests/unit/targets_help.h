/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of finding and watching files: copies of a library, children that load them, and
 * a callback that keeps what was found.
 */
#ifndef TESTS_UNIT_TARGETS_HELP_H
#define TESTS_UNIT_TARGETS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "err.h"
#include "loop.h"
#include "targets/cache.h"
#include "targets/keys.h"
#include "util.h"

#include <ecapture/service/targets.h>

#define LIBRARY "libz.so.1" /* what is copied: small, and everywhere */

static char dir[] = "/tmp/targets-test.XXXXXX";
static char original[PATH_MAX];

static const char *const by_name[] = {"libcopy-*.so", NULL};
static const char *const by_symbols[] = {"inflate", "deflate", NULL};

static inline int find_original(void *arg, const char *path)
{
	const char *slash = strrchr(path, '/');

	(void)arg;
	if (!slash || strcmp(slash + 1, LIBRARY))
		return 0;
	snprintf(original, sizeof(original), "%s", path);
	return 1;
}

static inline int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return ecap_ldcache_each(ECAP_LDCACHE_PATH, find_original, NULL) == 1 ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A test that was skipped half-way leaves its files. */
static inline int tear_down(void **state)
{
	(void)state;
	return chdir("/") || nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int copy_library(const char *to)
{
	_cleanup_close_ int in = open(original, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char buffer[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		return -errno;
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)n) != n)
			return -EIO;
	return 0;
}

static inline struct stat copy_here(const char *to)
{
	struct stat st;

	assert_int_equal(copy_library(to), 0);
	assert_int_equal(stat(to, &st), 0);
	return st;
}

/* The path of a file in the test's directory. */
static inline const char *in_dir(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

struct child {
	pid_t pid;
	int said, go;
};

/*
 * A child that does @body with @path, says what that returned and stays; with @wait it does so
 * once it is let go.
 */
static inline struct child start_child(int (*body)(const char *path), const char *path, bool wait)
{
	int said[2], go[2];
	char byte;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid) {
		close(said[1]);
		close(go[0]);
		return (struct child){.pid = pid, .said = said[0], .go = go[1]};
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	if (wait && read(go[0], &byte, 1) != 1)
		_exit(1);
	int r = body(path);

	if (write(said[1], &r, sizeof(r)) != sizeof(r))
		_exit(1);
	for (;;)
		pause();
}

static inline int answer(const struct child *child)
{
	int r = -EPIPE;

	assert_int_equal(read(child->said, &r, sizeof(r)), sizeof(r));
	return r;
}

static inline void let_go(const struct child *child)
{
	assert_int_equal(write(child->go, "", 1), 1);
}

static inline void end_child(const struct child *child)
{
	kill(child->pid, SIGKILL);
	close(child->go);
	close(child->said);
	waitpid(child->pid, NULL, 0);
}

static inline int load(const char *path)
{
	return dlopen(path, RTLD_NOW) ? 0 : -ENOEXEC;
}

static inline struct child start_loaded(const char *path)
{
	struct child child = start_child(load, path, false);

	assert_int_equal(answer(&child), 0);
	return child;
}

struct findings {
	struct ecap_file_keys given;
	ino_t ino;    /* of the file that is looked for */
	int n;        /* how often it came */
	int n_others;
	int result;   /* what the callback returns for it */
	uint32_t how, pid;
	char shown[PATH_MAX];
	struct ecap_loop *loop; /* stopped when it comes */
};

static inline int found(void *arg, const struct ecap_target *target)
{
	struct findings *findings = arg;
	struct stat st;

	assert_int_equal(target->struct_size, sizeof(*target));
	assert_int_equal(stat(target->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_dev, target->dev);
	assert_int_equal(st.st_ino, target->ino);
	if (st.st_ino != findings->ino) {
		findings->n_others++;
		return 0;
	}
	_cleanup_close_ int fd = open(target->path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	assert_int_equal(pread(fd, magic, 4, 0), 4);
	assert_memory_equal(magic, "\177ELF", 4);
	findings->n++;
	findings->how = target->how;
	findings->pid = target->pid;
	snprintf(findings->shown, sizeof(findings->shown), "%s", target->shown);
	if (findings->loop)
		ecap_loop_stop(findings->loop);
	return findings->result;
}

static inline struct ecap_target_spec spec_of(const char *const *libraries,
					      const char *const *symbols)
{
	return (struct ecap_target_spec){
		.struct_size = sizeof(struct ecap_target_spec),
		.pid = ECAP_ANY,
		.libraries = libraries,
		.symbols = symbols,
	};
}

#endif
