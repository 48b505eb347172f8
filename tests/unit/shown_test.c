/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of strangers for a terminal and for JSON, and columns as wide as what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "commands/shown.h"
#include "util.h"

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static char *printed(const struct ecap_columns *columns, uint32_t indent)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(ecap_columns_print(columns, out, indent), 0);
	fclose(out);
	return text;
}

static void columns_grow(void **state)
{
	static const char *const headings[] = { "A", "NEVER", "LONG HEADING", "LAST" };
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(headings, 4);
	(void)state;

	ecap_columns_add(columns, (const char *const[]){ "one", NULL, "x", "end" });
	ecap_columns_add(columns, (const char *const[]){ "a wide cell", "", NULL, "z\nz" });
	ecap_columns_note(columns, "a note\033[2J");
	ecap_columns_add(columns, (const char *const[]){ "\xc3\xa4\xc3\xb6", NULL, "\033", NULL });
	_cleanup_free_ char *text = printed(columns, 1);

	assert_string_equal(text,
			    " A            LONG HEADING  LAST\n"
			    " one          x             end\n"
			    " a wide cell  -             z z\n"
			    "     a note\\x1b[2J\n"
			    " \xc3\xa4\xc3\xb6           \\x1b          -\n");
}

static void columns_without_headings(void **state)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);
	_cleanup_free_ char *none = printed(columns, 0);
	(void)state;

	assert_string_equal(none, "");
	ecap_columns_add(columns, (const char *const[]){ "name", "x" });
	ecap_columns_add(columns, (const char *const[]){ "n", "y" });
	_cleanup_free_ char *text = printed(columns, 0);

	assert_string_equal(text, "name  x\nn     y\n");
}

static void no_headings_without_rows(void **state)
{
	static const char *const headings[] = { "A", "B" };
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(headings, 2);
	_cleanup_free_ char *text = printed(columns, 0);
	(void)state;

	assert_string_equal(text, "");
}

static void line_is_one_line(void **state)
{
	static const struct {
		const char *text, *shown;
	} texts[] = {
		{ "", "" }, { "plain", "plain" }, { "a\nb\tc", "a b c" },
		{ "\033]0;x\007", "\\x1b]0;x\\x07" }, { "\xc2\x9b[2J", "\\xc2\\x9b[2J" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, { "\xff", "\\xff" },
		{ "\xe4\xb8\xad", "\xe4\xb8\xad" }, { "\177", "\\x7f" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *line = ecap_shown_line(texts[i].text);

		assert_string_equal(line, texts[i].shown);
	}
}

static void lines_are_indented(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	(void)state;

	ecap_shown_lines(out, "one\n\n  three\033\nfour", 2);
	ecap_shown_lines(out, "end\n", 0);
	ecap_shown_lines(out, "", 4);
	fclose(out);
	assert_string_equal(text, "  one\n\n    three\\x1b\n  four\nend\n");
}

static void json_is_utf8(void **state)
{
	static const struct {
		const char *text, *json;
	} texts[] = {
		{ "plain \"x\" \\", "\"plain \\\"x\\\" \\\\\"" }, { "\033\n", "\"\\u001B\\n\"" },
		{ "a\xff" "b", "\"a\\uFFFDb\"" }, { "\xc3", "\"\\uFFFD\"" },
		{ "\xc2\x9b\xe2\x80\xae\177", "\"\\u009B\\u202E\\uFFFD\"" }, { NULL, "null" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *value = ecap_shown_json(texts[i].text);
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

		assert_string_equal(text, texts[i].json);
		free(text);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_grow),
		cmocka_unit_test(columns_without_headings),
		cmocka_unit_test(no_headings_without_rows),
		cmocka_unit_test(line_is_one_line),
		cmocka_unit_test(lines_are_indented),
		cmocka_unit_test(json_is_utf8),
	};

	return cmocka_run_group_tests_name("shown", tests, NULL, NULL);
}
