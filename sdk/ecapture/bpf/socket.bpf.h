/* SPDX-License-Identifier: Dual BSD/GPL */
/* A socket's two ends: from a struct sock, and from a file descriptor of the current task. */
#ifndef ECAPTURE_BPF_SOCKET_H
#define ECAPTURE_BPF_SOCKET_H

#include <ecapture/bpf/kernel.bpf.h>
#include <ecapture/event.h>

/* 1 when the other end is known: a socket that is not connected yet has no address to show. */
static __always_inline int ecap_sock_tuple(const struct sock *sk, struct ecap_tuple *tuple)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__be16 dport = BPF_CORE_READ(sk, __sk_common.skc_dport);

	if (!dport || (family != ECAP_AF_INET && family != ECAP_AF_INET6))
		return 0;
	__builtin_memset(tuple, 0, sizeof(*tuple));
	tuple->lport = BPF_CORE_READ(sk, __sk_common.skc_num);
	tuple->rport = __builtin_bswap16(dport);
	if (family == ECAP_AF_INET) {
		__be32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__be32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(tuple->laddr, &local, 4);
		__builtin_memcpy(tuple->raddr, &remote, 4);
		tuple->family = 4;
		return 1;
	}
	BPF_CORE_READ_INTO(&tuple->laddr, sk, __sk_common.skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&tuple->raddr, sk, __sk_common.skc_v6_daddr);
	tuple->family = 6;
	return 1;
}

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

#endif
