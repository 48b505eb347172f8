/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop with pipes and timers: who is called, who is not any more, what run returns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/timerfd.h>

#include "err.h"
#include "loop.h"
#include "util.h"

struct watcher {
	struct ecap_loop *loop;
	int pipe[2];
	int calls, stop_at, result;
	struct watcher *victim; /* removed by the callback, and its pipe closed */
};

static int on_ready(void *arg)
{
	struct watcher *watcher = arg;
	char byte;

	assert_int_equal(read(watcher->pipe[0], &byte, 1), 1);
	watcher->calls++;
	if (watcher->victim) {
		ecap_loop_remove(watcher->loop, watcher->victim->pipe[0]);
		close(watcher->victim->pipe[0]);
		watcher->victim = NULL;
	}
	if (watcher->calls == watcher->stop_at)
		ecap_loop_stop(watcher->loop);
	return watcher->result;
}

static void watch(struct watcher *watcher, struct ecap_loop *loop, const char *bytes)
{
	watcher->loop = loop;
	assert_int_equal(pipe(watcher->pipe), 0);
	assert_int_equal(write(watcher->pipe[1], bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(ecap_loop_add(loop, watcher->pipe[0], on_ready, watcher), 0);
}

static void unwatch(struct watcher *watcher)
{
	close(watcher->pipe[0]);
	close(watcher->pipe[1]);
}

static struct ecap_loop *new_loop(void)
{
	struct ecap_loop *loop = NULL;

	assert_int_equal(ecap_loop_new(&loop), 0);
	return loop;
}

static void test_calls_until_stopped(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watcher = { .stop_at = 3 };

	(void)state;
	watch(&watcher, loop, "abcde");
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(watcher.calls, 3);
	watcher.stop_at = 5;
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(watcher.calls, 5);
	ecap_loop_free(loop);
	unwatch(&watcher);
}

static void test_stop_before_run(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watcher = { .stop_at = 1 };

	(void)state;
	watch(&watcher, loop, "a");
	ecap_loop_stop(loop);
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(watcher.calls, 0);
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(watcher.calls, 1);
	ecap_loop_free(loop);
	unwatch(&watcher);
}

static void test_error_ends_run(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watcher = { .result = -EBADMSG };

	(void)state;
	watch(&watcher, loop, "ab");
	assert_int_equal(ecap_loop_run(loop), -EBADMSG);
	assert_int_equal(watcher.calls, 1);
	ecap_loop_free(loop);
	unwatch(&watcher);
}

/* All are ready all the time: each gets its turn. */
static void test_takes_turns(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watchers[3] = { { .stop_at = 20 }, { .stop_at = 20 }, { .stop_at = 20 } };

	(void)state;
	for (int i = 0; i < 3; i++)
		watch(&watchers[i], loop, "abcdefghijklmnopqrstuvwxyz");
	assert_int_equal(ecap_loop_run(loop), 0);
	for (int i = 0; i < 3; i++) {
		assert_in_range(watchers[i].calls, 18, 20);
		unwatch(&watchers[i]);
	}
	ecap_loop_free(loop);
}

/* Both are ready; whichever comes first removes the other. */
static void test_removed_in_callback_is_not_called(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher a = { .stop_at = 2 }, b = { .stop_at = 2, .victim = &a };

	(void)state;
	a.victim = &b;
	watch(&a, loop, "aa");
	watch(&b, loop, "bb");
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(a.calls + b.calls, 2);
	assert_true(!a.calls || !b.calls);
	ecap_loop_free(loop);
	close(a.calls ? a.pipe[0] : b.pipe[0]);
	close(a.pipe[1]);
	close(b.pipe[1]);
}

static void test_removes_itself(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher a = { 0 }, b = { .stop_at = 5 };

	(void)state;
	a.victim = &a;
	watch(&a, loop, "aaaaaaaaa");
	watch(&b, loop, "bbbbb");
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(b.calls, 5);
	ecap_loop_free(loop);
	close(a.pipe[1]);
	unwatch(&b);
}

static int on_timer(void *arg)
{
	struct watcher *watcher = arg;
	uint64_t expirations;

	assert_int_equal(read(watcher->pipe[0], &expirations, 8), 8);
	watcher->calls++;
	ecap_loop_stop(watcher->loop);
	return 0;
}

static void test_waits_for_a_timer(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watcher = { .loop = loop };
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };

	(void)state;
	watcher.pipe[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	assert_true(watcher.pipe[0] >= 0);
	assert_int_equal(timerfd_settime(watcher.pipe[0], 0, &soon, NULL), 0);
	assert_int_equal(ecap_loop_add(loop, watcher.pipe[0], on_timer, &watcher), 0);
	assert_int_equal(ecap_loop_run(loop), 0);
	assert_int_equal(watcher.calls, 1);
	ecap_loop_free(loop);
	close(watcher.pipe[0]);
}

static void test_refuses(void **state)
{
	struct ecap_loop *loop = new_loop();
	struct watcher watcher = { 0 };
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	watch(&watcher, loop, "a");
	assert_int_equal(ecap_loop_add(loop, watcher.pipe[0], on_ready, &watcher), -EEXIST);
	assert_int_equal(ecap_loop_add(loop, -1, on_ready, &watcher), -EBADF);
	assert_string_equal(ecap_err_text(), "event loop: fd -1: Bad file descriptor");
	assert_int_equal(ecap_loop_add(loop, file, on_ready, &watcher), -EPERM);
	ecap_loop_remove(loop, file);
	ecap_loop_free(loop);
	unwatch(&watcher);
	ecap_loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_until_stopped),
		cmocka_unit_test(test_stop_before_run),
		cmocka_unit_test(test_error_ends_run),
		cmocka_unit_test(test_takes_turns),
		cmocka_unit_test(test_removed_in_callback_is_not_called),
		cmocka_unit_test(test_removes_itself),
		cmocka_unit_test(test_waits_for_a_timer),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
