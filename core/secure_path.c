/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could change a file. Code and configuration that run with root's rights must be root's
 * alone, and so must every directory above them: whoever may write to one of those can put
 * another file in place. A sticky directory does not pass, since others can create names in it.
 */
#include "loader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "util.h"

static const char *user(void)
{
	return geteuid() ? "you" : "root";
}

static int check_owner(const char *path, const char *dir, const struct stat *st)
{
	if (st->st_uid == 0 || st->st_uid == geteuid())
		return 0;
	if (dir)
		return ecap_err(-EPERM, "%s: refused: directory %s belongs to uid %u; move the "
				"file or chown the directory", path, dir, st->st_uid);
	return ecap_err(-EPERM, "%s: refused: belongs to uid %u, and it would act as %s; chown it",
			path, st->st_uid, user());
}

static int check_mode(const char *path, const char *dir, const struct stat *st)
{
	const char *who = st->st_mode & S_IWOTH ? "others" : "group";
	const char *fix = st->st_mode & S_IWOTH ? "go-w" : "g-w";
	uint32_t mode = st->st_mode & 07777u;

	if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	if (dir && st->st_mode & S_ISVTX)
		return ecap_err(-EPERM, "%s: refused: directory %s is writable by %s (mode %04o); "
				"move the file", path, dir, who, mode);
	if (dir)
		return ecap_err(-EPERM, "%s: refused: directory %s is writable by %s (mode %04o); "
				"move the file or chmod %s the directory", path, dir, who, mode,
				fix);
	return ecap_err(-EPERM, "%s: refused: writable by %s (mode %04o), and it would act as %s; "
			"chmod %s it", path, who, mode, user(), fix);
}

static int check_directory(const char *path, const char *dir)
{
	struct stat st;

	if (lstat(dir, &st) < 0)
		return ecap_err(-errno, "%s: refused: cannot look at %s: %s", path, dir,
				strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ecap_err(-ENOTDIR, "%s: refused: %s is not a directory", path, dir);
	int err = check_owner(path, dir, &st);

	return err ? err : check_mode(path, dir, &st);
}

static int check_file(int fd, const char *path)
{
	struct stat st, named;

	if (fstat(fd, &st) < 0 || lstat(path, &named) < 0)
		return ecap_err(-errno, "%s: refused: cannot look at it: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(-EINVAL, "%s: refused: not a regular file", path);
	if (st.st_dev != named.st_dev || st.st_ino != named.st_ino)
		return ecap_err(-ESTALE, "%s: refused: replaced while it was looked at; try again",
				path);
	int err = check_owner(path, NULL, &st);

	return err ? err : check_mode(path, NULL, &st);
}

int ecap_secure_path(int fd, const char *path)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(dir))
		return ecap_err(-EINVAL, "%s: refused: not a canonical path", path);
	memcpy(dir, path, len + 1);

	int err = check_file(fd, path);

	while (!err && strcmp(dir, "/")) {
		char *slash = strrchr(dir, '/');

		slash[slash == dir] = '\0'; /* the parent; that of /x is / */
		err = check_directory(path, dir);
	}
	return err;
}
