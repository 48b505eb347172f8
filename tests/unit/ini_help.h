/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of ini files share: a file that only this user can change, and two sections. */
#ifndef ECAPTURE_TESTS_INI_HELP_H
#define ECAPTURE_TESTS_INI_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <limits.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "err.h"
#include "loader.h"
#include "options_internal.h"
#include "util.h"

struct config {
	const char *string;
	const char *const *list;
	uint32_t number, choice;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option rows[] = {
	ROW(string, ECAP_OPT_STRING, "libssl"),
	ROW(list, ECAP_OPT_LIST, "dir"),
	ROW(number, ECAP_OPT_U32, "pid", .alias = "process", .max = 1000, .def = "7"),
	ROW(choice, ECAP_OPT_ENUM, "model", .choices = "text|keylog"),
	ROW(flag, ECAP_OPT_BOOL, "hex"),
};

struct more {
	uint32_t depth, pid;
	uint8_t debug;
};

static const struct ecap_option more_rows[] = {
	ECAP_OPT(struct more, depth, ECAP_OPT_U32, "depth", .max = 9),
	ECAP_OPT(struct more, pid, ECAP_OPT_U32, "pid"),
	ECAP_OPT(struct more, debug, ECAP_OPT_BOOL, "debug", .flags = ECAP_OPT_PROGRAM),
};

static const char *const sections[] = { "global", "tls", "bash", NULL };

struct fixture {
	struct ecap_options *global, *tls;
	struct ecap_options *more; /* keys that [tls] may have as well */
	struct config *config; /* of tls */
	uint32_t n_errors; /* that were handed on */
	char path[PATH_MAX + 32];
};

static char dir[PATH_MAX]; /* that passes ecap_secure_path(), or "" */

/* Whether a file made in @base is one that nobody else can change; makes the directory. */
static inline int try_base(const char *base)
{
	char path[PATH_MAX + 8], *real = base ? realpath(base, NULL) : NULL;

	if (!real || snprintf(dir, sizeof(dir), "%s/ini-test-XXXXXX", real) >= (int)sizeof(dir) ||
	    !mkdtemp(dir)) {
		free(real);
		dir[0] = '\0';
		return 0;
	}
	free(real);
	snprintf(path, sizeof(path), "%s/x", dir);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int secure = fd >= 0 && !ecap_secure_path(fd, path);

	unlink(path);
	if (!secure) {
		rmdir(dir);
		dir[0] = '\0';
	}
	return secure;
}

static inline int find_dir(void **state)
{
	const char *const bases[] = { ".", getenv("HOME"), getenv("XDG_RUNTIME_DIR"), "/root",
				      "/var/lib" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
		if (try_base(bases[i]))
			break;
	return 0;
}

static inline int remove_dir(void **state)
{
	(void)state;
	return dir[0] ? rmdir(dir) : 0;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(ecap_options_new("global", rows, ARRAY_SIZE(rows), sizeof(struct config),
					  &f->global), 0);
	assert_int_equal(ecap_options_new("tls", rows, ARRAY_SIZE(rows), sizeof(struct config),
					  &f->tls), 0);
	assert_int_equal(ecap_options_new("global", more_rows, ARRAY_SIZE(more_rows),
					  sizeof(struct more), &f->more), 0);
	f->config = ecap_options_config(f->tls);
	snprintf(f->path, sizeof(f->path), "%s/x.ini", dir);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (dir[0])
		unlink(f->path);
	ecap_options_free(f->global);
	ecap_options_free(f->tls);
	ecap_options_free(f->more);
	free(f);
	return 0;
}

/* skip() leaves by longjmp(3): call this before anything that must be freed. */
static inline void need_dir(void)
{
	if (!dir[0]) {
		print_message("no directory here that only this user could change\n");
		skip();
	}
}

/* A new fixture for the next round of a test. */
static inline struct fixture *fresh(void **state)
{
	need_dir();
	teardown(state);
	setup(state);
	return *state;
}

static inline int find(void *arg, const char *name, struct ecap_ini_section *section)
{
	struct fixture *f = arg;

	if (!strcmp(name, "global"))
		*section = (struct ecap_ini_section){
			.name = "global", .kind = ECAP_FROM_FILE, .n_tables = 1,
			.tables = { f->global },
		};
	else if (!strcmp(name, "tls"))
		*section = (struct ecap_ini_section){
			.name = "tls", .kind = ECAP_FROM_SECTION, .n_tables = 2,
			.tables = { f->tls, f->more },
		};
	else if (!strcmp(name, "broken"))
		return ecap_err(-ENOEXEC, "is broken");
	else
		return !strcmp(name, "bash"); /* somebody else's */
	return 1;
}

static inline int load_path(struct fixture *f, const char *path)
{
	const struct ecap_ini_reader reader = { .sections = sections, .section = find, .arg = f };

	return ecap_ini_load(path, &reader);
}

static inline void write_file(const struct fixture *f, const void *data, size_t n)
{
	need_dir();
	_cleanup_close_ int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

static inline int load_bytes(struct fixture *f, const void *data, size_t n)
{
	write_file(f, data, n);
	return load_path(f, f->path);
}

static inline int load(struct fixture *f, const char *text)
{
	return load_bytes(f, text, strlen(text));
}

/* The error text without the path that it must begin with. */
static inline const char *error_behind_path(const struct fixture *f)
{
	const char *text = ecap_err_text();
	size_t n = strlen(f->path);

	if (strncmp(text, f->path, n))
		fail_msg("\"%s\" does not begin with %s", text, f->path);
	return text + n;
}

#endif
