/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that may never return. Each is made in a thread of its own; one that takes too long is
 * left behind there, for no thread can be stopped from outside without harm. The process must
 * then end by _exit(2), before anything that the thread may use is freed.
 */
#ifndef ECAPTURE_CORE_BOUNDED_H
#define ECAPTURE_CORE_BOUNDED_H

/*
 * Calls @run in a thread called @name and waits @ms milliseconds for it. Returns 1 with what it
 * returned in @result, and its error text; or 0 when it has not returned: then @arg must stay for
 * as long as the process does.
 */
int ecap_bounded_call(const char *name, int (*run)(void *arg), void *arg, unsigned int ms,
		      int *result);

/* Says that a thread was left behind; whether one was, since the program started. [any thread] */
void ecap_leave_behind(void);
int ecap_left_behind(void);

#endif
