/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle: every step that succeeded is undone once and in the opposite order, whatever
 * fails or asks to stop, and nothing is left behind.
 */
#include "instance_help.h"

struct failure {
	struct plan plan;
	int err;
	const char *text, *journal;
};

static const struct failure failures[] = {
	{ { .fail_in = "init", .no_bpf = 1 }, -EREMOTE, "init: no init today", "init" },
	{ { .fail_in = "load", .no_bpf = 1 }, -EREMOTE, "load: no load today", "init load close" },
	{ { .fail_in = "maps", .no_bpf = 1 }, -EREMOTE, "maps: no maps today",
	  "init load maps close" },
	{ { .fail_in = "none", .no_bpf = 1 }, -EINVAL, "maps: the module has no map to read",
	  "init load maps close" },
	{ { .no_bpf = 1 }, -EBADF, "readers: map none: fd", "init load maps close" },
	{ { .wrong_map = 1 }, -EINVAL,
	  "readers: map events: neither a ring buffer nor a perf event array",
	  "init load maps close" },
	{ { .fail_in = "start" }, -EREMOTE, "start: no start today",
	  "init load maps start close" },
	{ { .fail_in = "load", .no_bpf = 1, .fail_silently = 1 }, -EREMOTE,
	  "load: Object is remote", "init load close" },
};

static void test_fails(void **state)
{
	const struct failure *failure = *state;
	struct fixture f = { .plan = failure->plan };

	fixture_open(&f, "events");
	int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");

	fixture_new(&f);
	int with_instance = count_entries("/proc/self/fd");

	ecap_err(-EINVAL, "an older error");
	assert_int_equal(ecap_instance_start(f.instance), failure->err);
	assert_memory_equal(ecap_err_text(), failure->text, strlen(failure->text));
	assert_string_equal(f.plan.journal, failure->journal);
	assert_int_equal(count_entries("/proc/self/fd"), with_instance);
	assert_threads(threads);

	/* There is nothing left to undo. */
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	ecap_instance_free(f.instance);
	f.instance = NULL;
	assert_string_equal(f.plan.journal, failure->journal);
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	fixture_close(&f);
}

static void test_runs(void **state)
{
	struct fixture f = {};
	json_int_t pids[8];

	(void)state;
	fixture_open(&f, "events");
	int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");

	fixture_start(&f);
	assert_int_equal(count_entries("/proc/self/task"), threads + 1);
	for (uint64_t i = 1; i <= 5; i++)
		send_record(&f, TO_OUTPUT, i);
	assert_false(readable(ecap_instance_stop_fd(f.instance)));
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_true(readable(ecap_instance_stop_fd(f.instance)));
	assert_int_equal(ecap_instance_error(f.instance), 0);
	assert_threads(threads);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	ecap_instance_summary(f.instance);
	ecap_instance_free(f.instance);
	f.instance = NULL;
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	assert_int_equal(count_entries("/proc/self/fd"), fds);

	assert_int_equal(events(&f, "pid", pids, 8), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(pids[i], i + 1);
	assert_int_equal(in_log("info probe: map events: 5 records, 0 lost (0 bytes), "
				"0 bytes unreadable, 0 records too short\n"), 1);
	assert_int_equal(in_log("info probe: 5 events, 90 bytes, 0 lost, 0 damaged\n"), 1);
	fixture_close(&f);
}

/* What is sent until the probes are gone is decoded before the module closes. */
static void test_drains_before_close(void **state)
{
	struct fixture f = { .plan = { .send_in_stop = 1 } };

	(void)state;
	fixture_open(&f, "events");
	fixture_start(&f);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_string_equal(f.plan.journal, "init load maps start stop decode close");
	fixture_close(&f);
}

/* An undoing that fails is told, and does not keep the others from being undone. */
static void test_stop_fails(void **state)
{
	struct fixture f = { .plan = { .fail_in = "stop" } };

	(void)state;
	fixture_open(&f, "events");
	int threads = count_entries("/proc/self/task");

	fixture_start(&f);
	assert_int_equal(ecap_instance_stop(f.instance), -EREMOTE);
	assert_string_equal(ecap_err_text(), "no stop today");
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	assert_threads(threads);
	assert_int_equal(in_log("error probe: undoing start: no stop today\n"), 1);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	fixture_close(&f);
}

static void test_free_at_any_time(void **state)
{
	struct fixture f = {};

	(void)state;
	ecap_instance_free(NULL);
	fixture_open(&f, "events");
	int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");

	fixture_new(&f);
	ecap_instance_free(f.instance);
	assert_string_equal(f.plan.journal, "");
	fixture_start(&f);
	ecap_instance_free(f.instance);
	f.instance = NULL;
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	assert_threads(threads);
	fixture_close(&f);
}

static void test_reload(void **state)
{
	struct fixture f = {};
	json_int_t pids[8];

	(void)state;
	fixture_open(&f, "events");
	int fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");

	for (uint64_t i = 0; i < 4; i++) {
		f.plan.journal[0] = 0;
		fixture_start(&f);
		assert_false(readable(ecap_instance_stop_fd(f.instance)));
		send_record(&f, TO_OUTPUT, i);
		assert_int_equal(ecap_instance_stop(f.instance), 0);
		ecap_instance_free(f.instance);
		f.instance = NULL;
		assert_string_equal(f.plan.journal, "init load maps start stop close");
		assert_int_equal(count_entries("/proc/self/fd"), fds);
		assert_threads(threads);
	}
	assert_int_equal(events(&f, "pid", pids, 8), 4);
	fixture_close(&f);
}

static void test_two_at_once(void **state)
{
	struct fixture a = {}, b = {};
	json_int_t pids[128];

	(void)state;
	fixture_open(&a, "events");
	fixture_open(&b, "other");
	fixture_start(&a);
	fixture_start(&b);
	for (uint64_t i = 0; i < 50; i++) {
		send_record(&a, TO_OUTPUT, i);
		send_record(&b, TO_MODULE, 1000 + i);
	}
	assert_int_equal(ecap_instance_stop(a.instance), 0);
	send_record(&b, TO_OUTPUT, 1050);
	assert_int_equal(ecap_instance_stop(b.instance), 0);
	assert_int_equal(events(&a, "pid", pids, 128), 50);
	for (int i = 0; i < 50; i++)
		assert_int_equal(pids[i], i);
	assert_int_equal(events(&b, "pid", pids, 128), 51);
	for (int i = 0; i < 51; i++)
		assert_int_equal(pids[i], 1000 + i);
	fixture_close(&a);
	fixture_close(&b);
}

/* Those that are detached drain without being waited for; that one could not stop is not forgotten. */
static void test_detached(void **state)
{
	struct fixture a = { .plan = { .send_in_stop = 1 } };
	struct fixture b = { .plan = { .send_in_stop = 1, .fail_in = "stop" } };

	(void)state;
	fixture_open(&a, "events");
	fixture_open(&b, "other");
	int threads = count_entries("/proc/self/task");

	fixture_start(&a);
	fixture_start(&b);
	ecap_instance_detach(a.instance);
	ecap_instance_detach(b.instance);
	assert_threads(threads); /* both readers have ended */
	assert_string_equal(a.plan.journal, "init load maps start stop decode");
	assert_string_equal(b.plan.journal, "init load maps start stop decode");
	assert_int_equal(ecap_instance_stop(a.instance), 0);
	assert_int_equal(ecap_instance_stop(b.instance), -EREMOTE);
	assert_string_equal(ecap_err_text(), "no stop today");
	assert_string_equal(a.plan.journal, "init load maps start stop decode close");
	assert_string_equal(b.plan.journal, "init load maps start stop decode close");
	ecap_instance_summary(a.instance);
	ecap_instance_summary(b.instance);
	assert_int_equal(in_log("info probe: 1 events, 4 bytes, 0 lost, 0 damaged\n"), 2);
	fixture_close(&a);
	fixture_close(&b);
}

static void *abort_it(void *arg)
{
	struct ecap_instance *self = arg;

	ecap_host_table.fail(self, -EPIPE, "the probe of pid %d is gone", 42);
	ecap_host_table.abort(self, -EPIPE);
	return NULL;
}

/* From a thread of the module's own; only the first reason counts. */
static void test_abort(void **state)
{
	struct fixture f = {};
	pthread_t thread;

	(void)state;
	fixture_open(&f, "events");
	fixture_start(&f);
	assert_int_equal(ecap_host_table.stop_fd(f.plan.self), ecap_instance_stop_fd(f.instance));
	assert_int_equal(pthread_create(&thread, NULL, abort_it, f.plan.self), 0);
	pthread_join(thread, NULL);
	assert_true(readable(ecap_instance_stop_fd(f.instance)));
	ecap_err(-EINVAL, "something else");
	ecap_host_table.abort(f.plan.self, -EINVAL);
	for (int i = 0; i < 2; i++) {
		ecap_err(-EINVAL, "something else");
		assert_int_equal(ecap_instance_error(f.instance), -EPIPE);
		assert_string_equal(ecap_err_text(), "the probe of pid 42 is gone");
		assert_int_equal(ecap_instance_stop(f.instance), 0);
	}
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	fixture_close(&f);
}

static void test_abort_in_decode(void **state)
{
	struct fixture f = {};

	(void)state;
	fixture_open(&f, "events");
	fixture_start(&f);
	struct pollfd p = { .fd = ecap_instance_stop_fd(f.instance), .events = POLLIN };

	send_record(&f, ABORT, 9);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_int_equal(ecap_instance_error(f.instance), -ESTALE);
	assert_string_equal(ecap_err_text(), "record 9 is the last");
	fixture_close(&f);
}

/* Without a code it is an error all the same. */
static void test_abort_without_code(void **state)
{
	struct fixture f = { .plan = { .no_bpf = 1 } };

	(void)state;
	fixture_open(&f, "events");
	fixture_new(&f);
	ecap_host_table.abort(f.instance, 0);
	assert_true(readable(ecap_instance_stop_fd(f.instance)));
	assert_int_equal(ecap_instance_error(f.instance), -EIO);
	fixture_close(&f);
}

static void test_sink_fails(void **state)
{
	static const char text[] = "event sink /dev/full: No space left on device, ";
	struct fixture f = {};

	(void)state;
	fixture_open(&f, "/dev/full");
	fixture_start(&f);
	struct pollfd p = { .fd = ecap_instance_stop_fd(f.instance), .events = POLLIN };

	send_record(&f, TO_OUTPUT, 1);
	assert_int_equal(poll(&p, 1, 5000), 1);
	uint64_t decoded = f.plan.decoded;

	/* Nothing more is decoded for nobody. */
	send_record(&f, TO_OUTPUT, 2);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_int_equal(decoded, 1);
	assert_int_equal(f.plan.decoded, 1);
	assert_int_equal(ecap_instance_error(f.instance), -ENOSPC);
	assert_memory_equal(ecap_err_text(), text, strlen(text));
	assert_string_equal(f.plan.journal, "init load maps start stop close");
	ecap_instance_summary(f.instance);
	assert_int_equal(in_log(", 0 damaged\n"), 1);
	assert_int_equal(in_log("error"), 0); /* who asks tells it, once */
	fixture_close(&f);
}

/* The last records are in the sink's buffer when the probes are gone: their loss is told too. */
static void test_sink_fails_at_the_end(void **state)
{
	struct fixture f = { .plan = { .send_in_stop = 1 } };

	(void)state;
	fixture_open(&f, "/dev/full");
	fixture_start(&f);
	assert_int_equal(ecap_instance_error(f.instance), 0);
	assert_int_equal(ecap_instance_stop(f.instance), 0);
	assert_string_equal(f.plan.journal, "init load maps start stop decode close");
	assert_int_equal(ecap_instance_error(f.instance), -ENOSPC);
	assert_non_null(strstr(ecap_err_text(), "No space left on device"));
	fixture_close(&f);
}

/* A start that fails, and a way back that does too: the first reason is told. */
static void test_first_reason_counts(void **state)
{
	struct fixture f = { .plan = { .fail_in = "start" } };

	(void)state;
	fixture_open(&f, "/dev/full");
	fixture_new(&f);
	assert_non_null(ecap_sink_reserve(f.sink, 10));
	memset(ecap_sink_reserve(f.sink, 10), 'x', 10);
	ecap_sink_commit(f.sink, 10);
	assert_int_equal(ecap_instance_start(f.instance), -EREMOTE);
	assert_string_equal(ecap_err_text(), "start: no start today");
	assert_int_equal(ecap_sink_error(f.sink), -ENOSPC);
	assert_string_equal(f.plan.journal, "init load maps start close");
	fixture_close(&f);
}

#define FAILS(step, index) { .name = "test_fails in " step, .test_func = test_fails, \
			     .initial_state = (void *)&failures[index] }

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAILS("init", 0),
		FAILS("load", 1),
		FAILS("maps", 2),
		FAILS("maps, of which there is none", 3),
		FAILS("readers, on no map", 4),
		FAILS("readers, on another kind of map", 5),
		FAILS("start", 6),
		FAILS("load, without a word", 7),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_drains_before_close),
		cmocka_unit_test(test_stop_fails),
		cmocka_unit_test(test_free_at_any_time),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_abort_in_decode),
		cmocka_unit_test(test_abort_without_code),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_sink_fails_at_the_end),
		cmocka_unit_test(test_first_reason_counts),
	};

	return cmocka_run_group_tests_name("instance", tests, setup, teardown);
}
