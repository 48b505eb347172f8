/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Payloads that may be longer than a record: bytes, as a run of records that carry a chunk each,
 * and strings. The variants dynptr and storage need ECAP_FEAT_BPF_LOOP for it.
 */
#ifndef ECAPTURE_BPF_CHUNKS_H
#define ECAPTURE_BPF_CHUNKS_H

#include <ecapture/bpf/emit.bpf.h>

/* 16 GiB or more in one call is more than any real write: a bound for bpf_loop(). */
#define ECAP_MAX_CHUNKS (1u << 20)

/* Without bpf_loop() (before 5.17) the verifier bounds what one call can send. */
#define ECAP_OLD_CHUNKS 64

/* The part of ECAP_CHUNKS that is another one where bpf_loop() is to be had. */
#ifdef ECAP_TASK_STORAGE
#define ECAP_SEND_REST(name)							\
static long name##_next(__u32 index, void *arg)					\
{										\
	return name##_one(index + 1, arg);					\
}										\
										\
static __always_inline void name##_send(struct name *e)				\
{										\
	if (!name##_one(0, e) && e->record.total > ECAP_CHUNK)			\
		bpf_loop(ECAP_MAX_CHUNKS, name##_next, e, 0);			\
}
#else
#define ECAP_SEND_REST(name)							\
static __always_inline void name##_send(struct name *e)				\
{										\
	for (__u32 i = 0; i < ECAP_OLD_CHUNKS; i++)				\
		if (name##_one(i, e))						\
			return;							\
	if (e->record.total > (__u64)ECAP_OLD_CHUNKS * ECAP_CHUNK)		\
		ecap_count_lost(1, e->record.total - (__u64)ECAP_OLD_CHUNKS * ECAP_CHUNK); \
}
#endif

/*
 * Makes a struct NAME and a function NAME_send(struct NAME *) for records whose header is a
 * struct HEADER. Before it is called, .ctx has the program's context, .from the address of the
 * bytes in the process, .record.total their number, and the rest of .record what each header is
 * to say. Each record's header gets what it carries: offset (64 bits) and len (32 bits).
 */
#define ECAP_CHUNKS(name, header)						\
struct name {									\
	struct header record;							\
	void *ctx;								\
	__u64 from;								\
};										\
										\
/* Sends one of them; 1 when there is none. */					\
static long name##_one(__u32 index, struct name *e)				\
{										\
	__u64 offset = (__u64)index * ECAP_CHUNK, from = e->from + offset, left;	\
										\
	if (offset >= e->record.total)						\
		return 1;							\
	left = e->record.total - offset;					\
	e->record.offset = offset;						\
	e->record.len = left < ECAP_CHUNK ? left : ECAP_CHUNK;			\
	ecap_emit(e->ctx, &e->record, sizeof(e->record), (void *)from, e->record.len); \
	return 0;								\
}										\
ECAP_SEND_REST(name)

/* What fits one record of a string, without the NUL. */
#define ECAP_STRING_MAX (ECAP_SCRATCH_CHUNK - 1)

/*
 * One record with the string at @from, or as much of it as fits, and a NUL. @len, a member of
 * the header, becomes its length without the NUL. Returns 1 when there may be more of it, behind
 * ECAP_STRING_MAX bytes.
 */
static __always_inline int ecap_send_string(void *ctx, const void *header, __u32 header_len,
					    __u32 *len, const char *from)
{
	struct ecap_scratch *scratch = ecap_get_scratch();
	long n;

	if (!scratch) {
		ecap_count_lost(1, 0);
		return 0;
	}
	n = bpf_probe_read_user_str(scratch->bytes + header_len, ECAP_SCRATCH_CHUNK, from);
	if (n <= 0 || n > ECAP_SCRATCH_CHUNK) {
		ecap_count_fault(1);
		return 0;
	}
	*len = n - 1;
	__builtin_memcpy(scratch->bytes, header, header_len);
	ecap_send_filled(ctx, scratch, header_len + (__u32)n, n - 1);
	return n == ECAP_SCRATCH_CHUNK;
}

#endif
