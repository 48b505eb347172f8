/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The few kernel types that probes read, cut down to the members used. preserve_access_index
 * makes libbpf put in the real offsets of the running kernel (CO-RE). Members as in
 * include/linux/sched.h, fdtable.h, fs.h, net.h, include/net/sock.h, inet_connection_sock.h, tcp.h.
 */
#ifndef ECAPTURE_BPF_KERNEL_H
#define ECAPTURE_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* For structs of the kernel of which only the members here are used. */
#define ECAP_CORE __attribute__((preserve_access_index))

/* struct in6_addr by 32 bits: a name of its own, since UAPI headers have that one. */
struct in6_addr_bytes {
	__u32 words[4]; /* network byte order */
};

/* Addresses and ports of a socket: include/net/sock.h. */
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr_bytes skc_v6_daddr;
	struct in6_addr_bytes skc_v6_rcv_saddr;
} ECAP_CORE;

/* include/net/sock.h */
struct sock {
	struct sock_common __sk_common;
} ECAP_CORE;

/* What a descriptor of a socket leads to: include/linux/net.h. */
struct socket {
	struct sock *sk;
	struct file *file;
} ECAP_CORE;

/* An open file: include/linux/fs.h. private_data of a socket is its struct socket. */
struct file {
	void *private_data;
} ECAP_CORE;

/* Descriptors of a process: include/linux/fdtable.h. */
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} ECAP_CORE;

/* include/linux/fdtable.h */
struct files_struct {
	struct fdtable *fdt;
} ECAP_CORE;

/* A thread: include/linux/sched.h. */
struct task_struct {
	struct files_struct *files;
} ECAP_CORE;

/* What sits on top of TCP, kernel TLS for one: include/net/tcp.h. */
struct tcp_ulp_ops {
	char name[16];
} ECAP_CORE;

/* include/net/inet_connection_sock.h */
struct inet_connection_sock {
	const struct tcp_ulp_ops *icsk_ulp_ops;
	void *icsk_ulp_data;
} ECAP_CORE;

/* include/linux/tcp.h */
struct tcp_sock {
	struct inet_connection_sock inet_conn;
} ECAP_CORE;

/* In the module tls (include/net/tls.h): 0 is TLS_BASE, nothing done by the kernel. */
struct tls_context {
	__u8 tx_conf : 3;
	__u8 rx_conf : 3;
} ECAP_CORE;

/* Families of addresses: include/linux/socket.h. */
#define ECAP_AF_INET     2
#define ECAP_AF_INET6    10

#endif
