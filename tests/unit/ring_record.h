/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Records that tests/unit/ring.bpf.c sends, and what makes it send one. */
#ifndef TESTS_UNIT_RING_RECORD_H
#define TESTS_UNIT_RING_RECORD_H

#include <stdint.h>

struct ring_record {
	uint64_t seq;
	uint32_t len; /* payload bytes behind this */
	uint32_t reserved;
};

/* The program's arguments: its context. */
struct ring_order {
	uint64_t seq;
	uint64_t from; /* address of the payload in the process that runs the program */
	uint64_t len;
};

#endif
