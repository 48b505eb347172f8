/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pcapng file (draft-ietf-opsawg-pcapng) that grows while it is read: interfaces, packets in the
 * order of time, and before the packets the secrets that decrypt them. Packets are held back for
 * a moment, so that a secret that is told later than the packet is seen still stands before it.
 */
#ifndef ECAPTURE_CORE_PACKETS_FILE_H
#define ECAPTURE_CORE_PACKETS_FILE_H

#include <stddef.h>

#include "packets/packet.h"

struct ecap_packet_file;

struct ecap_packet_file_options {
	const char *path;       /* "-": standard output; a FIFO; else a file, made anew with mode 0600 */
	uint64_t hold_ns;       /* for how long a packet waits */
	/*
	 * The same while there was no handshake for hold_ns: nobody will tell a secret then, and the
	 * packets only need to be put in order. 0: hold_ns.
	 */
	uint64_t calm_ns;
	uint64_t hold_bytes;    /* packets that wait together; more leave earlier, and are counted */
	/*
	 * Another file begins where a packet would make this one larger (0: never), or comes that
	 * much later than its first one (0: never): numbered files of their own, as dumpcap names
	 * them, and the one at path is not made.
	 */
	uint64_t rotate_bytes;
	uint64_t rotate_ns;
	/*
	 * [packets' thread] Asked about each packet when it leaves, without any lock held: 0 drops
	 * it, 1 keeps it. May write a comment of at most @size bytes with its NUL; it is "" before.
	 * NULL: all are kept. Not to call functions of this header.
	 */
	int (*judge)(void *arg, const struct ecap_flow *flow, uint8_t direction, char *comment,
		     size_t size);
	void *arg;
};

struct ecap_packet_interface {
	const char *name, *filter; /* filter: NULL, none */
	uint16_t link_type;        /* LINKTYPE_* of www.tcpdump.org/linktypes.html */
};

struct ecap_packet_statistics {
	uint64_t received; /* packets that passed the filter */
	uint64_t dropped;  /* of those, found no room */
};

/* What became of the packets; after an error, up to the last flush before it. */
struct ecap_packet_file_count {
	uint64_t packets, bytes;  /* written: of the bytes those of packets, without what is around them */
	uint64_t judged_out;      /* dropped by judge() */
	uint64_t early;           /* written before their time: hold_bytes was reached */
	uint64_t late;            /* out of order: they came after later ones had left */
	uint64_t secrets;         /* lines written, each counted once */
	uint32_t files;           /* begun */
};

/* [main] 0 or a negative errno with a text. */
int ecap_packet_file_open(const struct ecap_packet_file_options *options,
			  struct ecap_packet_file **file);

/* [any thread] Adds an interface; its number goes to *number. */
int ecap_packet_file_interface(struct ecap_packet_file *file,
			       const struct ecap_packet_interface *interface, uint32_t *number);

/*
 * [packets' thread] Copies the packet. Writes some when hold_bytes is reached. Returns 0, or a
 * negative errno with a text: the error that ended the file; -EINVAL for a packet of no
 * interface, or with fewer bytes than were captured of it, and -ENOMEM, when only it is not added.
 */
int ecap_packet_file_add(struct ecap_packet_file *file, const struct ecap_packet *packet);

/*
 * [packets' thread] Writes what has waited long enough by now, and flushes. To be called after each
 * batch and, while anything waits, every few milliseconds. Returns 0, or the error that ended the
 * file (a negative errno with a text), as all calls do from then on.
 */
int ecap_packet_file_release(struct ecap_packet_file *file, uint64_t now_ns);

/*
 * [any thread] One line of a key log, as ecap.keylog/1 has it. Stands before every packet that
 * leaves later. Returns 1 when it is new, 0 when it was there before, or a negative errno.
 */
int ecap_packet_file_secret(struct ecap_packet_file *file, const char *label, const void *random,
			    const void *secret, uint32_t len);

/* [packets' thread] 1 while a packet or a secret waits to be released. */
int ecap_packet_file_waits(const struct ecap_packet_file *file);

/* [any thread] The numbers for the interface's statistics at the end of each file. */
void ecap_packet_file_statistics(struct ecap_packet_file *file, uint32_t interface,
				 const struct ecap_packet_statistics *statistics);

/*
 * [any thread] As ecap_sink_written() and ecap_sink_give_up(), for a file whose writing stands
 * still: its reader is not reading.
 */
uint64_t ecap_packet_file_written(struct ecap_packet_file *file);
void ecap_packet_file_give_up(struct ecap_packet_file *file);

/* [main] Once nobody adds any more: writes all that waits, and the statistics. NULL is allowed. */
int ecap_packet_file_close(struct ecap_packet_file *file, struct ecap_packet_file_count *count);

#endif
