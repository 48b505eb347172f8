/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs that take packets (bpf/packets.bpf.c), loaded. [main] */
#ifndef ECAPTURE_CORE_PACKETS_PROGRAMS_H
#define ECAPTURE_CORE_PACKETS_PROGRAMS_H

#include <ecapture/libbpf.h>

#include "packets/attach.h"

struct ecap_packet_programs {
	struct bpf_object *object;
	struct ecap_links links;  /* of those that watch sockets */
	int fds[2];               /* by enum ecap_tc_side; the object's */
	int lost_fd;              /* losses by the index of the interface; the object's */
	int arrays[2];            /* for filters: entry 0 is the program of that side; -1: none yet */
};

/* 1 when the kernel can tell who uses a socket. */
int ecap_packet_programs_tell_owners(const struct ecap_context *context);

/*
 * Loads, with nothing attached yet. @context: what the kernel has, and the process filter. On
 * failure there is nothing to free.
 */
int ecap_packet_programs_load(const struct ecap_context *context,
			      struct ecap_packet_programs *programs);

/* The maps for the reader. */
int ecap_packet_programs_map(const struct ecap_context *context,
			     const struct ecap_packet_programs *programs, struct ecap_map *map);

/* Begins and ends to watch who uses sockets. */
int ecap_packet_programs_watch(const struct ecap_context *context,
			       struct ecap_packet_programs *programs);
void ecap_packet_programs_unwatch(struct ecap_packet_programs *programs);

/* The array for a filter of that side, made at first use; the programs keep it. A negative errno with a text. */
int ecap_packet_programs_array(struct ecap_packet_programs *programs, enum ecap_tc_side side);

void ecap_packet_programs_free(struct ecap_packet_programs *programs);

#endif
