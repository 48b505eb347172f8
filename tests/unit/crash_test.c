/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a crash, and that it still is one: each case crashes a process of its own, whose
 * log and status are looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "crash.h"
#include "crumb.h"
#include "log.h"
#include "util.h"

static char log_path[] = "/tmp/ecapture-crash-XXXXXX";
static char logged[4096];

/* In a child: installs the handler and does it. Returns the status; the log is in logged. */
static int run(void (*what)(void))
{
	const struct rlimit none = { 0, 0 };
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		if (ecap_log_open(log_path))
			_exit(99);
		ecap_crash_install();
		what();
		_exit(98);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	_cleanup_close_ int fd = open(log_path, O_RDWR | O_CLOEXEC);
	ssize_t n = read(fd, logged, sizeof(logged) - 1);

	assert_true(n >= 0);
	logged[n] = 0;
	assert_int_equal(ftruncate(fd, 0), 0);
	return status;
}

static void crashes(void (*what)(void), int number, const char *text)
{
	int status = run(what);

	assert_string_equal(logged, text);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), number);
}

static struct ecap_crumb crumb = {
	.module = "module 'foo' 0.3.1", .op = ECAP_OP_LOAD, .where = ECAP_WHERE_MODULE,
};

static volatile int zero;

static __attribute__((no_sanitize("undefined"))) void fault(void)
{
	*(volatile int *)(uintptr_t)(zero + 8) = 1;
}

static void by_fault(void)
{
	ecap_crumb = &crumb;
	fault();
}

static void by_abort(void)
{
	ecap_crumb = &crumb;
	abort();
}

static void by_fpe(void)
{
	ecap_crumb = &crumb;
	raise(SIGFPE);
}

static void by_trap(void)
{
	ecap_crumb = &crumb;
	raise(SIGILL);
}

static void by_bus(void)
{
	ecap_crumb = &crumb;
	kill(getpid(), SIGBUS);
}

static void test_signals(void **state)
{
	(void)state;
	crashes(by_fault, SIGSEGV, "error host: module 'foo' 0.3.1 crashed (Segmentation fault) in "
		"load()\n");
	crashes(by_abort, SIGABRT, "error host: module 'foo' 0.3.1 crashed (Aborted) in load()\n");
	crashes(by_fpe, SIGFPE, "error host: module 'foo' 0.3.1 crashed (Floating point exception) "
		"in load()\n");
	crashes(by_trap, SIGILL, "error host: module 'foo' 0.3.1 crashed (Illegal instruction) in "
		"load()\n");
	crashes(by_bus, SIGBUS, "error host: module 'foo' 0.3.1 crashed (Bus error) in load()\n");
}

static void test_ours(void **state)
{
	(void)state;
	crashes(fault, SIGSEGV, "error host: ecapture crashed (Segmentation fault)\n");
}

/* While the host reads an event; with a map's name of a module that has ideas. */
static void in_rendering(void)
{
	static struct ecap_crumb reading = {
		.module = "module 'foo'", .op = ECAP_OP_DISPATCH, .map = "a\033[2J\nmap",
		.record = UINT64_MAX, .where = ECAP_WHERE_RENDERING,
	};

	ecap_crumb = &reading;
	fault();
}

static void test_rendering(void **state)
{
	(void)state;
	crashes(in_rendering, SIGSEGV, "error host: module 'foo' handed in an event that cannot be "
		"read (Segmentation fault) in dispatch(), map a?[2J?map, record "
		"18446744073709551615\n");
}

static void *fault_main(void *arg)
{
	if (arg)
		pthread_setname_np(pthread_self(), arg);
	fault();
	return NULL;
}

static void in_their_thread(void)
{
	static char name[] = "their thread";
	pthread_t thread;

	pthread_create(&thread, NULL, fault_main, name);
	pthread_join(thread, NULL);
}

static void test_other_thread(void **state)
{
	(void)state;
	crashes(in_their_thread, SIGSEGV, "error host: a thread that the module or a library made, "
		"'their thread', crashed (Segmentation fault)\n");
}

static __attribute__((no_sanitize("address", "undefined"))) int deeper(volatile char *from)
{
	volatile char room[4096];

	room[0] = *from;
	return zero ? 0 : deeper(room) + room[0];
}

/* Like those of ours: begun with all signals blocked. */
static void *overflow_main(void *arg)
{
	_cleanup_(ecap_crash_stack_freep) void *stack = ecap_crash_stack();
	char first = 0;

	(void)arg;
	ecap_crumb = &crumb;
	zero = deeper(&first);
	return NULL;
}

static void overflow_in_thread(void)
{
	sigset_t all;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_create(&thread, NULL, overflow_main, NULL);
	pthread_join(thread, NULL);
}

static void overflow_in_main(void)
{
	char first = 0;

	ecap_crumb = &crumb;
	zero = deeper(&first);
}

static void test_stack_overflow(void **state)
{
	(void)state;
	crashes(overflow_in_thread, SIGSEGV, "error host: module 'foo' 0.3.1 crashed "
		"(Segmentation fault) in load()\n");
	crashes(overflow_in_main, SIGSEGV, "error host: module 'foo' 0.3.1 crashed "
		"(Segmentation fault) in load()\n");
}

/* The thread's own: what another thread is in does not count. */
static void *wait_in_crumb(void *arg)
{
	ecap_crumb = &crumb;
	pthread_barrier_wait(arg);
	pause();
	return NULL;
}

static void beside_a_crumb(void)
{
	pthread_barrier_t both;
	pthread_t thread;

	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&thread, NULL, wait_in_crumb, &both);
	pthread_barrier_wait(&both);
	fault();
}

static void test_crumb_is_of_the_thread(void **state)
{
	(void)state;
	crashes(beside_a_crumb, SIGSEGV, "error host: ecapture crashed (Segmentation fault)\n");
}

static void exit_inside(void)
{
	ecap_crumb = &crumb;
	exit(0);
}

static void thread_exit_inside(void)
{
	ecap_crumb = &crumb;
	pthread_exit(NULL);
}

static void exit_outside(void)
{
	exit(7);
}

static void test_exit(void **state)
{
	int status = run(exit_inside);

	(void)state;
	assert_string_equal(logged, "error host: module 'foo' 0.3.1 called exit() in load()\n");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	status = run(thread_exit_inside);
	assert_string_equal(logged, "error host: module 'foo' 0.3.1 called pthread_exit() in "
			    "load()\n");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	status = run(exit_outside);
	assert_string_equal(logged, "");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_place(void **state)
{
	struct ecap_crumb c = { .op = ECAP_OP_DECODE, .map = "events", .record = 4711 };
	char text[64], small[20];

	(void)state;
	assert_int_equal(ecap_crumb_place(&c, text, sizeof(text)), 33);
	assert_string_equal(text, "decode(), map events, record 4711");
	assert_int_equal(ecap_crumb_place(&c, small, sizeof(small)), 19);
	assert_string_equal(small, "decode(), map event");
	c.record = 0;
	ecap_crumb_place(&c, text, sizeof(text));
	assert_string_equal(text, "decode(), map events");
	for (uint32_t op = ECAP_OP_OPEN; op <= ECAP_OP_LOST; op++)
		assert_non_null(ecap_op_name(op));
	ecap_crumb_title(text, sizeof(text), "foo", "1.0");
	assert_string_equal(text, "module 'foo' 1.0");
	ecap_crumb_title(text, sizeof(text), "foo", NULL);
	assert_string_equal(text, "module 'foo'");
	ecap_crumb_title(text, sizeof(text), "foo", "");
	assert_string_equal(text, "module 'foo'");
}

static int set_up(void **state)
{
	int fd = mkstemp(log_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(log_path);
}

/* The sanitizer's handler must let itself be replaced, which it is asked when the program starts. */
static void start_again(char **argv)
{
	if (getenv("CRASH_TEST"))
		return;
	setenv("CRASH_TEST", "1", 1);
	setenv("ASAN_OPTIONS", "handle_segv=1", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	(void)argc;
	start_again(argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_rendering),
		cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_crumb_is_of_the_thread),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests_name("crash", tests, set_up, tear_down);
}
