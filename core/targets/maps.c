/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads /proc/PID/maps, see proc_pid_maps(5):
 *
 *   7f00e0c22000-7f00e0d77000 r-xp 00026000 fe:00 325835    /usr/lib/libc.so.6
 *
 * Only lines of files that are mapped executable count. A line end in a path shows as "\012"
 * and nothing else is escaped (seq_path(m, path, "\n") in fs/proc/task_mmu.c).
 */
#include "targets/maps.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "err.h"
#include "util.h"

/* The longest line: numbers, padding, and a path of line ends only, each of four bytes. */
#define BUFFER_BYTES (4 * PATH_MAX + 256 + 16384)

struct reader {
	uint32_t pid;
	int (*cb)(void *arg, const struct ecap_mapping *mapping);
	void *arg;
};

/* A number in @base that ends in @end; NULL when there is none. Returns what follows @end. */
static char *number(char *at, int base, char end, uint64_t *value)
{
	char *stop;

	if (!isxdigit((unsigned char)*at))
		return NULL;
	*value = strtoull(at, &stop, base);
	return *stop == end ? stop + 1 : NULL;
}

static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (!strncmp(from, "\\012", 4)) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool ecap_maps_cut_deleted(char *path)
{
	static const char suffix[] = " (deleted)"; /* d_path() in fs/d_path.c */
	size_t len = strlen(path);

	if (len < sizeof(suffix) || strcmp(path + len - (sizeof(suffix) - 1), suffix))
		return false;
	path[len - (sizeof(suffix) - 1)] = '\0';
	return true;
}

static int read_line(const struct reader *reader, char *line)
{
	struct ecap_mapping mapping = {.pid = reader->pid};
	uint64_t offset, major, minor;
	char *at = number(line, 16, '-', &mapping.start);

	if (at)
		at = number(at, 16, ' ', &mapping.end);
	if (!at || strnlen(at, 5) < 5 || at[2] != 'x')
		return 0;
	at = number(at + 5, 16, ' ', &offset);
	if (at)
		at = number(at, 16, ':', &major);
	if (at)
		at = number(at, 16, ' ', &minor);
	if (at)
		at = number(at, 10, ' ', &mapping.ino);
	if (!at || !mapping.ino)
		return 0;
	at += strspn(at, " ");
	if (*at != '/')
		return 0;
	mapping.deleted = ecap_maps_cut_deleted(at);
	unescape(at);
	mapping.major = (uint32_t)major;
	mapping.minor = (uint32_t)minor;
	mapping.path = at;
	return reader->cb(reader->arg, &mapping);
}

/* Reads whole lines in @buffer and moves the rest, whose length it returns, to the front. */
static int read_lines(const struct reader *reader, char *buffer, size_t *fill)
{
	char *at = buffer, *end = buffer + *fill, *stop;

	while ((stop = memchr(at, '\n', (size_t)(end - at)))) {
		*stop = '\0';
		int r = read_line(reader, at);

		if (r)
			return r;
		at = stop + 1;
	}
	*fill = (size_t)(end - at);
	memmove(buffer, at, *fill);
	return 0;
}

static int each(const struct reader *reader, char *buffer)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", reader->pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return ecap_err(-ESRCH, "no process %" PRIu32, reader->pid);
	if (fd < 0)
		return ecap_err(-errno, "open %s: %s", path, strerror(errno));
	for (size_t fill = 0;;) {
		ssize_t n = read(fd, buffer + fill, BUFFER_BYTES - fill);

		if (n < 0)
			return ecap_err(-errno, "read %s: %s", path, strerror(errno));
		if (!n)
			return 0;
		fill += (size_t)n;
		int r = read_lines(reader, buffer, &fill);

		if (r)
			return r;
		if (fill == BUFFER_BYTES)
			return ecap_err(-EOVERFLOW, "%s has a line over %zu bytes", path, fill);
	}
}

int ecap_maps_each(uint32_t pid, int (*cb)(void *arg, const struct ecap_mapping *mapping),
		   void *arg)
{
	_cleanup_free_ char *buffer = malloc(BUFFER_BYTES);
	struct reader reader = {.pid = pid, .cb = cb, .arg = arg};

	if (!buffer)
		return ecap_err(-ENOMEM, "memory for the maps of process %" PRIu32, pid);
	return each(&reader, buffer);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Keeps what the caller's function returned apart from what reading a process returned. */
struct outcome {
	int (*cb)(void *arg, const struct ecap_mapping *mapping);
	void *arg;
	int r;
};

static int keep_outcome(void *arg, const struct ecap_mapping *mapping)
{
	struct outcome *outcome = arg;

	outcome->r = outcome->cb(outcome->arg, mapping);
	return outcome->r;
}

int ecap_maps_each_process(int (*cb)(void *arg, const struct ecap_mapping *mapping), void *arg)
{
	struct outcome outcome = {.cb = cb, .arg = arg};
	struct reader reader = {.cb = keep_outcome, .arg = &outcome};
	_cleanup_free_ char *buffer = malloc(BUFFER_BYTES);
	_cleanup_(close_dir) DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!buffer)
		return ecap_err(-ENOMEM, "memory for the maps of processes");
	if (!dir)
		return ecap_err(-errno, "open /proc: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		char *stop;
		unsigned long pid = strtoul(entry->d_name, &stop, 10);

		if (*stop || stop == entry->d_name || pid == (unsigned long)getpid())
			continue;
		reader.pid = (uint32_t)pid;
		each(&reader, buffer);
		if (outcome.r)
			return outcome.r;
	}
	return 0;
}
