/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the BPF program sends for each call, and decode() reads: the header, then the string. */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

struct record {
	uint64_t mono_ns;
	uint32_t pid, tid, uid;
	uint32_t len;  /* bytes of the string, which has a NUL behind it */
	char comm[16];
};

_Static_assert(sizeof(struct record) == 40, "no holes, the same on both sides");

#endif
