/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs at the beginning of the probed function: sends one record with the string argument. */
#include "record.h"

#define ECAP_HEADER_MAX sizeof(struct record)

#include <ecapture/bpf/chunks.bpf.h>
#include <ecapture/bpf/filter.bpf.h>
#include <ecapture/bpf/task.bpf.h>

/* Which argument is the string, from 1: set before the program is loaded. */
const volatile __u32 argument = 1;

SEC("uprobe")
int function_called(struct pt_regs *ctx)
{
	const char *string = (const char *)ecap_argument(ctx, argument - 1);
	struct record record = {};

	if (!string || !ecap_wanted())
		return 0;
	ecap_fill_task(&record);
	ecap_send_string(ctx, &record, sizeof(record), &record.len, string);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
