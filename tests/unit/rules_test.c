/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may call what, and when: each function of the host by each kind of caller, what is said of
 * the first breach and what of all, strict or not.
 */
#include "instance_help.h"

#include "rules.h"
#include "services.h"

/* An instance of which nothing has been started; the test is what calls. */
static void fixture_rules(struct fixture *f, int strict)
{
	f->plan = (struct plan){ .no_bpf = 1 };
	fixture_open(f, "events");
	f->options.strict = strict;
	f->options.features = ECAP_FEAT_GLOBAL_DATA;
	fixture_new(f);
}

/* As if the module were called by this thread. */
static void enter(struct ecap_crumb *crumb, struct ecap_instance *instance, enum ecap_op op)
{
	*crumb = (struct ecap_crumb){ .instance = instance, .module = "module 'probe'",
				      .op = (uint16_t)op, .where = ECAP_WHERE_MODULE };
	ecap_crumb = crumb;
}

static const struct ecap_event event = { .struct_size = sizeof(event), .fd = -1 };

static void test_reader_only(void **state)
{
	struct fixture f = {};
	struct ecap_crumb crumb;

	(void)state;
	fixture_rules(&f, 0);
	assert_int_equal(ecap_host_table.emit(f.instance, &event), -EPERM);
	assert_string_equal(ecap_err_text(), "emit() called on the main thread 'rules_test' in "
			    "state new; it belongs to the reader");
	for (enum ecap_op op = ECAP_OP_INIT; op <= ECAP_OP_CLOSE; op++) {
		enter(&crumb, f.instance, op);
		assert_int_equal(ecap_host_table.emit(f.instance, &event), -EPERM);
	}
	for (enum ecap_op op = ECAP_OP_DECODE; op <= ECAP_OP_LOST; op++) {
		enter(&crumb, f.instance, op);
		assert_int_equal(ecap_rule_reader(f.instance, "emit()"), 0);
	}
	ecap_crumb = NULL;
	assert_int_equal(ecap_rules_broken(f.instance), 1 + ECAP_OP_CLOSE - ECAP_OP_INIT + 1);
	assert_int_equal(in_log("against the rules, refused: emit() called on the main thread"), 1);
	assert_int_equal(in_log("against the rules"), 1); /* only the first one is told */
	assert_int_equal(in_log("--strict-modules stops there"), 1);
	fixture_close(&f);
}

static void test_main_only(void **state)
{
	struct fixture f = {};
	struct ecap_crumb crumb;
	uint32_t index;

	(void)state;
	fixture_rules(&f, 0);
	assert_int_equal(ecap_host_table.pick_bpf(f.instance, &index), -EPERM);
	assert_string_equal(ecap_err_text(), "pick_bpf() called on the main thread 'rules_test' in "
			    "state new; it belongs to the main thread's calls");
	for (enum ecap_op op = ECAP_OP_DECODE; op <= ECAP_OP_LOST; op++) {
		enter(&crumb, f.instance, op);
		assert_int_equal(ecap_host_table.pick_bpf(f.instance, &index), -EPERM);
	}
	assert_string_equal(ecap_err_text(), "lost(): pick_bpf() called on the main thread "
			    "'rules_test' in state new; it belongs to the main thread's calls");
	for (enum ecap_op op = ECAP_OP_INIT; op <= ECAP_OP_CLOSE; op++) {
		enter(&crumb, f.instance, op);
		assert_int_equal(ecap_rule_main(f.instance, "pick_bpf()"), 0);
	}
	ecap_crumb = NULL;
	assert_int_equal(ecap_rules_broken(f.instance), 4);
	fixture_close(&f);
}

static void *emit_it(void *arg)
{
	pthread_setname_np(pthread_self(), "worker");
	return (void *)(intptr_t)ecap_host_table.emit(arg, &event);
}

/* That the reader is in decode() does not concern another thread. */
static void test_other_thread(void **state)
{
	struct fixture f = {};
	struct ecap_crumb crumb;
	pthread_t thread;
	void *result;

	(void)state;
	fixture_rules(&f, 0);
	enter(&crumb, f.instance, ECAP_OP_DECODE);
	assert_int_equal(pthread_create(&thread, NULL, emit_it, f.instance), 0);
	pthread_join(thread, &result);
	ecap_crumb = NULL;
	assert_int_equal((intptr_t)result, -EPERM);
	assert_int_equal(in_log("warning probe: against the rules, refused: emit() called on thread "
				"'worker' in state new; it belongs to the reader"), 1);
	assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
	assert_string_equal(ecap_err_text(), "module misbehaving: emit() called on thread 'worker' "
			    "in state new; it belongs to the reader");
	fixture_close(&f);
}

/* What a module gives as self may be anything, and is not looked into. */
static void test_other_self(void **state)
{
	struct fixture f = {}, other = {};
	struct ecap_crumb crumb;
	uint32_t index;

	(void)state;
	fixture_rules(&f, 0);
	fixture_rules(&other, 0);
	enter(&crumb, f.instance, ECAP_OP_DECODE);
	assert_int_equal(ecap_host_table.emit(other.instance, &event), -EPERM);
	assert_int_equal(ecap_host_table.emit((void *)8, &event), -EPERM);
	assert_string_equal(ecap_err_text(), "decode(): emit() called with another self than "
			    "init() was given");
	crumb.op = ECAP_OP_LOAD;
	assert_int_equal(ecap_host_table.pick_bpf((void *)8, &index), -EPERM);
	ecap_crumb = NULL;
	assert_int_equal(ecap_rules_broken(f.instance), 3);
	assert_int_equal(ecap_rules_broken(other.instance), 0);
	assert_int_equal(ecap_instance_stop(other.instance), 0);
	assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
	assert_string_equal(ecap_err_text(), "module misbehaving: decode(): emit() called with "
			    "another self than init() was given (the first of 3)");
	fixture_close(&f);
	fixture_close(&other);
}

/* A thread that the module forgot goes on with what it has. */
static void test_after_close(void **state)
{
	struct fixture f = {};
	struct ecap_instance *self;
	uint32_t index;

	(void)state;
	fixture_rules(&f, 0);
	self = f.instance;
	ecap_host_table.log(self, ECAP_LOG_INFO, "still open");
	ecap_host_table.count(self, "counter", 1);
	fixture_close(&f);
	memset(&f, 0x55, sizeof(f)); /* as all that the caller has freed */
	ecap_host_table.log(self, ECAP_LOG_INFO, "not any more");
	ecap_host_table.count(self, "counter", 1);
	ecap_host_table.abort(self, -EIO);
	assert_int_equal(ecap_host_table.stop_fd(self), -EPERM);
	assert_null(ecap_host_table.service(self, ECAP_TARGETS_SERVICE));
	assert_int_equal(ecap_host_table.emit(self, &event), -EPERM);
	assert_int_equal(ecap_host_table.pick_bpf(self, &index), -EPERM);
	assert_int_equal(ecap_host_table.fail(self, -ENOENT, "no host"), -ENOENT);
	assert_int_equal(in_log("not any more"), 0);
	assert_int_equal(in_log("against the rules, refused: log() called on the main thread "
				"'rules_test' in state closed; after close() there is no host "
				"any more"), 1);
	assert_int_equal(ecap_rules_broken(self), 7);
}

static void test_arguments(void **state)
{
	struct fixture f = {};
	struct ecap_crumb crumb;

	(void)state;
	fixture_rules(&f, 0);
	enter(&crumb, f.instance, ECAP_OP_DECODE);
	assert_int_equal(ecap_host_table.emit(f.instance, NULL), -EINVAL);
	assert_int_equal(ecap_rules_broken(f.instance), 1);
	assert_int_equal(ecap_host_table.fail(f.instance, 0, "nothing wrong"), -EIO);
	assert_int_equal(ecap_host_table.fail(f.instance, 22, "positive"), -EIO);
	assert_int_equal(ecap_rules_broken(f.instance), 3);
	assert_int_equal(ecap_host_table.fail(f.instance, -22, "negative"), -22);
	assert_int_equal(ecap_rules_broken(f.instance), 3);
	ecap_crumb = NULL;
	fixture_close(&f);
}

/* The first one ends it: with its text, from where it came, and nothing is taken any more. */
static void test_strict(void **state)
{
	struct fixture f = {};
	struct ecap_crumb crumb;

	(void)state;
	fixture_rules(&f, 1);
	assert_int_equal(ecap_instance_error(f.instance), 0);
	assert_false(readable(ecap_instance_stop_fd(f.instance)));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ecap_host_table.emit(f.instance, &event), -EPERM);
	assert_true(readable(ecap_instance_stop_fd(f.instance)));
	assert_int_equal(ecap_instance_error(f.instance), -EPROTO);
	assert_string_equal(ecap_err_text(), "module misbehaving: emit() called on the main thread "
			    "'rules_test' in state new; it belongs to the reader");
	assert_int_equal(in_log("against the rules"), 1);
	assert_int_equal(in_log("--strict-modules"), 0);
	assert_int_equal(in_log("info probe:   #0 "), 1);
	assert_int_equal(in_log("info probe:   #1 "), 1);
	enter(&crumb, f.instance, ECAP_OP_DECODE);
	assert_int_equal(ecap_host_table.emit(f.instance, &event), -ECANCELED);
	ecap_crumb = NULL;
	fixture_close(&f);
}

/* A strict instance does not even begin to read, when init() has broken a rule. */
static void test_strict_start(void **state)
{
	struct fixture f = {};

	(void)state;
	fixture_rules(&f, 1);
	ecap_host_table.emit(f.instance, &event);
	assert_int_equal(ecap_instance_start(f.instance), -EPROTO);
	assert_memory_equal(ecap_err_text(), "module misbehaving: emit()", 26);
	assert_string_equal(f.plan.journal, "init close");
	fixture_close(&f);
}

static void test_log_budget(void **state)
{
	struct fixture f = {};

	(void)state;
	fixture_rules(&f, 0);
	for (int i = 0; i < 1000; i++)
		ecap_host_table.log(f.instance, ECAP_LOG_DEBUG, "below the level, which is free");
	for (int i = 0; i < 100000; i++)
		ecap_host_table.log(f.instance, ECAP_LOG_ERROR, "line %d", i);
	ecap_instance_summary(f.instance);
	uint32_t lines = in_log("error probe: line ");

	/* As many as are granted for each second that it took. */
	assert_true(lines >= 1000 && lines < 2000);
	assert_int_equal(in_log("error probe: line 999\n"), 1);
	char text[96];

	snprintf(text, sizeof(text), "warning probe: %u lines of the module left out of the log\n",
		 100000 - lines);
	assert_int_equal(in_log(text), 1);
	fixture_close(&f);
}

static _Atomic uint64_t sending, sent;

static void *send_for_ever(void *program_fd)
{
	static const char payload[16000];

	while (atomic_load(&sending)) {
		run_program((int)(intptr_t)program_fd, 0, payload, sizeof(payload));
		atomic_fetch_add(&sent, 1);
	}
	return NULL;
}

static int slow_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		       struct ecap_event *ev)
{
	(void)state, (void)map_id, (void)rec, (void)len, (void)ev;
	usleep(1000);
	return 0;
}

/* What stop() has left attached sends faster than is read: it ends all the same, and is told. */
static void test_still_attached(void **state)
{
	struct fixture f = {};
	pthread_t threads[2];

	(void)state;
	fixture_open(&f, "events");
	f.ops.decode = slow_decode;
	int before = count_entries("/proc/self/task");

	fixture_start(&f);
	atomic_store(&sending, 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_for_ever,
						(void *)(intptr_t)f.plan.program_fd), 0);
	/* On a busy machine it takes them a while to begin. */
	while (atomic_load(&sent) < 1000)
		usleep(1000);
	ecap_instance_detach(f.instance);
	assert_threads(before + (int)ARRAY_SIZE(threads)); /* the reader has ended */
	atomic_store(&sending, 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ecap_instance_stop(f.instance), -EPROTO);
	assert_string_equal(ecap_err_text(), "module misbehaving: records still come after stop(), "
			    "which is to detach");
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_only),
		cmocka_unit_test(test_main_only),
		cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_other_self),
		cmocka_unit_test(test_after_close),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_strict_start),
		cmocka_unit_test(test_log_budget),
		cmocka_unit_test(test_still_attached),
	};

	return cmocka_run_group_tests_name("rules", tests, setup, teardown);
}
