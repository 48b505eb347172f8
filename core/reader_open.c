/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens what a reader reads, and gives it back. Which fd is what the module has claimed: a wrong
 * one must be refused with its name, and nothing may be written where it does not belong.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "abi_copy.h"
#include "err.h"
#include "reader_private.h"
#include "util.h"

/* Wake the reader out of its short sleeps when this part of the (larger) ring is full. */
#define WAKE_FRACTION 4

static int watch_fd(struct ecap_reader *r, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return ecap_err(-errno, "epoll: %s", strerror(errno));
	return 0;
}

static int open_perf(struct source *s, const char *name, uint32_t page_count)
{
	uint32_t pages = page_count ? page_count : 1024;

	/* The kernel wants a power of two: perf_event_open(2). */
	while (pages & (pages - 1))
		pages += pages & -pages;
	int fd = ecap_reader_open_perf(s, name, pages);

	if (fd < 0)
		return fd;
	s->reader->capacity += (uint64_t)s->reader->n_cpus * pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return watch_fd(s->reader, fd, EPOLLIN);
}

/* Takes over an fd that a module gave: a copy of ours, and what map it is of. */
static int take_fd(int fd, const char *name, const char *member, struct bpf_map_info *info, int *ours)
{
	uint32_t size = sizeof(*info);

	*ours = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*ours < 0)
		return ecap_err(-EBADF, "map %s: %s %d: %s", name, member, fd, strerror(errno));
	if (bpf_obj_get_info_by_fd(*ours, info, &size))
		return ecap_err(-EBADF, "map %s: %s %d is no BPF map", name, member, fd);
	return 0;
}

/*
 * The size of a map's values, which for a struct of the SDK may be longer than ours, but not
 * shorter than it was in ABI 1.0.
 */
static int check_values(const struct bpf_map_info *info, const char *name, const char *member,
			uint32_t least)
{
	if (info->value_size >= least && info->value_size <= ECAP_ABI_MAX_SIZE &&
	    !(info->value_size % sizeof(uint64_t)))
		return 0;
	return ecap_err(-EINVAL, "map %s: its %s has values of %u bytes, at least %u are needed; "
			"see ecapture/record.h", name, member, info->value_size, least);
}

/* With room for the values of all CPUs. */
static int open_stats(struct source *s, const struct ecap_map *map)
{
	struct bpf_map_info info = {};
	int err = take_fd(map->stats_fd, map->name, "stats_fd", &info, &s->stats_fd);

	if (!err)
		err = check_values(&info, map->name, "stats_fd",
				   ECAP_END(struct ecap_map_stats, reserved));
	if (err)
		return err;
	s->stats_size = info.value_size;
	s->per_cpu = calloc((size_t)s->reader->n_cpus, s->stats_size);
	return s->per_cpu ? 0 : ecap_err(-ENOMEM, "out of memory");
}

/* @bytes: of the ring that may fill up. */
static int open_control(struct source *s, const struct ecap_map *map, uint32_t bytes)
{
	struct bpf_map_info info = {};
	int err = take_fd(map->control_fd, map->name, "control_fd", &info, &s->control_fd);
	void *page;

	if (!err)
		err = check_values(&info, map->name, "control_fd",
				   ECAP_END(struct ecap_ring_control, wake_bytes));
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE))
		return ecap_err(-EINVAL, "map %s: its control_fd is no array with BPF_F_MMAPABLE",
				map->name);
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		    s->control_fd, 0);
	if (page == MAP_FAILED)
		return ecap_err(-errno, "map %s: control page: %s", map->name, strerror(errno));
	s->control = page;
	s->control->wake_bytes = bytes / WAKE_FRACTION;
	return 0;
}

/* The positions of a ring: Documentation/bpf/ringbuf.rst, the first page and the second. */
static int map_positions(int fd, const char *name, const unsigned long **read,
			 const unsigned long **written)
{
	long page = sysconf(_SC_PAGESIZE);

	for (int i = 0; i < 2; i++) {
		void *at = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, i * page);

		if (at == MAP_FAILED)
			return ecap_err(-errno, "map %s: positions of the ring: %s", name,
					strerror(errno));
		*(i ? written : read) = at;
	}
	return 0;
}

static void unmap_position(const unsigned long *position)
{
	if (position)
		munmap((void *)position, (size_t)sysconf(_SC_PAGESIZE));
}

/* Two readers of one buffer would each get half of it. */
static int check_unread(const struct source *s, const char *name, uint32_t id)
{
	const struct ecap_reader *r = s->reader;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->sources[i].id == id || r->sources[i].more_id == id)
			return ecap_err(-EINVAL, "map %s: given twice to be read", name);
	return 0;
}

/* Edge-triggered: only a wake-up that was asked for counts, not that data is there. */
static int open_ring(struct source *s, const char *name, int fd, ring_buffer_sample_fn on_sample,
		     struct ring_buffer **ring)
{
	*ring = ring_buffer__new(fd, on_sample, s, NULL);
	if (!*ring)
		return ecap_err(-errno, "map %s: ring buffer: %s", name, strerror(errno));
	return watch_fd(s->reader, fd, EPOLLIN | EPOLLET);
}

/* The second ring; @bytes: of it. */
static int open_more(struct source *s, const struct ecap_map *map, uint32_t *bytes)
{
	struct bpf_map_info info = {};
	int err = take_fd(map->more_fd, map->name, "more_fd", &info, &s->more_fd);

	if (!err && info.type != BPF_MAP_TYPE_RINGBUF)
		err = ecap_err(-EINVAL, "map %s: its more_fd is no ring buffer", map->name);
	if (!err)
		err = check_unread(s, map->name, info.id);
	if (!err)
		err = open_ring(s, map->name, s->more_fd, ecap_reader_on_more_record, &s->more);
	if (!err)
		err = map_positions(s->more_fd, map->name, &s->more_read, &s->more_written);
	if (err)
		return err;
	s->more_id = info.id;
	*bytes = info.max_entries;
	s->reader->capacity += info.max_entries;
	return 0;
}

static int open_rings(struct source *s, const struct ecap_map *map, uint32_t bytes)
{
	int err = open_ring(s, map->name, s->fd, ecap_reader_on_record, &s->ring);

	s->reader->capacity += bytes;
	if (!err)
		err = map_positions(s->fd, map->name, &s->ring_read, &s->ring_written);
	if (!err && map->more_fd > 0)
		err = open_more(s, map, &bytes);
	if (!err && map->control_fd > 0)
		err = open_control(s, map, bytes);
	return err;
}

/* Of the fds beside the one with the records, 0 or less is none. */
static int open_source(struct source *s, const struct ecap_map *map, uint32_t page_count)
{
	struct bpf_map_info info = {};
	int err = take_fd(map->fd, map->name, "fd", &info, &s->fd);

	s->min_record = map->min_record;
	if (!err)
		err = check_unread(s, map->name, info.id);
	if (!err && map->stats_fd > 0)
		err = open_stats(s, map);
	if (err)
		return err;
	s->id = info.id;
	if (info.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return open_perf(s, map->name, page_count);
	if (info.type == BPF_MAP_TYPE_RINGBUF)
		return open_rings(s, map, info.max_entries);
	return ecap_err(-EINVAL, "map %s: neither a ring buffer nor a perf event array (type %u)",
			map->name, info.type);
}

int ecap_reader_open(const struct ecap_map *maps, uint32_t n, uint32_t page_count,
		     const struct ecap_reader_ops *ops, void *arg, struct ecap_reader **reader)
{
	struct ecap_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return ecap_err(-ENOMEM, "out of memory");
	*r = (struct ecap_reader){ .ops = ops, .arg = arg, .epoll_fd = -1, .stop_fd = -1,
				   .n_cpus = libbpf_num_possible_cpus() };
	r->sources = calloc(n ? n : 1, sizeof(*r->sources));
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (!r->sources || r->epoll_fd < 0 || r->stop_fd < 0 || r->n_cpus < 1)
		err = ecap_err(-ENOMEM, "reader: %s", strerror(errno));
	else
		err = watch_fd(r, r->stop_fd, EPOLLIN);
	for (uint32_t i = 0; !err && i < n; i++) {
		r->sources[i] = (struct source){ .reader = r, .index = i, .fd = -1,
						 .more_fd = -1, .control_fd = -1, .stats_fd = -1 };
		r->n = i + 1;
		err = open_source(&r->sources[i], &maps[i], page_count);
	}
	if (err) {
		ecap_reader_free(r);
		return err;
	}
	*reader = r;
	return 0;
}

void ecap_reader_free(struct ecap_reader *r)
{
	if (!r)
		return;
	ecap_reader_drain(r);
	for (uint32_t i = 0; i < r->n; i++) {
		struct source *s = &r->sources[i];

		ring_buffer__free(s->ring);
		ring_buffer__free(s->more);
		unmap_position(s->ring_read);
		unmap_position(s->ring_written);
		unmap_position(s->more_read);
		unmap_position(s->more_written);
		ecap_reader_free_perf(s->perf);
		if (s->control)
			munmap(s->control, (size_t)sysconf(_SC_PAGESIZE));
		ecap_closep(&s->fd);
		ecap_closep(&s->more_fd);
		ecap_closep(&s->control_fd);
		ecap_closep(&s->stats_fd);
		free(s->per_cpu);
	}
	free(r->sources);
	ecap_closep(&r->epoll_fd);
	ecap_closep(&r->stop_fd);
	free(r);
}
