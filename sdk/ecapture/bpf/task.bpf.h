/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who the current task is, and what its stack looks like where a probe was hit. */
#ifndef ECAPTURE_BPF_TASK_H
#define ECAPTURE_BPF_TASK_H

#include <ecapture/bpf/kernel.bpf.h>

/*
 * Fills what every record's header has: the members mono_ns, pid, tid, uid and comm[16], wherever
 * they are in it. ecap_event_task() of ecapture/event.h takes them out again.
 */
#define ecap_fill_task(record)							\
	do {									\
		__u64 ecap_id = bpf_get_current_pid_tgid();			\
										\
		(record)->mono_ns = bpf_ktime_get_ns();				\
		(record)->pid = ecap_id >> 32;					\
		(record)->tid = (__u32)ecap_id;					\
		(record)->uid = (__u32)bpf_get_current_uid_gid();		\
		bpf_get_current_comm((record)->comm, sizeof((record)->comm));	\
	} while (0)

/*
 * At a return probe the stack pointer is this much above that of the entry: the return has popped
 * the return address (arch/x86/kernel/uprobes.c).
 */
#if defined(__TARGET_ARCH_x86)
#define ECAP_RETURN_ADDRESS_SIZE 8
#else
#define ECAP_RETURN_ADDRESS_SIZE 0
#endif

#endif
