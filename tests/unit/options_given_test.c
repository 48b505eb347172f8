/* SPDX-License-Identifier: Apache-2.0 */
/* What was given, as text: each type, no default, no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "option_text.h"
#include "options.h"
#include "util.h"

struct config {
	uint64_t u64, size, duration;
	const char *string, *path, *ifname, *rest, *secret;
	const char *const *list;
	uint32_t u32, choice;
	uint8_t flag, off;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option rows[] = {
	ROW(flag, ECAP_OPT_BOOL, "flag"),
	ROW(off, ECAP_OPT_BOOL, "off", .def = "yes"),
	ROW(u32, ECAP_OPT_U32, "u32", .def = "7"),
	ROW(u64, ECAP_OPT_U64, "u64"),
	ROW(size, ECAP_OPT_SIZE, "size", .def = "4K"),
	ROW(duration, ECAP_OPT_DURATION, "duration", .def = "10ms"),
	ROW(string, ECAP_OPT_STRING, "string"),
	ROW(path, ECAP_OPT_PATH, "path", .def = "/a/b"),
	ROW(choice, ECAP_OPT_ENUM, "choice", .choices = "text|pcap|keylog", .def = "text"),
	ROW(ifname, ECAP_OPT_IFNAME, "ifname"),
	ROW(rest, ECAP_OPT_REST, "filter"),
	ROW(list, ECAP_OPT_LIST, "list"),
	ROW(secret, ECAP_OPT_STRING, "secret", .flags = ECAP_OPT_SECRET),
};

static struct ecap_options *make_options(void)
{
	struct ecap_options *options = NULL;

	assert_int_equal(ecap_options_new("tls", rows, ARRAY_SIZE(rows), sizeof(struct config),
					  &options), 0);
	return options;
}

static void nothing_given(void **state)
{
	struct ecap_options *options = make_options();
	_cleanup_free_ char *text = ecap_options_given(options);

	(void)state;
	assert_string_equal(text, "");
	ecap_options_free(options);
}

static void all_given(void **state)
{
	static const char *const given[][2] = {
		{ "flag", "1" }, { "off", "no" }, { "u32", "7" }, { "u64", "18446744073709551615" },
		{ "size", "1048576" }, { "duration", "1500ms" }, { "string", "" },
		{ "path", "/x/y" }, { "choice", "keylog" }, { "ifname", "lo" },
		{ "filter", "tcp port 443" }, { "list", "a" }, { "list", "b" },
		{ "secret", "swordfish" },
	};
	struct ecap_options *options = make_options();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		const struct ecap_option *row = ecap_options_by_name(options, given[i][0]);

		assert_int_equal(ecap_options_set(options, row, given[i][1],
						  (struct ecap_origin){
							  .kind = ECAP_FROM_COMMAND_LINE }), 0);
	}
	_cleanup_free_ char *text = ecap_options_given(options);

	assert_string_equal(text, "flag = yes\noff = no\nu32 = 7\nu64 = 18446744073709551615\n"
			    "size = 1M\nduration = 1500ms\nstring = \npath = /x/y\n"
			    "choice = keylog\nifname = lo\nfilter = tcp port 443\n"
			    "list = a\nlist = b\n");
	ecap_options_free(options);
}

/* One by one: defaults too, a list in one line, and of a secret only that it is one. */
static void single_values(void **state)
{
	static const char *const expected[] = { "no", "yes", "7", "0", "4K", "10ms", "", "/a/b",
						"pcap", "", "", "a, b", "(secret)" };
	static const char *const given[][2] = { { "choice", "pcap" }, { "list", "a" },
						{ "list", "b" }, { "secret", "swordfish" } };
	const struct ecap_origin origin = { .kind = ECAP_FROM_COMMAND_LINE };
	struct ecap_options *options = make_options();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		assert_int_equal(ecap_options_set(options,
						  ecap_options_by_name(options, given[i][0]),
						  given[i][1], origin), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = ecap_option_value(options, &rows[i]);

		assert_string_equal(text, expected[i]);
	}
	ecap_options_free(options);
}

/* What was given is forgotten, and may be given again by somebody who counts less. */
static void values_are_reset(void **state)
{
	static const struct ecap_origin line = { .kind = ECAP_FROM_COMMAND_LINE };
	static const struct ecap_origin file = { ECAP_FROM_FILE, 3, "/etc/x.ini", NULL };
	struct ecap_options *options = make_options();
	const struct config *config = ecap_options_config(options);
	static const char *const names[] = { "path", "u32", "list", "string" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct ecap_option *row = ecap_options_by_name(options, names[i]);

		assert_int_equal(ecap_options_set(options, row, "9", line), 0);
		assert_int_equal(ecap_options_set(options, row, "8", file), 0);
		assert_int_equal(ecap_options_reset(options, row), 0);
		assert_int_equal(ecap_options_origin(options, row).kind, ECAP_FROM_DEFAULT);
	}
	assert_string_equal(config->path, "/a/b");
	assert_int_equal(config->u32, 7);
	assert_null(config->list);
	assert_null(config->string);
	assert_int_equal(ecap_options_set(options, ecap_options_by_name(options, "list"), "x",
					  file), 0);
	assert_string_equal(config->list[0], "x");
	ecap_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(all_given),
		cmocka_unit_test(single_values),
		cmocka_unit_test(values_are_reset),
	};

	return cmocka_run_group_tests_name("options_given", tests, NULL, NULL);
}
