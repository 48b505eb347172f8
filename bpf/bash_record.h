/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Records of the bash module, from its BPF programs to its decode(). */
#ifndef BASH_RECORD_H
#define BASH_RECORD_H

#include <stdint.h>

#define BASH_RECORD_BEGIN  1u /* the shell begins to read a command */
#define BASH_RECORD_LINE   2u /* a line was read: the header, then len bytes without NUL */
#define BASH_RECORD_STATUS 3u /* the command ended with status */
#define BASH_RECORD_EXIT   4u /* the shell itself ends with status */

struct bash_record {
	uint64_t mono_ns;
	uint32_t pid, tid, uid;
	uint32_t type;   /* BASH_RECORD_* */
	int32_t status;
	uint32_t len;    /* payload bytes behind this */
	uint32_t first;  /* 1: the line begins in this record, 0: it goes on */
	uint32_t reserved;
	char comm[16];
};

_Static_assert(sizeof(struct bash_record) == 56, "no holes, the same on both sides");

#endif
