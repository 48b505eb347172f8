/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: see sink.h. Each has a buffer of its own and plain write(2); those that go to the
 * same place share an output, which one of them writes to at a time, whole events only. The first
 * error ends all writing to an output, so that a record which got out in part is never followed
 * by another one.
 */
#include "sink.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "err.h"
#include "log.h"
#include "open_writer.h"
#include "util.h"

#define WHAT        "event sink"
#define BUFFER_SIZE ((size_t)1 << 20)

/* How long a sink waits for another one's write before it looks whether it is to give up. */
#define LOCK_WAIT_NS 100000000

/* Bytes of others between two flushes: together with what is between them, far below IOV_MAX. */
#define MAX_REFERENCES 256

/* Bytes that come when @at bytes of the buffer were written. */
struct reference {
	size_t at, len;
	const char *data;
};

struct output {
	int fd;
	char *path; /* NULL: standard output, which is not ours to close */
	uint32_t users;
	int named; /* it had a name when it was opened */
	pthread_mutex_t lock; /* of who writes */
	_Atomic uint64_t written;
	atomic_int error;
};

struct ecap_sink {
	const char *what; /* for messages */
	struct output *output;
	char *buffer;
	size_t size, used;
	size_t whole; /* up to here the buffer holds whole events */
	struct reference references[MAX_REFERENCES];
	uint32_t n_references;
	int locked;   /* the output is ours: it has got a part of an event */
	atomic_int error;
	char text[512]; /* of @error: the thread's text may have changed since */
	atomic_int given_up;
};

static const char *name(const struct output *output)
{
	return output->path ? output->path : "standard output";
}

static int stopped(const struct ecap_sink *sink)
{
	return ecap_err(sink->error, "%s", sink->text);
}

static void forget(struct ecap_sink *sink)
{
	sink->used = sink->whole = 0;
	sink->n_references = 0;
}

static size_t waiting(const struct ecap_sink *sink)
{
	size_t size = sink->used;

	for (uint32_t i = 0; i < sink->n_references; i++)
		size += sink->references[i].len;
	return size;
}

static const char *why(const struct output *output, int err)
{
	if (err == -ETIMEDOUT)
		return "its reader does not read";
	if (err == -EBADF && !output->path) /* see packets/output.c */
		return "it is closed, or packets go there";
	return strerror(-err);
}

static int stop(struct ecap_sink *sink, int err, size_t lost)
{
	/* What the output has got of an event must stay the last of it. */
	if (sink->locked)
		atomic_store(&sink->output->error, err);
	sink->error = err;
	forget(sink);
	snprintf(sink->text, sizeof(sink->text), "%s %s: %s, %zu bytes not written", sink->what,
		 name(sink->output), why(sink->output, err), lost);
	return stopped(sink);
}

static int has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) || st.st_nlink;
}

/* Events and keys of files that somebody let others read: no reason to stop, since it may be meant. */
static void warn_of_readers(const char *what, const char *path, int fd)
{
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_mode & (S_IRGRP | S_IROTH))
		log_warn("host", "%s %s: others may read it (mode %04o); chmod 600 keeps it private",
			 what, path, st.st_mode & 07777u);
}

int ecap_sink_of_fd(const char *what, const char *path, int fd, struct ecap_sink **sink)
{
	_cleanup_free_ char *copy = path ? strdup(path) : NULL;
	_cleanup_free_ char *buffer = malloc(BUFFER_SIZE);
	_cleanup_free_ struct output *output = calloc(1, sizeof(*output));
	_cleanup_free_ struct ecap_sink *made = calloc(1, sizeof(*made));

	if ((path && !copy) || !buffer || !output || !made)
		return ecap_err(-ENOMEM, "%s: buffer of %zu bytes", what, BUFFER_SIZE);
	output->fd = fd;
	output->path = TAKE_PTR(copy);
	output->users = 1;
	output->named = path && has_name(fd);
	pthread_mutex_init(&output->lock, NULL);
	made->what = what;
	made->output = TAKE_PTR(output);
	made->buffer = TAKE_PTR(buffer);
	made->size = BUFFER_SIZE;
	*sink = TAKE_PTR(made);
	return 0;
}

/* Several may add to a file, but for one that packets are written to: see packets/output.c. */
static int check_use(const char *what, const char *path, int fd)
{
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && flock(fd, LOCK_SH | LOCK_NB) &&
	    errno == EWOULDBLOCK)
		return ecap_err(-EBUSY, "%s %s: in use, an ecapture writes packets to it; name "
				"another file", what, path);
	return 0;
}

int ecap_sink_append(const char *what, const char *path, struct ecap_sink **sink)
{
	_cleanup_close_ int opened = path ? ecap_open_writer(what, path, O_CREAT | O_APPEND) : -1;

	if (path && opened < 0)
		return opened;

	int err = path ? check_use(what, path, opened) : 0;

	if (!err)
		err = ecap_sink_of_fd(what, path, path ? opened : STDOUT_FILENO, sink);
	if (err)
		return err;
	if (path)
		warn_of_readers(what, path, opened);
	TAKE_FD(opened);
	return 0;
}

int ecap_sink_open(const char *path, struct ecap_sink **sink)
{
	return ecap_sink_append(WHAT, path, sink);
}

/*
 * Returns 0, or what close(2) says: network file systems report a full disk only there. -ENOENT:
 * nobody will ever see what was written.
 */
static int release(struct output *output)
{
	int err = 0;

	if (--output->users)
		return 0;
	if (output->written && output->named && !has_name(output->fd))
		err = -ENOENT;
	if (output->path && close(output->fd))
		err = -errno;
	pthread_mutex_destroy(&output->lock);
	free(output->path);
	free(output);
	return err;
}

static int same_place(int a, int b)
{
	struct stat st_a, st_b;

	if (a == b)
		return 1;
	return !fstat(a, &st_a) && !fstat(b, &st_b) && st_a.st_dev == st_b.st_dev &&
	       st_a.st_ino == st_b.st_ino;
}

int ecap_sink_share(struct ecap_sink *sink, struct ecap_sink *other)
{
	if (!same_place(sink->output->fd, other->output->fd))
		return 0;
	release(sink->output);
	sink->output = other->output;
	sink->output->users++;
	return 1;
}

int ecap_sink_fd(const struct ecap_sink *sink)
{
	return sink->output->path ? sink->output->fd : -1;
}

int ecap_sink_is_terminal(const struct ecap_sink *sink)
{
	return isatty(sink->output->fd);
}

int ecap_sink_error(const struct ecap_sink *sink)
{
	int err = atomic_load_explicit(&sink->error, memory_order_relaxed);

	return err ? err : atomic_load_explicit(&sink->output->error, memory_order_relaxed);
}

uint64_t ecap_sink_written(const struct ecap_sink *sink)
{
	return atomic_load(&sink->output->written);
}

void ecap_sink_give_up(struct ecap_sink *sink)
{
	atomic_store(&sink->given_up, 1);
}

/* Standard output may have been made non-blocking by whoever else holds it. */
static int wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* The bytes in their order: of the buffer, and of references. Returns how many pieces they are. */
static int gather(const struct ecap_sink *sink, size_t used, uint32_t n_references,
		  struct iovec *pieces)
{
	size_t done = 0;
	int n = 0;

	for (uint32_t i = 0; i < n_references; i++) {
		const struct reference *r = &sink->references[i];

		if (r->at > done)
			pieces[n++] = (struct iovec){ sink->buffer + done, r->at - done };
		pieces[n++] = (struct iovec){ (void *)r->data, r->len };
		done = r->at;
	}
	if (used > done)
		pieces[n++] = (struct iovec){ sink->buffer + done, used - done };
	return n;
}

static size_t size_of(const struct iovec *pieces, int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += pieces[i].iov_len;
	return size;
}

/* Takes what was written from the beginning of the pieces. Returns how many of them are through. */
static int skip(struct iovec *pieces, size_t written)
{
	int n = 0;

	while (written && written >= pieces[n].iov_len)
		written -= pieces[n++].iov_len;
	if (written) {
		pieces[n].iov_base = (char *)pieces[n].iov_base + written;
		pieces[n].iov_len -= written;
	}
	return n;
}

static int write_some(int fd, const struct iovec *pieces, int n, size_t *done)
{
	ssize_t written = writev(fd, pieces, n);

	if (written >= 0) {
		*done = (size_t)written;
		return 0;
	}
	if (errno == EINTR)
		return 0;
	if (errno == EAGAIN)
		return wait_writable(fd);
	return -errno;
}

/* The output may belong to a sink that stands still in its write. */
static int lock(struct ecap_sink *sink)
{
	struct timespec until;

	while (!sink->locked && pthread_mutex_trylock(&sink->output->lock)) {
		if (atomic_load(&sink->given_up))
			return -ETIMEDOUT;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOCK_WAIT_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!pthread_mutex_timedlock(&sink->output->lock, &until))
			break;
	}
	sink->locked = 1;
	return 0;
}

static void unlock(struct ecap_sink *sink)
{
	if (sink->locked)
		pthread_mutex_unlock(&sink->output->lock);
	sink->locked = 0;
}

/* All that there is; the output is ours. */
static int write_all(struct ecap_sink *sink)
{
	struct output *output = sink->output;
	struct iovec pieces[2 * MAX_REFERENCES + 1];
	int n = gather(sink, sink->used, sink->n_references, pieces);
	int err = atomic_load(&output->error);

	for (int i = 0; !err && i < n;) {
		size_t done = 0;

		err = atomic_load(&sink->given_up)
			? -ETIMEDOUT
			: write_some(output->fd, pieces + i, n - i, &done);
		i += skip(pieces + i, done);
		atomic_fetch_add_explicit(&output->written, done, memory_order_relaxed);
		if (err)
			return stop(sink, err, size_of(pieces + i, n - i));
	}
	if (err)
		return stop(sink, err, size_of(pieces, n));
	forget(sink);
	return 0;
}

/* @part: what the buffer holds ends within an event, which nobody else's may come into. */
static int flush(struct ecap_sink *sink, int part)
{
	int err = sink->error ? stopped(sink) : lock(sink);

	if (err && !sink->error)
		err = stop(sink, err, waiting(sink));
	if (!err)
		err = write_all(sink);
	if (err || !part)
		unlock(sink);
	return err;
}

int ecap_sink_flush(struct ecap_sink *sink)
{
	return flush(sink, 0);
}

/* Out of the way, so that what every record runs through stays small. */
static __attribute__((noinline)) char *make_room(struct ecap_sink *sink, size_t len)
{
	if (flush(sink, sink->locked || sink->used > sink->whole))
		return NULL;
	if (len > sink->size) {
		char *larger = malloc(len);

		if (!larger) {
			stop(sink, -ENOMEM, len);
			unlock(sink);
			return NULL;
		}
		free(sink->buffer);
		sink->buffer = larger;
		sink->size = len;
	}
	return sink->buffer;
}

char *ecap_sink_reserve(struct ecap_sink *sink, size_t len)
{
	if (atomic_load_explicit(&sink->error, memory_order_relaxed) ||
	    len > sink->size - sink->used)
		return make_room(sink, len);
	return sink->buffer + sink->used;
}

void ecap_sink_commit(struct ecap_sink *sink, size_t len)
{
	sink->used += len;
}

int ecap_sink_refer(struct ecap_sink *sink, const void *data, size_t len)
{
	if (sink->n_references == MAX_REFERENCES || sink->error) {
		int err = flush(sink, sink->locked || sink->used > sink->whole);

		if (err)
			return err;
	}
	if (!len)
		return 0;
	sink->references[sink->n_references++] =
		(struct reference){ .at = sink->used, .len = len, .data = data };
	return 0;
}

void ecap_sink_end_event(struct ecap_sink *sink)
{
	sink->whole = sink->used;
	if (sink->locked)
		flush(sink, 0);
}

void ecap_sink_rescue(struct ecap_sink *sink)
{
	struct iovec pieces[2 * MAX_REFERENCES + 1];
	uint32_t n_references = sink->n_references;

	while (n_references && sink->references[n_references - 1].at >= sink->whole)
		n_references--;

	int n = gather(sink, sink->whole, n_references, pieces);

	for (int i = 0; !sink->error && i < n;) {
		ssize_t done = writev(sink->output->fd, pieces + i, n - i);

		if (done <= 0)
			break;
		i += skip(pieces + i, (size_t)done);
	}
	forget(sink);
}

int ecap_sink_close(struct ecap_sink *sink)
{
	if (!sink)
		return 0;
	int err = ecap_sink_flush(sink), close_err;
	char text[sizeof(sink->text)];

	snprintf(text, sizeof(text), "%s %s", sink->what, name(sink->output));
	close_err = release(sink->output);
	if (close_err == -ENOENT && !err)
		err = ecap_err(-ENOENT, "%s: somebody removed it while it was written, with all "
			       "that was in it", text);
	else if (close_err && !err)
		err = ecap_err(close_err, "%s: close: %s", text, strerror(-close_err));
	free(sink->buffer);
	free(sink);
	return err;
}
