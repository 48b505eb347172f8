/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Connections: numbers for them (conn of struct ecap_event), and whether two are the same. */
#ifndef ECAPTURE_BPF_CONN_H
#define ECAPTURE_BPF_CONN_H

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/event.h>

/* How many numbers each CPU has given. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} ecap_conn_count SEC(".maps");

/* Unique in the run, below 2^53 (JSON numbers): a counter of this CPU, and the CPU. 0: none. */
static __always_inline __u64 ecap_next_conn(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&ecap_conn_count, &zero);

	if (!count)
		return 0;
	return ++*count << 12 | (bpf_get_smp_processor_id() & 0xfff);
}

/* 1 when both have the same ends. */
static __always_inline int ecap_same_tuple(const struct ecap_tuple *a, const struct ecap_tuple *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	for (__u32 i = 0; i < sizeof(*a) / sizeof(*x); i++)
		if (x[i] != y[i])
			return 0;
	return 1;
}

#endif
