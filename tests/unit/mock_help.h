/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of ecapture/mock.h share: to hear what it tells on standard error. */
#ifndef TESTS_UNIT_MOCK_HELP_H
#define TESTS_UNIT_MOCK_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ecapture/mock.h>

/* cmocka's fail() would take the member of struct ecap_host for itself, and fail_msg() uses it. */
#undef fail
#define fail_with(...) do { print_error(__VA_ARGS__); _fail(__FILE__, __LINE__); } while (0)

static int real_stderr = -1;
static char told[65536];

static inline int quiet(void **state)
{
	char path[] = "/tmp/ecapture-mock-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return unlink(path);
}

/* What was told since quiet(), which this ends. */
static inline const char *heard(void)
{
	ssize_t n;

	fflush(stderr);
	n = pread(STDERR_FILENO, told, sizeof(told) - 1, 0);
	told[n > 0 ? n : 0] = '\0';
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	real_stderr = -1;
	return told;
}

static inline int loud(void **state)
{
	(void)state;
	if (real_stderr >= 0)
		heard();
	return 0;
}

/* A case that may be told about anything. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, quiet, loud)

#endif
