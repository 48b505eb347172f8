/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open(2) itself would wait for the reader of a FIFO in silence, and deaf to signals, which are
 * blocked for a signalfd: see capture.c. So it is asked again and again without waiting.
 */
#include "open_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "log.h"

#define ASK_MS 50

static int is_fifo(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISFIFO(st.st_mode);
}

static int told_to_stop(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP);
}

/* From here on a write waits, as those who write expect. */
static int make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

int ecap_open_writer(const char *what, const char *path, int flags)
{
	for (int times = 0;; times++) {
		/* A symbolic link is followed: it was root who named it. */
		int fd = open(path, flags | O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

		if (fd >= 0)
			return make_blocking(fd);
		if (errno != ENXIO || !is_fifo(path)) /* fifo(7): nobody reads it */
			return ecap_err(-errno, "%s %s: %s", what, path, strerror(errno));
		if (told_to_stop())
			return ecap_err(-EINTR, "%s %s: nobody reads this FIFO", what, path);
		if (!times)
			log_info("host", "%s %s: waiting until somebody reads this FIFO", what,
				 path);
		poll(NULL, 0, ASK_MS);
	}
}
