/* SPDX-License-Identifier: Apache-2.0 */
/* Options in ecapture/mock.h: defaults, values as they are typed, and what is no value. */
#include "mock_help.h"

struct config {
	const char *word;
	const char *const *list;
	uint64_t size, duration;
	uint32_t number, choice;
	uint8_t flag;
};

static int module_init(const struct ecap_context *ctx, void **state)
{
	*state = (void *)ctx->config;
	return 0;
}

static void module_close(void *state)
{
	(void)state;
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = module_init, .close = module_close,
};

static const struct ecap_option options[] = {
	ECAP_OPT(struct config, word, ECAP_OPT_STRING, "word", .def = "plain"),
	ECAP_OPT(struct config, list, ECAP_OPT_LIST, "list"),
	ECAP_OPT(struct config, size, ECAP_OPT_SIZE, "size", .def = "2K"),
	ECAP_OPT(struct config, duration, ECAP_OPT_DURATION, "duration", .def = "2"),
	ECAP_OPT(struct config, number, ECAP_OPT_U32, "number", .def = "7", .min = 1, .max = 9),
	ECAP_OPT(struct config, choice, ECAP_OPT_ENUM, "choice", .choices = "red|green|blue",
		 .def = "green"),
	ECAP_OPT(struct config, flag, ECAP_OPT_BOOL, "flag", .flags = ECAP_OPT_REQUIRED),
};

ECAP_MODULE(.name = "case", .command = "case", .version = "1", .summary = "what a test wants",
	    .ops = &ops, .options = options, .n_options = ECAP_COUNT(options),
	    .config_size = sizeof(struct config));

static void begin(struct ecap_mock *m)
{
	ecap_mock_new(m, &ecapture_module_1);
	ecap_mock_option(m, "flag", "on");
}

static void test_options(void **state)
{
	const struct config *c;
	struct ecap_mock m;

	(void)state;
	begin(&m);
	c = m.config;
	assert_string_equal(c->word, "plain");
	assert_null(c->list);
	assert_int_equal(c->size, 2048);
	assert_int_equal(c->duration, 2000000000);
	assert_int_equal(c->number, 7);
	assert_int_equal(c->choice, 1);
	assert_int_equal(c->flag, 1);
	assert_int_equal(ecap_mock_option(&m, "word", "other"), 0);
	assert_int_equal(ecap_mock_option(&m, "list", "a"), 0);
	assert_int_equal(ecap_mock_option(&m, "list", "b"), 0);
	assert_int_equal(ecap_mock_option(&m, "size", "1g"), 0);
	assert_int_equal(ecap_mock_option(&m, "duration", "20ms"), 0);
	assert_int_equal(ecap_mock_option(&m, "number", "9"), 0);
	assert_int_equal(ecap_mock_option(&m, "choice", "blue"), 0);
	assert_int_equal(ecap_mock_option(&m, "flag", "No"), 0);
	assert_string_equal(c->word, "other");
	assert_string_equal(c->list[0], "a");
	assert_string_equal(c->list[1], "b");
	assert_null(c->list[2]);
	assert_int_equal(c->size, 1 << 30);
	assert_int_equal(c->duration, 20000000);
	assert_int_equal(c->number, 9);
	assert_int_equal(c->choice, 2);
	assert_int_equal(c->flag, 0);
	ECAP_EXPECT(&m, m.n_failures == 0);
	assert_int_equal(ecap_mock_end(&m), 0);
}

static void test_bad_options(void **state)
{
	static const char *const bad[][2] = {
		{ "none", "1" }, { "number", "10" }, { "number", "0" }, { "number", "x" },
		{ "number", "-1" }, { "number", "4294967297" }, { "size", "1x" },
		{ "size", "99999999999G" }, { "duration", "1h" }, { "choice", "gree" },
		{ "choice", "" }, { "flag", "maybe" },
	};
	struct ecap_mock m;

	(void)state;
	begin(&m);
	for (uint32_t i = 0; i < ECAP_COUNT(bad); i++) {
		if (ecap_mock_option(&m, bad[i][0], bad[i][1]) >= 0)
			fail_with("--%s %s is accepted\n", bad[i][0], bad[i][1]);
		assert_int_equal(m.n_failures, i + 1);
	}
	assert_int_equal(ecap_mock_end(&m), 1);
	assert_non_null(strstr(heard(), "case: wrong: the test sets --choice: \"gree\" is no value"));
}

static void test_bad_default(void **state)
{
	static const struct ecap_option rows[] = {
		ECAP_OPT(struct config, duration, ECAP_OPT_DURATION, "duration", .def = "1.5"),
	};
	struct ecap_module module = ecapture_module_1;
	struct ecap_mock m;

	(void)state;
	module.options = rows;
	module.n_options = 1;
	ecap_mock_new(&m, &module);
	ECAP_EXPECT(&m, ecap_mock_open(&m) == 0);
	assert_int_equal(ecap_mock_end(&m), 1);
	assert_non_null(strstr(heard(), "--duration: the default \"1.5\" is no value for it"));
}

static void test_required_option(void **state)
{
	struct ecap_mock m;

	(void)state;
	ecap_mock_new(&m, &ecapture_module_1);
	assert_int_equal(ecap_mock_open(&m), -EINVAL);
	assert_string_equal(m.error, "--flag is required");
	ecap_mock_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_options), CASE(test_bad_options), CASE(test_bad_default),
		CASE(test_required_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
