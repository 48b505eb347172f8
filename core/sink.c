/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: see sink.h. One buffer and plain write(2). The first error is kept with its text and
 * ends all output, so that a record which got out in part is never followed by another one.
 */
#include "sink.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "err.h"
#include "util.h"

#define BUFFER_SIZE ((size_t)1 << 20)

struct ecap_sink {
	const char *what; /* for messages */
	int fd;
	char *path; /* NULL: standard output, which is not ours to close */
	char *buffer;
	size_t size, used;
	_Atomic uint64_t written;
	atomic_int given_up;
	int error;
	char text[512]; /* of @error: the thread's text may have changed since */
};

static const char *name(const struct ecap_sink *sink)
{
	return sink->path ? sink->path : "standard output";
}

static int stopped(const struct ecap_sink *sink)
{
	return ecap_err(sink->error, "%s", sink->text);
}

static int stop(struct ecap_sink *sink, int err, size_t lost)
{
	sink->error = err;
	sink->used = 0;
	snprintf(sink->text, sizeof(sink->text), "%s %s: %s, %zu bytes not written",
		 sink->what, name(sink), strerror(-err), lost);
	return stopped(sink);
}

static int open_file(const char *path, int *fd)
{
	/* A symbolic link is followed: it was root who named it. */
	int opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	if (opened < 0)
		return ecap_err(-errno, "event sink %s: %s", path, strerror(errno));
	*fd = opened;
	return 0;
}

int ecap_sink_of_fd(const char *what, const char *path, int fd, struct ecap_sink **sink)
{
	_cleanup_free_ char *copy = path ? strdup(path) : NULL;
	_cleanup_free_ char *buffer = malloc(BUFFER_SIZE);
	_cleanup_free_ struct ecap_sink *made = calloc(1, sizeof(*made));

	if ((path && !copy) || !buffer || !made)
		return ecap_err(-ENOMEM, "%s: buffer of %zu bytes", what, BUFFER_SIZE);
	made->what = what;
	made->fd = fd;
	made->path = TAKE_PTR(copy);
	made->buffer = TAKE_PTR(buffer);
	made->size = BUFFER_SIZE;
	*sink = TAKE_PTR(made);
	return 0;
}

int ecap_sink_open(const char *path, struct ecap_sink **sink)
{
	_cleanup_close_ int opened = -1;
	int err = path ? open_file(path, &opened) : 0;

	if (!err)
		err = ecap_sink_of_fd("event sink", path, path ? opened : STDOUT_FILENO, sink);
	if (!err)
		TAKE_FD(opened);
	return err;
}

int ecap_sink_is_terminal(const struct ecap_sink *sink)
{
	return isatty(sink->fd);
}

int ecap_sink_error(const struct ecap_sink *sink)
{
	return sink->error;
}

uint64_t ecap_sink_written(const struct ecap_sink *sink)
{
	return atomic_load(&sink->written);
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

static int write_some(int fd, const char *data, size_t len, size_t *done)
{
	ssize_t n = write(fd, data, len);

	if (n >= 0) {
		*done += (size_t)n;
		return 0;
	}
	if (errno == EINTR)
		return 0;
	if (errno == EAGAIN)
		return wait_writable(fd);
	return -errno;
}

int ecap_sink_flush(struct ecap_sink *sink)
{
	size_t done = 0;

	if (sink->error)
		return stopped(sink);
	while (done < sink->used) {
		size_t before = done;
		int err = atomic_load(&sink->given_up)
			? -ETIMEDOUT
			: write_some(sink->fd, sink->buffer + done, sink->used - done, &done);

		if (err)
			return stop(sink, err, sink->used - done);
		atomic_fetch_add_explicit(&sink->written, done - before, memory_order_relaxed);
	}
	sink->used = 0;
	return 0;
}

/* Out of the way, so that what every record runs through stays small. */
static __attribute__((noinline)) char *make_room(struct ecap_sink *sink, size_t len)
{
	if (ecap_sink_flush(sink))
		return NULL;
	if (len > sink->size) {
		char *larger = malloc(len);

		if (!larger) {
			stop(sink, -ENOMEM, len);
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
	if (sink->error || len > sink->size - sink->used)
		return make_room(sink, len);
	return sink->buffer + sink->used;
}

void ecap_sink_commit(struct ecap_sink *sink, size_t len)
{
	sink->used += len;
}

int ecap_sink_close(struct ecap_sink *sink)
{
	if (!sink)
		return 0;
	int err = ecap_sink_flush(sink);

	/* Network file systems report a full disk only here. */
	if (sink->path && close(sink->fd) && !err)
		err = ecap_err(-errno, "%s %s: close: %s", sink->what, sink->path, strerror(errno));
	free(sink->buffer);
	free(sink->path);
	free(sink);
	return err;
}
