/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes for code that may crash, loop or end the process: what it does to them is told
 * and does no harm. Each tells what it has to tell through a pipe. [main]
 */
#ifndef ECAPTURE_CORE_COMMANDS_CHILD_H
#define ECAPTURE_CORE_COMMANDS_CHILD_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

struct ecap_child {
	pid_t pid;
	int fd; /* the reading end */
};

/* Forks. The child calls @run with the writing end of the pipe, and ends. */
int ecap_child_start(void (*run)(int fd, void *arg), void *arg, struct ecap_child *child);

/* CLOCK_MONOTONIC. */
uint64_t ecap_child_now_ns(void);

/* How many bytes came, 0 at the end of the pipe, or -ETIME when it is @until_ns. */
ssize_t ecap_child_read(const struct ecap_child *child, uint64_t until_ns, void *bytes, size_t size);

/* Waits for its end; one that @hangs is killed. Returns its status as of wait(2). */
int ecap_child_end(struct ecap_child *child, int hangs);

/* Why a child that ended so did not come to the end of what it was to do: an errno with a text. */
int ecap_child_explain(int status, int hangs, uint64_t patience_ns);

/*
 * Brings back what @make has made in a child, which must be within the time. An error says how
 * the child failed: "crashed by signal 11 (...)".
 */
int ecap_child_json(json_t *(*make)(void *arg), void *arg, uint64_t patience_ns, json_t **value);

#endif
