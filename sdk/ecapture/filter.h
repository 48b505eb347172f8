/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The filter as user space writes it into the programs' .rodata: ecapture/bpf/filter.bpf.h. */
#ifndef ECAPTURE_FILTER_H
#define ECAPTURE_FILTER_H

#include <stdint.h>

/* [inside] What to let pass: the task must fit all that is used. */
struct ecap_filter {
	uint64_t cgroup_id; /* of a cgroup v2 */
	uint32_t pid, uid;  /* as the initial namespaces see them */
	uint8_t use_pid, use_uid, use_comm, use_cgroup; /* 1: the member counts, 0: all pass */
	uint8_t ancestors;  /* the kernel can tell the ancestors of a cgroup */
	uint8_t reserved[3];
	char comm[16];      /* of the thread, NUL-ended */
};

#endif
