/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sockets seen by the tracepoints of socket operations: their descriptor, and whether the
 * kernel does TLS on them. Needs BTF of the kernel and task storage.
 */
#ifndef OPENSSL_SOCKET_BPF_H
#define OPENSSL_SOCKET_BPF_H

#include <ecapture/bpf/socket.bpf.h>

#include "openssl_calls.bpf.h"

/*
 * The descriptor of the system call under way, remembered while the task stays with one
 * connection. A program may read and write by two descriptors of one socket.
 */
static __always_inline int fd_of(struct task_calls *calls, const struct sock *sk,
				 const struct ecap_tuple *tuple, __u8 direction)
{
	__s32 *fd = direction == ECAP_DIR_RECV ? &calls->rfd : &calls->wfd;

	if (calls->sk != (__u64)sk || calls->lport != tuple->lport ||
	    calls->rport != tuple->rport) {
		calls->sk = (__u64)sk;
		calls->lport = tuple->lport;
		calls->rport = tuple->rport;
		calls->rfd = calls->wfd = -1;
	}
	if (*fd < 0)
		*fd = ecap_syscall_fd(sk);
	return *fd;
}

/* Numbers of sendmsg(2) and recvmsg(2): asm/unistd_64.h, asm-generic/unistd.h. */
#if defined(__TARGET_ARCH_x86)
#define NR_SENDMSG 46
#define NR_RECVMSG 47
#define SYSCALL_NR(regs) ((long)(regs)->orig_rax)
#else
#define NR_SENDMSG 211
#define NR_RECVMSG 212
#define SYSCALL_NR(regs) ((long)(regs)->syscallno)
#endif

/* struct user_msghdr of include/linux/socket.h, from msg_control on. */
#define MSG_CONTROL_OFFSET 32
#define SOL_TLS            282 /* include/linux/socket.h */
#define APPLICATION_DATA   23  /* RFC 8446, 5.1 */

/*
 * 1 when the system call under way moves a record that is not application data: the library
 * marks handshake records and alerts by a control message (include/uapi/linux/tls.h).
 */
static __always_inline int moves_control_record(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct { __u64 control, len; } msg = {};
	struct { __u64 len; __s32 level, type; __u8 record; } cmsg = {};
	long nr = SYSCALL_NR(regs);

	if (nr != NR_SENDMSG && nr != NR_RECVMSG)
		return 0;
	if (bpf_probe_read_user(&msg, sizeof(msg),
				(void *)(PT_REGS_PARM2_SYSCALL(regs) + MSG_CONTROL_OFFSET)) ||
	    !msg.control || bpf_probe_read_user(&cmsg, 17, (void *)msg.control))
		return 0;
	return cmsg.level == SOL_TLS && cmsg.record != APPLICATION_DATA;
}

/*
 * 1 when the kernel encrypts or decrypts on this socket. A library may have prepared it and
 * then gone on by itself. While the module tls is not loaded its context cannot be read: then
 * a socket that was prepared counts, rather than be missed.
 */
static __always_inline int has_kernel_tls(struct sock *sk, __u8 direction)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	const struct tcp_ulp_ops *ulp;
	struct tls_context *tls;
	char name[4] = {};

	if (!tcp)
		return 0;
	ulp = tcp->inet_conn.icsk_ulp_ops;
	if (!ulp)
		return 0;
	BPF_CORE_READ_INTO(&name, ulp, name);
	if (name[0] != 't' || name[1] != 'l' || name[2] != 's' || name[3])
		return 0;
	tls = tcp->inet_conn.icsk_ulp_data;
	if (!bpf_core_type_exists(struct tls_context) || !tls)
		return 1;
	return direction == ECAP_DIR_SEND ? BPF_CORE_READ_BITFIELD_PROBED(tls, tx_conf) != 0
					  : BPF_CORE_READ_BITFIELD_PROBED(tls, rx_conf) != 0;
}

#endif
