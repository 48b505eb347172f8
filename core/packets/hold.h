/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that wait. They come nearly in the order of time, from several CPUs, and leave in it.
 * Their memory is bounded, and taken in chunks: what was used last is used again first, so that a
 * short wait needs little of it.
 */
#ifndef ECAPTURE_CORE_PACKETS_HOLD_H
#define ECAPTURE_CORE_PACKETS_HOLD_H

#include <stddef.h>

#include "packets/packet.h"

struct ecap_hold;
struct ecap_hold_chunk;

struct ecap_held {
	struct ecap_held *next;
	struct ecap_hold_chunk *chunk;
	uint64_t mono_ns;
	uint32_t interface;
	uint32_t captured, length; /* with the VLAN tag, which is in its place */
	uint8_t direction;
	struct ecap_flow flow;
	uint8_t data[];
};

/* NULL: out of memory. */
struct ecap_hold *ecap_hold_new(uint64_t bytes);
void ecap_hold_free(struct ecap_hold *hold);

/* A copy of the packet. 0; 1: there is no room, some must leave first; or -ENOMEM with a text. */
int ecap_hold_add(struct ecap_hold *hold, const struct ecap_packet *packet);

/* The one that is to leave next, or NULL. */
const struct ecap_held *ecap_hold_oldest(const struct ecap_hold *hold);

/* Takes it out. Its memory stays as it is until ecap_hold_reuse(). */
void ecap_hold_pop(struct ecap_hold *hold);

/* 1 when ecap_hold_reuse() would make room for another packet. */
int ecap_hold_has_drained(const struct ecap_hold *hold);
/* @now_ns: CLOCK_MONOTONIC. What was not used for some seconds goes back to the system. */
void ecap_hold_reuse(struct ecap_hold *hold, uint64_t now_ns);

/* Bytes of memory that it has. */
size_t ecap_hold_memory(const struct ecap_hold *hold);

#endif
