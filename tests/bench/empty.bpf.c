/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The least that a probe at entry and one at return can do: nothing. What a capture costs
 * beyond these is its own.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("uprobe")
int at_entry(void *ctx)
{
	(void)ctx;
	return 0;
}

SEC("uretprobe")
int at_return(void *ctx)
{
	(void)ctx;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
