/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could change a file. Code and configuration that run with root's rights must be root's
 * alone, and so must every directory above them: whoever may write to one of those can put
 * another file in place. A sticky directory does not pass, since others can create names in it.
 * An access list that lets others write shows in the mode, as write permission of the group: acl(5).
 */
#include "loader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "err.h"
#include "util.h"

/*
 * Started with rights that its user does not have: file capabilities, or a set-user-ID or
 * set-group-ID bit (getauxval(3)). What that user owns is not to get them.
 */
static int has_more_rights(void)
{
	return getauxval(AT_SECURE) != 0;
}

static const char *user(void)
{
	if (!geteuid())
		return "root";
	return has_more_rights() ? "somebody with more rights than you" : "you";
}

static int check_owner(const char *dir, const struct stat *st)
{
	if (st->st_uid == 0 || (st->st_uid == geteuid() && !has_more_rights()))
		return 0;
	if (dir)
		return ecap_err(-EPERM, "refused: directory %s belongs to uid %u; move the file or "
				"chown the directory", dir, st->st_uid);
	return ecap_err(-EPERM, "refused: belongs to uid %u, and it would act as %s; chown it",
			st->st_uid, user());
}

static int check_mode(const char *dir, const struct stat *st)
{
	const char *who = st->st_mode & S_IWOTH ? "others" : "group";
	const char *fix = st->st_mode & S_IWOTH ? "go-w" : "g-w";
	uint32_t mode = st->st_mode & 07777u;

	if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	if (dir && st->st_mode & S_ISVTX)
		return ecap_err(-EPERM, "refused: directory %s is writable by %s (mode %04o); move "
				"the file", dir, who, mode);
	if (dir)
		return ecap_err(-EPERM, "refused: directory %s is writable by %s (mode %04o); move "
				"the file or chmod %s the directory", dir, who, mode, fix);
	return ecap_err(-EPERM, "refused: writable by %s (mode %04o), and it would act as %s; "
			"chmod %s it", who, mode, user(), fix);
}

static int check_directory(const char *dir)
{
	struct stat st;

	if (lstat(dir, &st) < 0)
		return ecap_err(-errno, "refused: cannot look at %s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ecap_err(-ENOTDIR, "refused: %s is not a directory", dir);
	int err = check_owner(dir, &st);

	return err ? err : check_mode(dir, &st);
}

static int check_canonical(const char *path)
{
	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return ecap_err(-EINVAL, "refused: not a canonical path");
	return 0;
}

int ecap_secure_file(int fd, const char *path)
{
	struct stat st, named;
	int err = check_canonical(path);

	if (err)
		return err;
	if (fstat(fd, &st) < 0 || lstat(path, &named) < 0)
		return ecap_err(-errno, "refused: cannot look at it: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(-EINVAL, "refused: not a regular file");
	if (st.st_dev != named.st_dev || st.st_ino != named.st_ino)
		return ecap_err(-ESTALE, "refused: replaced while it was looked at; try again");
	err = check_owner(NULL, &st);
	return err ? err : check_mode(NULL, &st);
}

int ecap_secure_directories(const char *path)
{
	char dir[PATH_MAX];
	int err = check_canonical(path);

	if (err)
		return err;
	memcpy(dir, path, strlen(path) + 1);
	while (!err && strcmp(dir, "/")) {
		char *slash = strrchr(dir, '/');

		slash[slash == dir] = '\0'; /* the parent; that of /x is / */
		err = check_directory(dir);
	}
	return err;
}

int ecap_secure_directory(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ecap_err(-errno, "refused: cannot look at %s: %s", path, strerror(errno));
	int err = check_owner(path, &st);

	return err ? err : check_mode(path, &st);
}

int ecap_secure_path(int fd, const char *path)
{
	int err = ecap_secure_file(fd, path);

	if (!err)
		err = ecap_secure_directories(path);
	return err ? ecap_err(err, "%s: %s", path, ecap_err_text()) : 0;
}
