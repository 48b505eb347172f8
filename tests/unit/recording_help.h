/* SPDX-License-Identifier: Apache-2.0 */
/* A small recording, made by the recorder itself, and what the reader must find in it. */
#ifndef TESTS_UNIT_RECORDING_HELP_H
#define TESTS_UNIT_RECORDING_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "recording.h"
#include "recording_format.h"
#include "util.h"

static char dir[] = "/tmp/ecapture-recording-XXXXXX";

static inline const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static const struct ecap_map maps[] = {
	{ .name = "events", .id = 7, .min_record = 4 },
	{ .name = "more", .id = 7, .min_record = 0 }, /* two may share an id */
};

static const struct ecap_recording_head head = {
	.module = "probe", .version = "1.2.3", .host = "0.9", .abi_major = 1, .abi_minor = 2,
	.context = {
		.kernel_version = 0x060c07, .features = 0x8000000000000123, .btf_mode = 2,
		.n_cpus = 12, .page_size = 16384, .mono_to_real_ns = -1234567890123456789,
	},
	.common = {
		.page_count = 64, .pid = 4711, .uid = ECAP_ANY, .cgroup_id = 99, .comm = "curl",
		.ring_bytes = 1 << 20, .truncate = 17, .hex = 1, .debug = 1,
	},
	.options = "libssl = /usr/lib/libssl.so\n", .maps = maps, .n_maps = ARRAY_SIZE(maps),
};

static const struct ecap_reader_count counts[] = {
	{ .records = 3, .short_records = 1, .lost_records = 5, .lost_bytes = 500,
	  .fault_bytes = 3 },
	{ .records = 2 },
};

/* What is recorded, in this order; a loss where there is no data. */
static const struct {
	uint32_t map, len;
	const char *data;
	uint64_t lost;
} sent[] = {
	{ 0, 4, "four", 0 }, { 1, 0, "", 0 }, { 0, 0, NULL, 5 }, { 0, 13, "thirteen byte", 0 },
	{ 1, 24, "a multiple of eight bytes", 0 },
};

static inline struct ecap_recorder *recorder_open(const char *path)
{
	struct ecap_recorder *recorder = NULL;

	if (ecap_recorder_open(path, &head, &recorder))
		fail_msg("%s", ecap_err_text());
	return recorder;
}

static inline void record_all(struct ecap_recorder *recorder)
{
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		if (sent[i].data)
			ecap_recorder_record(recorder, sent[i].map, sent[i].data, sent[i].len);
		else
			ecap_recorder_lost(recorder, sent[i].map, sent[i].lost);
	}
}

static inline void make_recording(const char *path)
{
	struct ecap_recorder *recorder = recorder_open(path);

	record_all(recorder);
	assert_int_equal(ecap_recorder_close(recorder, counts), 0);
}

/* The file, in memory of exactly its size, so that a byte too far is found out. */
static inline uint8_t *read_file(const char *path, size_t *size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	uint8_t *data = malloc((size_t)st.st_size);

	assert_non_null(data);
	*size = (size_t)st.st_size;
	assert_int_equal(fread(data, 1, *size, f), *size);
	return data;
}

/* How many items there are; each must be the one that was sent at its place. */
static inline size_t items_as_sent(struct ecap_recording *r)
{
	size_t n = 0;

	for (;; n++) {
		struct ecap_recording_item item = ecap_recording_next(r);

		if (item.kind == ECAP_RECORDING_END)
			return n;
		assert_true(n < ARRAY_SIZE(sent));
		assert_int_equal(item.map, sent[n].map);
		if (!sent[n].data) {
			assert_int_equal(item.kind, ECAP_RECORDING_LOST);
			assert_int_equal(item.lost, sent[n].lost);
			continue;
		}
		assert_int_equal(item.kind, ECAP_RECORDING_RECORD);
		assert_int_equal((uintptr_t)item.data % 8, 0);
		assert_int_equal(item.len, sent[n].len);
		assert_memory_equal(item.data, sent[n].data, item.len);
	}
}

static inline int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	(void)state;
	unlink(in_dir("file"));
	unlink(in_dir("link"));
	unlink(in_dir("fifo"));
	return rmdir(dir);
}

#endif
