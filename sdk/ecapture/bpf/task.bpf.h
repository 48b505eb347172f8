/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who the current task is, and what a probe finds in its registers. */
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

/*
 * The integer or pointer argument @i (0 is the first, 4 the last) at a function's entry, where
 * user space says which by a variable. The verifier takes no computed offset into the registers:
 * all are read, then one is chosen.
 */
static __always_inline __u64 ecap_argument(struct pt_regs *ctx, __u32 i)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx);
	__u64 third = PT_REGS_PARM3(ctx), fourth = PT_REGS_PARM4(ctx);
	__u64 fifth = PT_REGS_PARM5(ctx);

	barrier_var(first);
	barrier_var(second);
	barrier_var(third);
	barrier_var(fourth);
	barrier_var(fifth);
	return i == 0 ? first : i == 1 ? second : i == 2 ? third : i == 3 ? fourth : fifth;
}

#endif
