/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connection objects (SSL *) of all processes: their number, descriptors and addresses.
 */
#ifndef OPENSSL_CONNS_BPF_H
#define OPENSSL_CONNS_BPF_H

#include <ecapture/bpf/conn.bpf.h>

#include "openssl_record.h"

struct conn_key {
	__u64 ssl;
	__u32 pid;
	__u32 reserved;
};

/* What is known of a connection object. LRU: a process that dies never frees its objects. */
struct conn {
	__u64 id;
	__s32 rfd, wfd;
	struct ecap_tuple tuple;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct conn_key);
	__type(value, struct conn);
} conns SEC(".maps");

static __always_inline struct conn *get_conn(__u64 ssl)
{
	struct conn_key key = { .ssl = ssl, .pid = bpf_get_current_pid_tgid() >> 32 };
	struct conn *conn = bpf_map_lookup_elem(&conns, &key);

	if (!conn) {
		struct conn fresh = { .rfd = -1, .wfd = -1 };

		fresh.id = ecap_next_conn();
		bpf_map_update_elem(&conns, &key, &fresh, BPF_NOEXIST);
		conn = bpf_map_lookup_elem(&conns, &key);
	}
	return conn;
}

/* The object serves another connection from now on. */
static __always_inline void conn_renew(struct conn *conn)
{
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->id = ecap_next_conn();
	conn->rfd = conn->wfd = -1;
}

/* The descriptor of one direction; where only the other one's is known, it is the same. */
static __always_inline __s32 conn_fd(const struct conn *conn, __u8 direction)
{
	__s32 own = direction == ECAP_DIR_RECV ? conn->rfd : conn->wfd;

	if (own >= 0)
		return own;
	return direction == ECAP_DIR_RECV ? conn->wfd : conn->rfd;
}

#endif
