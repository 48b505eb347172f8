/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The calls of probed functions that have not returned yet, by task: remembered at the entry,
 * taken out at the return that has the same stack pointer.
 */
#ifndef OPENSSL_CALLS_BPF_H
#define OPENSSL_CALLS_BPF_H

#include <ecapture/bpf/emit.bpf.h>

/* TLS in TLS nests; deeper than this is counted as lost. */
#define MAX_CALLS 4

/*
 * Calls that nest have frames this close; TLS in TLS takes some 2 KiB. Frames further apart are
 * on different stacks: fibers of one thread, OpenSSL's own asynchronous jobs.
 */
#define SAME_STACK (32ULL << 10)

/* A call of a probed function that has not returned yet. */
struct call {
	__u64 sp; /* address of the return address; 0: free */
	__u64 ssl, buf, done;
	__u8 direction, result;
	__u8 seen; /* a socket operation inside it filled fd and tuple */
	__u8 outer; /* index + 1 of the call around it */
	__s32 fd;
	struct ecap_tuple tuple;
};

struct task_calls {
	struct call calls[MAX_CALLS];
	__u32 top; /* index + 1 of the innermost call; 0: none */
	/* The socket of the last operation, and its descriptors, which are dear to find. */
	__u16 lport, rport;
	__u64 sk;
	__s32 rfd, wfd;
};

#ifdef ECAP_TASK_STORAGE
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_calls);
} task_calls SEC(".maps");

static __always_inline struct task_calls *get_calls(int create)
{
	return bpf_task_storage_get(&task_calls, bpf_get_current_task_btf(), 0,
				    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct task_calls);
} task_calls SEC(".maps");

static __always_inline struct task_calls *get_calls(int create)
{
	static const struct task_calls empty;
	__u64 id = bpf_get_current_pid_tgid();
	struct task_calls *calls = bpf_map_lookup_elem(&task_calls, &id);

	if (!calls && create) {
		bpf_map_update_elem(&task_calls, &id, &empty, BPF_NOEXIST);
		calls = bpf_map_lookup_elem(&task_calls, &id);
	}
	return calls;
}
#endif

static __always_inline __u64 distance(__u64 a, __u64 b)
{
	return a > b ? a - b : b - a;
}

/*
 * Looks at a call that is still open when another one begins with the return address at @sp.
 * Forgets it when its function was left without a return that we saw: by longjmp, when it lies
 * at or below @sp; or on another stack, when the same object is used again.
 * Returns 1 when the new call cannot be followed: it is an inner call for the same object (the
 * outer one emits), or the open one is on another stack. The kernel keeps return addresses that
 * it replaced in one list for each task; calls of two stacks would mix them up, and kill the
 * program.
 */
static __always_inline int stands_in_the_way(struct call *open, __u64 sp, __u64 ssl,
					     __u8 direction)
{
	int same_call = open->ssl == ssl && open->direction == direction;

	if (distance(open->sp, sp) < SAME_STACK) {
		if (open->sp > sp)
			return same_call;
		open->sp = 0;
		return 0;
	}
	if (same_call) {
		open->sp = 0;
		return 0;
	}
	ecap_count_lost(1, 0);
	return 1;
}

/* Makes room for a call, or returns NULL when it cannot be followed. */
static __always_inline struct call *push_call(struct task_calls *calls, __u64 sp, __u64 ssl,
					      __u8 direction)
{
	int room = -1;

	for (int i = 0; i < MAX_CALLS; i++) {
		struct call *call = &calls->calls[i];

		if (call->sp && stands_in_the_way(call, sp, ssl, direction))
			return NULL;
		if (!call->sp && room < 0)
			room = i;
	}
	if (room < 0) {
		ecap_count_lost(1, 0);
		return NULL;
	}
	/* The call around this one may have been left as well. */
	if (calls->top && !calls->calls[(calls->top - 1) & (MAX_CALLS - 1)].sp)
		calls->top = 0;
	calls->calls[room & (MAX_CALLS - 1)].outer = calls->top;
	calls->top = room + 1;
	return &calls->calls[room & (MAX_CALLS - 1)];
}

/* Takes the call that returns now out of the task's calls; 0 when it was not remembered. */
static __always_inline int pop_call(struct task_calls *calls, __u64 sp, struct call *out)
{
	for (int i = 0; i < MAX_CALLS; i++) {
		struct call *call = &calls->calls[i];

		if (call->sp != sp)
			continue;
		call->sp = 0;
		calls->top = call->outer;
		*out = *call;
		return 1;
	}
	return 0;
}

#endif
