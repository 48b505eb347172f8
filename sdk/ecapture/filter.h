/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The filter as user space writes it into the programs' .rodata: ecapture/bpf/filter.bpf.h. */
#ifndef ECAPTURE_FILTER_H
#define ECAPTURE_FILTER_H

#include <stdint.h>

/* [inside] */
struct ecap_filter {
	uint64_t cgroup_id;
	uint32_t pid, uid;
	uint8_t use_pid, use_uid, use_comm, use_cgroup;
	uint8_t ancestors; /* the kernel can tell the ancestors of a cgroup */
	uint8_t reserved[3];
	char comm[16];
};

#endif
