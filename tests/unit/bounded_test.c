/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may never return: those that do give result and text, the others are left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#include "bounded.h"
#include "err.h"
#include "util.h"

struct seen {
	pthread_t thread;
	char name[16];
	int sigint_blocked, sigsegv_blocked;
	atomic_int release, released;
};

static int look(void *arg)
{
	struct seen *seen = arg;
	sigset_t set;

	seen->thread = pthread_self();
	prctl(PR_GET_NAME, seen->name);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	seen->sigint_blocked = sigismember(&set, SIGINT);
	seen->sigsegv_blocked = sigismember(&set, SIGSEGV);
	return ecap_err(-EREMOTE, "told in another thread");
}

static void test_returns(void **state)
{
	struct seen seen = { .release = 0 };
	int result = 0;

	(void)state;
	ecap_err(0, "an older text");
	assert_true(ecap_bounded_call("looker", look, &seen, 10000, &result));
	assert_int_equal(result, -EREMOTE);
	assert_string_equal(ecap_err_text(), "told in another thread");
	assert_false(pthread_equal(seen.thread, pthread_self()));
	assert_string_equal(seen.name, "looker");
	assert_true(seen.sigint_blocked);
	assert_false(seen.sigsegv_blocked);
	assert_false(ecap_left_behind());
}

static int end_thread(void *arg)
{
	(void)arg;
	pthread_exit(NULL);
}

static void test_ends_its_thread(void **state)
{
	int result = 0;

	(void)state;
	assert_true(ecap_bounded_call("ender", end_thread, NULL, 10000, &result));
	assert_int_equal(result, -EPROTO);
	assert_string_equal(ecap_err_text(), "ender() ended its thread by pthread_exit()");
	assert_false(ecap_left_behind());
}

static int wait_for_release(void *arg)
{
	struct seen *seen = arg;

	while (!atomic_load(&seen->release))
		usleep(1000);
	atomic_store(&seen->released, 1);
	return 0;
}

static void test_does_not(void **state)
{
	static struct seen seen; /* the thread's, for as long as it likes */
	int result = 77;

	(void)state;
	assert_false(ecap_left_behind());
	assert_false(ecap_bounded_call("waiter", wait_for_release, &seen, 50, &result));
	assert_int_equal(result, 77);
	assert_true(ecap_left_behind());
	assert_false(atomic_load(&seen.released));
	atomic_store(&seen.release, 1);
	while (!atomic_load(&seen.released))
		usleep(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_returns),
		cmocka_unit_test(test_ends_its_thread),
		cmocka_unit_test(test_does_not),
	};

	return cmocka_run_group_tests_name("bounded", tests, NULL, NULL);
}
