/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a packet, read from its headers. Any bytes are safe to give. */
#ifndef ECAPTURE_CORE_PACKETS_FLOW_H
#define ECAPTURE_CORE_PACKETS_FLOW_H

#include <stddef.h>

#include "packets/packet.h"

/* LINKTYPE_* of www.tcpdump.org/linktypes.html: the two that interfaces.h knows. */
#define ECAP_LINKTYPE_ETHERNET 1
#define ECAP_LINKTYPE_RAW      101

/*
 * @flow has family 0 when there is no IP packet in it, and no ports where they cannot be known.
 * Returns 1 when a connection begins with the packet, or it has a part of a handshake of TLS, DTLS or
 * QUIC at its begin; else 0.
 */
int ecap_packet_flow(uint16_t link_type, const void *packet, size_t len, struct ecap_flow *flow);

#endif
