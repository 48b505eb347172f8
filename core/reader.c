/* SPDX-License-Identifier: Apache-2.0 */
/* The reader thread and its maps: see reader.h. */
#include "reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "abi_copy.h"
#include "crash.h"
#include "err.h"
#include "util.h"

/* Sleeps of the thread, in milliseconds. */
#define SLEEP_FLOWING 1   /* records came just now */
#define SLEEP_ARMED   2   /* the first sleep after arming */
#define SLEEP_IDLE    250 /* the longest: bounds what a missed wake-up can cost */

/* Empty looks before the reader arms itself. */
#define LOOKS_BEFORE_ARMING 3

#define LOST_INTERVAL_NS 1000000000ULL

/* Wake the reader out of its short sleeps when this part of the (larger) ring is full. */
#define WAKE_FRACTION 4

struct source {
	struct ecap_reader *reader;
	uint32_t index, min_record;
	int fd, more_fd, control_fd, stats_fd;
	struct ring_buffer *ring, *more;
	const unsigned long *more_read, *more_written; /* positions in the second ring */
	unsigned long more_end; /* where its reading ends for now */
	struct perf_buffer *perf;
	struct ecap_ring_control *control;
	uint8_t *per_cpu;       /* room for one lookup of struct ecap_map_stats */
	uint32_t stats_size;    /* of the module's struct */
	uint64_t perf_lost, reported;
	_Atomic uint64_t records, short_records, lost_records, lost_bytes, fault_bytes;
};

struct ecap_reader {
	const struct ecap_reader_ops *ops;
	void *arg;
	struct source *sources;
	uint32_t n;
	int n_cpus, epoll_fd, stop_fd;
	pthread_t thread;
	int started;
	uint64_t lost_checked_ns;
	uint64_t capacity;   /* bytes that the buffers hold */
	atomic_int draining; /* set by the main thread */
	uint64_t drained;    /* bytes since then */
	int cut;             /* more than could be */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/*
 * Adds up what the programs counted on each CPU, and tells what is new. What perf counts is in
 * there already where bpf_perf_event_output() returns perf's error; older kernels return 0.
 */
static void check_lost(struct source *s)
{
	uint64_t lost = 0, lost_bytes = 0, faults = 0;
	uint32_t zero = 0;

	if (s->stats_fd >= 0 && !bpf_map_lookup_elem(s->stats_fd, &zero, s->per_cpu)) {
		for (int cpu = 0; cpu < s->reader->n_cpus; cpu++) {
			struct ecap_map_stats stats = {};
			uint32_t size = s->stats_size < sizeof(stats) ? s->stats_size : sizeof(stats);

			memcpy(&stats, s->per_cpu + (size_t)cpu * s->stats_size, size);
			lost += stats.lost_records;
			lost_bytes += stats.lost_bytes;
			faults += stats.fault_bytes;
		}
	}
	lost = lost > s->perf_lost ? lost : s->perf_lost;
	atomic_store(&s->lost_records, lost);
	atomic_store(&s->lost_bytes, lost_bytes);
	atomic_store(&s->fault_bytes, faults);
	if (lost > s->reported && s->reader->ops->lost)
		s->reader->ops->lost(s->reader->arg, s->index, lost - s->reported);
	s->reported = lost;
}

static void check_all_lost(struct ecap_reader *r)
{
	uint64_t now = now_ns();

	if (now - r->lost_checked_ns < LOST_INTERVAL_NS)
		return;
	r->lost_checked_ns = now;
	for (uint32_t i = 0; i < r->n; i++)
		check_lost(&r->sources[i]);
}

/* What a record takes in a ring: Documentation/bpf/ringbuf.rst. */
static uint64_t bytes_in_ring(size_t len)
{
	return (BPF_RINGBUF_HDR_SZ + len + 7) & ~7ul;
}

/*
 * In the drain: what was there when it began fits into the buffers. What goes beyond (twice) them
 * was sent by something that is still attached, which need not ever end.
 */
static int is_endless(struct ecap_reader *r, size_t len)
{
	if (!atomic_load_explicit(&r->draining, memory_order_relaxed))
		return 0;
	r->drained += bytes_in_ring(len);
	return r->drained / 2 > r->capacity;
}

/*
 * Returns 0, but when no more is to be read: libbpf ends a round at the first negative return, and
 * loses the rest.
 */
static int on_record(void *arg, void *data, size_t len)
{
	struct source *s = arg;
	uint64_t records = atomic_load_explicit(&s->records, memory_order_relaxed) + 1;

	if (is_endless(s->reader, len)) {
		s->reader->cut = 1;
		return -ECANCELED;
	}
	atomic_store_explicit(&s->records, records, memory_order_relaxed);
	if (len < s->min_record)
		atomic_fetch_add(&s->short_records, 1);
	else
		s->reader->ops->record(s->reader->arg, s->index, data, (uint32_t)len);
	/* A producer that never pauses keeps libbpf in its round. */
	if (!(records & 0xffff))
		check_all_lost(s->reader);
	return 0;
}

/*
 * The same for the second ring, up to the end that was seen. libbpf moves the position behind a
 * record after this returns, also when a negative value ends the round.
 */
static int on_more_record(void *arg, void *data, size_t len)
{
	struct source *s = arg;
	unsigned long next = __atomic_load_n(s->more_read, __ATOMIC_RELAXED) + bytes_in_ring(len);
	int result = on_record(s, data, len);

	return next >= s->more_end ? -ECANCELED : result;
}

/* Perf puts a 4-byte size before each sample, so that samples may lie off by 4. */
static void on_perf_record(void *arg, int cpu, void *data, uint32_t len)
{
	uint64_t aligned[65536 / 8];

	(void)cpu;
	if ((uintptr_t)data & 7 && len <= sizeof(aligned))
		data = memcpy(aligned, data, len);
	on_record(arg, data, len);
}

static void on_perf_lost(void *arg, int cpu, unsigned long long n)
{
	struct source *s = arg;

	(void)cpu;
	s->perf_lost += n;
}

/* See reader.h for the order of the two. */
static void consume_rings(struct source *s)
{
	int more;

	do {
		s->more_end = s->more ? __atomic_load_n(s->more_written, __ATOMIC_ACQUIRE) : 0;
		more = s->more && *s->more_read != s->more_end;
		ring_buffer__consume(s->ring);
		if (more)
			ring_buffer__consume(s->more);
	} while (more && !s->reader->cut &&
		 __atomic_load_n(s->more_read, __ATOMIC_RELAXED) == s->more_end);
}

static int consume(struct ecap_reader *r)
{
	uint64_t before = 0, after = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct source *s = &r->sources[i];

		before += atomic_load_explicit(&s->records, memory_order_relaxed);
		if (s->ring)
			consume_rings(s);
		else
			perf_buffer__consume(s->perf);
		after += atomic_load_explicit(&s->records, memory_order_relaxed);
	}
	if (after == before)
		return 0;
	check_all_lost(r);
	r->ops->batch(r->arg);
	return 1;
}

static void arm(struct ecap_reader *r, uint32_t when)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->sources[i].control)
			__atomic_store_n(&r->sources[i].control->armed, when, __ATOMIC_SEQ_CST);
}

/* Sleeps until something wakes the thread; 1 when it is to end. */
static int doze(struct ecap_reader *r, int ms)
{
	struct epoll_event events[8];
	int n = epoll_wait(r->epoll_fd, events, ARRAY_SIZE(events), ms);

	for (int i = 0; i < n; i++)
		if (events[i].data.fd == r->stop_fd)
			return 1;
	return 0;
}

static void read_all(struct ecap_reader *r)
{
	int empty = 0, stop = 0;

	while (!stop) {
		if (consume(r)) {
			empty = 0;
			arm(r, ECAP_WAKE_FULL);
			stop = doze(r, SLEEP_FLOWING);
		} else if (++empty <= LOOKS_BEFORE_ARMING) {
			arm(r, ECAP_WAKE_FULL);
			stop = doze(r, SLEEP_FLOWING);
		} else if (empty == LOOKS_BEFORE_ARMING + 1) {
			arm(r, ECAP_WAKE_ANY);
			if (!consume(r))
				stop = doze(r, SLEEP_ARMED);
		} else {
			arm(r, ECAP_WAKE_ANY);
			if (!consume(r))
				stop = doze(r, SLEEP_IDLE);
			check_all_lost(r);
		}
	}
	while (consume(r) && !r->cut)
		;
	for (uint32_t i = 0; i < r->n; i++)
		check_lost(&r->sources[i]);
	r->ops->batch(r->arg);
}

static void on_thread_exit(void *arg)
{
	struct ecap_reader *r = arg;

	if (r->ops->ended)
		r->ops->ended(r->arg);
}

static void *reader_main(void *reader)
{
	_cleanup_(ecap_crash_stack_freep) void *stack = ecap_crash_stack();

	pthread_cleanup_push(on_thread_exit, reader);
	read_all(reader);
	pthread_cleanup_pop(0);
	return NULL;
}

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
	s->perf = perf_buffer__new(s->fd, pages, on_perf_record, on_perf_lost, s, NULL);
	if (!s->perf)
		return ecap_err(-errno, "map %s: perf buffer of %u pages: %s", name, pages,
				strerror(errno));
	s->reader->capacity += (uint64_t)s->reader->n_cpus * pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return watch_fd(s->reader, perf_buffer__epoll_fd(s->perf), EPOLLIN);
}

static int dup_fd(int fd, int *out)
{
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *out < 0 ? ecap_err(-errno, "dup: %s", strerror(errno)) : 0;
}

/* Maps beside the one with the records: 0 or less is none. */
static int dup_other(int fd, int *out)
{
	return fd > 0 ? dup_fd(fd, out) : 0;
}

/*
 * The size of a map's values, which for a struct of the SDK may be longer than ours, but not
 * shorter than it was in ABI 1.0.
 */
static int value_size(int fd, const char *name, const char *what, uint32_t least, uint32_t *size)
{
	struct bpf_map_info info = {};
	uint32_t info_size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &info_size))
		return ecap_err(-EBADF, "map %s: the fd for its %s is no BPF map", name, what);
	if (info.value_size < least || info.value_size > ECAP_ABI_MAX_SIZE ||
	    info.value_size % sizeof(uint64_t))
		return ecap_err(-EINVAL, "map %s: its %s has values of %u bytes, at least %u are "
				"needed; see ecapture/record.h", name, what, info.value_size, least);
	*size = info.value_size;
	return 0;
}

/* Room for the values of all CPUs. */
static int open_stats(struct source *s, const char *name)
{
	int err = value_size(s->stats_fd, name, "stats_fd",
			     ECAP_END(struct ecap_map_stats, reserved), &s->stats_size);

	if (err)
		return err;
	s->per_cpu = calloc((size_t)s->reader->n_cpus, s->stats_size);
	return s->per_cpu ? 0 : ecap_err(-ENOMEM, "out of memory");
}

/* @bytes: of the ring that may fill up. */
static int map_control(struct source *s, const char *name, uint32_t bytes)
{
	uint32_t size;
	void *page;

	if (s->control_fd < 0)
		return 0;
	int err = value_size(s->control_fd, name, "control_fd",
			     ECAP_END(struct ecap_ring_control, wake_bytes), &size);

	if (err)
		return err;
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		    s->control_fd, 0);
	if (page == MAP_FAILED)
		return ecap_err(-errno, "map %s: control page: %s", name, strerror(errno));
	s->control = page;
	s->control->wake_bytes = bytes / WAKE_FRACTION;
	return 0;
}

/* The positions of a ring: Documentation/bpf/ringbuf.rst, the first page and the second. */
static int map_positions(struct source *s, const char *name)
{
	long page = sysconf(_SC_PAGESIZE);
	void *at[2];

	for (int i = 0; i < 2; i++) {
		at[i] = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, s->more_fd, i * page);
		if (at[i] == MAP_FAILED)
			return ecap_err(-errno, "map %s: second ring: %s", name, strerror(errno));
		*(i ? &s->more_written : &s->more_read) = at[i];
	}
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

static int open_rings(struct source *s, const struct ecap_map *map, uint32_t bytes)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int err = open_ring(s, map->name, s->fd, on_record, &s->ring);

	s->reader->capacity += bytes;
	if (!err && map->more_fd > 0) {
		err = dup_other(map->more_fd, &s->more_fd);
		err = err ? err : open_ring(s, map->name, s->more_fd, on_more_record, &s->more);
		err = err ? err : map_positions(s, map->name);
		if (!err && !bpf_obj_get_info_by_fd(s->more_fd, &info, &size))
			s->reader->capacity += bytes = info.max_entries;
	}
	return err ? err : map_control(s, map->name, bytes);
}

static int open_source(struct source *s, const struct ecap_map *map, uint32_t page_count)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int err = map->fd < 0 ? 0 : dup_fd(map->fd, &s->fd);

	s->min_record = map->min_record;
	err = err ? err : dup_other(map->control_fd, &s->control_fd);
	err = err ? err : dup_other(map->stats_fd, &s->stats_fd);
	if (err)
		return err;
	if (s->fd < 0 || bpf_obj_get_info_by_fd(s->fd, &info, &size))
		return ecap_err(-EBADF, "map %s: fd %d is no BPF map", map->name, map->fd);
	err = s->stats_fd < 0 ? 0 : open_stats(s, map->name);
	if (err)
		return err;
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

/* Only there to interrupt a system call. */
static void on_interrupt(int signal)
{
	(void)signal;
}

int ecap_reader_start(struct ecap_reader *r)
{
	struct sigaction interrupt = { .sa_handler = on_interrupt };
	sigset_t all, before;
	int err;

	/* Signals are the main thread's, but for the one that it sends us. */
	sigaction(SIGUSR1, &interrupt, NULL);
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&r->thread, NULL, reader_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return ecap_err(-err, "reader thread: %s", strerror(err));
	pthread_setname_np(r->thread, "reader");
	r->started = 1;
	return 0;
}

static int ended_within(pthread_t thread, long ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT;
}

void ecap_reader_finish(struct ecap_reader *r)
{
	uint64_t one = 1;

	if (!r->started || atomic_exchange(&r->draining, 1))
		return;
	(void)!write(r->stop_fd, &one, sizeof(one));
}

enum ecap_drained ecap_reader_drain(struct ecap_reader *r)
{
	if (!r->started)
		return ECAP_DRAIN_ALL;
	ecap_reader_finish(r);
	r->started = 0;
	while (!ended_within(r->thread, ECAP_DRAIN_TICK_MS)) {
		enum ecap_draining what = r->ops->draining ? r->ops->draining(r->arg)
							   : ECAP_DRAIN_WAIT;

		if (what == ECAP_DRAIN_INTERRUPT)
			pthread_kill(r->thread, SIGUSR1);
		if (what == ECAP_DRAIN_LEAVE) {
			pthread_detach(r->thread);
			return ECAP_DRAIN_STUCK;
		}
	}
	return r->cut ? ECAP_DRAIN_CUT : ECAP_DRAIN_ALL;
}

struct ecap_reader_count ecap_reader_count(const struct ecap_reader *r, uint32_t index)
{
	const struct source *s = &r->sources[index];

	return (struct ecap_reader_count){
		.records = atomic_load(&s->records),
		.short_records = atomic_load(&s->short_records),
		.lost_records = atomic_load(&s->lost_records),
		.lost_bytes = atomic_load(&s->lost_bytes),
		.fault_bytes = atomic_load(&s->fault_bytes),
	};
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
		if (s->more_read)
			munmap((void *)s->more_read, (size_t)sysconf(_SC_PAGESIZE));
		if (s->more_written)
			munmap((void *)s->more_written, (size_t)sysconf(_SC_PAGESIZE));
		perf_buffer__free(s->perf);
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
