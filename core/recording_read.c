/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings, read: one pass over the whole file checks every byte of it, so that the second,
 * which hands out the records, has nothing left to doubt. A file may come from anywhere.
 */
#include "recording.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "err.h"
#include "recording_format.h"
#include "util.h"

struct ecap_recording {
	char *name;
	const uint8_t *data;
	size_t size;
	void *mapped;   /* what is to be unmapped, or NULL */
	int fd;         /* holds the lock; -1: none */
	struct ecap_recording_head head;
	uint64_t n_frames, records, lost; /* that were seen */
	int complete;
	size_t at, end; /* of the frame in work; behind the last whole frame */
	struct ecap_map maps[ECAP_MAPS_MAX];
	struct ecap_reader_count counts[ECAP_MAPS_MAX];
};

static int damaged(const struct ecap_recording *r, size_t offset, const char *why)
{
	return ecap_err(-EBADMSG, "%s: damaged at offset %zu: %s", r->name, offset, why);
}

static uint32_t crc_of(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

static const struct recording_frame *frame_at(const struct ecap_recording *r)
{
	return (const void *)(r->data + r->at);
}

static const void *payload_of(const struct recording_frame *frame)
{
	return frame + 1;
}

static int take_context(struct ecap_recording *r, const struct recording_frame *frame)
{
	const struct recording_context *data = payload_of(frame);
	struct ecap_recording_head *head = &r->head;

	head->abi_major = data->abi_major;
	head->abi_minor = data->abi_minor;
	head->context = (struct ecap_context){
		.struct_size = sizeof(head->context), .kernel_version = data->kernel_version,
		.features = data->features, .btf_mode = data->btf_mode, .n_cpus = data->n_cpus,
		.page_size = data->page_size, .mono_to_real_ns = data->mono_to_real_ns,
	};
	head->common = (struct ecap_common){
		.struct_size = sizeof(head->common), .page_count = data->page_count,
		.pid = data->pid, .uid = data->uid, .cgroup_id = data->cgroup_id,
		.ring_bytes = data->ring_bytes, .truncate = data->truncate, .hex = data->hex,
		.debug = data->debug,
	};
	memcpy(head->common.comm, data->comm, sizeof(data->comm) - 1);
	return 0;
}

static int take_module(struct ecap_recording *r, const struct recording_frame *frame)
{
	const char **const words[] = { &r->head.module, &r->head.version, &r->head.host };
	const char *at = payload_of(frame), *end = at + frame->len;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *nul = memchr(at, 0, (size_t)(end - at));

		if (!nul)
			return damaged(r, r->at, "a name without its end");
		*words[i] = at;
		at = nul + 1;
	}
	return 0;
}

static int take_map(struct ecap_recording *r, const struct recording_frame *frame)
{
	const struct recording_map *data = payload_of(frame);
	const char *name = (const char *)(data + 1);

	if (!memchr(name, 0, frame->len - sizeof(*data)))
		return damaged(r, r->at, "a name without its end");
	if (r->head.n_maps == ECAP_MAPS_MAX)
		return damaged(r, r->at, "too many maps");
	r->maps[r->head.n_maps++] = (struct ecap_map){
		.name = name, .fd = -1, .control_fd = -1, .stats_fd = -1, .id = data->id,
		.min_record = data->min_record,
	};
	return 0;
}

static int take_options(struct ecap_recording *r, const struct recording_frame *frame)
{
	const char *text = payload_of(frame);

	if (!memchr(text, 0, frame->len))
		return damaged(r, r->at, "a text without its end");
	r->head.options = text;
	return 0;
}

static int take_record(struct ecap_recording *r, const struct recording_frame *frame)
{
	if (frame->map >= r->head.n_maps)
		return damaged(r, r->at, "a record of a map that was not named");
	if (frame->len < r->maps[frame->map].min_record)
		return damaged(r, r->at, "a record shorter than those of its map");
	r->records++;
	r->counts[frame->map].records++;
	return 0;
}

static int take_lost(struct ecap_recording *r, const struct recording_frame *frame)
{
	const struct recording_lost *data = payload_of(frame);
	if (frame->map >= r->head.n_maps)
		return damaged(r, r->at, "losses of a map that was not named");
	r->lost += data->n;
	r->counts[frame->map].lost_records += data->n;
	return 0;
}

static int take_end(struct ecap_recording *r, const struct recording_frame *frame)
{
	const struct recording_end *data = payload_of(frame);
	const char *row = (const char *)(data + 1);
	size_t room = frame->len - sizeof(*data);

	if (data->records != r->records || data->lost != r->lost)
		return damaged(r, r->at, "frames are missing before it");
	if (data->row_size < sizeof(struct recording_end_row) || data->row_size % 8 ||
	    data->n_maps != r->head.n_maps || data->n_maps > room / data->row_size)
		return damaged(r, r->at, "not one row for each map");
	for (uint32_t i = 0; i < data->n_maps; i++, row += data->row_size) {
		const struct recording_end_row *of = (const void *)row;

		r->counts[i] = (struct ecap_reader_count){
			.records = of->records, .short_records = of->short_records,
			.lost_records = of->lost_records, .lost_bytes = of->lost_bytes,
			.fault_bytes = of->fault_bytes,
		};
	}
	r->complete = 1;
	return 0;
}

static const struct {
	uint32_t min_len;
	int (*take)(struct ecap_recording *r, const struct recording_frame *frame);
} kinds[] = {
	[RECORDING_CONTEXT] = { sizeof(struct recording_context), take_context },
	[RECORDING_MODULE] = { 0, take_module },
	[RECORDING_MAP] = { sizeof(struct recording_map), take_map },
	[RECORDING_OPTIONS] = { 0, take_options },
	[RECORDING_RECORD] = { 0, take_record },
	[RECORDING_LOST] = { sizeof(struct recording_lost), take_lost },
	[RECORDING_END] = { sizeof(struct recording_end), take_end },
};

/* The first two frames are the context and the module, and there is one of each. */
static int in_order(const struct ecap_recording *r, const struct recording_frame *frame)
{
	if (r->n_frames == 0 || frame->type == RECORDING_CONTEXT)
		return r->n_frames == 0 && frame->type == RECORDING_CONTEXT;
	if (r->n_frames == 1 || frame->type == RECORDING_MODULE)
		return r->n_frames == 1 && frame->type == RECORDING_MODULE;
	return 1;
}

static int take_frame(struct ecap_recording *r, const struct recording_frame *frame)
{
	if (!in_order(r, frame))
		return damaged(r, r->at, "not the frame that belongs here");
	r->n_frames++;
	if (frame->type >= ARRAY_SIZE(kinds) || !kinds[frame->type].take) {
		if (frame->flags & RECORDING_F_OPTIONAL)
			return 0;
		return ecap_err(-EPROTONOSUPPORT, "%s: a frame of type %u at offset %zu, which "
				"this ecapture does not know; upgrade it", r->name, frame->type,
				r->at);
	}
	if (frame->len < kinds[frame->type].min_len)
		return damaged(r, r->at, "a frame shorter than those of its type");
	return kinds[frame->type].take(r, frame);
}

static int check_payload(const struct ecap_recording *r, const struct recording_frame *frame)
{
	const uint8_t *payload = payload_of(frame);
	uint64_t padded = recording_padded(frame->len);

	if (crc_of(payload, frame->len) != frame->payload_crc)
		return damaged(r, r->at, "the payload does not match its checksum");
	for (uint64_t i = frame->len; i < padded; i++)
		if (payload[i])
			return damaged(r, r->at, "the payload is not filled up with zeros");
	return 0;
}

/* 1: the frame at r->at is whole and sound; 0: the file ends before it does. */
static int check_frame(const struct ecap_recording *r)
{
	const struct recording_frame *frame = frame_at(r);
	size_t left = r->size - r->at;
	int err;

	if (left < sizeof(*frame))
		return 0;
	if (crc_of(frame, offsetof(struct recording_frame, crc)) != frame->crc)
		return damaged(r, r->at, "the frame does not match its checksum");
	if (recording_padded(frame->len) > left - sizeof(*frame))
		return 0;
	err = check_payload(r, frame);
	return err ? err : 1;
}

static int check_frames(struct ecap_recording *r)
{
	int got = 0;

	r->at = sizeof(struct recording_start);
	while (!r->complete && (got = check_frame(r)) > 0) {
		const struct recording_frame *frame = frame_at(r);
		int err = take_frame(r, frame);

		if (err)
			return err;
		r->at += sizeof(*frame) + recording_padded(frame->len);
	}
	if (got < 0)
		return got;
	r->end = r->at;
	if (r->complete && r->end != r->size)
		return damaged(r, r->end, "something follows the end");
	return 0;
}

static int cut_short(const struct ecap_recording *r, size_t offset)
{
	return ecap_err(-ENODATA, "%s: ends at offset %zu, before its first record", r->name,
			offset);
}

static int check_start(const struct ecap_recording *r)
{
	static const char magic[] = RECORDING_MAGIC;
	const struct recording_start *start = (const void *)r->data;
	size_t n = r->size < sizeof(start->magic) ? r->size : sizeof(start->magic);

	if (!n || memcmp(r->data, magic, n))
		return ecap_err(-EBADMSG, "%s: damaged at offset 0, or not a recording: it does "
				"not begin as one", r->name);
	if (r->size < sizeof(*start))
		return cut_short(r, r->size);
	if (start->major != RECORDING_MAJOR)
		return ecap_err(-EPROTONOSUPPORT, "%s: format %u.%u, this ecapture reads format "
				"%u; use the ecapture that recorded it, or a newer one", r->name,
				start->major, start->minor, RECORDING_MAJOR);
	if (crc_of(start, offsetof(struct recording_start, crc)) != start->crc)
		return damaged(r, 0, "the beginning does not match its checksum");
	return 0;
}

static int check(struct ecap_recording *r)
{
	int err = check_start(r);

	if (!err)
		err = check_frames(r);
	if (!err && r->n_frames < 2)
		err = cut_short(r, r->end);
	r->at = sizeof(struct recording_start);
	return err;
}

static void recording_freep(struct ecap_recording **recording)
{
	ecap_recording_free(*recording);
}

static int recording_new(const char *name, struct ecap_recording **recording)
{
	_cleanup_(recording_freep) struct ecap_recording *made = calloc(1, sizeof(*made));

	if (made) {
		made->fd = -1;
		made->head.options = "";
		made->head.maps = made->maps;
		made->name = strdup(name);
	}
	if (!made || !made->name)
		return ecap_err(-ENOMEM, "out of memory");
	*recording = TAKE_PTR(made);
	return 0;
}

int ecap_recording_of_memory(const char *name, const void *data, size_t size,
			     struct ecap_recording **recording)
{
	_cleanup_(recording_freep) struct ecap_recording *made = NULL;
	int err = recording_new(name, &made);

	if (err)
		return err;
	made->data = data;
	made->size = size;
	err = check(made);
	if (!err)
		*recording = TAKE_PTR(made);
	return err;
}

/* Once a capture that goes on is over, or a copy was made, nothing changes while it is read. */
static int open_file(const char *path, int *fd, size_t *size)
{
	_cleanup_close_ int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (opened < 0 || fstat(opened, &st))
		return ecap_err(-errno, "%s: cannot open it: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(-EINVAL, "%s: not a regular file", path);
	if (flock(opened, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK)
		return ecap_err(-EBUSY, "%s: an ecapture records to it; end that one first, or "
				"copy the file", path);
	*size = (size_t)st.st_size;
	*fd = TAKE_FD(opened);
	return 0;
}

static int map_file(struct ecap_recording *r, const char *path)
{
	int err = open_file(path, &r->fd, &r->size);

	if (err || !r->size)
		return err;
	r->mapped = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, r->fd, 0);
	if (r->mapped == MAP_FAILED) {
		r->mapped = NULL;
		return ecap_err(-errno, "%s: cannot map it: %s", path, strerror(errno));
	}
	madvise(r->mapped, r->size, MADV_SEQUENTIAL);
	r->data = r->mapped;
	return 0;
}

int ecap_recording_open(const char *path, struct ecap_recording **recording)
{
	_cleanup_(recording_freep) struct ecap_recording *made = NULL;
	int err = recording_new(path, &made);

	if (!err)
		err = map_file(made, path);
	if (!err)
		err = check(made);
	if (!err)
		*recording = TAKE_PTR(made);
	return err;
}

void ecap_recording_free(struct ecap_recording *r)
{
	if (!r)
		return;
	if (r->mapped)
		munmap(r->mapped, r->size);
	ecap_closep(&r->fd);
	free(r->name);
	free(r);
}

const struct ecap_recording_head *ecap_recording_head(const struct ecap_recording *recording)
{
	return &recording->head;
}

struct ecap_recording_item ecap_recording_next(struct ecap_recording *r)
{
	while (r->at < r->end) {
		const struct recording_frame *frame = frame_at(r);
		const struct recording_lost *lost = payload_of(frame);

		r->at += sizeof(*frame) + recording_padded(frame->len);
		if (frame->type == RECORDING_RECORD)
			return (struct ecap_recording_item){
				.kind = ECAP_RECORDING_RECORD, .map = frame->map,
				.data = payload_of(frame), .len = frame->len };
		if (frame->type == RECORDING_LOST)
			return (struct ecap_recording_item){ .kind = ECAP_RECORDING_LOST,
							     .map = frame->map,
							     .lost = lost->n };
	}
	return (struct ecap_recording_item){ .kind = ECAP_RECORDING_END };
}

int ecap_recording_complete(const struct ecap_recording *r)
{
	if (r->complete)
		return 0;
	return ecap_err(-ENODATA, "%s: cut short at offset %zu, after %llu whole records: the "
			"capture did not end well, or the file was not copied whole", r->name,
			r->end, (unsigned long long)r->records);
}

struct ecap_reader_count ecap_recording_count(const struct ecap_recording *r, uint32_t index)
{
	return r->counts[index];
}
