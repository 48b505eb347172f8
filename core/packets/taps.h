/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces of a capture, and our programs on them. [main], but where it says otherwise. */
#ifndef ECAPTURE_CORE_PACKETS_TAPS_H
#define ECAPTURE_CORE_PACKETS_TAPS_H

#include "packets/file.h"
#include "packets/interfaces.h"
#include "packets/programs.h"

/* An interface; stays until the end, for its packets may still be on their way. */
struct ecap_tap {
	struct ecap_interface interface;
	uint32_t number;               /* that the file gave it */
	uint64_t received;             /* packets; the reader's */
	struct ecap_tc_link *links[2]; /* by enum ecap_tc_side */
	int attached;
};

struct ecap_taps;

struct ecap_taps_options {
	const char *component;         /* of the log */
	const char *const *names;      /* as ecap_interfaces_find() has them */
	const char *filter;            /* or NULL */
	struct ecap_packet_programs *programs;
	struct ecap_packet_file *file;
};

/* Everything in @options stays the caller's and lives longer. */
int ecap_taps_new(const struct ecap_taps_options *options, struct ecap_taps **taps);

/*
 * Attaches to the interfaces that there are now, and detaches from those that are none any more: a
 * named one that is gone is said, and taken again when one of that name comes. That one of all
 * cannot be attached to is a warning; of those that were named, an error with a text.
 */
int ecap_taps_refresh(struct ecap_taps *taps);

void ecap_taps_detach(struct ecap_taps *taps);
void ecap_taps_free(struct ecap_taps *taps);

/* The interface with this index, or NULL. [reader] */
struct ecap_tap *ecap_taps_find(struct ecap_taps *taps, uint32_t index);

/* Tells the file how many packets each one had and lost. [any thread] */
void ecap_taps_statistics(struct ecap_taps *taps);

#endif
