/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service ecap.keylog/1. Those who open the same file, by whatever names, share one log: a
 * line that one of them wrote is not written by another, and none comes into the middle of
 * another's.
 */
#include <pthread.h>
#include <string.h>

#include "err.h"
#include "key_lines.h"
#include "services.h"
#include "sink.h"
#include "util.h"

struct ecap_keylog_file {
	struct ecap_keylog_file *next; /* in @logs */
	uint32_t users;
	pthread_mutex_t lock; /* of @sink and @lines: each user has a thread of its own */
	struct ecap_sink *sink;
	struct ecap_key_lines *lines;
};

static struct ecap_keylog_file *logs; /* that are open; [main] */

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
	pthread_mutex_lock(&file->lock);
	added = ecap_key_lines_add(file->lines, line, (size_t)size);
	if (added > 0)
		err = write_line(file->sink, line, (size_t)size);
	pthread_mutex_unlock(&file->lock);
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
	ecap_sink_close(file->sink);
	ecap_key_lines_free(file->lines);
	pthread_mutex_destroy(&file->lock);
	free(file);
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
	int err = ecap_sink_open(strcmp(path, "-") ? path : NULL, &sink);

	(void)self;
	if (err)
		return err;
	log = shared(sink);
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
