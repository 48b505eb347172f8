/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A perf event that counts nothing (PERF_COUNT_SW_DUMMY) but carries the kernel's notes about
 * executable mappings, one on each CPU with a small ring: perf_event_open(2) and
 * include/uapi/linux/perf_event.h. Nothing runs while no process maps code.
 *
 * Also for a single process the events are those of the CPUs: an event of a task covers one
 * thread, and one that threads inherit may not have a ring unless it is opened for each CPU too
 * (perf_mmap() in kernel/events/core.c).
 */
#include "targets/mmaps.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "err.h"
#include "util.h"

#define RING_PAGES   16u   /* a power of two: some 400 mappings */
#define RECORD_BYTES 4608u /* the longest: a path of PATH_MAX and what stands before it */

/* PERF_RECORD_MMAP2 without build id, up to the path. */
struct mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
};

_Static_assert(sizeof(struct mmap2) == 72, "linux/perf_event.h");

struct ring {
	struct ecap_mmaps *mmaps;
	int fd; /* -1: a CPU that is not there */
	struct perf_event_mmap_page *page;
	size_t bytes; /* of data, which follows the page */
};

struct ecap_mmaps {
	struct ecap_loop *loop;
	struct ecap_mmaps_listener listener;
	size_t page_bytes;
	uint32_t n_rings;
	struct ring rings[];
};

/* Takes the oldest record out of the ring. Returns false when there is none. */
static bool take_record(const struct ring *ring, char *record, uint16_t *size)
{
	const char *data = (const char *)ring->page + ring->mmaps->page_bytes;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	struct perf_event_header header;

	if (head == tail)
		return false;
	/* Sizes are multiples of 8, as the ring's: a header never wraps. */
	memcpy(&header, data + tail % ring->bytes, sizeof(header));
	size_t wanted = header.size < RECORD_BYTES ? header.size : RECORD_BYTES;
	size_t start = tail % ring->bytes;
	size_t first = wanted < ring->bytes - start ? wanted : ring->bytes - start;

	memcpy(record, data + start, first);
	memcpy(record + first, data, wanted - first);
	__atomic_store_n(&ring->page->data_tail, tail + header.size, __ATOMIC_RELEASE);
	*size = (uint16_t)wanted;
	return true;
}

/* @record has RECORD_BYTES + 1 bytes. */
static void tell(const struct ecap_mmaps *mmaps, char *record, uint16_t size)
{
	struct mmap2 mmap2;

	if (size <= sizeof(mmap2))
		return;
	memcpy(&mmap2, record, sizeof(mmap2));
	char *path = record + sizeof(mmap2);

	record[size] = '\0';
	if ((mmap2.header.misc & PERF_RECORD_MISC_CPUMODE_MASK) != PERF_RECORD_MISC_USER ||
	    !(mmap2.prot & PROT_EXEC) || !mmap2.ino || *path != '/')
		return;
	struct ecap_mapping mapping = {
		.pid = mmap2.pid,
		.major = mmap2.maj,
		.minor = mmap2.min,
		.deleted = ecap_maps_cut_deleted(path),
		.start = mmap2.addr,
		.end = mmap2.addr + mmap2.len,
		.ino = mmap2.ino,
		.generation = mmap2.ino_generation,
		.path = path,
	};

	mmaps->listener.mapped(mmaps->listener.arg, &mapping);
}

/*
 * The kernel notes a loss only before the next record that fits, which may be long after: a
 * ring without room for the longest record counts as a loss.
 */
static bool was_full(const struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);

	return head - ring->page->data_tail > ring->bytes - RECORD_BYTES;
}

/* Empties the ring: the kernel tells once of what is in it, see perf_poll(). */
static int ring_ready(void *arg)
{
	const struct ring *ring = arg;
	const struct ecap_mmaps *mmaps = ring->mmaps;
	char record[RECORD_BYTES + 1];
	bool lost = false;
	uint16_t size;

	do {
		struct perf_event_header header;

		lost |= was_full(ring);
		if (!take_record(ring, record, &size))
			break;
		memcpy(&header, record, sizeof(header));
		if (header.type == PERF_RECORD_LOST)
			lost = true;
		else if (header.type == PERF_RECORD_MMAP2)
			tell(mmaps, record, size);
	} while (true);
	if (lost)
		mmaps->listener.lost(mmaps->listener.arg);
	return 0;
}

static int open_event(uint32_t cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.mmap = 1,
		.mmap2 = 1,
		/* Bytes: wakeup_events counts samples only, of which there are none. */
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* What may be locked in memory is bounded by perf_event_mlock_kb: takes less when it must. */
static int map_ring(struct ring *ring)
{
	size_t page_bytes = ring->mmaps->page_bytes, pages = RING_PAGES;
	void *page;

	for (;; pages /= 2) {
		page = mmap(NULL, (1 + pages) * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    ring->fd, 0);
		if (page != MAP_FAILED)
			break;
		int err = errno;

		if ((err != EPERM && err != ENOMEM) || pages / 2 * page_bytes < 2 * RECORD_BYTES)
			return -err;
	}
	ring->page = page;
	ring->bytes = pages * page_bytes;
	return 0;
}

static int open_ring(struct ring *ring, uint32_t cpu)
{
	int fd = open_event(cpu);

	if (fd == -ENODEV) /* offline */
		return 0;
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return ecap_err(fd, "perf event of CPU %u: %s", cpu, strerror(-fd));
	if (fd < 0)
		return ecap_err(-EOPNOTSUPP, "perf event for new mappings, CPU %u: %s", cpu,
				strerror(-fd));
	ring->fd = fd;
	int r = map_ring(ring);

	if (r)
		return ecap_err(-EOPNOTSUPP, "ring of the perf event of CPU %u: %s", cpu,
				strerror(-r));
	return ecap_loop_add(ring->mmaps->loop, fd, ring_ready, ring);
}

/* One more than the highest CPU number: the last one in a list such as "0-3,8-11". */
static uint32_t count_cpus(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	char list[4096];

	if (!f || !fgets(list, sizeof(list), f))
		return (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	const char *last = list;

	for (const char *at = list; *at; at++)
		if (*at == '-' || *at == ',')
			last = at + 1;
	return (uint32_t)strtoul(last, NULL, 10) + 1;
}

int ecap_mmaps_open(struct ecap_loop *loop, const struct ecap_mmaps_listener *listener,
		    struct ecap_mmaps **mmaps)
{
	uint32_t n = count_cpus();
	_cleanup_(ecap_mmaps_close) struct ecap_mmaps *made =
		calloc(1, sizeof(*made) + n * sizeof(made->rings[0]));

	if (!made)
		return ecap_err(-ENOMEM, "memory for the perf events of %u CPUs", n);
	made->loop = loop;
	made->listener = *listener;
	made->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	for (uint32_t cpu = 0; cpu < n; cpu++) {
		struct ring *ring = &made->rings[made->n_rings++];

		*ring = (struct ring){.mmaps = made, .fd = -1};
		int r = open_ring(ring, cpu);

		if (r)
			return r;
	}
	*mmaps = TAKE_PTR(made);
	return 0;
}

void ecap_mmaps_close(struct ecap_mmaps **mmaps)
{
	if (!*mmaps)
		return;
	for (uint32_t i = 0; i < (*mmaps)->n_rings; i++) {
		struct ring *ring = &(*mmaps)->rings[i];

		if (ring->page)
			munmap(ring->page, (*mmaps)->page_bytes + ring->bytes);
		if (ring->fd >= 0)
			ecap_loop_remove((*mmaps)->loop, ring->fd);
		ecap_closep(&ring->fd);
	}
	free(*mmaps);
	*mmaps = NULL;
}
