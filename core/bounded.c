/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may never return: see bounded.h. */
#include "bounded.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "crash.h"
#include "err.h"
#include "util.h"

static atomic_int left_behind;

struct call {
	const char *name;
	int (*run)(void *arg);
	void *arg;
	int result;
	char text[2048]; /* of the error, which each thread has for itself */
	atomic_int over; /* for one of the two threads; the other one frees */
};

static void *call_main(void *arg)
{
	_cleanup_(ecap_crash_stack_freep) void *stack = ecap_crash_stack();
	struct call *call = arg;

	pthread_setname_np(pthread_self(), call->name);
	call->result = call->run(call->arg);
	snprintf(call->text, sizeof(call->text), "%s", ecap_err_text());
	if (atomic_exchange(&call->over, 1))
		free(call);
	return NULL;
}

static int start(struct call *call, pthread_t *thread)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, NULL, call_main, call);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static struct timespec ms_from_now(unsigned int ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000L;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

int ecap_bounded_call(const char *name, int (*run)(void *arg), void *arg, unsigned int ms,
		      int *result)
{
	_cleanup_free_ struct call *call = calloc(1, sizeof(*call));
	struct timespec until = ms_from_now(ms);
	pthread_t thread;

	if (call)
		*call = (struct call){ .name = name, .run = run, .arg = arg };
	/* Without a thread it is called all the same: what it undoes must be undone. */
	if (!call || start(call, &thread)) {
		*result = run(arg);
		return 1;
	}
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until)) {
		pthread_detach(thread);
		ecap_leave_behind();
		if (!atomic_exchange(&call->over, 1))
			TAKE_PTR(call);
		return 0;
	}
	*result = atomic_load(&call->over)
		? ecap_err(call->result, "%s", call->text)
		: ecap_err(-EPROTO, "%s() ended its thread by pthread_exit()", name);
	return 1;
}

void ecap_leave_behind(void)
{
	atomic_store(&left_behind, 1);
}

int ecap_left_behind(void)
{
	return atomic_load(&left_behind);
}
