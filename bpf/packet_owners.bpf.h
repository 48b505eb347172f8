/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who uses a socket, kept with it: told by the process itself as it connects, listens, sends and
 * receives, and by a look at all open files for what was there before. Those that are accepted
 * have it from the socket that listens, until whoever accepted them uses them.
 */
#ifndef PACKET_OWNERS_BPF_H
#define PACKET_OWNERS_BPF_H

/* 1: sockets tell who uses them; user space sets it before load. */
const volatile __u32 with_owners = 0;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct packet_owner);
} socket_owners SEC(".maps");

#ifndef ECAP_NONCORE
#include <ecapture/bpf/socket.bpf.h>

/* include/net/sock.h, since Linux 5.6 */
struct sock___protocol {
	__u16 sk_protocol;
} ECAP_CORE;

/* A socket that has no other end: its port, and the address that it is bound to. */
static __always_inline void local_end(const struct sock *sk, struct ecap_tuple *tuple)
{
	__builtin_memset(tuple, 0, sizeof(*tuple));
	tuple->lport = sk->__sk_common.skc_num;
	if (sk->__sk_common.skc_family == ECAP_AF_INET) {
		__be32 local = sk->__sk_common.skc_rcv_saddr;

		__builtin_memcpy(tuple->laddr, &local, 4);
		tuple->family = 4;
	} else {
		struct in6_addr_bytes local = sk->__sk_common.skc_v6_rcv_saddr;

		__builtin_memcpy(tuple->laddr, &local, 16);
		tuple->family = 6;
	}
}

static __always_inline int is_ip(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == ECAP_AF_INET || family == ECAP_AF_INET6;
}

static __always_inline void tell_owner(void *ctx, const struct sock *sk,
				       struct packet_owner_record *record)
{
	record->type = PACKET_RECORD_OWNER;
	record->protocol = ((const struct sock___protocol *)sk)->sk_protocol;
	if (!ecap_trusted_sock_tuple(sk, &record->tuple))
		local_end(sk, &record->tuple);
	ecap_send_scratch(ctx, record, sizeof(*record), NULL, 0);
}

/* In the process that uses the socket. @tell: its own port is known by now. */
static __always_inline void used(void *ctx, const struct sock *sk, int tell)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct packet_owner *owner;

	if (!is_ip(sk))
		return;
	owner = bpf_sk_storage_get(&socket_owners, (void *)sk, 0, 0);
	if (owner && owner->pid == pid)
		return;

	struct packet_owner_record record = {
		.owner = { .pid = pid, .uid = (__u32)bpf_get_current_uid_gid(),
			   .wanted = ecap_wanted() },
	};

	bpf_get_current_comm(record.owner.comm, sizeof(record.owner.comm));
	if (owner)
		*owner = record.owner;
	else
		bpf_sk_storage_get(&socket_owners, (void *)sk, &record.owner,
				   BPF_SK_STORAGE_GET_F_CREATE);
	if (tell)
		tell_owner(ctx, sk, &record);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_sent, struct sock *sk, int moved, int flags)
{
	used(ctx, sk, 1);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_received, struct sock *sk, int moved, int flags)
{
	used(ctx, sk, 1);
	return 0;
}

/* include/net/tcp_states.h */
#define SYN_SENT 2
#define LISTEN   10

/* Who connects has no port of its own yet when it says so: it is told with the answer. */
static __always_inline void connected(void *ctx, const struct sock *sk)
{
	struct packet_owner *owner = bpf_sk_storage_get(&socket_owners, (void *)sk, 0, 0);
	struct packet_owner_record record = {};

	if (!owner)
		return;
	record.owner = *owner;
	tell_owner(ctx, sk, &record);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, const struct sock *sk, int before, int after)
{
	if (after == SYN_SENT || after == LISTEN)
		used(ctx, sk, after == LISTEN);
	else if (before == SYN_SENT)
		connected(ctx, sk);
	return 0;
}

/* What was there before. kernel/bpf/task_iter.c; include/linux/sched.h, cred.h, cgroup-defs.h, kernfs.h. */

struct kernfs_node {
	__u64 id;
} ECAP_CORE;

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[]; /* since Linux 6.1 */
} ECAP_CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} ECAP_CORE;

struct cred {
	struct {
		__u32 val;
	} uid;
} ECAP_CORE;

struct task_struct___owner {
	int tgid;
	const struct cred *cred;
	struct css_set *cgroups;
	char comm[16];
} ECAP_CORE;

struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
} ECAP_CORE;

static __always_inline int task_in_cgroup(struct task_struct___owner *task, __u64 id)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	int deepest = BPF_CORE_READ(cgroup, level);

	for (int level = 0; level < ECAP_CGROUP_DEPTH && level <= deepest; level++) {
		struct cgroup *ancestor = NULL;

		bpf_core_read(&ancestor, sizeof(ancestor), &cgroup->ancestors[level]);
		if (ancestor && BPF_CORE_READ(ancestor, kn, id) == id)
			return 1;
	}
	return 0;
}

/* As ecap_wanted(), which is about the current task. */
static __always_inline int task_wanted(struct task_struct___owner *task,
				       const struct packet_owner *owner)
{
	if (ecap_filter.use_pid && owner->pid != ecap_filter.pid)
		return 0;
	if (ecap_filter.use_uid && owner->uid != ecap_filter.uid)
		return 0;
	if (ecap_filter.use_cgroup && !task_in_cgroup(task, ecap_filter.cgroup_id))
		return 0;
	if (!ecap_filter.use_comm)
		return 1;
	for (int i = 0; i < 16; i++) {
		if (owner->comm[i] != ecap_filter.comm[i])
			return 0;
		if (!owner->comm[i])
			break;
	}
	return 1;
}

SEC("iter/task_file")
int open_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct___owner *task = (void *)ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_ip(sk) || bpf_sk_storage_get(&socket_owners, sk, 0, 0))
		return 0;

	struct packet_owner_record record = {
		.owner = { .pid = task->tgid, .uid = BPF_CORE_READ(task, cred, uid.val) },
	};

	bpf_core_read(record.owner.comm, sizeof(record.owner.comm), &task->comm);
	record.owner.wanted = task_wanted(task, &record.owner);
	bpf_sk_storage_get(&socket_owners, sk, &record.owner, BPF_SK_STORAGE_GET_F_CREATE);
	tell_owner(ctx, sk, &record);
	return 0;
}
#endif

#endif
