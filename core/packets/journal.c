/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's directory and its one lock, and the files in it: each a JSON object. A user who is
 * not root has nothing to change there, nor in what is above it. See journal.h.
 */
#include "packets/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "err.h"
#include "loader.h"
#include "log.h"
#include "packets/entry.h"
#include "util.h"

#define PARENT  "/run/ecapture"
#define SUFFIX  ".json"
#define DAMAGED ".damaged"
#define WAIT_MS 10
#define WAITS   500 /* others hold the lock for the time of a few system calls */

/* A directory that only we can write to, and no link to one. */
static int open_in(int parent, const char *name, const char *path, int make, int *dir)
{
	if (make && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	_cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	int err = ecap_secure_directory(fd, path);

	if (!err)
		*dir = TAKE_FD(fd);
	return err;
}

/* Step by step, since /run may be a directory where everybody can make names: tmpfs in a container. */
static int open_directory(int make, int *dir)
{
	_cleanup_close_ int run = open("/run", O_PATH | O_DIRECTORY | O_CLOEXEC), ours = -1;
	int err = run < 0 ? ecap_err(-errno, "/run: %s", strerror(errno)) :
			    open_in(run, "ecapture", PARENT, make, &ours);

	if (!err)
		err = open_in(ours, "tc", ECAP_TC_JOURNAL, make, dir);
	return err ? ecap_err_context(err, "journal of filters on interfaces") : 0;
}

static int take_lock(int dir, int *lock)
{
	_cleanup_close_ int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return ecap_err(-errno, "%s/lock: %s", ECAP_TC_JOURNAL, strerror(errno));
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000 };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return ecap_err(-errno, "%s/lock: %s", ECAP_TC_JOURNAL, strerror(errno));
		if (i == WAITS)
			return ecap_err(-EBUSY, "%s/lock: another ecapture has held it for %d ms; "
					"is it stopped?", ECAP_TC_JOURNAL, WAIT_MS * WAITS);
		nanosleep(&pause, NULL);
	}
	*lock = TAKE_FD(fd);
	return 0;
}

int ecap_tc_journal_open(int make, struct ecap_tc_journal *journal)
{
	_cleanup_close_ int dir = -1;
	int lock = -1, err = open_directory(make, &dir);

	if (!err)
		err = take_lock(dir, &lock);
	if (err)
		return err;
	*journal = (struct ecap_tc_journal){ .dir = TAKE_FD(dir), .lock = lock };
	return 0;
}

void ecap_tc_journal_close(struct ecap_tc_journal *journal)
{
	ecap_closep(&journal->lock);
	ecap_closep(&journal->dir);
}

/* A file of its own, locked: nobody sees it unlocked, since the journal is ours for now. */
static int make_file(int dir, struct ecap_tc_entry *entry, int *fd)
{
	entry->pid = getpid();
	for (uint32_t i = 0; i < 10000; i++) { /* the number may be taken by another pid namespace */
		snprintf(entry->file, sizeof(entry->file), "%u-%s-%d-%u" SUFFIX, entry->interface,
			 ecap_tc_side_name(entry->side), entry->pid, i);
		_cleanup_close_ int made = openat(dir, entry->file, O_RDWR | O_CREAT | O_EXCL |
						  O_NOFOLLOW | O_CLOEXEC, 0600);

		if (made < 0 && errno == EEXIST)
			continue;
		if (made < 0 || flock(made, LOCK_EX | LOCK_NB) < 0)
			return ecap_err(-errno, "%s/%s: %s", ECAP_TC_JOURNAL, entry->file,
					strerror(errno));
		*fd = TAKE_FD(made);
		return 0;
	}
	return ecap_err(-EEXIST, "%s: has 10000 entries of pid %d", ECAP_TC_JOURNAL, entry->pid);
}

int ecap_tc_journal_add(const struct ecap_tc_journal *journal, struct ecap_tc_entry *entry, int *fd)
{
	_cleanup_close_ int made = -1;
	int err = make_file(journal->dir, entry, &made);

	if (!err)
		err = ecap_tc_entry_write(made, entry);
	if (err) {
		ecap_tc_journal_remove(journal, entry->file);
		return err;
	}
	*fd = TAKE_FD(made);
	return 0;
}

void ecap_tc_journal_settle(int fd, struct ecap_tc_entry *entry, int settled)
{
	entry->settled = settled;
	if (ecap_tc_entry_write(fd, entry))
		log_warn("packets", "%s", ecap_err_text());
}

void ecap_tc_journal_remove(const struct ecap_tc_journal *journal, const char *file)
{
	if (unlinkat(journal->dir, file, 0) < 0 && errno != ENOENT)
		log_warn("packets", "%s/%s: %s", ECAP_TC_JOURNAL, file, strerror(errno));
}

static void put_aside(const struct ecap_tc_journal *journal, const char *file)
{
	char aside[NAME_MAX + 1];

	snprintf(aside, sizeof(aside), "%.200s" DAMAGED, file);
	log_warn("packets", "%s/%s: %s; it may tell of a filter that is still there (tc filter "
		 "show); kept as %s", ECAP_TC_JOURNAL, file, ecap_err_text(), aside);
	if (renameat(journal->dir, file, journal->dir, aside) < 0)
		log_warn("packets", "%s/%s: %s", ECAP_TC_JOURNAL, file, strerror(errno));
}

/* Returns 0, or what has been dealt with: -ENODATA and other errors, or 1. */
static int read_file(const struct ecap_tc_journal *journal, const char *file,
		     struct ecap_tc_entry *entry, int *lives)
{
	_cleanup_close_ int fd = openat(journal->dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					O_CLOEXEC);
	int r = fd < 0 ? ecap_err(-errno, "%s", strerror(errno)) : ecap_tc_entry_read(fd, entry);

	snprintf(entry->file, sizeof(entry->file), "%s", file);
	*lives = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
	if (r == -ENODATA) /* killed before it wrote: it has changed nothing yet */
		ecap_tc_journal_remove(journal, file);
	else if (r == -EBADMSG && !*lives)
		put_aside(journal, file);
	else if (r < 0)
		log_warn("packets", "%s/%s: %s", ECAP_TC_JOURNAL, file, ecap_err_text());
	return r;
}

static int is_entry(const char *name)
{
	size_t n = strlen(name), suffix = strlen(SUFFIX);

	return n > suffix && n < sizeof(((struct ecap_tc_entry *)NULL)->file) &&
	       !strcmp(name + n - suffix, SUFFIX);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int ecap_tc_journal_each(const struct ecap_tc_journal *journal,
			 int (*visit)(void *arg, const struct ecap_tc_entry *entry, int lives),
			 void *arg)
{
	int fd = openat(journal->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir) {
		r = ecap_err(-errno, "%s: %s", ECAP_TC_JOURNAL, strerror(errno));
		ecap_closep(&fd);
		return r;
	}
	for (const struct dirent *at; !r && (at = readdir(dir));) {
		struct ecap_tc_entry entry = {0};
		int lives;

		if (is_entry(at->d_name) && !read_file(journal, at->d_name, &entry, &lives))
			r = visit(arg, &entry, lives);
	}
	return r;
}
