// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Takes packets, whole, as they pass an interface, and lets them go on; and keeps with each socket
 * who uses it, so that a packet on its way out can say whose it is.
 *
 * A packet is copied once, straight into the ring. The room for it has one of a few sizes,
 * because the verifier wants to know how large it is: what is left over is never touched, and costs
 * nothing but a part of the ring.
 */
#include "packet_record.h"

#define ECAP_HEADER_MAX sizeof(struct packet_owner_record)
#define ECAP_OVERFLOW

#include <ecapture/bpf/emit.bpf.h>
#include <ecapture/bpf/filter.bpf.h>

#include "packet_owners.bpf.h"

/* Packets that found no room, by the index of their interface; user space makes the entries. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKET_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} lost_packets SEC(".maps");

static __always_inline void count_lost(const struct packet_record *head)
{
	__u64 *lost = bpf_map_lookup_elem(&lost_packets, &head->interface);

	ecap_count_lost(1, head->captured);
	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/* In the small ring, unless something waits in the large one already: ecap_overflow(). */
static __always_inline struct packet_record *get_room(__u64 size, __u64 waiting)
{
	struct packet_record *room = NULL;

	if (!waiting)
		room = bpf_ringbuf_reserve(&events, size, 0);
	if (!room)
		room = bpf_ringbuf_reserve(&events_more, size, 0);
	return room;
}

/* @size: room for bytes of the packet, a constant; at least as large as it. */
static __always_inline void send_in(struct __sk_buff *skb, const struct packet_record *head,
				    __u64 len, __u64 size)
{
	__u64 waiting = ecap_overflow(), last = len - 1;
	struct packet_record *room = get_room(sizeof(*head) + size, waiting);

	if (!room) {
		count_lost(head);
		return;
	}
	*room = *head;
	/* The verifier is to see both bounds of the number that is used, whatever the compiler knows. */
	barrier_var(last);
	if (last >= size || bpf_skb_load_bytes(skb, 0, room + 1, last + 1)) {
		bpf_ringbuf_discard(room, BPF_RB_NO_WAKEUP);
		count_lost(head);
		return;
	}
	if (!waiting)
		waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(room, ecap_wake_flags(waiting));
	ecap_count_sent(len);
}

/* Bytes of the packet for which there is room: TCP's ACKs, Ethernet's packets, then powers of two. */
static __always_inline void send_by_ring(struct __sk_buff *skb, const struct packet_record *head)
{
	__u64 len = head->captured;

	if (len <= 128)
		send_in(skb, head, len, 128);
	else if (len <= 512)
		send_in(skb, head, len, 512);
	else if (len <= 1536)
		send_in(skb, head, len, 1536);
	else if (len <= 4096)
		send_in(skb, head, len, 4096);
	else if (len <= 9216)
		send_in(skb, head, len, 9216);
	else if (len <= 18432)
		send_in(skb, head, len, 18432);
	else if (len <= 36864)
		send_in(skb, head, len, 36864);
	else if (len <= 67584)
		send_in(skb, head, len, 67584);
	else if (len <= 135168)
		send_in(skb, head, len, 135168);
	else if (len <= 270336)
		send_in(skb, head, len, 270336);
	else
		send_in(skb, head, len, PACKET_MAX);
}

/* The kernel appends the packet's bytes to the record itself. */
static __always_inline void send_by_perf(struct __sk_buff *skb, const struct packet_record *head)
{
	__u64 flags = BPF_F_CURRENT_CPU | (__u64)head->captured << 32; /* BPF_F_CTXLEN_MASK */

	if (bpf_perf_event_output(skb, &events, flags, (void *)head, sizeof(*head)))
		count_lost(head);
	else
		ecap_count_sent(head->captured);
}

/* Only of a packet on its way out: what comes in has no socket yet. */
static __always_inline void fill_owner(struct __sk_buff *skb, struct packet_owner *owner)
{
	struct bpf_sock *sk = skb->sk;
	struct packet_owner *known;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return;
	known = bpf_sk_storage_get(&socket_owners, sk, 0, 0);
	if (known)
		*owner = *known;
}

static __always_inline int take(struct __sk_buff *skb, __u8 direction)
{
	__u32 most = ecap_send == ECAP_SEND_PERF ? PACKET_PERF_MAX : PACKET_MAX;
	struct packet_record head = {
		.type = PACKET_RECORD_PACKET,
		.interface = skb->ifindex,
		.mono_ns = bpf_ktime_get_ns(),
		.length = skb->len,
		.captured = skb->len,
		.direction = direction,
	};

	if (head.captured > most)
		head.captured = most;
	if (skb->vlan_present) {
		head.vlan_protocol = __builtin_bswap16((__u16)skb->vlan_proto);
		head.vlan_tci = skb->vlan_tci;
	}
	if (with_owners && direction == ECAP_DIR_SEND)
		fill_owner(skb, &head.owner);
	if (ecap_send == ECAP_SEND_PERF)
		send_by_perf(skb, &head);
	else
		send_by_ring(skb, &head);
	return -1; /* TC_ACT_UNSPEC of linux/pkt_cls.h: the programs of others go on */
}

SEC("tc")
int packet_in(struct __sk_buff *skb)
{
	return take(skb, ECAP_DIR_RECV);
}

SEC("tc")
int packet_out(struct __sk_buff *skb)
{
	return take(skb, ECAP_DIR_SEND);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
