/* SPDX-License-Identifier: Apache-2.0 */
/* The shared options: letters, defaults, limits and the checks behind the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common_options.h"
#include "err.h"
#include "options.h"
#include "util.h"

static const struct ecap_origin from_line = { .kind = ECAP_FROM_COMMAND_LINE };
static const struct ecap_origin from_file = { ECAP_FROM_FILE, 2, "/etc/x.ini", NULL };

static int set(struct ecap_options *options, const char *name, const char *value,
	       struct ecap_origin origin)
{
	const struct ecap_option *row = ecap_options_by_name(options, name);

	assert_non_null(row);
	return ecap_options_set(options, row, value, origin);
}

static struct ecap_options *common(void)
{
	struct ecap_options *options;
	uint32_t n;
	const struct ecap_option *table = ecap_common_rows(&n);

	assert_int_equal(ecap_options_new("global", table, n, sizeof(struct ecap_common_config),
					  &options), 0);
	return options;
}

static void common_table(void **state)
{
	struct ecap_options *options = common();
	const struct ecap_common_config *config = ecap_options_config(options);
	static const struct {
		char letter;
		const char *name;
	} letters[] = { { 'd', "debug" }, { 'b', "btf" }, { 'p', "pid" }, { 'u', "uid" },
			{ 'l', "logaddr" }, { 't', "tsize" }, { 'o', "output" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		assert_string_equal(ecap_options_by_short(options, letters[i].letter)->name,
				    letters[i].name);
	assert_int_equal(config->pid, 0);
	assert_int_equal(config->mapsize, 0);
	assert_string_equal(config->plugin_dirs[0], ECAP_PLUGIN_DIR);
	assert_null(config->plugin_dirs[1]);
	assert_int_equal(set(options, "output", "json", from_line), 0);
	assert_int_equal(config->output, 1);
	assert_int_equal(set(options, "btf", "3", from_line), -EINVAL);
	assert_string_equal(ecap_err_text(), "--btf: must be between 0 and 2, not 3");
	assert_int_equal(set(options, "mapsize", "1048577", from_line), -EINVAL);
	assert_int_equal(set(options, "config", "/etc/x.ini", from_file), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "/etc/x.ini:2: [global] config: works on the command line only");
	assert_int_equal(set(options, "config", "/etc/x.ini", from_line), 0);
	assert_int_equal(ecap_common_check(options), 0);
	ecap_options_free(options);
}

/* What a module's section may say, and what it may not. */
static void module_sections(void **state)
{
	static const struct ecap_origin here = { ECAP_FROM_SECTION, 5, "/etc/x.ini", "tls" };
	static const struct {
		const char *name, *value, *message;
	} cases[] = {
		{ "pid", "77", NULL }, { "eventaddr", "/tmp/x", NULL }, { "output", "json", NULL },
		{ "config", "/x", "works on the command line only" },
		{ "plugin-dir", "/x", "concerns the whole program, not one module; set it in [global]" },
		{ "logaddr", "/x", "concerns the whole program, not one module; set it in [global]" },
		{ "debug", "yes", "concerns the whole program, not one module; set it in [global]" },
		{ "on-error", "stop", "concerns the whole program, not one module; set it in [global]" },
		{ "strict-modules", "yes",
		  "concerns the whole program, not one module; set it in [global]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_options *options = common();
		char text[160];

		assert_int_equal(set(options, cases[i].name, cases[i].value, here),
				 cases[i].message ? -EINVAL : 0);
		snprintf(text, sizeof(text), "/etc/x.ini:5: [tls] %s: %s", cases[i].name,
			 cases[i].message ? cases[i].message : "");
		if (cases[i].message)
			assert_string_equal(ecap_err_text(), text);
		ecap_options_free(options);
	}
}

static void common_checks(void **state)
{
	static const struct {
		const char *name, *value, *message;
	} cases[] = {
		{ "comm", "123456789012345", NULL },
		{ "comm", "1234567890123456",
		  "--comm: \"1234567890123456\" has 16 bytes; the kernel keeps 15" },
		{ "eventaddr", "tcp://h:1", "--eventaddr: tcp://h:1: only files are supported here" },
		{ "eventaddr", "/tmp/tcp/x", NULL },
		{ "logaddr", "ws://h/x", "--logaddr: ws://h/x: only files are supported here" },
		{ "logaddr", "wss://h/x", "--logaddr: wss://h/x: only files are supported here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_options *options = common();

		assert_int_equal(set(options, cases[i].name, cases[i].value, from_line), 0);
		assert_int_equal(ecap_common_check(options),
				 cases[i].message ? -EINVAL : 0);
		if (cases[i].message)
			assert_string_equal(ecap_err_text(), cases[i].message);
		ecap_options_free(options);
	}
	/* A value from a file is refused with its place. */
	struct ecap_options *options = common();

	assert_int_equal(set(options, "comm", "1234567890123456", from_file), 0);
	assert_int_equal(ecap_common_check(options), -EINVAL);
	assert_string_equal(ecap_err_text(), "/etc/x.ini:2: [global] comm: \"1234567890123456\" has 16 "
					     "bytes; the kernel keeps 15");
	ecap_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_table),
		cmocka_unit_test(common_checks),
		cmocka_unit_test(module_sections),
	};

	return cmocka_run_group_tests_name("common_options", tests, NULL, NULL);
}
