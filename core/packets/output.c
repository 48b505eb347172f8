/* SPDX-License-Identifier: Apache-2.0 */
/* What packet files are written to: see output.h. */
#include "packets/output.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "err.h"
#include "open_writer.h"
#include "util.h"

#define WHAT "packet file"
#define TRIES 1000 /* numbers that may be taken by files of a run within the same second */

/*
 * Nothing else may come into the midst of packets: neither events or keys of other modules, nor what
 * a library prints. Where standard output was, nobody can write from now on.
 */
static int take_stdout(void)
{
	_cleanup_close_ int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0 || none < 0 || dup2(none, STDOUT_FILENO) < 0)
		return ecap_err(-errno, WHAT " -: %s", strerror(errno));
	return TAKE_FD(fd);
}

static int open_stdout(struct ecap_sink **sink)
{
	if (isatty(STDOUT_FILENO))
		return ecap_err(-EINVAL, WHAT " -: standard output is a terminal: redirect it, or "
				"pipe it to tshark -r -");
	int fd = take_stdout();

	return fd < 0 ? fd : ecap_sink_of_fd(WHAT, NULL, fd, sink);
}

static int make_anew(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return ecap_err(-errno, WHAT " %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return ecap_err(-EBUSY, WHAT " %s: in use, an ecapture writes to it; name another "
				"file", path);
	if (fchmod(fd, 0600) || ftruncate(fd, 0))
		return ecap_err(-errno, WHAT " %s: %s", path, strerror(errno));
	return 0;
}

static int sink_of(const char *path, int fd, struct ecap_sink **sink)
{
	int err = make_anew(path, fd);

	if (!err)
		err = ecap_sink_of_fd(WHAT, path, fd, sink);
	if (err)
		close(fd);
	return err;
}

int ecap_packet_output_open(const char *path, struct ecap_sink **sink)
{
	if (!strcmp(path, "-"))
		return open_stdout(sink);

	int fd = ecap_open_writer(WHAT, path, O_CREAT);

	return fd < 0 ? fd : sink_of(path, fd, sink);
}

/* What dumpcap takes for the suffix: from the last dot of the file's name on. */
static size_t stem_len(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}

static int numbered_name(char *out, size_t size, const char *path, uint32_t number)
{
	time_t now = time(NULL);
	size_t stem = stem_len(path);
	char stamp[32];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &tm);
	int len = snprintf(out, size, "%.*s_%05u_%s%s", (int)stem, path, number, stamp,
			   path + stem);

	return len < 0 || (size_t)len >= size
		? ecap_err(-ENAMETOOLONG, WHAT " %s: %s", path, strerror(ENAMETOOLONG)) : 0;
}

int ecap_packet_output_next(const char *path, uint32_t *number, struct ecap_sink **sink)
{
	char name[PATH_MAX];
	int fd = -1;

	for (int i = 0; fd < 0 && i < TRIES; i++) {
		int err = numbered_name(name, sizeof(name), path, *number + 1);

		if (err)
			return err;
		++*number;
		fd = ecap_open_writer(WHAT, name, O_CREAT | O_EXCL);
		if (fd < 0 && fd != -EEXIST)
			break;
	}
	return fd < 0 ? fd : sink_of(name, fd, sink);
}

void ecap_packet_output_mend(int fd, uint64_t from)
{
	struct { uint32_t type, len; } block; /* Block Type, Block Total Length: pcapng, 3.1 */
	char name[32];
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	_cleanup_close_ int in = open(name, O_RDONLY | O_CLOEXEC);
	uint64_t size = (uint64_t)st.st_size;

	if (in < 0)
		return;
	while (pread(in, &block, sizeof(block), (off_t)from) == sizeof(block) &&
	       block.len >= sizeof(block) && block.len <= size - from)
		from += block.len;
	if (from < size)
		(void)!ftruncate(fd, (off_t)from); /* the error is told already */
}

int ecap_packet_output_check_numbered(const char *path)
{
	struct stat st;

	if (!strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode)))
		return ecap_err(-EINVAL, WHAT " %s: not the name of a file, so there is no next one "
				"to begin: leave the size and the time of files away", path);
	return 0;
}
