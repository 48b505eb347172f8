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

#define ECAP_CORE __attribute__((preserve_access_index))

struct in6_addr_bytes {
	__u32 words[4];
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr_bytes skc_v6_daddr;
	struct in6_addr_bytes skc_v6_rcv_saddr;
} ECAP_CORE;

struct sock {
	struct sock_common __sk_common;
} ECAP_CORE;

struct socket {
	struct sock *sk;
	struct file *file;
} ECAP_CORE;

struct file {
	void *private_data;
} ECAP_CORE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} ECAP_CORE;

struct files_struct {
	struct fdtable *fdt;
} ECAP_CORE;

struct task_struct {
	struct files_struct *files;
} ECAP_CORE;

struct tcp_ulp_ops {
	char name[16];
} ECAP_CORE;

struct inet_connection_sock {
	const struct tcp_ulp_ops *icsk_ulp_ops;
	void *icsk_ulp_data;
} ECAP_CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
} ECAP_CORE;

/* In the module tls (include/net/tls.h): 0 is TLS_BASE, nothing done by the kernel. */
struct tls_context {
	__u8 tx_conf : 3;
	__u8 rx_conf : 3;
} ECAP_CORE;

#define ECAP_AF_INET     2
#define ECAP_AF_INET6    10

#endif
