/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which processes a module watches: pid, uid, cgroup and comm, tested in the kernel so that
 * what is not wanted costs no record. User space fills the one struct in .rodata before load;
 * the verifier drops the tests that are off.
 */
#ifndef ECAPTURE_BPF_FILTER_H
#define ECAPTURE_BPF_FILTER_H

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/filter.h>

/* Filled by ecap_bpf_set_filter() of ecapture/libbpf.h; as it is, it lets everything pass. */
const volatile struct ecap_filter ecap_filter = {};

/* How deep below the watched cgroup a process may live. */
#define ECAP_CGROUP_DEPTH 16

/* 1 when the current task is in that cgroup or, where the kernel can tell, below it. */
static __always_inline int ecap_in_cgroup(__u64 id)
{
	if (bpf_get_current_cgroup_id() == id)
		return 1;
	if (!ecap_filter.ancestors)
		return 0;
	for (int level = 1; level < ECAP_CGROUP_DEPTH; level++) {
		__u64 ancestor = bpf_get_current_ancestor_cgroup_id(level);

		if (ancestor == id)
			return 1;
		if (!ancestor)
			return 0;
	}
	return 0;
}

/* 1 when the current thread has this name. */
static __always_inline int ecap_comm_is(const volatile char *want)
{
	char comm[16] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	for (int i = 0; i < 16; i++) {
		if (comm[i] != want[i])
			return 0;
		if (!comm[i])
			break;
	}
	return 1;
}

/* 1 when the current task is one to watch. */
static __always_inline int ecap_wanted(void)
{
	if (ecap_filter.use_pid && (bpf_get_current_pid_tgid() >> 32) != ecap_filter.pid)
		return 0;
	if (ecap_filter.use_uid && (__u32)bpf_get_current_uid_gid() != ecap_filter.uid)
		return 0;
	if (ecap_filter.use_comm && !ecap_comm_is(ecap_filter.comm))
		return 0;
	if (ecap_filter.use_cgroup && !ecap_in_cgroup(ecap_filter.cgroup_id))
		return 0;
	return 1;
}

#endif
