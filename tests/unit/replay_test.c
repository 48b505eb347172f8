/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances with a recording at either end: one that records what its reader gets, and one that has
 * a file in the place of a kernel, for which no map, no loop and no permission is needed.
 */
#include "instance_help.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "crash.h"
#include "recording.h"

static const struct ecap_map map = { .name = "ring", .id = 77,
				     .min_record = sizeof(struct ring_record) };

static const struct ecap_recording_head head = {
	.module = "probe", .version = "1", .host = "1",
	.context = { .kernel_version = 0x050a00, .features = 0x1234, .btf_mode = ECAP_BTF_CORE,
		     .n_cpus = 99, .page_size = 65536, .mono_to_real_ns = 1000000000 },
	.options = "", .maps = &map, .n_maps = 1,
};

static const char *file(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/file.rec", dir);
	return path;
}

static void add(struct ecap_recorder *recorder, uint64_t what, uint64_t n)
{
	struct {
		struct ring_record record;
		char payload[18];
	} whole = { .record = { .seq = what << 32 | n, .len = 18 } };

	memcpy(whole.payload, "bytes of a payload", 18);
	ecap_recorder_record(recorder, 0, &whole, sizeof(whole.record) + 18);
}

static struct ecap_recorder *new_file(void)
{
	struct ecap_recorder *recorder = NULL;

	assert_int_equal(ecap_recorder_open(file(), &head, &recorder), 0);
	return recorder;
}

static void end_file(struct ecap_recorder *recorder, uint64_t records, uint64_t lost)
{
	struct ecap_reader_count count = { .records = records, .lost_records = lost,
					   .lost_bytes = 10 * lost };

	assert_int_equal(ecap_recorder_close(recorder, &count), 0);
}

/* A fixture whose records come from the file. */
static struct ecap_recording *replay_open(struct fixture *f, const char *sink)
{
	struct ecap_recording *recording = NULL;

	f->plan.no_bpf = 1;
	fixture_open(f, sink);
	if (ecap_recording_open(file(), &recording))
		fail_msg("%s", ecap_err_text());
	f->options.replay = recording;
	return recording;
}

static void test_every_way(void **state)
{
	struct ecap_recorder *recorder = new_file();
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;
	json_int_t pids[16];

	(void)state;
	add(recorder, TO_OUTPUT, 1);
	add(recorder, NO_EVENT, 2);
	add(recorder, TO_MODULE, 3);
	ecap_recorder_lost(recorder, 0, 5);
	add(recorder, DAMAGED, 4);
	add(recorder, TO_PROCESSOR, 5);
	add(recorder, EMIT_TWICE, 6);
	end_file(recorder, 6, 5);
	recording = replay_open(&f, "events");
	fixture_start(&f);
	assert_string_equal(f.plan.journal, "init");
	assert_int_equal(f.plan.decoded, 6);
	assert_int_equal(f.plan.lost, 5);
	assert_int_equal(f.plan.lost_id, 77);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_string_equal(f.plan.journal, "init close");
	ecap_instance_summary(f.instance);
	assert_int_equal(in_log("map ring: 6 records, 5 lost (50 bytes)"), 1);
	assert_int_equal(in_log("5 events, 90 bytes, 5 lost, 1 damaged"), 1);
	assert_int_equal(events(&f, "pid", pids, 16), 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(pids[i], ((const json_int_t[]){ 1, 3, 5, 6, 6 })[i]);
	fixture_close(&f);
	ecap_recording_free(recording);
}

/* What the machine of the capture was like; the rest is the caller's. */
static void test_context(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;
	char line[512];

	(void)state;
	struct ecap_recorder *recorder = new_file();

	add(recorder, TO_OUTPUT, 1);
	end_file(recorder, 1, 0);
	recording = replay_open(&f, "events");
	f.options.features = head.context.features;
	fixture_start(&f);
	assert_int_equal(f.plan.context.n_cpus, 99);
	assert_int_equal(f.plan.context.page_size, 65536);
	assert_int_equal(f.plan.context.mono_to_real_ns, 1000000000);
	assert_int_equal(f.plan.context.features, 0x1234);
	assert_ptr_equal(f.plan.context.common, &f.common);
	_cleanup_fclose_ FILE *out = fopen(f.sink_path, "re");

	assert_non_null(fgets(line, sizeof(line), out));
	assert_non_null(strstr(line, "\"time\":\"1970-01-01T00:00:01.000000000Z\""));
	fixture_close(&f);
	ecap_recording_free(recording);
}

static void test_init_fails(void **state)
{
	struct fixture f = { .plan = { .fail_in = "init" } };
	struct ecap_recording *recording;

	(void)state;
	end_file(new_file(), 0, 0);
	recording = replay_open(&f, "events");
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -EREMOTE);
	assert_string_equal(ecap_err_text(), "init: no init today");
	assert_string_equal(f.plan.journal, "init");
	fixture_close(&f);
	ecap_recording_free(recording);
}

/* The module wants no more: what follows is not decoded, and its reason is told. */
static void test_abort(void **state)
{
	struct ecap_recorder *recorder = new_file();
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;

	(void)state;
	add(recorder, TO_OUTPUT, 1);
	add(recorder, ABORT, 2);
	add(recorder, TO_OUTPUT, 3);
	end_file(recorder, 3, 0);
	recording = replay_open(&f, "events");
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -ESTALE);
	assert_string_equal(ecap_err_text(), "replay: record 2 is the last");
	assert_string_equal(f.plan.journal, "init close");
	assert_int_equal(f.plan.decoded, 2);
	fixture_close(&f);
	ecap_recording_free(recording);
}

static void test_sink_fails(void **state)
{
	struct ecap_recorder *recorder = new_file();
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;

	(void)state;
	for (uint64_t i = 0; i < 30000; i++)
		add(recorder, TO_OUTPUT, i);
	end_file(recorder, 30000, 0);
	recording = replay_open(&f, "/dev/full");
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -ENOSPC);
	assert_non_null(strstr(ecap_err_text(), "event sink /dev/full: No space left"));
	assert_string_equal(f.plan.journal, "init close");
	assert_true(f.plan.decoded < 30000);
	fixture_close(&f);
	ecap_recording_free(recording);
}

/* A file that was cut before it names a map. */
static void test_no_map(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording = NULL;
	int err = -ENODATA;

	(void)state;
	for (off_t size = 0; err; size += 8) {
		end_file(new_file(), 0, 0);
		assert_int_equal(truncate(file(), size), 0);
		err = ecap_recording_open(file(), &recording);
	}
	assert_int_equal(ecap_recording_head(recording)->n_maps, 0);
	ecap_recording_free(recording);
	recording = replay_open(&f, "events");
	fixture_start(&f);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_string_equal(f.plan.journal, "init close");
	assert_int_equal(f.plan.decoded, 0);
	fixture_close(&f);
	ecap_recording_free(recording);
}

/* Through a kernel into a file, and out of it: the same events. */
static void test_capture_and_replay(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } }, again = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;
	json_int_t pids[8], replayed[8];

	(void)state;
	fixture_open(&f, "events");
	f.options.record = file();
	f.options.record_options = "given = this\n";
	fixture_start(&f);
	send_record(&f, TO_OUTPUT, 1);
	send_record(&f, DAMAGED, 2);
	send_record(&f, TO_MODULE, 3);
	send_record(&f, TO_OUTPUT, 4);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_int_equal(events(&f, "pid", pids, 8), 3);
	recording = replay_open(&again, "again");
	assert_string_equal(ecap_recording_head(recording)->options, "given = this\n");
	assert_int_equal(ecap_recording_head(recording)->context.mono_to_real_ns,
			 f.plan.context.mono_to_real_ns);
	assert_int_equal(ecap_recording_complete(recording), 0);
	fixture_start(&again);
	assert_int_equal(again.plan.decoded, 4);
	assert_int_equal(events(&again, "pid", replayed, 8), 3);
	assert_memory_equal(pids, replayed, 3 * sizeof(pids[0]));
	fixture_close(&f);
	fixture_close(&again);
	ecap_recording_free(recording);
}

/* The file cannot be written any more: the instance asks to stop, and says why once. */
static void test_recorder_fails(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct rlimit before, limit;

	(void)state;
	fixture_open(&f, "events");
	f.options.record = file();
	fixture_start(&f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint64_t i = 0; i < 100; i++)
		send_record(&f, NO_EVENT, i);
	struct pollfd p = { .fd = ecap_instance_stop_fd(f.instance), .events = POLLIN };
	int polled = poll(&p, 1, 10000);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(polled, 1);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_int_equal(ecap_instance_error(f.instance), -EFBIG);
	assert_non_null(strstr(ecap_err_text(), "file.rec: File too large"));
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	fixture_close(&f);
}

static void test_record_refused(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } };

	(void)state;
	fixture_open(&f, "events");
	f.options.record = "/dev/full";
	fixture_new(&f);
	assert_int_equal(ecap_instance_start(f.instance), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "record: recording /dev/full: not a regular file");
	assert_string_equal(f.plan.journal, "init load maps close");
	fixture_close(&f);
}

/* decode() crashes: the record is in the file, and the events before it are out. */
static void test_crash(void **state)
{
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording = NULL;
	json_int_t pids[4];
	int status = 0;

	(void)state;
	fixture_open(&f, "events");
	f.options.record = file();
	pid_t child = fork();

	if (!child) {
		ecap_crash_install();
		fixture_start(&f);
		send_record(&f, TO_OUTPUT, 1);
		send_record(&f, CRASH, 2);
		send_record(&f, TO_OUTPUT, 3);
		sleep(10);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
	assert_int_equal(in_log("decode(), map events, record 2"), 1);
	assert_int_equal(events(&f, "pid", pids, 4), 1);
	assert_int_equal(ecap_recording_open(file(), &recording), 0);
	for (uint64_t n = 1; n <= 2; n++) {
		struct ecap_recording_item item = ecap_recording_next(recording);

		assert_int_equal(item.kind, ECAP_RECORDING_RECORD);
		assert_int_equal((uint32_t)((const struct ring_record *)item.data)->seq, n);
	}
	assert_int_equal(ecap_recording_next(recording).kind, ECAP_RECORDING_END);
	assert_int_equal(ecap_recording_complete(recording), -ENODATA);
	ecap_recording_free(recording);
	fixture_close(&f);
}

/* The same in a replay. */
static void test_crash_in_replay(void **state)
{
	struct ecap_recorder *recorder = new_file();
	struct fixture f = { .plan = { .fail_in = NULL } };
	struct ecap_recording *recording;
	json_int_t pids[4];
	int status = 0;

	(void)state;
	add(recorder, TO_OUTPUT, 1);
	add(recorder, TO_OUTPUT, 2);
	add(recorder, CRASH, 3);
	end_file(recorder, 3, 0);
	recording = replay_open(&f, "events");
	pid_t child = fork();

	if (!child) {
		ecap_crash_install();
		fixture_start(&f);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
	assert_int_equal(in_log("decode(), map ring, record 3"), 1);
	assert_int_equal(events(&f, "pid", pids, 4), 2);
	fixture_close(&f);
	ecap_recording_free(recording);
}

static int remove_file(void **state)
{
	(void)state;
	unlink(file());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_every_way, remove_file),
		cmocka_unit_test_teardown(test_context, remove_file),
		cmocka_unit_test_teardown(test_init_fails, remove_file),
		cmocka_unit_test_teardown(test_abort, remove_file),
		cmocka_unit_test_teardown(test_sink_fails, remove_file),
		cmocka_unit_test_teardown(test_no_map, remove_file),
		cmocka_unit_test_teardown(test_capture_and_replay, remove_file),
		cmocka_unit_test_teardown(test_recorder_fails, remove_file),
		cmocka_unit_test_teardown(test_record_refused, remove_file),
		cmocka_unit_test_teardown(test_crash, remove_file),
		cmocka_unit_test_teardown(test_crash_in_replay, remove_file),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("replay", tests, setup, teardown);
}
