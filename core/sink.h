/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where rendered events and recorded records go: standard output or a file, through one large
 * buffer. Used by one thread (the reader's) until it has ended; made, shared and closed by the
 * main thread.
 */
#ifndef ECAPTURE_CORE_SINK_H
#define ECAPTURE_CORE_SINK_H

#include <stddef.h>
#include <stdint.h>

struct ecap_sink;

/*
 * Opens the sink. @path: NULL for standard output, else a file, which is made with mode 0600
 * (it holds what was encrypted) and appended to, or a FIFO, whose reader it waits for. Returns 0
 * or a negative errno with a text.
 */
int ecap_sink_open(const char *path, struct ecap_sink **sink);

/* The same for something else than events: @what, which the caller keeps, is for messages. */
int ecap_sink_append(const char *what, const char *path, struct ecap_sink **sink);

/*
 * A sink on a file that is open; it closes @fd unless @path is NULL. @what, which the caller keeps,
 * and @path are for messages. Returns 0, or a negative errno with a text: @fd is not closed then.
 */
int ecap_sink_of_fd(const char *what, const char *path, int fd, struct ecap_sink **sink);

/*
 * When both go to the same file, by whatever names: makes @sink use that of @other, so that what
 * they write never mixes within an event, and an error of one ends both. Before either is used.
 * Returns 1 when they do. Sinks that share nothing never wait for each other.
 */
int ecap_sink_share(struct ecap_sink *sink, struct ecap_sink *other);

/* Its descriptor, which stays the sink's; -1: standard output, where others may write, too. */
int ecap_sink_fd(const struct ecap_sink *sink);

/* 1 when it is a terminal. */
int ecap_sink_is_terminal(const struct ecap_sink *sink);

/* Space for @len more bytes at the end of the buffer (flushes, and grows it for larger ones); NULL on error. */
char *ecap_sink_reserve(struct ecap_sink *sink, size_t len);
/* Adds the first @len bytes of what was reserved. */
void ecap_sink_commit(struct ecap_sink *sink, size_t len);
/*
 * Adds bytes that are written from where they are, which saves a copy of large ones: they stay
 * there, as they are, until the next flush by the caller, or an error. Returns 0 or the error.
 */
int ecap_sink_refer(struct ecap_sink *sink, const void *data, size_t len);
/* What was committed up to here may stand before an event of another sink. */
void ecap_sink_end_event(struct ecap_sink *sink);

/*
 * Writes what is buffered. Returns 0, or a negative errno with a text (disk full, reader gone),
 * which stays: every later call returns it too.
 */
int ecap_sink_flush(struct ecap_sink *sink);

/*
 * For a sink that stands still (a pager that is not read, a full pipe). [any thread]
 * The bytes written so far; and the order to write no more: a write that waits ends with
 * -ETIMEDOUT once a signal interrupts it.
 */
uint64_t ecap_sink_written(const struct ecap_sink *sink);
void ecap_sink_give_up(struct ecap_sink *sink);

/* The error that stopped the sink, or the file that it shares, or 0. [any thread] */
int ecap_sink_error(const struct ecap_sink *sink);

/*
 * Writes the whole events that are buffered, when nothing will do it any more: for a signal handler
 * in the thread that uses the sink, and for main once that thread is left behind.
 * Async-signal-safe.
 */
void ecap_sink_rescue(struct ecap_sink *sink);

/*
 * Flushes and closes. Returns what the flush returned; or -ENOENT with a text, when all that was
 * written is gone: somebody has removed the file meanwhile. NULL is allowed.
 */
int ecap_sink_close(struct ecap_sink *sink);

#endif
