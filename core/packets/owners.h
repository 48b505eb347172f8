/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process a packet is of. Programs tell who uses which socket, and packets on their way out say
 * it themselves; a packet on its way in is known by its two ends. One thread.
 */
#ifndef ECAPTURE_CORE_PACKETS_OWNERS_H
#define ECAPTURE_CORE_PACKETS_OWNERS_H

#include <ecapture/event.h>
#include <stddef.h>

#include "packet_record.h"
#include "packets/packet.h"

struct ecap_packet_owners;

/* @most: sockets that are remembered; of more, those that were not asked for are forgotten. */
int ecap_packet_owners_new(uint32_t most, struct ecap_packet_owners **owners);
void ecap_packet_owners_free(struct ecap_packet_owners *owners);

/*
 * From now on the socket with these ends is @owner's. One that is not connected has no other end, and
 * no address either when it is bound to none.
 */
void ecap_packet_owners_learn(struct ecap_packet_owners *owners, uint8_t protocol,
			      const struct ecap_tuple *tuple, const struct packet_owner *owner);

/* The same from a packet that its socket has sent. */
void ecap_packet_owners_sent(struct ecap_packet_owners *owners, const struct ecap_flow *flow,
			     const struct packet_owner *owner);

/* "curl[123]": a name of 16 bytes and a number of 10 digits at most, and a 0. */
#define ECAP_PACKET_PROCESS_MAX 29u

struct ecap_packet_process {
	struct packet_owner owner;
	uint8_t len; /* of the text, which is UTF-8 on one line */
	char text[ECAP_PACKET_PROCESS_MAX];
};

/* Who has sent it, and who gets it, each NULL when not known; valid until more is learnt. */
struct ecap_packet_ends {
	const struct ecap_packet_process *sender, *receiver;
};

struct ecap_packet_ends ecap_packet_owners_find(struct ecap_packet_owners *owners,
						const struct ecap_flow *flow);

/* With the words between, and a 0 at the end. */
#define ECAP_PACKET_ENDS_MAX (2 * ECAP_PACKET_PROCESS_MAX + 10u)

/*
 * "from curl[123] to nginx[456]", with what is known; empty when nothing is. In UTF-8, on one line.
 * Nothing is written where there is no room for ECAP_PACKET_ENDS_MAX bytes.
 */
void ecap_packet_ends_text(const struct ecap_packet_ends *ends, char *text, size_t size);

#endif
