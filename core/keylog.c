/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service ecap.keylog/1. Those who open the same file, by whatever names, share one log: a
 * line that one of them wrote is not written by another, and none comes into the middle of
 * another's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "instance_private.h"
#include "key_lines.h"
#include "services.h"
#include "sink.h"
#include "util.h"

#define WHAT "key log"

struct ecap_keylog_file {
	struct ecap_keylog_file *next; /* in @logs */
	uint32_t users;
	pthread_mutex_t lock; /* of @sink and @lines: each user has a thread of its own */
	struct ecap_sink *sink;
	struct ecap_key_lines *lines;
};

static struct ecap_keylog_file *logs; /* that are open; [main] */

/* A write may wait for its reader: who ends the instance then knows what the module waits for. */
static void is_writing(struct ecap_sink *sink)
{
	if (ecap_crumb && ecap_crumb->instance)
		atomic_store(&ecap_crumb->instance->serving, sink);
}

static int write_line(struct ecap_sink *sink, const char *line, size_t len)
{
	char *room = ecap_sink_reserve(sink, len);

	if (!room)
		return ecap_sink_error(sink);
	memcpy(room, line, len);
	ecap_sink_commit(sink, len);
	ecap_sink_end_event(sink);
	return ecap_sink_flush(sink);
}

static int keylog_add(struct ecap_keylog_file *file, const char *label, const void *random,
		      const void *secret, uint32_t len)
{
	char line[ECAP_KEY_LINE_MAX];
	int size = ecap_key_line(line, label, random, secret, len), added, err = 0;

	if (size < 0)
		return size;
	is_writing(file->sink);
	pthread_mutex_lock(&file->lock);
	added = ecap_key_lines_add(file->lines, line, (size_t)size);
	if (added > 0)
		err = write_line(file->sink, line, (size_t)size);
	pthread_mutex_unlock(&file->lock);
	is_writing(NULL);
	if (err == -EINVAL) /* which would mean that the line is none */
		err = ecap_err(-EIO, "%s", ecap_err_text());
	return err ? err : added;
}

static void keylog_close(struct ecap_keylog_file *file)
{
	struct ecap_keylog_file **at = &logs;

	if (!file || --file->users)
		return;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;

	int err = ecap_sink_close(file->sink);

	if (err && ecap_crumb && ecap_crumb->instance)
		ecap_instance_abort(ecap_crumb->instance, err, ecap_err_text());
	ecap_key_lines_free(file->lines);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

/* So does one that was written to a full disk: the first line of ours would be lost as well. */
static int ends_within_line(const char *path)
{
	struct stat st;
	char last;

	/* Who opens a FIFO reads it. */
	if (stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	return fd >= 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

/* The log that is open on that file already, or NULL. */
static struct ecap_keylog_file *shared(struct ecap_sink *sink)
{
	struct ecap_keylog_file *log = logs;

	while (log && !ecap_sink_share(sink, log->sink))
		log = log->next;
	return log;
}

static struct ecap_keylog_file *new_log(struct ecap_sink *sink)
{
	struct ecap_keylog_file *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->lines = ecap_key_lines_new();
	if (!made->lines) {
		free(made);
		return NULL;
	}
	pthread_mutex_init(&made->lock, NULL);
	made->sink = sink;
	made->next = logs;
	logs = made;
	return made;
}

static int keylog_open(struct ecap_instance *self, const char *path, struct ecap_keylog_file **file)
{
	struct ecap_keylog_file *log;
	struct ecap_sink *sink;
	int err = ecap_sink_append(WHAT, strcmp(path, "-") ? path : NULL, &sink);

	(void)self;
	if (err)
		return err;
	log = shared(sink);
	if (!log && strcmp(path, "-") && ends_within_line(path))
		err = write_line(sink, "\n", 1);
	if (err) {
		ecap_sink_close(sink);
		return err;
	}
	if (log)
		ecap_sink_close(sink);
	else
		log = new_log(sink);
	if (!log) {
		ecap_sink_close(sink);
		return ecap_err(-ENOMEM, "out of memory for a key log");
	}
	log->users++;
	*file = log;
	return 0;
}

const struct ecap_keylog ecap_keylog_service = {
	.struct_size = sizeof(ecap_keylog_service),
	.open = keylog_open,
	.close = keylog_close,
	.add = keylog_add,
};
