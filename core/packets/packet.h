/* SPDX-License-Identifier: Apache-2.0 */
/* A packet on its way from the kernel to the file, and whose it is. */
#ifndef ECAPTURE_CORE_PACKETS_PACKET_H
#define ECAPTURE_CORE_PACKETS_PACKET_H

#include <stdint.h>

/*
 * The two ends of a packet, as its headers have them: addresses in network byte order, IPv4 in the
 * first four bytes; ports in host order.
 */
struct ecap_flow {
	uint8_t family;           /* 0: not IP, else 4 or 6 */
	uint8_t protocol;         /* of IP: 6 TCP, 17 UDP */
	uint16_t sport, dport;    /* 0 where there is none, or in a fragment but the first */
	uint8_t src[16], dst[16];
};

struct ecap_packet {
	uint64_t mono_ns;         /* CLOCK_MONOTONIC, when it passed */
	uint32_t interface;       /* number that the file gave it */
	uint8_t direction;        /* ECAP_DIR_* of ecapture/event.h, seen from this machine */
	uint8_t handshake;        /* 1: a connection begins, or secrets are agreed on: ecap_packet_flow() */
	uint16_t vlan_protocol;   /* 0x8100 or 0x88a8 when a tag belongs behind the addresses, else 0 */
	uint16_t vlan_tci;        /* of that tag: IEEE 802.1Q */
	uint16_t reserved2;
	uint32_t captured;        /* bytes at data */
	uint32_t length;          /* bytes that it had, without that tag */
	const void *data;         /* from its link-layer header on */
	struct ecap_flow flow;
};

#endif
