/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sends records of exactly their size: a fixed header and a payload copied from the process.
 * Three ways, chosen before load by what the kernel has:
 *   dynptr    room in the ring, then one copy straight into it (bpf_probe_read_user_dynptr)
 *   scratch   a copy to memory of the task (or of the CPU), and a second one into the ring
 *   perf      the same, into a perf event array where the kernel has no ring buffer
 * What finds no room, or cannot be read, is counted in ecap_stats, never forgotten.
 *
 * A program that uses this defines ECAP_HEADER_MAX, the size of its largest header. With
 * ECAP_OVERFLOW it has two rings: a small one, whose pages stay in the caches of the CPUs that
 * write it, and a large one for what comes while the small one is full. See ecap_overflow().
 */
#ifndef ECAPTURE_BPF_EMIT_H
#define ECAPTURE_BPF_EMIT_H

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/record.h>

/* ECAP_SEND_*; user space sets it before load. */
const volatile __u32 ecap_send = ECAP_SEND_SCRATCH;

/*
 * Payload bytes in one record. A power of two; perf's own limit is 64 KiB with all headers. A
 * task's memory is small: Linux 7.2 refuses 8 KiB and more (kmalloc_nolock() of mm/slub.c). A
 * program that has another variant for such kernels may define a larger ECAP_SCRATCH_CHUNK.
 */
#define ECAP_DYNPTR_CHUNK (64 * 1024)
#ifndef ECAP_SCRATCH_CHUNK
#ifdef ECAP_TASK_STORAGE
#define ECAP_SCRATCH_CHUNK (4 * 1024)
#else
#define ECAP_SCRATCH_CHUNK (16 * 1024)
#endif
#endif

/* User space sets the size, and the type where there is no ring buffer. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} events SEC(".maps");

#ifdef ECAP_OVERFLOW
/* The large ring; user space sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 26);
} events_more SEC(".maps");

/*
 * While anything waits in the large ring, everything goes there: the reader empties the small
 * one first, and so sees the records of a thread in their order.
 */
static __always_inline __u64 ecap_overflow(void)
{
	return bpf_ringbuf_query(&events_more, BPF_RB_AVAIL_DATA);
}
#endif

/* One struct ecap_ring_control, which the reader maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ecap_ring_control);
} ecap_control SEC(".maps");

/* One struct ecap_map_stats for each CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ecap_map_stats);
} ecap_stats SEC(".maps");

/* [inside] Where a record is put together. */
struct ecap_scratch {
	__u8 bytes[ECAP_HEADER_MAX + ECAP_SCRATCH_CHUNK]; /* header, then payload */
};

#ifdef ECAP_TASK_STORAGE
/* The task's own: no other task can write into it between the two copies. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct ecap_scratch);
} ecap_scratch SEC(".maps");

/* The scratch to use now, or NULL when there is no memory for it. */
static __always_inline struct ecap_scratch *ecap_get_scratch(void)
{
	return bpf_task_storage_get(&ecap_scratch, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ecap_scratch);
} ecap_scratch SEC(".maps");

static __always_inline struct ecap_scratch *ecap_get_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ecap_scratch, &zero);
}
#endif

/* The counters of this CPU; never NULL, but the verifier wants to see it checked. */
static __always_inline struct ecap_map_stats *ecap_get_stats(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ecap_stats, &zero);
}

/*
 * What found no room: records, and the payload bytes in them.
 * Atomic: where uprobe programs may be preempted, another one counts on the same CPU. Not for 0,
 * of which clang makes an atomic OR, which kernels before 5.12 do not know.
 */
static __always_inline void ecap_count_lost(__u64 records, __u64 bytes)
{
	struct ecap_map_stats *stats = ecap_get_stats();

	if (stats) {
		__sync_fetch_and_add(&stats->lost_records, records);
		if (bytes)
			__sync_fetch_and_add(&stats->lost_bytes, bytes);
	}
}

/* Payload bytes that could not be read from the process. */
static __always_inline void ecap_count_fault(__u64 bytes)
{
	struct ecap_map_stats *stats = ecap_get_stats();

	if (stats && bytes)
		__sync_fetch_and_add(&stats->fault_bytes, bytes);
}

/* One record with @bytes of payload. */
static __always_inline void ecap_count_sent(__u64 bytes)
{
	struct ecap_map_stats *stats = ecap_get_stats();

	if (stats) {
		stats->records++;
		stats->bytes += bytes;
	}
}

/*
 * Wakes the reader only when it asked for it: see struct ecap_ring_control. @waiting: bytes in
 * the ring that the record goes to.
 */
static __always_inline __u64 ecap_wake_flags(__u64 waiting)
{
	__u32 zero = 0;
	struct ecap_ring_control *control = bpf_map_lookup_elem(&ecap_control, &zero);

	if (!control || control->armed == ECAP_WAKE_NEVER)
		return BPF_RB_NO_WAKEUP;
	if (control->armed == ECAP_WAKE_FULL && waiting < control->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	control->armed = ECAP_WAKE_NEVER;
	return BPF_RB_FORCE_WAKEUP;
}

#ifdef ECAP_DYNPTR
extern int bpf_probe_read_user_dynptr(struct bpf_dynptr *dptr, __u64 off, __u64 size,
				      const void *unsafe_ptr__ign) __ksym;

/* Fills room that was reserved, and gives it away. 1 when the payload could not be read. */
static __always_inline int ecap_fill_room(struct bpf_dynptr *room, void *header, __u32 header_len,
					  const void *from, __u32 len, __u64 waiting)
{
	bpf_dynptr_write(room, 0, header, header_len, 0);
	if (len && bpf_probe_read_user_dynptr(room, header_len, len, from)) {
		bpf_ringbuf_discard_dynptr(room, BPF_RB_NO_WAKEUP);
		return 1;
	}
	bpf_ringbuf_submit_dynptr(room, ecap_wake_flags(waiting));
	ecap_count_sent(len);
	return 0;
}

/*
 * One record of at most ECAP_DYNPTR_CHUNK payload bytes. Returns 1 when the payload could not
 * be read: nothing was sent nor counted, a sleepable program may fault the pages in and try again.
 */
static __always_inline int ecap_try_dynptr(void *header, __u32 header_len, const void *from,
					   __u32 len)
{
	struct bpf_dynptr room;

#ifdef ECAP_OVERFLOW
	__u64 waiting = ecap_overflow();

	if (waiting)
		goto overflow;
#endif
	if (!bpf_ringbuf_reserve_dynptr(&events, header_len + len, 0, &room))
		return ecap_fill_room(&room, header, header_len, from, len,
				      bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA));
	bpf_ringbuf_discard_dynptr(&room, BPF_RB_NO_WAKEUP);
#ifdef ECAP_OVERFLOW
overflow:
	if (!bpf_ringbuf_reserve_dynptr(&events_more, header_len + len, 0, &room))
		return ecap_fill_room(&room, header, header_len, from, len, waiting);
	bpf_ringbuf_discard_dynptr(&room, BPF_RB_NO_WAKEUP);
#endif
	ecap_count_lost(1, len);
	return 0;
}

/* Brings the @index-th page from *@arg on into memory; for bpf_loop(). */
static long ecap_touch_page(__u32 index, void *arg)
{
	__u64 page = *(__u64 *)arg + ((__u64)index << 12);
	__u8 byte;

	bpf_copy_from_user(&byte, 1, (void *)page);
	return 0;
}

/*
 * Sends one record as ecap_try_dynptr() does, from a sleepable program: absent pages are
 * brought in between two tries, so that nobody sleeps with room in the ring taken.
 */
static __always_inline void ecap_send_dynptr(void *header, __u32 header_len, const void *from,
					     __u32 len)
{
	__u64 first = (__u64)from & ~4095ULL, last = (__u64)from + len - 1;

	if (!ecap_try_dynptr(header, header_len, from, len))
		return;
	bpf_loop((__u32)((last - first) >> 12) + 1, ecap_touch_page, &first, 0);
	if (ecap_try_dynptr(header, header_len, from, len))
		ecap_count_fault(len);
}
#endif

/* The first @size bytes of the scratch into a ring. Not 0: there is no room. */
static __always_inline long ecap_output(struct ecap_scratch *scratch, __u32 size)
{
	__u64 waiting;

#ifdef ECAP_OVERFLOW
	waiting = ecap_overflow();
	if (waiting)
		return bpf_ringbuf_output(&events_more, scratch->bytes, size,
					  ecap_wake_flags(waiting));
#endif
	waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	if (!bpf_ringbuf_output(&events, scratch->bytes, size, ecap_wake_flags(waiting)))
		return 0;
#ifdef ECAP_OVERFLOW
	return bpf_ringbuf_output(&events_more, scratch->bytes, size, ecap_wake_flags(0));
#else
	return -1;
#endif
}

/* Sends the first @size bytes of the scratch, of which @len are payload. */
static __always_inline void ecap_send_filled(void *ctx, struct ecap_scratch *scratch, __u32 size,
					     __u32 len)
{
	long err;

	if (ecap_send == ECAP_SEND_PERF)
		err = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, scratch->bytes, size);
	else
		err = ecap_output(scratch, size);
	if (err)
		ecap_count_lost(1, len);
	else
		ecap_count_sent(len);
}

/* One record of at most ECAP_SCRATCH_CHUNK payload bytes. */
static __always_inline void ecap_send_scratch(void *ctx, const void *header, __u32 header_len,
					      const void *from, __u32 len)
{
	struct ecap_scratch *scratch = ecap_get_scratch();

	if (len > ECAP_SCRATCH_CHUNK)
		len = ECAP_SCRATCH_CHUNK;
	if (!scratch) {
		ecap_count_lost(1, len);
		return;
	}
	__builtin_memcpy(scratch->bytes, header, header_len);
	if (len && bpf_probe_read_user(scratch->bytes + header_len, len, from)) {
		ecap_count_fault(len);
		return;
	}
	ecap_send_filled(ctx, scratch, header_len + len, len);
}

/* Payload bytes in one record, and what a program's section says to be allowed to fault pages in. */
#ifdef ECAP_DYNPTR
#define ECAP_CHUNK     ECAP_DYNPTR_CHUNK
#define ECAP_SLEEPABLE ".s"
#else
#define ECAP_CHUNK     ECAP_SCRATCH_CHUNK
#define ECAP_SLEEPABLE ""
#endif

/*
 * One record of at most ECAP_CHUNK payload bytes, the best way that the variant has: SEC("uprobe"
 * ECAP_SLEEPABLE). Where @len is the constant 0, any program may use it.
 */
static __always_inline void ecap_emit(void *ctx, void *header, __u32 header_len, const void *from,
				      __u32 len)
{
#ifdef ECAP_DYNPTR
	(void)ctx;
	ecap_send_dynptr(header, header_len, from, len);
#else
	ecap_send_scratch(ctx, header, header_len, from, len);
#endif
}

#endif
