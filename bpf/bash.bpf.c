/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is typed into an interactive bash, and how it ended: the lines that readline() returns,
 * the status that the outermost execute_command() returns, and exit_shell(), from which a
 * shell does not come back. Shells that never read a line (scripts) send nothing.
 */
#include "bash_record.h"

#define ECAP_HEADER_MAX sizeof(struct bash_record)

#include <ecapture/bpf/chunks.bpf.h>
#include <ecapture/bpf/filter.bpf.h>
#include <ecapture/bpf/task.bpf.h>

/* A line longer than this many chunks, 256 KiB, is cut, and the rest counted as lost. */
#define LINE_CHUNKS (256 * 1024 / ECAP_SCRATCH_CHUNK)

/* Shells that have read a line, by process: the frame of the outermost command, or 0. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} shells SEC(".maps");

static __always_inline __u64 *this_shell(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	return bpf_map_lookup_elem(&shells, &pid);
}

static __always_inline void fill(struct bash_record *record, __u32 type, int status)
{
	ecap_fill_task(record);
	record->type = type;
	record->status = status;
}

static __always_inline int send(void *ctx, __u32 type, int status)
{
	struct bash_record record = {};

	fill(&record, type, status);
	ecap_send_scratch(ctx, &record, sizeof(record), NULL, 0);
	return 0;
}

SEC("uretprobe")
int line_read(struct pt_regs *ctx)
{
	const char *line = (const char *)PT_REGS_RC(ctx);
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct bash_record record = {};
	__u64 no_frame = 0;

	if (!line || !ecap_wanted())
		return 0;
	bpf_map_update_elem(&shells, &pid, &no_frame, BPF_ANY);
	fill(&record, BASH_RECORD_LINE, 0);
	for (int i = 0; i < LINE_CHUNKS; i++) {
		record.first = i == 0;
		if (!ecap_send_string(ctx, &record, sizeof(record), &record.len, line))
			return 0;
		line += ECAP_STRING_MAX;
	}
	ecap_count_lost(1, 0);
	return 0;
}

SEC("uprobe")
int command_begins(struct pt_regs *ctx)
{
	return this_shell() && ecap_wanted() ? send(ctx, BASH_RECORD_BEGIN, 0) : 0;
}

SEC("uprobe")
int command_runs(struct pt_regs *ctx)
{
	__u64 *frame = this_shell(), sp = PT_REGS_SP(ctx);

	/* The stack grows down: a frame at or below ours was left by longjmp. */
	if (frame && (!*frame || *frame <= sp))
		*frame = sp;
	return 0;
}

SEC("uretprobe")
int command_ran(struct pt_regs *ctx)
{
	__u64 *frame = this_shell();

	if (!frame || *frame != PT_REGS_SP(ctx) - ECAP_RETURN_ADDRESS_SIZE || !ecap_wanted())
		return 0;
	*frame = 0;
	return send(ctx, BASH_RECORD_STATUS, (int)PT_REGS_RC(ctx));
}

SEC("uprobe")
int shell_exits(struct pt_regs *ctx)
{
	return this_shell() && ecap_wanted()
	       ? send(ctx, BASH_RECORD_EXIT, (int)PT_REGS_PARM1(ctx)) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
