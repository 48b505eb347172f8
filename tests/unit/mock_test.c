/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host for modules' own tests, ecapture/mock.h: it must show what a module did, and find what
 * a module may not do. Each case is a module that does one thing when it is given a record.
 */
#include "mock_help.h"

#include <poll.h>

struct state {
	const struct ecap_context *ctx;
	uint64_t lost;
};

/* What the module does with a record; set by each test. */
static int (*act)(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev);
static int (*act_at_init)(const struct ecap_context *ctx);

static int module_init(const struct ecap_context *ctx, void **state)
{
	static struct state m;
	int err = act_at_init ? act_at_init(ctx) : 0;

	m = (struct state){ .ctx = ctx };
	*state = &m;
	return err;
}

static void module_close(void *state)
{
	(void)state;
}

static int module_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
			 struct ecap_event *ev)
{
	(void)map_id;
	return act(state, rec, len, ev);
}

static int module_dispatch(void *state, struct ecap_event *ev)
{
	struct state *m = state;
	struct ecap_event out = *ev;

	if (ev->priv != m)
		return -EINVAL;
	out.dest = ECAP_DEST_OUTPUT;
	return m->ctx->host->emit(m->ctx->self, &out);
}

/* What survey() does; set by each test. */
static int (*look)(const struct ecap_context *ctx);

static int module_survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	assert_null(target);
	return look(ctx);
}

static void module_lost(void *state, uint32_t map_id, uint64_t n)
{
	(void)map_id;
	((struct state *)state)->lost += n;
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = module_init, .close = module_close,
	.decode = module_decode, .dispatch = module_dispatch, .lost = module_lost,
	.survey = module_survey,
};

static const struct ecap_bpf objects[] = {
	{ .name = "best", .variant = ECAP_BTF_CORE, .features = ECAP_FEAT_USER_DYNPTR },
	{ .name = "good", .variant = ECAP_BTF_CORE },
	{ .name = "plain", .variant = ECAP_BTF_NONCORE },
};

ECAP_MODULE(.name = "case", .command = "case", .version = "1", .summary = "what a test wants",
	    .ops = &ops, .bpf = objects, .n_bpf = ECAP_COUNT(objects));

static void begin(struct ecap_mock *m)
{
	act = NULL;
	act_at_init = NULL;
	ecap_mock_new(m, &ecapture_module_1);
}

/* One record, and the whole mock. */
static void run_case(int (*what)(struct state *, const char *, uint32_t, struct ecap_event *),
		     struct ecap_mock *m)
{
	begin(m);
	act = what;
	ECAP_EXPECT(m, ecap_mock_open(m) == 0);
	ecap_mock_record(m, 3, "record", 6);
}

/* ---- what a module may do ---- */

static int good_event(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	static struct ecap_field fields[2];
	static char word[8];

	memcpy(word, rec, len);
	assert_int_equal(ev->fd, -1);
	assert_int_equal(ev->struct_size, sizeof(*ev));
	ecap_log(m->ctx, ECAP_LOG_INFO, "record of %u bytes", len);
	m->ctx->host->count(m->ctx->self, "bytes", len);
	m->ctx->host->count(m->ctx->self, "bytes", 1);
	fields[0] = (struct ecap_field){ .name = "word", .str = word };
	fields[1] = (struct ecap_field){ .name = "len", .num = len };
	ev->kind = "thing";
	ev->fields = fields;
	ev->n_fields = 2;
	ev->flags = ECAP_EVENT_F_PAYLOAD;
	ev->payload = rec;
	ev->payload_len = len;
	strcpy(ev->comm, "prog");
	return 1;
}

static void test_event_is_kept(void **state)
{
	const struct ecap_event *ev;
	struct ecap_mock m;

	(void)state;
	run_case(good_event, &m);
	assert_int_equal(ecap_mock_record(&m, 3, "other", 5), 1);
	assert_int_equal(m.n_events, 2);
	/* A copy: the record and the fields that the second one changed are gone. */
	ev = ecap_mock_event(&m, 0);
	assert_true(ecap_mock_field_is(ev, "word", "record"));
	assert_false(ecap_mock_field_is(ev, "word", "other"));
	assert_false(ecap_mock_field_is(ev, "none", "record"));
	assert_int_equal(ecap_mock_field(ev, "len")->num, 6);
	assert_memory_equal(ev->payload, "record", 6);
	assert_string_equal(ev->comm, "prog");
	assert_true(ecap_mock_logged(&m, "of 6 bytes"));
	assert_false(ecap_mock_logged(&m, "of 7 bytes"));
	assert_int_equal(ecap_mock_counter(&m, "bytes"), 13);
	assert_int_equal(ecap_mock_counter(&m, "none"), 0);
	assert_int_equal(ecap_mock_end(&m), 0);
	assert_string_equal(heard(), "");
}

static int to_itself(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	good_event(m, rec, len, ev);
	ev->dest = ECAP_DEST_MODULE;
	ev->priv = *rec == 'r' ? m : NULL;
	return 1;
}

static void test_dispatch(void **state)
{
	struct ecap_mock m;

	(void)state;
	run_case(to_itself, &m);
	assert_int_equal(m.n_events, 1);
	assert_null(ecap_mock_event(&m, 0)->priv);
	/* What dispatch refuses is damaged. */
	assert_int_equal(ecap_mock_record(&m, 3, "other", 5), -EINVAL);
	assert_int_equal(m.damaged, 1);
	assert_int_equal(ecap_mock_end(&m), 0);
}

static int damaged(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	(void)m, (void)rec, (void)ev;
	return len > 4 ? -EINVAL : 0;
}

static void test_records_without_event(void **state)
{
	struct ecap_mock m;

	(void)state;
	run_case(damaged, &m);
	m.min_record = 3;
	assert_int_equal(ecap_mock_record(&m, 0, "four", 4), 0);
	assert_int_equal(ecap_mock_record(&m, 0, "ab", 2), 0);
	assert_int_equal(m.damaged, 1);
	assert_int_equal(m.short_records, 1);
	assert_int_equal(m.n_events, 0);
	ecap_mock_lost(&m, 0, 5);
	ecap_mock_lost(&m, 0, 2);
	assert_int_equal(((struct state *)m.state)->lost, 7);
	assert_int_equal(ecap_mock_end(&m), 0);
}

static int gives_up(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	(void)rec, (void)len, (void)ev;
	ecap_fail(m->ctx, -EPROTO, "no more of %s", "this");
	m->ctx->host->abort(m->ctx->self, -EPROTO);
	return 0;
}

static void test_abort(void **state)
{
	struct pollfd fd = { .events = POLLIN };
	struct ecap_mock m;

	(void)state;
	begin(&m);
	fd.fd = m.host.stop_fd(m.context.self);
	assert_int_equal(poll(&fd, 1, 0), 0);
	ecap_mock_end(&m);
	run_case(gives_up, &m);
	fd.fd = m.host.stop_fd(m.context.self);
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_int_equal(m.aborted, -EPROTO);
	assert_string_equal(m.error, "no more of this");
	assert_int_equal(ecap_mock_end(&m), 0);
}

static int picks(const struct ecap_context *ctx)
{
	const int *table = ctx->host->service(ctx->self, "test.number/1");
	uint32_t index = 99;
	int err = ctx->host->pick_bpf(ctx->self, &index);

	if (!table || ctx->host->service(ctx->self, "test.number/2"))
		return ecap_fail(ctx, -ENOENT, "no service");
	return err ? err : ecap_fail(ctx, -ERANGE, "object %u, number %d", index, *table);
}

static void test_features_and_services(void **state)
{
	static const int number = 42;
	static const struct ecap_mock_service services[] = { { "test.number/1", &number },
							     { NULL, NULL } };
	struct ecap_mock m;

	(void)state;
	begin(&m);
	act_at_init = picks;
	assert_int_equal(ecap_mock_open(&m), -ENOENT);
	m.services = services;
	assert_int_equal(ecap_mock_open(&m), -ERANGE);
	assert_string_equal(m.error, "object 0, number 42");
	m.context.features = ECAP_FEAT_BTF;
	ecap_mock_open(&m);
	assert_string_equal(m.error, "object 1, number 42");
	m.context.btf_mode = ECAP_BTF_NONCORE;
	ecap_mock_open(&m);
	assert_string_equal(m.error, "object 2, number 42");
	m.context.btf_mode = ECAP_BTF_CORE;
	m.context.features = 0;
	assert_int_equal(ecap_mock_open(&m), -EOPNOTSUPP);
	ECAP_EXPECT(&m, !m.is_open);
	assert_int_equal(ecap_mock_end(&m), 0);
}

/* ---- what a module, or a test, may not do ---- */

/* What is changed in a good event. */
static void (*change)(struct ecap_event *ev);

static int changed(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	good_event(m, rec, len, ev);
	change(ev);
	return 1;
}

static const char long_name[ECAP_NAME_MAX + 2] =
	"a_name_of_sixty_four_bytes_is_one_byte_longer_than_one_may_be_aa";
static const struct ecap_field odd_field = { .name = "Word" }, many[ECAP_FIELDS_MAX + 1];

static void dest(struct ecap_event *ev) { ev->dest = 9; }
static void direction(struct ecap_event *ev) { ev->direction = 3; }
static void flags(struct ecap_event *ev) { ev->flags |= 4; }
static void reserved(struct ecap_event *ev) { ev->reserved = 1; }
static void tuple_reserved(struct ecap_event *ev) { ev->tuple.reserved[2] = 1; }
static void family(struct ecap_event *ev) { ev->tuple.family = 10; }
static void comm(struct ecap_event *ev) { memset(ev->comm, 'x', sizeof(ev->comm)); }
static void kind(struct ecap_event *ev) { ev->kind = "a thing"; }
static void empty_kind(struct ecap_event *ev) { ev->kind = ""; }
static void long_kind(struct ecap_event *ev) { ev->kind = long_name; }
static void hidden(struct ecap_event *ev) { ev->flags = 0; }
static void large(struct ecap_event *ev) { ev->payload_len = ECAP_BYTES_MAX + 1; }
static void no_payload(struct ecap_event *ev) { ev->payload = NULL; }
static void beyond(struct ecap_event *ev) { ev->total = 10, ev->offset = 5; }
static void far(struct ecap_event *ev) { ev->total = 10, ev->offset = 11, ev->payload_len = 0; }
static void no_fields(struct ecap_event *ev) { ev->fields = NULL; }
static void field(struct ecap_event *ev) { ev->fields = &odd_field, ev->n_fields = 1; }
static void fields(struct ecap_event *ev) { ev->fields = many, ev->n_fields = ECAP_COUNT(many); }

/* The same rules as in the host: tests/unit/event_check_test.c. */
static void test_refused_events(void **state)
{
	static const struct {
		void (*change)(struct ecap_event *ev);
		const char *told;
	} events[] = {
		{ dest, "dest is no ECAP_DEST_*" },
		{ direction, "direction is no ECAP_DIR_*" },
		{ flags, "flags has what is no ECAP_EVENT_F_*" },
		{ reserved, "reserved is not zero" },
		{ tuple_reserved, "reserved is not zero" },
		{ family, "tuple.family is neither 0, 4 nor 6" },
		{ comm, "comm has no NUL" },
		{ kind, "kind is not [a-z_]+" },
		{ empty_kind, "kind is not [a-z_]+" },
		{ long_kind, "kind is not [a-z_]+" },
		{ hidden, "payload_len is not 0 without ECAP_EVENT_F_PAYLOAD" },
		{ large, "payload_len is more than ECAP_BYTES_MAX" },
		{ no_payload, "payload is NULL, and payload_len is not 0" },
		{ beyond, "offset and payload_len go beyond total" },
		{ far, "offset and payload_len go beyond total" },
		{ no_fields, "fields is NULL, and n_fields is not 0" },
		{ field, "a field's name is not [a-z_]+" },
		{ fields, "n_fields is more than ECAP_FIELDS_MAX" },
	};

	for (uint32_t i = 0; i < ECAP_COUNT(events); i++) {
		char want[128];
		struct ecap_mock m;

		change = events[i].change;
		run_case(changed, &m);
		assert_int_equal(m.n_failures, 1);
		assert_int_equal(m.damaged, 1);
		assert_int_equal(m.n_events, 0);
		assert_int_equal(ecap_mock_end(&m), 1);
		snprintf(want, sizeof(want), "case: wrong in decode: an event that the host "
			 "refuses: %s\n", events[i].told);
		if (!strstr(heard(), want))
			fail_with("not told: %sbut: %s", want, told);
		quiet(state);
	}
}

static void nearly(struct ecap_event *ev)
{
	ev->kind = NULL;
	ev->total = 11;
	ev->offset = 5;
	ev->tuple.family = 6;
	ev->flags |= ECAP_EVENT_F_EOS;
}

static void test_event_at_the_edge(void **state)
{
	struct ecap_mock m;

	(void)state;
	change = nearly;
	run_case(changed, &m);
	assert_int_equal(m.n_events, 1);
	assert_int_equal(ecap_mock_end(&m), 0);
}

static int two_lines(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	(void)rec, (void)len, (void)ev;
	ecap_log(m->ctx, ECAP_LOG_INFO, "one\ntwo");
	return 0;
}

static int positive_error(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	(void)rec, (void)len, (void)ev;
	return -ecap_fail(m->ctx, EINVAL, "not negative");
}

static int picks_late(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	uint32_t index;

	(void)rec, (void)len, (void)ev;
	return m->ctx->host->pick_bpf(m->ctx->self, &index);
}

static void *emit_from_thread(void *arg)
{
	struct ecap_event ev = { .struct_size = sizeof(ev), .kind = "thing" };
	struct state *m = arg;

	m->ctx->host->emit(m->ctx->self, &ev);
	return NULL;
}

static int emits_from_thread(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev)
{
	pthread_t thread;

	(void)rec, (void)len, (void)ev;
	pthread_create(&thread, NULL, emit_from_thread, m);
	pthread_join(thread, NULL);
	return 0;
}

static void test_faults(void **state)
{
	static const struct {
		int (*act)(struct state *m, const char *rec, uint32_t len, struct ecap_event *ev);
		const char *told;
	} faults[] = {
		{ two_lines, "log(): a line end in \"one\ntwo\"" },
		{ positive_error, "fail(): error 22 is not a negative errno" },
		{ picks_late, "pick_bpf() called outside of init() and load()" },
		{ emits_from_thread, "emit() called by a thread of the module" },
	};

	for (uint32_t i = 0; i < ECAP_COUNT(faults); i++) {
		char want[128];
		struct ecap_mock m;

		run_case(faults[i].act, &m);
		assert_int_equal(m.n_failures, 1);
		assert_int_equal(ecap_mock_end(&m), 1);
		snprintf(want, sizeof(want), "case: wrong in decode: %s\n", faults[i].told);
		if (!strstr(heard(), want))
			fail_with("not told: %sbut: %s", want, told);
		quiet(state);
	}
}

static int emits_early(const struct ecap_context *ctx)
{
	struct ecap_event ev = { .struct_size = sizeof(ev), .kind = "thing" };

	return ctx->host->emit(ctx->self, &ev);
}

static int silent_error(const struct ecap_context *ctx)
{
	(void)ctx;
	return -EIO;
}

static void test_faults_at_init(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m);
	act_at_init = emits_early;
	assert_int_equal(ecap_mock_open(&m), 0);
	assert_int_equal(ecap_mock_end(&m), 1);
	begin(&m);
	act_at_init = silent_error;
	assert_int_equal(ecap_mock_open(&m), -EIO);
	assert_int_equal(ecap_mock_end(&m), 1);
	assert_non_null(strstr(heard(), "case: wrong in init: emit() called outside of decode()"));
	assert_non_null(strstr(told, "init() returned -5 and gave no reason to fail()"));
}

/* ---- a file that is looked at ---- */

static int find_two(const struct ecap_context *ctx)
{
	char how[] = "by its looks";
	struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE, .what = "plaintext",
		.text = how, .insn = "push rbp", .addr = 16, .offset = 32, .emulated = 1,
	};
	int err = ctx->host->finding(ctx->self, &finding);

	how[0] = 'x'; /* it was copied */
	finding.kind = ECAP_FINDING_MISSING;
	finding.what = "keys";
	finding.text = "no function of a key log";
	return err ? err : ctx->host->finding(ctx->self, &finding);
}

static void test_survey(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m);
	look = find_two;
	ECAP_EXPECT(&m, ecap_mock_survey(&m, NULL) == 0);
	assert_int_equal(m.n_findings, 2);
	assert_string_equal(ecap_mock_finding(&m, 0)->text, "by its looks");
	assert_string_equal(ecap_mock_finding(&m, 0)->insn, "push rbp");
	assert_null(ecap_mock_finding(&m, 0)->function);
	assert_int_equal(ecap_mock_finding(&m, 0)->offset, 32);
	assert_int_equal(ecap_mock_finding(&m, 1)->kind, ECAP_FINDING_MISSING);
	assert_int_equal(m.n_failures, 0);
	assert_null(ecap_mock_finding(&m, 2));
	assert_int_equal(ecap_mock_end(&m), 1);
	assert_non_null(strstr(heard(), "the test wants finding 2 of 2"));
}

static int find_wrong(const struct ecap_context *ctx)
{
	const struct ecap_finding good = {
		.struct_size = sizeof(good), .kind = ECAP_FINDING_FACT, .what = "library",
		.text = "any",
	};
	struct ecap_finding f = good;

	f.struct_size = 0;
	assert_int_equal(ctx->host->finding(ctx->self, &f), -EPERM);
	f = good;
	f.kind = 77;
	assert_int_equal(ctx->host->finding(ctx->self, &f), -EPERM);
	f = good;
	f.reserved = 1;
	assert_int_equal(ctx->host->finding(ctx->self, &f), -EPERM);
	f = good;
	f.text = NULL;
	assert_int_equal(ctx->host->finding(ctx->self, &f), -EPERM);
	f = good;
	f.what = "Not a word";
	assert_int_equal(ctx->host->finding(ctx->self, &f), -EPERM);
	for (uint32_t i = 0; i < ECAP_FINDINGS_MAX; i++)
		assert_int_equal(ctx->host->finding(ctx->self, &good), 0);
	assert_int_equal(ctx->host->finding(ctx->self, &good), -ENOSPC);
	return 1;
}

static void test_survey_faults(void **state)
{
	struct ecap_mock m;

	(void)state;
	begin(&m);
	look = find_wrong;
	assert_int_equal(ecap_mock_survey(&m, NULL), 1);
	assert_int_equal(m.n_findings, ECAP_FINDINGS_MAX);
	assert_int_equal(m.n_failures, 6);
	/* Outside of survey(). */
	look = NULL;
	m.host.finding(m.context.self, &ecap_mock_finding(&m, 0)[0]);
	assert_int_equal(m.n_failures, 7);
	ecap_mock_end(&m);
	assert_non_null(strstr(heard(), "kind is no ECAP_FINDING_*"));
	assert_non_null(strstr(told, "survey() returned 1, which is no negative errno"));
	assert_non_null(strstr(told, "finding() called outside of survey()"));
}

static void test_faults_of_the_test(void **state)
{
	struct ecap_mock m;
	int line;

	(void)state;
	begin(&m);
	assert_int_equal(ecap_mock_record(&m, 0, "x", 1), -EINVAL);
	assert_int_equal(m.n_failures, 1);
	assert_null(ecap_mock_event(&m, 0));
	assert_int_equal(m.n_failures, 2);
	line = __LINE__ + 1;
	assert_int_equal(ECAP_EXPECT(&m, m.n_events == 1), 0);
	assert_int_equal(m.n_failures, 3);
	ecap_mock_end(&m);
	/* A test that checks nothing proves nothing. */
	begin(&m);
	assert_int_equal(ecap_mock_end(&m), 1);
	assert_non_null(strstr(heard(), "the module is not open"));
	assert_non_null(strstr(told, "the test wants event 0 of 0"));
	char want[128];

	snprintf(want, sizeof(want), "mock_test.c:%d: expected m.n_events == 1\n", line);
	assert_non_null(strstr(told, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_event_is_kept), CASE(test_dispatch), CASE(test_records_without_event),
		CASE(test_abort), CASE(test_features_and_services), CASE(test_refused_events),
		CASE(test_event_at_the_edge), CASE(test_faults),
		CASE(test_faults_at_init), CASE(test_faults_of_the_test),
		CASE(test_survey), CASE(test_survey_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
