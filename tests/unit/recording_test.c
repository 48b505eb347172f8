/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings as files: what is written is what is read, and what is no such file is refused. */
#include "recording_help.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static void assert_head(const struct ecap_recording_head *got)
{
	const struct ecap_context *c = &got->context;
	const struct ecap_common *o = &got->common;

	assert_string_equal(got->module, head.module);
	assert_string_equal(got->version, head.version);
	assert_string_equal(got->host, head.host);
	assert_string_equal(got->options, head.options);
	assert_int_equal(got->abi_major, head.abi_major);
	assert_int_equal(got->abi_minor, head.abi_minor);
	assert_int_equal(c->struct_size, sizeof(*c));
	assert_int_equal(c->kernel_version, head.context.kernel_version);
	assert_int_equal(c->features, head.context.features);
	assert_int_equal(c->btf_mode, head.context.btf_mode);
	assert_int_equal(c->n_cpus, head.context.n_cpus);
	assert_int_equal(c->page_size, head.context.page_size);
	assert_int_equal(c->mono_to_real_ns, head.context.mono_to_real_ns);
	assert_int_equal(o->struct_size, sizeof(*o));
	assert_int_equal(o->page_count, head.common.page_count);
	assert_int_equal(o->pid, head.common.pid);
	assert_int_equal(o->uid, head.common.uid);
	assert_int_equal(o->cgroup_id, head.common.cgroup_id);
	assert_memory_equal(o->comm, head.common.comm, sizeof(o->comm));
	assert_int_equal(o->ring_bytes, head.common.ring_bytes);
	assert_int_equal(o->truncate, head.common.truncate);
	assert_int_equal(o->hex, head.common.hex);
	assert_int_equal(o->debug, head.common.debug);
	assert_int_equal(got->n_maps, head.n_maps);
	for (uint32_t i = 0; i < got->n_maps; i++) {
		assert_string_equal(got->maps[i].name, maps[i].name);
		assert_int_equal(got->maps[i].id, maps[i].id);
		assert_int_equal(got->maps[i].min_record, maps[i].min_record);
		assert_int_equal(got->maps[i].fd, -1);
	}
}

static struct ecap_recording *open_recording(const char *path)
{
	struct ecap_recording *r = NULL;

	if (ecap_recording_open(path, &r))
		fail_msg("%s", ecap_err_text());
	return r;
}

static void test_round_trip(void **state)
{
	struct ecap_recording *r;

	(void)state;
	make_recording(in_dir("file"));
	r = open_recording(in_dir("file"));
	assert_head(ecap_recording_head(r));
	assert_int_equal(items_as_sent(r), ARRAY_SIZE(sent));
	assert_int_equal(ecap_recording_next(r).kind, ECAP_RECORDING_END);
	assert_int_equal(ecap_recording_complete(r), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct ecap_reader_count got = ecap_recording_count(r, i);

		assert_memory_equal(&got, &counts[i], sizeof(got));
	}
	ecap_recording_free(r);
}

/* More than the buffer holds, in records of all sizes and of more than the buffer. */
static void test_large(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 8, 9, 4096, 65537, 1 << 20, 3000001 };
	struct ecap_recorder *recorder = recorder_open(in_dir("file"));
	_cleanup_free_ uint8_t *data = malloc(3000001);
	struct ecap_recording *r;

	(void)state;
	for (uint32_t i = 0; i < 3000001; i++)
		data[i] = (uint8_t)(i % 251);
	for (uint32_t i = 0; i < 400; i++) {
		ecap_recorder_record(recorder, 1, data, sizes[i % 8]);
		if (i % 3 == 0)
			assert_int_equal(ecap_recorder_flush(recorder), 0);
	}
	assert_int_equal(ecap_recorder_close(recorder, counts), 0);
	r = open_recording(in_dir("file"));
	for (uint32_t i = 0; i < 400; i++) {
		struct ecap_recording_item item = ecap_recording_next(r);

		assert_int_equal(item.kind, ECAP_RECORDING_RECORD);
		assert_int_equal(item.len, sizes[i % 8]);
		assert_int_equal((uintptr_t)item.data % 8, 0);
		assert_int_equal(memcmp(item.data, data, item.len), 0);
	}
	assert_int_equal(ecap_recording_next(r).kind, ECAP_RECORDING_END);
	ecap_recording_free(r);
}

static void assert_private(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* An earlier file: nothing of it is left, and nobody else may read what comes. */
static void test_replaces(void **state)
{
	struct ecap_recording *r;
	struct stat before, after;

	(void)state;
	unlink(in_dir("file"));
	make_recording(in_dir("file"));
	assert_private(in_dir("file"));
	assert_int_equal(stat(in_dir("file"), &before), 0);
	assert_int_equal(truncate(in_dir("file"), 1 << 20), 0);
	assert_int_equal(chmod(in_dir("file"), 0644), 0);
	make_recording(in_dir("file"));
	assert_private(in_dir("file"));
	assert_int_equal(stat(in_dir("file"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	r = open_recording(in_dir("file"));
	assert_int_equal(items_as_sent(r), ARRAY_SIZE(sent));
	ecap_recording_free(r);
}

static void assert_text(const char *end)
{
	const char *text = ecap_err_text();
	size_t len = strlen(text), want = strlen(end);

	if (len < want || strcmp(text + len - want, end))
		fail_msg("\"%s\" does not end with \"%s\"", text, end);
}

static void test_refuses_what_is_no_file(void **state)
{
	struct ecap_recorder *recorder = NULL;
	struct ecap_recording *r = NULL;
	char fifo[128];

	(void)state;
	snprintf(fifo, sizeof(fifo), "%s", in_dir("fifo"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	const char *const paths[] = { "/dev/full", dir, fifo };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(ecap_recorder_open(paths[i], &head, &recorder), -EINVAL);
		assert_text(": not a regular file");
		assert_int_equal(ecap_recording_open(paths[i], &r), -EINVAL);
		assert_text(": not a regular file");
	}
	assert_int_equal(symlink("/dev/null", in_dir("link")), 0);
	assert_int_equal(ecap_recorder_open(in_dir("link"), &head, &recorder), -EINVAL);
	assert_int_equal(ecap_recorder_open(in_dir("none/file"), &head, &recorder), -ENOENT);
	assert_text("none/file: No such file or directory");
	assert_int_equal(ecap_recording_open(in_dir("none"), &r), -ENOENT);
	assert_text("none: cannot open it: No such file or directory");
	assert_null(recorder);
	assert_null(r);
	assert_int_equal(ecap_recorder_close(NULL, NULL), 0);
	ecap_recording_free(NULL);
}

/* One writes, or several read. */
static void test_locks(void **state)
{
	struct ecap_recorder *recorder, *other = NULL;
	struct ecap_recording *r = NULL, *second;

	(void)state;
	recorder = recorder_open(in_dir("file"));
	record_all(recorder);
	assert_int_equal(ecap_recorder_open(in_dir("file"), &head, &other), -EBUSY);
	assert_text("in use, an ecapture records to it or replays it; name another file");
	assert_int_equal(ecap_recording_open(in_dir("file"), &r), -EBUSY);
	assert_text("an ecapture records to it; end that one first, or copy the file");
	assert_int_equal(ecap_recorder_close(recorder, counts), 0);

	r = open_recording(in_dir("file"));
	second = open_recording(in_dir("file"));
	assert_int_equal(ecap_recorder_open(in_dir("file"), &head, &other), -EBUSY);
	assert_int_equal(items_as_sent(r), ARRAY_SIZE(sent));
	assert_int_equal(items_as_sent(second), ARRAY_SIZE(sent));
	ecap_recording_free(r);
	ecap_recording_free(second);
}

/* What was flushed is there, whatever becomes of the process. */
static void test_flushed_is_there(void **state)
{
	struct ecap_recorder *recorder = recorder_open(in_dir("file"));
	_cleanup_free_ uint8_t *data = NULL;
	struct ecap_recording *r = NULL;
	uint64_t before = ecap_recorder_written(recorder);
	size_t size;

	(void)state;
	record_all(recorder);
	assert_int_equal(ecap_recorder_flush(recorder), 0);
	data = read_file(in_dir("file"), &size);
	assert_true(before && size > before);
	assert_int_equal(ecap_recorder_written(recorder), size);
	assert_int_equal(ecap_recording_of_memory("copy", data, size, &r), 0);
	assert_int_equal(items_as_sent(r), ARRAY_SIZE(sent));
	assert_int_equal(ecap_recording_complete(r), -ENODATA);
	assert_int_equal(ecap_recording_count(r, 0).records, 2);
	assert_int_equal(ecap_recording_count(r, 0).lost_records, 5);
	ecap_recording_free(r);
	assert_int_equal(ecap_recorder_close(recorder, counts), 0);
}

static void test_disk_full(void **state)
{
	struct ecap_recorder *recorder = recorder_open(in_dir("file"));
	struct rlimit before, limit;
	char text[256], data[1000] = "";

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 2000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 3; i++)
		ecap_recorder_record(recorder, 0, data, sizeof(data));
	int err = ecap_recorder_flush(recorder);

	assert_int_equal(err, -EFBIG);
	snprintf(text, sizeof(text), "recording %s: File too large, ", in_dir("file"));
	assert_memory_equal(ecap_err_text(), text, strlen(text));
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	ecap_recorder_record(recorder, 0, data, sizeof(data));
	ecap_err(-EINVAL, "something else");
	assert_int_equal(ecap_recorder_flush(recorder), -EFBIG);
	assert_string_equal(ecap_err_text(), text);
	err = ecap_recorder_close(recorder, counts);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err, -EFBIG);
	assert_string_equal(ecap_err_text(), text);
}

static void test_too_many_maps(void **state)
{
	static struct ecap_map many[ECAP_MAPS_MAX + 1];
	struct ecap_recording_head large = head;
	struct ecap_reader_count none[ECAP_MAPS_MAX] = { 0 };
	struct ecap_recorder *recorder = NULL;
	struct ecap_recording *r;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct ecap_map){ .name = "x", .id = i };
	large.maps = many;
	large.n_maps = ARRAY_SIZE(many);
	assert_int_equal(ecap_recorder_open(in_dir("file"), &large, &recorder), -E2BIG);
	large.n_maps--;
	assert_int_equal(ecap_recorder_open(in_dir("file"), &large, &recorder), 0);
	assert_int_equal(ecap_recorder_close(recorder, none), 0);
	r = open_recording(in_dir("file"));
	assert_int_equal(ecap_recording_head(r)->n_maps, ECAP_MAPS_MAX);
	ecap_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_refuses_what_is_no_file),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_flushed_is_there),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_too_many_maps),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("recording", tests, make_dir, remove_dir);
}
