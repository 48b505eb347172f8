/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A socket's two ends: from a struct sock, and from a file descriptor of the current task. */
#ifndef ECAPTURE_BPF_SOCKET_H
#define ECAPTURE_BPF_SOCKET_H

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/event.h>

/*
 * Two ways to read the same members: a pointer that the verifier trusts (an argument of a tp_btf
 * program) takes plain loads, any other needs a helper call for each.
 */
#define ECAP_LOAD(sk, member)  ((sk)->member)
#define ECAP_PROBE(sk, member) BPF_CORE_READ(sk, member)

/*
 * Defines a function that fills the tuple of a socket. It returns 1 when the other end is known:
 * a socket that is not connected yet has no address to show.
 */
#define ECAP_SOCK_TUPLE(name, READ)						\
static __always_inline int name(const struct sock *sk, struct ecap_tuple *tuple)	\
{										\
	__u16 family = READ(sk, __sk_common.skc_family);			\
	__be16 dport = READ(sk, __sk_common.skc_dport);				\
										\
	if (!dport || (family != ECAP_AF_INET && family != ECAP_AF_INET6))	\
		return 0;							\
	__builtin_memset(tuple, 0, sizeof(*tuple));				\
	tuple->lport = READ(sk, __sk_common.skc_num);				\
	tuple->rport = __builtin_bswap16(dport);				\
	if (family == ECAP_AF_INET) {						\
		__be32 local = READ(sk, __sk_common.skc_rcv_saddr);		\
		__be32 remote = READ(sk, __sk_common.skc_daddr);		\
										\
		__builtin_memcpy(tuple->laddr, &local, 4);			\
		__builtin_memcpy(tuple->raddr, &remote, 4);			\
		tuple->family = 4;						\
	} else {								\
		struct in6_addr_bytes local = READ(sk, __sk_common.skc_v6_rcv_saddr); \
		struct in6_addr_bytes remote = READ(sk, __sk_common.skc_v6_daddr);	\
										\
		__builtin_memcpy(tuple->laddr, &local, 16);			\
		__builtin_memcpy(tuple->raddr, &remote, 16);			\
		tuple->family = 6;						\
	}									\
	return 1;								\
}

/*
 * int ecap_sock_tuple(const struct sock *sk, struct ecap_tuple *tuple): as ECAP_SOCK_TUPLE says,
 * for any pointer.
 */
ECAP_SOCK_TUPLE(ecap_sock_tuple, ECAP_PROBE)

/* The same for a pointer that the verifier trusts, which costs less. */
ECAP_SOCK_TUPLE(ecap_trusted_sock_tuple, ECAP_LOAD)

/* The struct sock behind a descriptor of the current task, or NULL when it is no socket. */
static __always_inline struct sock *ecap_fd_sock(int fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL, **slots = BPF_CORE_READ(fdt, fd);
	struct socket *socket;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), &slots[fd]) || !file)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	/* Only a socket's file is what socket->file points back to (net/socket.c). */
	if (!socket || BPF_CORE_READ(socket, file) != file)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

/*
 * The descriptor by which the system call under way moves bytes on this socket, or -1: its first
 * argument with every one of them but splice(2), believed only when it leads to the same socket.
 * Not in the variant noncore; needs ECAP_FEAT_TASK_REGS.
 */
#ifndef ECAP_NONCORE
static __always_inline int ecap_syscall_fd(const struct sock *sk)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	int fd = (int)PT_REGS_PARM1_SYSCALL(regs);

	return ecap_fd_sock(fd) == sk ? fd : -1;
}
#endif

#endif
