/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread's event loop: see loop.h. It takes one event at a time from epoll, which goes
 * round all that are ready: so a callback may remove any entry, and no event of an fd that is
 * closed by now is left over. What it serves is rare; the records do not come this way.
 */
#include "loop.h"

#include <string.h>
#include <sys/epoll.h>

#include "err.h"
#include "util.h"

struct entry {
	struct entry *next;
	int fd;
	int (*ready)(void *arg);
	void *arg;
};

struct ecap_loop {
	int epoll_fd;
	int stopped;
	struct entry *entries;
};

int ecap_loop_new(struct ecap_loop **loop)
{
	_cleanup_free_ struct ecap_loop *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "event loop");
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (made->epoll_fd < 0)
		return ecap_err(-errno, "event loop: epoll_create1: %s", strerror(errno));
	*loop = TAKE_PTR(made);
	return 0;
}

void ecap_loop_free(struct ecap_loop *loop)
{
	if (!loop)
		return;
	while (loop->entries) {
		struct entry *entry = loop->entries;

		loop->entries = entry->next;
		free(entry);
	}
	close(loop->epoll_fd);
	free(loop);
}

int ecap_loop_add(struct ecap_loop *loop, int fd, int (*ready)(void *arg), void *arg)
{
	_cleanup_free_ struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return ecap_err(-ENOMEM, "event loop: fd %d", fd);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = entry };

	*entry = (struct entry){ .next = loop->entries, .fd = fd, .ready = ready, .arg = arg };
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return ecap_err(-errno, "event loop: fd %d: %s", fd, strerror(errno));
	loop->entries = TAKE_PTR(entry);
	return 0;
}

void ecap_loop_remove(struct ecap_loop *loop, int fd)
{
	for (struct entry **at = &loop->entries; *at; at = &(*at)->next) {
		struct entry *entry = *at;

		if (entry->fd != fd)
			continue;
		/* Fails only when @fd was closed before, which took it out as well. */
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		*at = entry->next;
		free(entry);
		return;
	}
}

int ecap_loop_run(struct ecap_loop *loop)
{
	int err = 0;

	while (!err && !loop->stopped) {
		struct epoll_event event;
		int n = epoll_wait(loop->epoll_fd, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			err = ecap_err(-errno, "event loop: epoll_wait: %s", strerror(errno));
		if (n <= 0)
			continue;
		struct entry *entry = event.data.ptr;
		int result = entry->ready(entry->arg);

		err = result < 0 ? result : 0;
	}
	loop->stopped = 0;
	return err;
}

void ecap_loop_stop(struct ecap_loop *loop)
{
	loop->stopped = 1;
}
