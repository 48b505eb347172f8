/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that a module may log: at once, for good, after a pause, and from many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "log_budget.h"
#include "util.h"

/* Tries @n lines in one second; how many may be written. */
static uint32_t lines(struct ecap_log_budget *budget, uint32_t n, uint64_t second, uint64_t *told)
{
	uint32_t written = 0;

	*told = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t tell;

		written += (uint32_t)ecap_log_budget_take(budget, second, &tell);
		*told += tell;
	}
	return written;
}

static void test_budget(void **state)
{
	struct ecap_log_budget budget;
	uint64_t told;

	(void)state;
	ecap_log_budget_init(&budget, 100);
	assert_int_equal(lines(&budget, 999, 100, &told), 999);
	assert_int_equal(lines(&budget, 1000, 100, &told), 1);
	assert_int_equal(told, 0);
	assert_int_equal(ecap_log_budget_left_out(&budget), 999);
	assert_int_equal(lines(&budget, 50, 101, &told), 10);
	assert_int_equal(told, 999);
	/* Not told again so soon, nor forgotten. */
	for (uint64_t second = 102; second < 111; second++) {
		assert_int_equal(lines(&budget, 20, second, &told), 10);
		assert_int_equal(told, 0);
	}
	assert_int_equal(lines(&budget, 20, 111, &told), 10);
	assert_int_equal(told, 40 + 9 * 10);
	assert_int_equal(ecap_log_budget_left_out(&budget), 999 + 40 + 10 * 10);
	/* Who was quiet for long may say much again, but no more than at first. */
	assert_int_equal(lines(&budget, 5000, 100000, &told), 1000);
}

static void test_never_too_many(void **state)
{
	struct ecap_log_budget budget;
	uint64_t told;

	(void)state;
	ecap_log_budget_init(&budget, 7);
	assert_int_equal(lines(&budget, 1000, 7, &told), 1000);
	assert_int_equal(ecap_log_budget_left_out(&budget), 0);
	assert_int_equal(told, 0);
	/* A clock that stands still or goes back grants nothing. */
	assert_int_equal(lines(&budget, 10, 7, &told), 0);
	assert_int_equal(lines(&budget, 10, 6, &told), 0);
}

static struct ecap_log_budget shared;
static _Atomic uint64_t written, told_in_all;

static void *flood(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 300000; i++) {
		uint64_t tell;

		if (ecap_log_budget_take(&shared, 1000 + i / 100000, &tell))
			atomic_fetch_add(&written, 1);
		atomic_fetch_add(&told_in_all, tell);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	ecap_log_budget_init(&shared, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, flood, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(written >= 1000 && written <= 1020);
	assert_int_equal(written + ecap_log_budget_left_out(&shared), 4 * 300000);
	assert_true(told_in_all <= ecap_log_budget_left_out(&shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_never_too_many),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("log_budget", tests, NULL, NULL);
}
