/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of several shells at once, joined to the commands that they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../plugins/bash/lines.h"

static void add(struct bash_lines **list, uint32_t pid, const char *text, int new_line)
{
	assert_int_equal(bash_lines_add(list, pid, text, strlen(text), new_line), 0);
}

static void takes(struct bash_lines **list, uint32_t pid, const char *want)
{
	char *text = bash_lines_take(list, pid);

	if (want) {
		assert_non_null(text);
		assert_string_equal(text, want);
	} else {
		assert_null(text);
	}
	free(text);
}

static void test_nothing(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	takes(&list, 1, NULL);
	bash_lines_free(&list);
	assert_null(list);
}

/* A command is taken once; what comes then is another one. */
static void test_one_line(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	add(&list, 1, "ls -l", 1);
	takes(&list, 2, NULL);
	takes(&list, 1, "ls -l");
	takes(&list, 1, NULL);
	add(&list, 1, "pwd", 1);
	takes(&list, 1, "pwd");
	assert_null(list);
}

static void test_many_lines(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	add(&list, 1, "for i in 1 2; do", 1);
	add(&list, 1, "", 1);
	add(&list, 1, "  echo $i", 1);
	add(&list, 1, "done", 1);
	takes(&list, 1, "for i in 1 2; do\n\n  echo $i\ndone");
}

/* A long line comes in parts, without anything between them. */
static void test_parts(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	add(&list, 1, "echo ", 1);
	add(&list, 1, "a long ", 0);
	add(&list, 1, "line", 0);
	add(&list, 1, "next", 1);
	takes(&list, 1, "echo a long line\nnext");
	/* The part of a line whose beginning is not known. */
	add(&list, 1, "the end", 0);
	takes(&list, 1, "the end");
}

/* Empty lines are a command of their own: the caller decides about it. */
static void test_empty(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	add(&list, 1, "", 1);
	takes(&list, 1, "");
	add(&list, 1, "", 1);
	add(&list, 1, "x", 1);
	takes(&list, 1, "\nx");
}

/* Only @len bytes count, wherever they come from. */
static void test_length(void **state)
{
	struct bash_lines *list = NULL;
	static char large[1 << 20];

	(void)state;
	assert_int_equal(bash_lines_add(&list, 1, "whoami; more", 6, 1), 0);
	takes(&list, 1, "whoami");
	memset(large, 'x', sizeof(large) - 1);
	add(&list, 1, large, 1);
	add(&list, 1, large, 0);
	char *text = bash_lines_take(&list, 1);

	assert_non_null(text);
	assert_int_equal(strlen(text), 2 * (sizeof(large) - 1));
	assert_int_equal(strspn(text, "x"), strlen(text));
	free(text);
}

/* Shells do not mix, in whichever order they come and go. */
static void test_shells(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	for (uint32_t pid = 1; pid <= 5; pid++)
		add(&list, pid, "if true", 1);
	for (uint32_t pid = 5; pid >= 1; pid--)
		add(&list, pid, (char[]){ 't', 'o', ' ', (char)('0' + pid), 0 }, 1);
	takes(&list, 3, "if true\nto 3");
	takes(&list, 1, "if true\nto 1");
	add(&list, 3, "again", 1);
	takes(&list, 5, "if true\nto 5");
	takes(&list, 3, "again");
	takes(&list, 3, NULL);
	takes(&list, 2, "if true\nto 2");
	takes(&list, 4, "if true\nto 4");
	assert_null(list);
}

static void test_frees_all(void **state)
{
	struct bash_lines *list = NULL;

	(void)state;
	for (uint32_t pid = 1; pid <= 100; pid++)
		add(&list, pid, "never run", 1);
	bash_lines_free(&list);
	assert_null(list);
	bash_lines_free(&list);
	add(&list, 7, "after", 1);
	takes(&list, 7, "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_many_lines),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_shells),
		cmocka_unit_test(test_frees_all),
	};

	return cmocka_run_group_tests_name("bash lines", tests, NULL, NULL);
}
