/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executable mappings of files, of one process or of all. Linux 6.11 and later are asked for
 * them one by one (PROCMAP_QUERY in include/uapi/linux/fs.h), which takes a third of the time:
 * most of the text is about other mappings. Else the text is read, see proc_pid_maps(5):
 *
 *   7f00e0c22000-7f00e0d77000 r-xp 00026000 fe:00 325835    /usr/lib/libc.so.6
 *
 * There a line end in a path shows as "\012" and nothing else is escaped (seq_path(m, path,
 * "\n") in fs/proc/task_mmu.c).
 */
#include "targets/maps.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "err.h"
#include "util.h"

bool ecap_maps_cut_deleted(char *path)
{
	static const char suffix[] = " (deleted)"; /* d_path() in fs/d_path.c */
	size_t len = strlen(path);

	if (len < sizeof(suffix) || strcmp(path + len - (sizeof(suffix) - 1), suffix))
		return false;
	path[len - (sizeof(suffix) - 1)] = '\0';
	return true;
}

/* struct procmap_query, which C libraries do not have yet. */
struct query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset;
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};

#define QUERY _IOWR('f', 17, struct query)

#define QUERY_VMA_EXECUTABLE        0x04u
#define QUERY_COVERING_OR_NEXT_VMA  0x10u
#define QUERY_FILE_BACKED_VMA       0x20u

_Static_assert(sizeof(struct query) == 104, "linux/fs.h");

static void tell(struct ecap_maps_reader *reader, const struct query *query)
{
	struct ecap_mapping mapping = {
		.pid = reader->pid,
		.major = query->dev_major,
		.minor = query->dev_minor,
		.start = query->vma_start,
		.end = query->vma_end,
		.ino = query->inode,
		.path = reader->buffer,
	};

	if (!query->inode || !query->vma_name_size || reader->buffer[0] != '/')
		return;
	mapping.deleted = ecap_maps_cut_deleted(reader->buffer);
	reader->outcome = reader->cb(reader->arg, &mapping);
}

int ecap_maps_query(struct ecap_maps_reader *reader)
{
	for (uint64_t at = 0; !reader->outcome;) {
		struct query query = {
			.size = sizeof(query),
			.query_flags = QUERY_VMA_EXECUTABLE | QUERY_FILE_BACKED_VMA |
				       QUERY_COVERING_OR_NEXT_VMA,
			.query_addr = at,
			.vma_name_size = ECAP_MAPS_BUFFER,
			.vma_name_addr = (uintptr_t)reader->buffer,
		};

		if (ioctl(reader->fd, QUERY, &query))
			return errno == ENOENT ? 0 : -errno;
		tell(reader, &query);
		at = query.vma_end;
	}
	return 0;
}

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

static void read_line(struct ecap_maps_reader *reader, char *line)
{
	struct ecap_mapping mapping = {.pid = reader->pid};
	uint64_t offset, major, minor;
	char *at = number(line, 16, '-', &mapping.start);

	if (at)
		at = number(at, 16, ' ', &mapping.end);
	if (!at || strnlen(at, 5) < 5 || at[2] != 'x')
		return;
	at = number(at + 5, 16, ' ', &offset);
	if (at)
		at = number(at, 16, ':', &major);
	if (at)
		at = number(at, 16, ' ', &minor);
	if (at)
		at = number(at, 10, ' ', &mapping.ino);
	if (!at || !mapping.ino)
		return;
	at += strspn(at, " ");
	if (*at != '/')
		return;
	mapping.deleted = ecap_maps_cut_deleted(at);
	unescape(at);
	mapping.major = (uint32_t)major;
	mapping.minor = (uint32_t)minor;
	mapping.path = at;
	reader->outcome = reader->cb(reader->arg, &mapping);
}

/* Reads whole lines in the buffer and moves the rest to its front; @fill is what it holds. */
static void read_lines(struct ecap_maps_reader *reader, size_t *fill)
{
	char *at = reader->buffer, *end = at + *fill, *stop;

	while (!reader->outcome && (stop = memchr(at, '\n', (size_t)(end - at)))) {
		*stop = '\0';
		read_line(reader, at);
		at = stop + 1;
	}
	*fill = (size_t)(end - at);
	memmove(reader->buffer, at, *fill);
}

int ecap_maps_read(struct ecap_maps_reader *reader)
{
	for (size_t fill = 0; !reader->outcome;) {
		ssize_t n = read(reader->fd, reader->buffer + fill, ECAP_MAPS_BUFFER - fill);

		if (n <= 0)
			return n ? -errno : 0;
		fill += (size_t)n;
		read_lines(reader, &fill);
		if (fill == ECAP_MAPS_BUFFER)
			return -EOVERFLOW;
	}
	return 0;
}

static int each(struct ecap_maps_reader *reader)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", reader->pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return ecap_err(-ESRCH, "no process %" PRIu32, reader->pid);
	if (fd < 0)
		return ecap_err(-errno, "open %s: %s", path, strerror(errno));
	reader->fd = fd;
	int r = ecap_maps_query(reader);

	/* One path of over PATH_MAX bytes would hide all that comes after it. */
	if (r == -ENOTTY || r == -ENAMETOOLONG)
		r = ecap_maps_read(reader);
	if (r == -ESRCH)
		return ecap_err(r, "no process %" PRIu32, reader->pid);
	return r ? ecap_err(r, "read %s: %s", path, strerror(-r)) : reader->outcome;
}

int ecap_maps_each(uint32_t pid, int (*cb)(void *arg, const struct ecap_mapping *mapping),
		   void *arg)
{
	_cleanup_free_ char *buffer = malloc(ECAP_MAPS_BUFFER);
	struct ecap_maps_reader reader = {.pid = pid, .buffer = buffer, .cb = cb, .arg = arg};

	if (!buffer)
		return ecap_err(-ENOMEM, "memory for the maps of process %" PRIu32, pid);
	return each(&reader);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int ecap_maps_each_process(int (*cb)(void *arg, const struct ecap_mapping *mapping), void *arg)
{
	_cleanup_free_ char *buffer = malloc(ECAP_MAPS_BUFFER);
	struct ecap_maps_reader reader = {.buffer = buffer, .cb = cb, .arg = arg};
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
		each(&reader);
		if (reader.outcome)
			return reader.outcome;
	}
	return 0;
}
