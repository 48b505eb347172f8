/* SPDX-License-Identifier: Apache-2.0 */
/* What is made in a child process, and what is told of one that does not come to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "commands/child.h"
#include "err.h"
#include "util.h"

#define LONG 60000000000ull

static json_t *make_list(void *arg)
{
	json_t *list = json_array();

	for (int i = 0; i < *(int *)arg; i++)
		json_array_append_new(list, json_integer(i));
	return list;
}

/* More than a pipe holds. */
static void test_value(void **state)
{
	int n = 100000;
	json_t *value = NULL;

	(void)state;
	assert_int_equal(ecap_child_json(make_list, &n, LONG, &value), 0);
	assert_int_equal(json_array_size(value), n);
	assert_int_equal(json_integer_value(json_array_get(value, 99999)), 99999);
	json_decref(value);
}

static json_t *make_nothing(void *arg)
{
	(void)arg;
	return NULL;
}

static json_t *kill_itself(void *arg)
{
	signal(*(int *)arg, SIG_DFL);
	raise(*(int *)arg);
	return NULL;
}

static json_t *leave(void *arg)
{
	_exit(*(int *)arg);
}

static json_t *wait_forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void test_without_value(void **state)
{
	json_t *value = NULL;
	int number = SIGKILL, code = 3;

	(void)state;
	assert_int_equal(ecap_child_json(make_nothing, NULL, LONG, &value), -ECHILD);
	assert_string_equal(ecap_err_text(), "ended the process, with exit code 0");
	assert_int_equal(ecap_child_json(leave, &code, LONG, &value), -ECHILD);
	assert_string_equal(ecap_err_text(), "ended the process, with exit code 3");
	assert_int_equal(ecap_child_json(kill_itself, &number, LONG, &value), -EFAULT);
	assert_string_equal(ecap_err_text(), "crashed by signal 9 (Killed)");
	assert_int_equal(ecap_child_json(wait_forever, NULL, 200000000, &value), -ETIME);
	assert_string_equal(ecap_err_text(), "did not return within 200 ms; it was ended");
	assert_null(value);
	/* None of them is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* One that writes without end is ended. */
static json_t *make_endless(void *arg)
{
	(void)arg;
	for (int fd = 3; fd < 64; fd++)
		while (write(fd, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 32) == 32)
			;
	return NULL;
}

static void test_endless(void **state)
{
	json_t *value = NULL;

	(void)state;
	assert_int_equal(ecap_child_json(make_endless, NULL, LONG, &value), -ETIME);
	assert_null(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value), cmocka_unit_test(test_without_value),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
