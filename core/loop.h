/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread's event loop: fds and what to call when they are readable. One thread. */
#ifndef ECAPTURE_CORE_LOOP_H
#define ECAPTURE_CORE_LOOP_H

struct ecap_loop;

int ecap_loop_new(struct ecap_loop **loop);
void ecap_loop_free(struct ecap_loop *loop);

/*
 * Calls @ready when @fd is readable. A negative return ends the loop and is what run returns.
 * The fd stays the caller's. One entry for each fd.
 */
int ecap_loop_add(struct ecap_loop *loop, int fd, int (*ready)(void *arg), void *arg);
/* After it returns, @ready is not called any more. From inside a callback too. */
void ecap_loop_remove(struct ecap_loop *loop, int fd);

/* Runs until ecap_loop_stop() or a callback fails. Returns 0 or the callback's error. */
int ecap_loop_run(struct ecap_loop *loop);
void ecap_loop_stop(struct ecap_loop *loop);

#endif
