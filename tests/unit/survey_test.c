/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of survey(): which findings it takes, and what it makes of what comes back. */
#include "instance_help.h"

#include <ecapture/service/targets.h>

#include "err.h"

/* What the module's survey() does; set by each test. */
static int (*look)(const struct ecap_context *ctx, const struct ecap_target *target);
static struct ecap_finding taken[4];
static uint32_t n_taken;

static int on_finding(void *arg, const struct ecap_finding *f)
{
	assert_ptr_equal(arg, taken);
	if (n_taken < ARRAY_SIZE(taken))
		taken[n_taken] = *f;
	n_taken++;
	return 0;
}

static int module_survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	return look(ctx, target);
}

static int survey(int (*what)(const struct ecap_context *, const struct ecap_target *))
{
	struct fixture f = { .plan = { .no_bpf = 1 } };
	struct ecap_target target = { .struct_size = sizeof(target), .shown = "a file" };
	char text[1024];

	fixture_open(&f, "events");
	f.ops.survey = module_survey;
	f.options.on_finding = on_finding;
	f.options.on_finding_arg = taken;
	fixture_new(&f);
	look = what;
	n_taken = 0;
	int err = ecap_instance_survey(f.instance, &target);

	snprintf(text, sizeof(text), "%s", ecap_err_text());
	assert_string_equal(f.plan.journal, ""); /* it stands alone */
	fixture_close(&f);
	return ecap_err(err, "%s", text);
}

static const struct ecap_finding good = {
	.struct_size = sizeof(good), .kind = ECAP_FINDING_PLACE, .what = "plaintext",
	.text = "by its looks", .addr = 16, .offset = 32,
};

static int find_two(const struct ecap_context *ctx, const struct ecap_target *target)
{
	struct {
		struct ecap_finding now;
		uint64_t later;
	} newer = { .now = good };

	assert_string_equal(target->shown, "a file");
	assert_non_null(ctx->config);
	newer.now.struct_size = sizeof(newer);
	newer.now.kind = ECAP_FINDING_FACT;
	assert_int_equal(ctx->host->finding(ctx->self, &good), 0);
	return ctx->host->finding(ctx->self, &newer.now);
}

static void test_taken(void **state)
{
	(void)state;
	assert_int_equal(survey(find_two), 0);
	assert_int_equal(n_taken, 2);
	assert_int_equal(taken[0].offset, 32);
	assert_int_equal(taken[1].kind, ECAP_FINDING_FACT);
	assert_int_equal(taken[1].struct_size, sizeof(good));
}

static struct ecap_finding wrong;

static int find_wrong(const struct ecap_context *ctx, const struct ecap_target *target)
{
	(void)target;
	assert_int_equal(ctx->host->finding(ctx->self, &wrong), -EPERM);
	return 0;
}

/* A module that breaks a rule has not looked well, whatever it returns. */
static void refused(struct ecap_finding what, const char *text)
{
	wrong = what;
	assert_int_equal(survey(find_wrong), -EPROTO);
	assert_non_null(strstr(ecap_err_text(), text));
	assert_int_equal(n_taken, 0);
}

#define BUT(member, value) ({ struct ecap_finding _f = good; _f.member = value; _f; })

static void test_refused(void **state)
{
	(void)state;
	refused(BUT(struct_size, 16), "survey(): finding() called without one");
	refused(BUT(kind, 0), "kind is no ECAP_FINDING_*");
	refused(BUT(kind, 4), "kind is no ECAP_FINDING_*");
	refused(BUT(reserved, 1), "reserved is not 0");
	refused(BUT(emulated, 2), "emulated neither 0 nor 1");
	refused(BUT(what, ""), "what or text is missing");
	refused(BUT(text, NULL), "what or text is missing");
	refused(((struct ecap_finding){ .struct_size = sizeof(good), .kind = ECAP_FINDING_FACT,
					.what = "Two words", .text = "x" }), "is not [a-z_]+");
}

static int find_many(const struct ecap_context *ctx, const struct ecap_target *target)
{
	(void)target;
	for (uint32_t i = 0; i < ECAP_FINDINGS_MAX; i++)
		assert_int_equal(ctx->host->finding(ctx->self, &good), 0);
	return ctx->host->finding(ctx->self, &good);
}

static void test_too_many(void **state)
{
	(void)state;
	assert_int_equal(survey(find_many), -ENOSPC);
	assert_string_equal(ecap_err_text(), "more than 1024 findings");
	assert_int_equal(n_taken, ECAP_FINDINGS_MAX);
}

static int fail_silently(const struct ecap_context *ctx, const struct ecap_target *target)
{
	(void)ctx;
	(void)target;
	return -EREMOTE;
}

static int return_a_number(const struct ecap_context *ctx, const struct ecap_target *target)
{
	(void)ctx;
	(void)target;
	return 5;
}

static void test_errors(void **state)
{
	(void)state;
	assert_int_equal(survey(fail_silently), -EREMOTE);
	assert_string_equal(ecap_err_text(), strerror(EREMOTE));
	assert_int_equal(survey(return_a_number), -EPROTO);
	assert_string_equal(ecap_err_text(),
			    "survey() returned 5, which is neither 0 nor a negative errno");
}

/* finding() in another operation, or in none. */
static void test_elsewhere(void **state)
{
	struct fixture f = { .plan = { .no_bpf = 1 } };
	struct ecap_crumb crumb = { .op = ECAP_OP_START, .where = ECAP_WHERE_MODULE };

	(void)state;
	fixture_open(&f, "events");
	fixture_new(&f);
	assert_int_equal(ecap_host_table.finding(f.instance, &good), -EPERM);
	crumb.instance = f.instance;
	ecap_crumb = &crumb;
	assert_int_equal(ecap_host_table.finding(f.instance, &good), -EPERM);
	assert_string_equal(ecap_err_text(), "start(): finding() belongs to survey()");
	ecap_crumb = NULL;
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
