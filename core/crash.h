/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said when the process crashes, or a module ends it: one line in the log that names the
 * module and the place, by the crumb of the thread. The signal then takes its usual way, so that
 * the exit status tells of it and a core is dumped where the system is set to.
 */
#ifndef ECAPTURE_CORE_CRASH_H
#define ECAPTURE_CORE_CRASH_H

/* For the whole process, and a signal stack for the calling thread, which is main. [main] */
void ecap_crash_install(void);

/*
 * Makes the calling thread, one of ours, ready for a crash: lets the signals through, and gives
 * the handler a stack, for there is no room on one that has overflowed. NULL when there is none
 * to be had: then such a crash is a silent one.
 */
void *ecap_crash_stack(void);
/* Gives it back, from the same thread. For _cleanup_(). */
void ecap_crash_stack_freep(void **stack);

#endif
