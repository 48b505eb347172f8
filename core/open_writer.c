/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open(2) itself would wait for the reader of a FIFO in silence, and deaf to signals, which are
 * blocked for a signalfd: see capture.c. So it is asked again and again without waiting.
 *
 * In /tmp and its like, names may be another user's, who waits for root to write there: to read it in
 * a file or FIFO of theirs, or to have a link's target overwritten. Those are refused by the rules
 * of fs.protected_symlinks, _hardlinks, _fifos and _regular (sysctl/fs of the kernel's
 * documentation), which not every system has switched on.
 */
#include "open_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "log.h"
#include "util.h"

#define ASK_MS 50

static int is_fifo(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISFIFO(st.st_mode);
}

static int told_to_stop(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP);
}

/* From here on a write waits, as those who write expect. */
static int make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

/* Where others can make names. */
static int is_public(const struct stat *dir)
{
	return dir->st_mode & S_IWOTH || (dir->st_mode & S_ISVTX && dir->st_mode & S_IWGRP);
}

static int refuse(const char *what, const char *path, const char *name, const char *why)
{
	return ecap_err(-EPERM, "%s %s: refused: \"%s\" %s, in a directory where others can make "
			"names; choose another directory", what, path, name, why);
}

/* Whether it is one of those who could have changed all else in the directory anyway. */
static int check_made(const char *what, const char *path, const char *name, const struct stat *dir,
		      const struct stat *made)
{
	char why[64];

	if (S_ISDIR(made->st_mode))
		return 0;
	if (S_ISREG(made->st_mode) && made->st_nlink > 1)
		return refuse(what, path, name, "is a hard link");
	if (made->st_uid == geteuid() || made->st_uid == dir->st_uid)
		return 0;
	snprintf(why, sizeof(why), "%sbelongs to uid %u",
		 S_ISLNK(made->st_mode) ? "is a link that " : "", made->st_uid);
	return refuse(what, path, name, why);
}

static int say(const char *what, const char *path)
{
	return ecap_err(-errno, "%s %s: %s", what, path, strerror(errno));
}

/* openat(2), but for what others have made. What is looked at before is what is opened then. */
static int open_in(int dir, const char *name, const char *what, const char *path, int flags)
{
	struct stat in, made;
	int is_new = 1;

	if (fstat(dir, &in))
		return say(what, path);
	if (is_public(&in) && !(flags & O_EXCL)) {
		is_new = fstatat(dir, name, &made, AT_SYMLINK_NOFOLLOW) != 0;
		int err = is_new ? 0 : check_made(what, path, name, &in, &made);

		if (err)
			return err;
		if (is_new || !S_ISLNK(made.st_mode))
			flags |= O_NOFOLLOW;
	}
	_cleanup_close_ int fd = openat(dir, name, flags, 0600);

	if (fd < 0)
		return say(what, path);
	if (flags & O_NOFOLLOW) {
		int err = fstat(fd, &made) ? say(what, path)
					   : check_made(what, path, name, &in, &made);

		if (err)
			return err;
	}
	return TAKE_FD(fd);
}

/* Step by step, each in a directory that stays the same whatever is renamed meanwhile. */
static int open_path(const char *what, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int dir = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *at = path + strspn(path, "/");

	for (;;) {
		size_t len = strcspn(at, "/"), slashes = strspn(at + len, "/");

		if (dir < 0)
			return say(what, path);
		if (len > NAME_MAX) {
			errno = ENAMETOOLONG;
			return say(what, path);
		}
		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		at += len + slashes;
		if (!*at)
			break;

		int next = open_in(dir, name, what, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (next < 0)
			return next;
		close(dir);
		dir = next;
	}
	if (*path && at[-1] == '/') /* only a directory has such a name */
		return open_in(dir, *name ? name : ".", what, path, (flags & ~O_CREAT) | O_WRONLY);
	return open_in(dir, name, what, path, flags);
}

int ecap_open_writer(const char *what, const char *path, int flags)
{
	for (int times = 0;; times++) {
		/* A link is followed, unless it is another user's: it was root who named it. */
		int fd = open_path(what, path,
				   flags | O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		if (fd >= 0)
			return make_blocking(fd);
		if (fd != -ENXIO || !is_fifo(path)) /* fifo(7): nobody reads it */
			return fd;
		if (told_to_stop())
			return ecap_err(-EINTR, "%s %s: nobody reads this FIFO", what, path);
		if (!times)
			log_info("host", "%s %s: waiting until somebody reads this FIFO", what,
				 path);
		poll(NULL, 0, ASK_MS);
	}
}
