/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A producer for tests: each run sends one record through ecapture/bpf/emit.bpf.h, the way the
 * programs of modules do. Run by BPF_PROG_TEST_RUN, so nothing needs to be probed.
 */
#include "ring_record.h"

#define ECAP_HEADER_MAX sizeof(struct ring_record)
/* The lengths of the tests go up to that in each variant. */
#define ECAP_SCRATCH_CHUNK (16 * 1024)

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/bpf/emit.bpf.h>
#include <ecapture/bpf/filter.bpf.h>

/* What faults pages in must be sleepable; what sends to a perf event array cannot be. */
#ifdef ECAP_DYNPTR
#define SECTION "syscall"
#define LEN_MASK (ECAP_DYNPTR_CHUNK - 1)
#define send(ctx, ...) ecap_send_dynptr(__VA_ARGS__)
#else
#define SECTION "raw_tp"
#define LEN_MASK (ECAP_SCRATCH_CHUNK - 1)
#define send ecap_send_scratch
#endif

SEC(SECTION)
int send_one(struct ring_order *order)
{
	struct ring_record record = { .seq = order->seq, .len = order->len & LEN_MASK };
	const void *from = (const void *)order->from;

	if (ecap_wanted())
		send(order, &record, sizeof(record), from, order->len & LEN_MASK);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
