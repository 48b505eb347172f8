/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks from the link-layer header to the ports. Each step looks whether its header is there, and
 * leaves the rest out where it is not: what comes over a network may be cut or malicious.
 */
#include "packets/flow.h"

#include <netinet/in.h>
#include <string.h>

#define ETHER_HEADER 14u
#define VLAN_TAG     4u /* IEEE 802.1Q */
#define MAX_TAGS     4
#define MAX_HEADERS  8  /* of IPv6 extensions; RFC 8200, 4.1 recommends each but one once */

/* linux/if_ether.h */
#define ETHERTYPE_IP4   0x0800
#define ETHERTYPE_IP6   0x86dd
#define ETHERTYPE_VLAN  0x8100
#define ETHERTYPE_QINQ  0x88a8
#define ETHERTYPE_QINQ1 0x9100 /* before it had a number */

struct bytes {
	const uint8_t *at;
	size_t len;
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* 1 when @n more bytes were there. */
static int skip(struct bytes *b, size_t n)
{
	if (b->len < n)
		return 0;
	b->at += n;
	b->len -= n;
	return 1;
}

/*
 * A record of type handshake or change_cipher_spec: RFC 8446, 5.1. With the second begins what a
 * client of TLS 1.3 says last in a handshake, after which there is one more secret.
 */
static int is_tls_handshake(const struct bytes *b)
{
	return b->len >= 2 && (b->at[0] == 22 || b->at[0] == 20) && b->at[1] == 3;
}

/* RFC 9293, 3.1. */
static int is_tcp_handshake(struct bytes b)
{
	if (b.len < 20)
		return 0;
	return b.at[13] & 2 /* SYN */ ||
	       (skip(&b, (b.at[12] >> 4) * 4u) && is_tls_handshake(&b));
}

/* RFC 9147, 4: as TLS, but for the version. RFC 9000, 17.2: the long header of QUIC. */
static int is_udp_handshake(struct bytes b)
{
	if (!skip(&b, 8) || b.len < 2)
		return 0;
	return (b.at[0] == 22 && b.at[1] == 0xfe) || (b.at[0] & 0xc0) == 0xc0;
}

static int read_ports(const struct bytes *b, struct ecap_flow *flow)
{
	if ((flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP) || b->len < 4)
		return 0;
	flow->sport = be16(b->at);
	flow->dport = be16(b->at + 2);
	return flow->protocol == IPPROTO_TCP ? is_tcp_handshake(*b) : is_udp_handshake(*b);
}

/* RFC 791, 3.1. */
static int read_ip4(struct bytes b, struct ecap_flow *flow)
{
	if (b.len < 20 || b.at[0] >> 4 != 4)
		return 0;
	const uint8_t *header = b.at;
	size_t len = (header[0] & 15u) * 4u;

	flow->family = 4;
	flow->protocol = header[9];
	memcpy(flow->src, header + 12, 4);
	memcpy(flow->dst, header + 16, 4);
	if (len < 20 || be16(header + 6) & 0x1fff || !skip(&b, len))
		return 0;
	return read_ports(&b, flow);
}

/* Bytes of the extension header at @p, of which 8 are there; 0: it is none. RFC 8200, 4; RFC 4302, 2. */
static size_t extension_len(uint8_t type, const uint8_t *p)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case 135: /* Mobility: RFC 6275, 6.1 */
		return (p[1] + 1u) * 8u;
	case IPPROTO_FRAGMENT:
		return 8;
	case IPPROTO_AH:
		return (p[1] + 2u) * 4u;
	}
	return 0;
}

static int read_ip6(struct bytes b, struct ecap_flow *flow)
{
	if (b.len < 40 || b.at[0] >> 4 != 6)
		return 0;
	flow->family = 6;
	flow->protocol = b.at[6];
	memcpy(flow->src, b.at + 8, 16);
	memcpy(flow->dst, b.at + 24, 16);
	skip(&b, 40);
	for (int i = 0; i < MAX_HEADERS && b.len >= 8; i++) {
		uint8_t type = flow->protocol;
		size_t len = extension_len(type, b.at);

		if (!len)
			return read_ports(&b, flow);
		flow->protocol = b.at[0];
		/* of a later fragment there is no header to read */
		if ((type == IPPROTO_FRAGMENT && be16(b.at + 2) & 0xfff8) || !skip(&b, len))
			return 0;
	}
	return 0;
}

static int read_ip(const struct bytes *b, struct ecap_flow *flow)
{
	return b->len && b->at[0] >> 4 == 4 ? read_ip4(*b, flow) : read_ip6(*b, flow);
}

static int is_tag(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ1;
}

static int read_ether(struct bytes b, struct ecap_flow *flow)
{
	if (b.len < ETHER_HEADER)
		return 0;
	uint16_t type = be16(b.at + 12);

	skip(&b, ETHER_HEADER);
	for (int i = 0; i < MAX_TAGS && is_tag(type); i++) {
		if (b.len < VLAN_TAG)
			return 0;
		type = be16(b.at + 2);
		skip(&b, VLAN_TAG);
	}
	if (type == ETHERTYPE_IP4)
		return read_ip4(b, flow);
	return type == ETHERTYPE_IP6 ? read_ip6(b, flow) : 0;
}

int ecap_packet_flow(uint16_t link_type, const void *packet, size_t len, struct ecap_flow *flow)
{
	struct bytes b = { packet, len };

	*flow = (struct ecap_flow){ 0 };
	if (link_type == ECAP_LINKTYPE_ETHERNET)
		return read_ether(b, flow);
	return link_type == ECAP_LINKTYPE_RAW ? read_ip(&b, flow) : 0;
}
