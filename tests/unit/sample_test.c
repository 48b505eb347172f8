/* SPDX-License-Identifier: Apache-2.0 */
/* The sample ini file: comments that stay comments, values that the option engine takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "options_internal.h"
#include "sample.h"
#include "util.h"

struct config {
	uint64_t u64, size, duration;
	const char *path, *there, *dir, *rest, *text, *device, *secret;
	const char *const *list, *const *files;
	uint32_t u32, choice, level;
	uint8_t flag, on;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

/* What is printed of the rows; to be freed. */
static char *sample_of(const struct ecap_option *rows, uint32_t n)
{
	struct ecap_options *table;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(ecap_options_new("x", rows, n, sizeof(struct config), &table), 0);
	ecap_sample_rows(out, &table, 0);
	fclose(out);
	ecap_options_free(table);
	return text;
}

static void rows_are_shown(void **state)
{
	static const struct ecap_option rows[] = {
		ROW(u64, ECAP_OPT_U64, "config", .flags = ECAP_OPT_NO_FILE, .group = "Kernel"),
		ROW(choice, ECAP_OPT_ENUM, "choice", .choices = "a|b", .def = "b", .group = "Kernel",
		    .help = "what"),
		ROW(level, ECAP_OPT_ENUM, "level", .choices = "low|high", .metavar = "L"),
		ROW(size, ECAP_OPT_SIZE, "size", .min = 1, .max = 1024, .group = "Kernel"),
		ROW(flag, ECAP_OPT_BOOL, "flag", .help = "a switch"),
		ROW(on, ECAP_OPT_BOOL, "hidden", .flags = ECAP_OPT_HIDDEN),
		ROW(there, ECAP_OPT_PATH, "there", .flags = ECAP_OPT_MUST_EXIST),
		ROW(dir, ECAP_OPT_PATH, "dir", .metavar = "DIR"),
		ROW(secret, ECAP_OPT_STRING, "secret", .def = "xyzzy", .flags = ECAP_OPT_SECRET),
		ROW(files, ECAP_OPT_LIST, "files", .metavar = "FILE"),
	};
	_cleanup_free_ char *text = sample_of(rows, ARRAY_SIZE(rows));

	(void)state;
	assert_string_equal(text,
		"\n# -- Kernel --\n"
		"\n# what (a|b, default b)\n;choice = b\n"
		"\n# (1 to 1K)\n;size = 1\n"
		"\n# (low|high, default low)\n;level = low\n"
		"\n# a switch (default no)\n;flag = no\n"
		"\n;there = /dev/null\n"
		"\n;dir = /path/to/directory\n"
		"\n;secret = TEXT\n"
		"\n# (repeatable)\n;files = /path/to/file\n");
}

static void comments_are_wrapped(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	ecap_sample_comment(out, "");
	ecap_sample_comment(out, " \n ");
	ecap_sample_comment(out, "\n\none\n two\n\n\n[tls]\nx = y\n");
	fputs("--\n", out);
	ecap_sample_comment(out, "123456789 123456789 123456789 123456789 123456789 123456789 "
			    "123456789 123456789 123456789 12345678 ;x");
	fclose(out);
	assert_string_equal(text,
		"# one two\n#\n# [tls] x = y\n--\n"
		"# 123456789 123456789 123456789 123456789 123456789 123456789 "
		"123456789 123456789 123456789 12345678\n# ;x\n");
}

/* Reads ";key = value" as core/ini.c would without the ";", and sets it. */
static void set_line(struct ecap_options *table, const char *line)
{
	_cleanup_free_ char *key = strdup(line + 1);
	char *value = strstr(key, " = ");
	const struct ecap_origin origin = { .kind = ECAP_FROM_FILE, .file = "x.ini" };

	assert_non_null(value);
	*value = '\0';
	value += 3;
	assert_null(strstr(value, " ;"));
	assert_int_not_equal(*value, ';');

	const struct ecap_option *row = ecap_options_by_name(table, key);

	assert_non_null(row);
	if (ecap_options_set(table, row, value, origin))
		fail_msg("%s: %s", line, ecap_err_text());
}

#define BAD "\n[tls]\nx = y ;z\n;pid = 1\n\n"

static void every_value_is_taken(void **state)
{
	static const struct ecap_option rows[] = {
		ROW(u32, ECAP_OPT_U32, "u32", .min = 7, .max = 9, .help = BAD, .group = BAD),
		ROW(u64, ECAP_OPT_U64, "u64", .def = "0xffffffffffffffff"),
		ROW(size, ECAP_OPT_SIZE, "size", .min = 1025, .max = 1 << 20, .metavar = BAD),
		ROW(duration, ECAP_OPT_DURATION, "duration", .min = 1500, .max = 2500, .group = ""),
		ROW(flag, ECAP_OPT_BOOL, "flag"),
		ROW(on, ECAP_OPT_BOOL, "on", .def = "TRUE"),
		ROW(choice, ECAP_OPT_ENUM, "choice", .choices = "|" BAD "| a|b ;c|d;e", .def = "b ;c"),
		ROW(text, ECAP_OPT_STRING, "text", .def = BAD, .metavar = BAD),
		ROW(rest, ECAP_OPT_REST, "rest", .def = " x", .metavar = ";x"),
		ROW(secret, ECAP_OPT_STRING, "secret", .def = "", .doc = BAD),
		ROW(list, ECAP_OPT_LIST, "list", .metavar = " "),
		ROW(files, ECAP_OPT_LIST, "files", .metavar = "DIR", .def = "x\ny"),
		ROW(path, ECAP_OPT_PATH, "path"),
		ROW(there, ECAP_OPT_PATH, "there", .flags = ECAP_OPT_MUST_EXIST, .metavar = "DIR"),
		ROW(device, ECAP_OPT_IFNAME, "device"),
	};
	_cleanup_free_ char *text = sample_of(rows, ARRAY_SIZE(rows));
	struct ecap_options *table;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(ecap_options_new("x", rows, ARRAY_SIZE(rows), sizeof(struct config), &table), 0);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (*line == ';') {
			set_line(table, line);
			n++;
		} else if (*line) {
			assert_int_equal(*line, '#');
		}
	}
	assert_int_equal(n, ARRAY_SIZE(rows));
	ecap_options_free(table);
}

static void a_choice_that_no_file_can_name_is_left_out(void **state)
{
	static const struct ecap_option rows[] = {
		ROW(choice, ECAP_OPT_ENUM, "choice", .choices = " a|b\n", .help = "what"),
	};
	_cleanup_free_ char *text = sample_of(rows, ARRAY_SIZE(rows));

	(void)state;
	assert_string_equal(text, "\n# what ( a|b , default a)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_shown),
		cmocka_unit_test(comments_are_wrapped),
		cmocka_unit_test(every_value_is_taken),
		cmocka_unit_test(a_choice_that_no_file_can_name_is_left_out),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
