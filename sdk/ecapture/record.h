/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What BPF programs and the host share beside the records themselves: the page by which the
 * reader asks to be woken, and the counters of each map. Includes in BPF programs too.
 */
#ifndef ECAPTURE_RECORD_H
#define ECAPTURE_RECORD_H

#include <stdint.h>

/* How the programs send (the variable ecap_send of ecapture/bpf/emit.bpf.h). */
#define ECAP_SEND_SCRATCH 1u /* through the ring buffer */
#define ECAP_SEND_PERF    2u /* through perf, where the kernel has no ring buffer */

/* When the reader wants to be woken. */
#define ECAP_WAKE_NEVER 0u /* the reader is busy, or asleep for a moment only */
#define ECAP_WAKE_FULL  1u /* wake it when @wake_bytes or more are waiting */
#define ECAP_WAKE_ANY   2u /* wake it with the next record */

/*
 * [grows: value_size] One in a mmapable array map. The reader sets @armed before it sleeps; the program whose
 * record fulfils it clears it and forces a wake-up. No other record wakes the reader.
 */
struct ecap_ring_control {
	uint32_t armed;      /* ECAP_WAKE_* */
	uint32_t reserved;
	uint64_t wake_bytes; /* of ECAP_WAKE_FULL */
};

/* [grows: value_size] One in a per-CPU array map; the host adds the CPUs up. */
struct ecap_map_stats {
	uint64_t records;      /* written */
	uint64_t bytes;        /* payload bytes written */
	uint64_t lost_records; /* found no room */
	uint64_t lost_bytes;   /* payload bytes of those */
	uint64_t fault_bytes;  /* payload bytes that could not be read from the process */
	uint64_t reserved[3];
};

#endif
