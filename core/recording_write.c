/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: each record becomes a frame in the buffer of a sink, with its checksums. It is
 * called for every record, so all else, errors too, is left to the flush of each batch.
 */
#include "recording.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <zlib.h>

#include "err.h"
#include "open_writer.h"
#include "recording_format.h"
#include "sink.h"
#include "util.h"

struct ecap_recorder {
	struct ecap_sink *sink;
	uint64_t records, lost;
	uint32_t n_maps;
};

static uint32_t crc_of(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

/* Room for a frame's payload, or NULL: the sink has failed, and says so when it is flushed. */
static char *frame_begin(struct ecap_sink *sink, uint32_t len)
{
	char *out = ecap_sink_reserve(sink, sizeof(struct recording_frame) + recording_padded(len));

	return out ? out + sizeof(struct recording_frame) : NULL;
}

static void frame_end(struct ecap_sink *sink, char *payload, struct recording_frame frame)
{
	uint64_t padded = recording_padded(frame.len);

	memset(payload + frame.len, 0, padded - frame.len);
	frame.payload_crc = crc_of(payload, frame.len);
	frame.crc = crc_of(&frame, offsetof(struct recording_frame, crc));
	memcpy(payload - sizeof(frame), &frame, sizeof(frame));
	ecap_sink_commit(sink, sizeof(frame) + padded);
	ecap_sink_end_event(sink);
}

static void put_frame(struct ecap_sink *sink, struct recording_frame frame, const void *data)
{
	char *payload = frame_begin(sink, frame.len);

	if (!payload)
		return;
	memcpy(payload, data, frame.len);
	frame_end(sink, payload, frame);
}

static void put_start(struct ecap_sink *sink)
{
	struct recording_start start = { .magic = RECORDING_MAGIC, .major = RECORDING_MAJOR,
					 .minor = RECORDING_MINOR };
	char *out = ecap_sink_reserve(sink, sizeof(start));

	start.crc = crc_of(&start, offsetof(struct recording_start, crc));
	if (!out)
		return;
	memcpy(out, &start, sizeof(start));
	ecap_sink_commit(sink, sizeof(start));
}

static void put_context(struct ecap_sink *sink, const struct ecap_recording_head *head)
{
	const struct ecap_context *context = &head->context;
	const struct ecap_common *common = &head->common;
	struct recording_context data = {
		.abi_major = head->abi_major, .abi_minor = head->abi_minor,
		.kernel_version = context->kernel_version, .features = context->features,
		.mono_to_real_ns = context->mono_to_real_ns, .n_cpus = context->n_cpus,
		.page_size = context->page_size, .btf_mode = context->btf_mode,
		.page_count = common->page_count, .pid = common->pid, .uid = common->uid,
		.cgroup_id = common->cgroup_id, .ring_bytes = common->ring_bytes,
		.truncate = common->truncate, .hex = common->hex, .debug = common->debug,
	};
	struct recording_frame frame = { .type = RECORDING_CONTEXT, .len = sizeof(data) };

	memcpy(data.comm, common->comm, sizeof(data.comm));
	put_frame(sink, frame, &data);
}

static void put_module(struct ecap_sink *sink, const struct ecap_recording_head *head)
{
	const char *const words[] = { head->module, head->version, head->host };
	struct recording_frame frame = { .type = RECORDING_MODULE };
	char *payload, *end;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		frame.len += (uint32_t)strlen(words[i]) + 1;
	payload = end = frame_begin(sink, frame.len);
	if (!payload)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		end = stpcpy(end, words[i]) + 1;
	frame_end(sink, payload, frame);
}

static void put_map(struct ecap_sink *sink, const struct ecap_map *map)
{
	struct recording_map data = { .id = map->id, .min_record = map->min_record };
	struct recording_frame frame = { .type = RECORDING_MAP };
	char *payload;

	frame.len = (uint32_t)(sizeof(data) + strlen(map->name) + 1);
	payload = frame_begin(sink, frame.len);
	if (!payload)
		return;
	memcpy(payload, &data, sizeof(data));
	strcpy(payload + sizeof(data), map->name);
	frame_end(sink, payload, frame);
}

static void put_options(struct ecap_sink *sink, const char *options)
{
	struct recording_frame frame = { .type = RECORDING_OPTIONS,
					 .flags = RECORDING_F_OPTIONAL,
					 .len = (uint32_t)strlen(options) + 1 };

	put_frame(sink, frame, options);
}

static int not_regular(const char *path)
{
	return ecap_err(-EINVAL, "recording %s: not a regular file", path);
}

/* A device or FIFO is not even opened. */
static int open_file(const char *path, int *fd)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return not_regular(path);
	_cleanup_close_ int opened = ecap_open_writer("recording", path, O_CREAT);

	if (opened < 0)
		return opened;
	if (fstat(opened, &st))
		return ecap_err(-errno, "recording %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return not_regular(path);
	if (flock(opened, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return ecap_err(-EBUSY, "recording %s: in use, an ecapture records to it or "
				"replays it; name another file", path);
	if (fchmod(opened, 0600) || ftruncate(opened, 0))
		return ecap_err(-errno, "recording %s: %s", path, strerror(errno));
	*fd = TAKE_FD(opened);
	return 0;
}

static void sink_closep(struct ecap_sink **sink)
{
	ecap_sink_close(*sink);
}

static int open_sink(const char *path, struct ecap_sink **sink)
{
	_cleanup_close_ int fd = -1;
	int err = open_file(path, &fd);

	if (!err)
		err = ecap_sink_of_fd("recording", path, fd, sink);
	if (!err)
		TAKE_FD(fd);
	return err;
}

static int put_head(struct ecap_sink *sink, const struct ecap_recording_head *head)
{
	put_start(sink);
	put_context(sink, head);
	put_module(sink, head);
	for (uint32_t i = 0; i < head->n_maps; i++)
		put_map(sink, &head->maps[i]);
	if (*head->options)
		put_options(sink, head->options);
	return ecap_sink_flush(sink);
}

int ecap_recorder_open(const char *path, const struct ecap_recording_head *head,
		       struct ecap_recorder **recorder)
{
	_cleanup_(sink_closep) struct ecap_sink *sink = NULL;
	_cleanup_free_ struct ecap_recorder *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	if (head->n_maps > ECAP_MAPS_MAX)
		return ecap_err(-E2BIG, "recording %s: %u maps, a recording holds those of %u",
				path, head->n_maps, ECAP_MAPS_MAX);
	err = open_sink(path, &sink);
	if (!err)
		err = put_head(sink, head);
	if (err)
		return err;
	made->n_maps = head->n_maps;
	made->sink = TAKE_PTR(sink);
	*recorder = TAKE_PTR(made);
	return 0;
}

void ecap_recorder_record(struct ecap_recorder *recorder, uint32_t map, const void *record,
			  uint32_t len)
{
	recorder->records++;
	put_frame(recorder->sink,
		  (struct recording_frame){ .type = RECORDING_RECORD, .map = map, .len = len },
		  record);
}

void ecap_recorder_lost(struct ecap_recorder *recorder, uint32_t map, uint64_t n)
{
	struct recording_lost data = { .n = n };

	recorder->lost += n;
	put_frame(recorder->sink,
		  (struct recording_frame){ .type = RECORDING_LOST, .map = map,
					    .len = sizeof(data) }, &data);
}

int ecap_recorder_flush(struct ecap_recorder *recorder)
{
	return ecap_sink_flush(recorder->sink);
}

uint64_t ecap_recorder_written(const struct ecap_recorder *recorder)
{
	return ecap_sink_written(recorder->sink);
}

void ecap_recorder_give_up(struct ecap_recorder *recorder)
{
	ecap_sink_give_up(recorder->sink);
}

void ecap_recorder_rescue(struct ecap_recorder *recorder)
{
	ecap_sink_rescue(recorder->sink);
}

static void put_end(struct ecap_recorder *recorder, const struct ecap_reader_count *counts)
{
	struct recording_end data = { .records = recorder->records, .lost = recorder->lost,
				      .n_maps = recorder->n_maps,
				      .row_size = sizeof(struct recording_end_row) };
	struct recording_frame frame = { .type = RECORDING_END };
	char *payload, *row;

	frame.len = (uint32_t)(sizeof(data) + data.n_maps * data.row_size);
	payload = frame_begin(recorder->sink, frame.len);
	if (!payload)
		return;
	memcpy(payload, &data, sizeof(data));
	row = payload + sizeof(data);
	for (uint32_t i = 0; i < data.n_maps; i++, row += data.row_size) {
		struct recording_end_row r = {
			.records = counts[i].records, .short_records = counts[i].short_records,
			.lost_records = counts[i].lost_records,
			.lost_bytes = counts[i].lost_bytes,
			.fault_bytes = counts[i].fault_bytes,
		};

		memcpy(row, &r, sizeof(r));
	}
	frame_end(recorder->sink, payload, frame);
}

int ecap_recorder_close(struct ecap_recorder *recorder, const struct ecap_reader_count *counts)
{
	if (!recorder)
		return 0;
	put_end(recorder, counts);
	int err = ecap_sink_close(recorder->sink);

	free(recorder);
	return err;
}
