/* SPDX-License-Identifier: Apache-2.0 */
/* The reader thread: see reader.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "crash.h"
#include "err.h"
#include "reader_private.h"
#include "util.h"

/* Sleeps of the thread, in milliseconds. */
#define SLEEP_FLOWING 1   /* records came just now */
#define SLEEP_ARMED   2   /* the first sleep after arming */
#define SLEEP_IDLE    250 /* the longest: bounds what a missed wake-up can cost */

/* Empty looks before the reader arms itself. */
#define LOOKS_BEFORE_ARMING 3

#define LOST_INTERVAL_NS 1000000000ULL

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
int ecap_reader_on_record(void *arg, void *data, size_t len)
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
int ecap_reader_on_more_record(void *arg, void *data, size_t len)
{
	struct source *s = arg;
	unsigned long next = __atomic_load_n(s->more_read, __ATOMIC_RELAXED) + bytes_in_ring(len);
	int result = ecap_reader_on_record(s, data, len);

	return next >= s->more_end ? -ECANCELED : result;
}

static void set_behind(struct ecap_reader *r, int behind)
{
	if (!r->ops->nice_behind || behind == r->behind)
		return;
	r->behind = behind;
	setpriority(PRIO_PROCESS, 0, behind ? r->ops->nice_behind : r->nice); /* 0: this thread */
}

/* See reader.h for the order of the two. Returns 1 when the second was in use. */
static int consume_rings(struct source *s)
{
	int more, behind = 0;

	do {
		s->more_end = s->more ? __atomic_load_n(s->more_written, __ATOMIC_ACQUIRE) : 0;
		more = s->more && *s->more_read != s->more_end;
		behind |= more;
		if (more)
			set_behind(s->reader, 1);
		ring_buffer__consume(s->ring);
		if (more)
			ring_buffer__consume(s->more);
	} while (more && !s->reader->cut &&
		 __atomic_load_n(s->more_read, __ATOMIC_RELAXED) == s->more_end);
	return behind;
}

static int consume(struct ecap_reader *r)
{
	uint64_t before = 0, after = 0;
	int behind = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct source *s = &r->sources[i];

		before += atomic_load_explicit(&s->records, memory_order_relaxed);
		if (s->ring)
			behind |= consume_rings(s);
		else
			ecap_reader_consume_perf(s);
		after += atomic_load_explicit(&s->records, memory_order_relaxed);
	}
	if (!behind)
		set_behind(r, 0);
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
	int most = r->ops->idle ? r->ops->idle(r->arg) : -1;
	int n = epoll_wait(r->epoll_fd, events, ARRAY_SIZE(events),
			   most >= 0 && most < ms ? most : ms);

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
	struct ecap_reader *r = reader;

	r->nice = getpriority(PRIO_PROCESS, 0);
	pthread_cleanup_push(on_thread_exit, reader);
	read_all(reader);
	pthread_cleanup_pop(0);
	return NULL;
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

/* libbpf moves the read position behind a record once its callback has returned. */
static int is_behind(const unsigned long *read, const unsigned long *written)
{
	return read && __atomic_load_n(read, __ATOMIC_ACQUIRE) !=
		       __atomic_load_n(written, __ATOMIC_ACQUIRE);
}

int ecap_reader_pending(const struct ecap_reader *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const struct source *s = &r->sources[i];

		if (is_behind(s->ring_read, s->ring_written) ||
		    is_behind(s->more_read, s->more_written))
			return 1;
	}
	return 0;
}
