/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet file within: what other threads tell of it (interfaces, their statistics, secrets) is
 * under locks that are never held during a write; all else is the packets' thread's alone.
 */
#ifndef ECAPTURE_CORE_PACKETS_FILE_PRIVATE_H
#define ECAPTURE_CORE_PACKETS_FILE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "packets/file.h"
#include "packets/hold.h"
#include "packets/secrets.h"
#include "packets/wall.h"
#include "sink.h"

struct ecap_packet_file_interface {
	char *name, *filter;
	uint16_t link_type;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	struct ecap_packet_statistics statistics;
};

struct ecap_packet_file {
	struct ecap_packet_file_options options;
	char *path;
	struct ecap_packet_secrets *secrets;

	/* Of the packets' thread: */
	struct ecap_hold *hold;
	struct ecap_wall wall;
	uint64_t released_ns;
	uint64_t handshake_ns;      /* the latest packet of one */
	uint64_t bytes, packets;    /* of the file that is open; bytes: all of its blocks */
	uint64_t flushed;           /* of these bytes */
	uint64_t first_ns;          /* its first packet */
	uint64_t last_ns;           /* the latest packet of all */
	uint32_t number;
	uint32_t described;         /* interfaces that it has */
	uint64_t *delivered;        /* packets written of each interface, for all that were described */
	uint32_t n_delivered;
	struct ecap_packet_file_count put, count; /* count: what was flushed of it, too */

	pthread_mutex_t lock;       /* of all that follows */
	struct ecap_sink *sink;     /* changed by the packets' thread only */
	uint64_t written;           /* to the files before */
	int given_up;
	struct ecap_packet_file_interface **interfaces;
	atomic_uint n_interfaces;
	atomic_int error;
	char text[512];             /* of @error */
};

/* file.c */

/* 0 or the error that ended the file, with its text. [any thread] */
int ecap_packet_file_ended(struct ecap_packet_file *file);

/* Ends the file by an error, whose text is this thread's, unless it has ended; returns why it did. */
int ecap_packet_file_end(struct ecap_packet_file *file, int err);

uint64_t ecap_packet_file_now(void); /* CLOCK_MONOTONIC */

/* file_write.c: [packets' thread], or main before and after it. 0 or the error that ended the file. */

int ecap_packet_file_rotates(const struct ecap_packet_file *file);

/* Opens the first file, and writes what it begins with. */
int ecap_packet_file_begin(struct ecap_packet_file *file);

/* What packets that are written from now on may refer to. */
int ecap_packet_file_news(struct ecap_packet_file *file);

/* The oldest of the packets that wait, which then waits no more. */
int ecap_packet_file_next(struct ecap_packet_file *file);

/* After it, the memory of what was written is used again. */
int ecap_packet_file_flush(struct ecap_packet_file *file);

/* What each file ends with. */
void ecap_packet_file_finish(struct ecap_packet_file *file);

#endif
