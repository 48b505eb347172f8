/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters: an expression of pcap-filter(7), compiled by libpcap, and translated to a BPF
 * program (type sched_cls) that runs before another one and calls it for the packets that match.
 */
#ifndef ECAPTURE_CORE_PACKETS_FILTER_H
#define ECAPTURE_CORE_PACKETS_FILTER_H

#include <stdint.h>

#include <linux/bpf.h>

/* What the expression may ask beside the packet's bytes. */
struct ecap_filter_side {
	uint16_t link_type;   /* LINKTYPE_* */
	/*
	 * For "inbound" and "outbound": PACKET_* of packet(7) where it is the same for all packets
	 * (PACKET_OUTGOING), or -1: the packet's own.
	 */
	int packet_type;
	/*
	 * For "ip broadcast", in network byte order; 0: there is none, and 0.0.0.0 and
	 * 255.255.255.255 are all that match.
	 */
	uint32_t netmask;
};

/*
 * [main, like all of this file: names of hosts are looked up, which may take its time; and so does
 * libpcap's optimiser with long lists: 0.4 s for 200 hosts, 1.4 s for 300, minutes for 1000.]
 * 0, or -EINVAL with a text: libpcap's words, the expression, and a caret under the place where
 * one can be told. @link_type: LINKTYPE_*.
 */
int ecap_filter_check(const char *expression, uint16_t link_type);

/*
 * The program, of malloc. On a match it makes a tail call to entry 0 of @prog_array_fd; else, and
 * where there is none, it returns TC_ACT_UNSPEC. Returns 0 or a negative errno with a text.
 */
int ecap_filter_translate(const char *expression, const struct ecap_filter_side *side,
			  int prog_array_fd, struct bpf_insn **insns, uint32_t *n);

/* The same, loaded: an fd in *program_fd, which the caller closes. */
int ecap_filter_load(const char *expression, const struct ecap_filter_side *side,
		     int prog_array_fd, int *program_fd);

#endif
