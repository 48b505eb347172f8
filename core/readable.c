/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readable memory: see readable.h. process_vm_readv(2) on ourselves fails where a load would
 * crash; one byte of each page is enough.
 */
#include "readable.h"

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "util.h"

/* Pages looked at by one system call; UIO_MAXIOV in the kernel's include/uapi/linux/uio.h is 1024. */
#define BATCH 64

static int pages_readable(struct iovec *pages, size_t n)
{
	char bytes[BATCH];
	struct iovec to = { .iov_base = bytes, .iov_len = n };
	ssize_t got = process_vm_readv(getpid(), &to, 1, pages, n, 0);

	/* Where a filter of system calls forbids it, a load has to show it. */
	return got == (ssize_t)n || (got < 0 && errno != EFAULT);
}

int ecap_readable(const void *data, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)data;
	uintptr_t last = len ? at + (len - 1) : at;
	struct iovec pages[BATCH];
	size_t n = 0;

	if (last < at)
		return 0;
	for (; len; at = (at & ~(page - 1)) + page) {
		pages[n++] = (struct iovec){ .iov_base = (void *)at, .iov_len = 1 };
		int end = (at | (page - 1)) >= last;

		if ((n == BATCH || end) && !pages_readable(pages, n))
			return 0;
		if (end)
			return 1;
		n %= BATCH;
	}
	return 1;
}

int ecap_readable_string(const char *string, size_t max)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t done = 0; done <= max;) {
		size_t n = page - ((uintptr_t)(string + done) & (page - 1));

		if (!ecap_readable(string + done, 1))
			return 0;
		if (memchr(string + done, 0, n))
			return 1;
		done += n;
	}
	return 1;
}
