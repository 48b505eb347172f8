/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Plaintext of OpenSSL and BoringSSL. Probes sit at the functions through which every read and
 * write passes (or at the exported ones): the entry remembers the arguments, the return emits
 * what was really moved. Built several times from this source, see ECAP_* below:
 *   ECAP_TASK_STORAGE  state of a call in the task's own storage, else in a hash; attach cookies
 *                      say what a probe is for, else each kind has a program of its own
 *   ECAP_DYNPTR        one copy, straight into the ring; pages that are absent are faulted in
 *   ECAP_NONCORE       needs no BTF of the kernel, and so knows no addresses
 */
#include "openssl_record.h"

#define ECAP_HEADER_MAX sizeof(struct openssl_key_record)
#define ECAP_OVERFLOW

/* Kernels that have no such memory for a task run the variant that needs none. */
#define ECAP_SCRATCH_CHUNK (16 * 1024)

#include <ecapture/bpf/chunks.bpf.h>
#include <ecapture/bpf/filter.bpf.h>
#include <ecapture/bpf/task.bpf.h>

#include "openssl_calls.bpf.h"
#include "openssl_conns.bpf.h"
#include "openssl_keys.bpf.h"
#ifndef ECAP_NONCORE
#include <ecapture/bpf/socket.bpf.h>
#endif
#ifdef ECAP_TASK_STORAGE
#include "openssl_older.bpf.h"
#include "openssl_socket.bpf.h"
#endif

/* What one return has to send, in one or many records. */
ECAP_CHUNKS(emission, openssl_record)

/* 1 when the call is remembered, and its return counts. */
static __always_inline int enter(struct pt_regs *ctx, __u8 direction, __u8 result, __u64 done)
{
	struct task_calls *calls;
	struct call *call;

	if (!ecap_wanted())
		return 0;
	calls = get_calls(1);
	if (!calls) {
		ecap_count_lost(1, 0);
		return 0;
	}
	call = push_call(calls, PT_REGS_SP(ctx), PT_REGS_PARM1(ctx), direction);
	if (!call)
		return 0;
	call->ssl = PT_REGS_PARM1(ctx);
	call->buf = PT_REGS_PARM2(ctx);
	call->done = done;
	call->direction = direction;
	call->result = result;
	call->seen = 0;
	call->sp = PT_REGS_SP(ctx);
	return 1;
}

#ifdef ECAP_TASK_STORAGE
static __always_inline int enter_by_cookie(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 fourth = PT_REGS_PARM4(ctx), fifth = PT_REGS_PARM5(ctx);

	/* The verifier takes no computed offset into the registers: read both, then choose. */
	barrier_var(fourth);
	barrier_var(fifth);
	return enter(ctx, cookie & 0xff, cookie >> 8 & 0xff, (cookie >> 16 & 0xff) == 4 ? fifth : fourth);
}
#else
/* One program for each place where the fourth argument may be when the probe is hit. */
#define ENTRY(name, direction, result, done)					\
	SEC("uprobe")								\
	int name(struct pt_regs *ctx) { enter(ctx, direction, result, done); return 0; }

ENTRY(read_int, ECAP_DIR_RECV, OPENSSL_RETURNS_INT, 0)
ENTRY(read_done3, ECAP_DIR_RECV, OPENSSL_RETURNS_DONE, PT_REGS_PARM4(ctx))
ENTRY(read_done4, ECAP_DIR_RECV, OPENSSL_RETURNS_DONE, PT_REGS_PARM5(ctx))
ENTRY(write_int, ECAP_DIR_SEND, OPENSSL_RETURNS_INT, 0)
ENTRY(write_done3, ECAP_DIR_SEND, OPENSSL_RETURNS_DONE, PT_REGS_PARM4(ctx))
ENTRY(write_done4, ECAP_DIR_SEND, OPENSSL_RETURNS_DONE, PT_REGS_PARM5(ctx))
ENTRY(sendfile, ECAP_DIR_SEND, OPENSSL_RETURNS_SENDFILE, 0)
#endif

static __always_inline __u64 moved_bytes(struct pt_regs *ctx, const struct call *call)
{
	__u64 done = 0;

	if (call->result == OPENSSL_RETURNS_SENDFILE)
		return (long)PT_REGS_RC(ctx) > 0 ? PT_REGS_RC(ctx) : 0;
	if ((int)PT_REGS_RC(ctx) <= 0)
		return 0;
	if (call->result == OPENSSL_RETURNS_INT)
		return (__u32)PT_REGS_RC(ctx);
	if (bpf_probe_read_user(&done, sizeof(done), (void *)call->done))
		ecap_count_fault(sizeof(done));
	return done;
}

static __always_inline void fill_conn(struct openssl_record *record, const struct call *call)
{
	struct conn *conn = get_conn(call->ssl);

	record->fd = -1;
	if (!conn)
		return;
	if (call->seen) {
		if (conn->tuple.family && !ecap_same_tuple(&conn->tuple, &call->tuple))
			conn_renew(conn);
		conn->tuple = call->tuple;
		if (call->fd >= 0 && call->direction == ECAP_DIR_RECV)
			conn->rfd = call->fd;
		else if (call->fd >= 0)
			conn->wfd = call->fd;
	}
	record->conn = conn->id;
	record->fd = conn_fd(conn, call->direction);
#ifndef ECAP_NONCORE
	if (!conn->tuple.family && record->fd >= 0) {
		struct sock *sk = ecap_fd_sock(record->fd);

		if (sk)
			ecap_sock_tuple(sk, &conn->tuple);
	}
#endif
	record->tuple = conn->tuple;
}

/*
 * The header alone: bytes that went another way. The length is a constant here, so that what only
 * sleepable programs may do (fault pages in) is left out of the tracepoints' programs.
 */
static __always_inline void emit_unseen(void *ctx, struct openssl_record *record, __u8 reason,
					__u64 total)
{
	record->type = OPENSSL_RECORD_UNSEEN;
	record->reason = reason;
	record->total = total;
	ecap_emit(ctx, record, sizeof(*record), NULL, 0);
}

static __always_inline void leave(struct pt_regs *ctx)
{
	struct task_calls *calls = get_calls(0);
	struct emission e = { .ctx = ctx };
	struct call call;

	if (!calls || !pop_call(calls, PT_REGS_SP(ctx) - ECAP_RETURN_ADDRESS_SIZE, &call))
		return;
	e.record.total = moved_bytes(ctx, &call);
	if (!e.record.total)
		return;
	e.record.type = OPENSSL_RECORD_DATA;
	e.record.direction = call.direction;
	e.from = call.buf;
	ecap_fill_task(&e.record);
	fill_conn(&e.record, &call);
	if (call.result == OPENSSL_RETURNS_SENDFILE)
		emit_unseen(ctx, &e.record, OPENSSL_UNSEEN_SENDFILE, e.record.total);
	else
		emission_send(&e);
}

SEC("uretprobe" ECAP_SLEEPABLE)
int call_return(struct pt_regs *ctx)
{
	leave(ctx);
	return 0;
}

#ifdef ECAP_TASK_STORAGE
SEC("uprobe")
int call_entry(struct pt_regs *ctx)
{
	enter_by_cookie(ctx);
	return 0;
}

/*
 * Entry and return in one, where the kernel has sessions: the entry decides by 1 that its
 * return does not matter. bpf_get_func_ip() is the address of the probe in both, while the
 * instruction pointer is at the return where the function was called from.
 */
SEC("uprobe" ECAP_SLEEPABLE)
int call_session(struct pt_regs *ctx)
{
	if (PT_REGS_IP(ctx) == bpf_get_func_ip(ctx))
		return !enter_by_cookie(ctx);
	leave(ctx);
	return 0;
}
#endif

#ifdef ECAP_TASK_STORAGE
/* 1 when the return matters: the connection may be older than the capture. */
static __always_inline int enter_older(struct pt_regs *ctx)
{
	if (!is_known(PT_REGS_PARM1(ctx)))
		return enter_by_cookie(ctx);
	count_known(ctx);
	return 0;
}

/* No data can move before there are secrets, which have come by if that was since the start. */
static __always_inline void leave_older(struct pt_regs *ctx)
{
	struct task_calls *calls = get_calls(0);
	struct call call;

	if (calls && pop_call(calls, PT_REGS_SP(ctx) - ECAP_RETURN_ADDRESS_SIZE, &call) &&
	    moved_bytes(ctx, &call) && !is_known(call.ssl))
		tell_older(ctx, call.ssl);
}

SEC("uprobe")
int older_entry(struct pt_regs *ctx)
{
	enter_older(ctx);
	return 0;
}

SEC("uretprobe" ECAP_SLEEPABLE)
int older_return(struct pt_regs *ctx)
{
	leave_older(ctx);
	return 0;
}

SEC("uprobe" ECAP_SLEEPABLE)
int older_session(struct pt_regs *ctx)
{
	if (PT_REGS_IP(ctx) == bpf_get_func_ip(ctx))
		return !enter_older(ctx);
	leave_older(ctx);
	return 0;
}
#endif

/* The connection object is gone: what comes at the same address is another one. */
static __always_inline void forget_conn(struct pt_regs *ctx)
{
	struct conn_key key = { .ssl = PT_REGS_PARM1(ctx),
				.pid = bpf_get_current_pid_tgid() >> 32 };

	bpf_map_delete_elem(&conns, &key);
}

static __always_inline void set_fd(struct pt_regs *ctx, __u64 which)
{
	struct conn *conn;

	if (!ecap_wanted())
		return;
	conn = get_conn(PT_REGS_PARM1(ctx));
	if (!conn)
		return;
	/* The object may be used again, for another connection. */
	if (conn->tuple.family)
		conn_renew(conn);
	if (which & OPENSSL_NOTE_SET_RFD)
		conn->rfd = (int)PT_REGS_PARM2(ctx);
	if (which & OPENSSL_NOTE_SET_WFD)
		conn->wfd = (int)PT_REGS_PARM2(ctx);
}

static __always_inline int take_note(struct pt_regs *ctx, __u64 what)
{
	if (what == OPENSSL_NOTE_FREE)
		forget_conn(ctx);
	else
		set_fd(ctx, what);
	return 0;
}

#ifdef ECAP_TASK_STORAGE
SEC("uprobe")
int note(struct pt_regs *ctx) { return take_note(ctx, bpf_get_attach_cookie(ctx)); }
#else
#define NOTE(name, what)							\
	SEC("uprobe")								\
	int name(struct pt_regs *ctx) { return take_note(ctx, what); }

NOTE(note_free, OPENSSL_NOTE_FREE)
NOTE(note_set_fd, OPENSSL_NOTE_SET_RFD | OPENSSL_NOTE_SET_WFD)
NOTE(note_set_rfd, OPENSSL_NOTE_SET_RFD)
NOTE(note_set_wfd, OPENSSL_NOTE_SET_WFD)
#endif

#ifdef ECAP_TASK_STORAGE
/* Kernel TLS: what the process moves outside the library's calls is plaintext that we miss. */
static __always_inline void outside_call(void *ctx, struct sock *sk, int moved, __u8 direction)
{
	struct openssl_record record = { .fd = -1, .direction = direction };

	if (!has_kernel_tls(sk, direction) || !ecap_wanted() || moves_control_record())
		return;
	ecap_fill_task(&record);
	ecap_trusted_sock_tuple(sk, &record.tuple);
	emit_unseen(ctx, &record, OPENSSL_UNSEEN_KTLS, moved);
}

/* A socket operation inside a call is the call's own: its socket is the connection's. */
static __always_inline int on_socket(void *ctx, struct sock *sk, int moved, __u8 direction)
{
	struct task_calls *calls = get_calls(0);
	struct call *call = NULL;

	if (moved <= 0)
		return 0;
	if (calls && calls->top)
		call = &calls->calls[(calls->top - 1) & (MAX_CALLS - 1)];
	if (!call || !call->sp) {
		outside_call(ctx, sk, moved, direction);
	} else if (!call->seen && call->direction == direction &&
		   ecap_trusted_sock_tuple(sk, &call->tuple)) {
		call->fd = fd_of(calls, sk, &call->tuple, direction);
		call->seen = 1;
	}
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_sent, struct sock *sk, int moved, int flags)
{
	return on_socket(ctx, sk, moved, ECAP_DIR_SEND);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_received, struct sock *sk, int moved, int flags)
{
	return on_socket(ctx, sk, moved, ECAP_DIR_RECV);
}
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";
