/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Records of the packet capture, from its BPF programs to core/packets/capture.c. */
#ifndef PACKET_RECORD_H
#define PACKET_RECORD_H

#include <ecapture/event.h>

#define PACKET_RECORD_PACKET 1u /* struct packet_record, then the packet's bytes */
#define PACKET_RECORD_OWNER  2u /* struct packet_owner_record: who uses a socket now */

/* Who uses a socket. */
struct packet_owner {
	uint32_t pid, uid; /* as the initial namespaces see them; pid 0: nobody known */
	uint8_t wanted;    /* 1: it is one to watch (ecapture/filter.h) */
	uint8_t reserved[7];
	char comm[16];
};

_Static_assert(sizeof(struct packet_owner) == 32, "no holes, the same on both sides");

struct packet_record {
	uint32_t type;          /* PACKET_RECORD_PACKET */
	uint32_t interface;     /* index */
	uint64_t mono_ns;
	uint32_t length;        /* bytes of the packet, without a tag beside it */
	uint32_t captured;      /* of those, behind this header; what comes after them means nothing */
	uint16_t vlan_protocol; /* of a tag that the kernel keeps beside the packet, or 0 */
	uint16_t vlan_tci;
	uint8_t direction;      /* ECAP_DIR_* */
	uint8_t reserved[3];
	struct packet_owner owner; /* of the socket that it comes from */
};

_Static_assert(sizeof(struct packet_record) == 64, "no holes, the same on both sides");

struct packet_owner_record {
	uint32_t type;          /* PACKET_RECORD_OWNER */
	uint8_t protocol;       /* of IP */
	uint8_t reserved[3];
	struct ecap_tuple tuple; /* the other end all zero where the socket has none */
	struct packet_owner owner;
};

_Static_assert(sizeof(struct packet_owner_record) == 80, "no holes, the same on both sides");

/* The largest packet that is taken whole: BIG TCP, GSO_MAX_SIZE of include/linux/netdevice.h. */
#define PACKET_MAX (512u * 1024)

/* Of one that goes through perf: perf's own limit is 64 KiB with all headers. */
#define PACKET_PERF_MAX (63u * 1024)

#define PACKET_INTERFACES_MAX 4096u /* for which losses are told apart */

#endif
