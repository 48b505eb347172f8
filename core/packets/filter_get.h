/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a translated filter reads the packet. The first bytes are copied to the stack once, so that
 * most loads need no call; the rest is read by bpf_skb_load_bytes(). (The LD_ABS that eBPF has of
 * old would end the program with 0, TC_ACT_OK, beyond the packet's end.)
 *
 * The tag of a VLAN is at this place in the kernel not in the packet, but beside it. What is read
 * is the packet as it was on the wire and as libpcap shows it, with the tag behind the addresses.
 */
#ifndef ECAPTURE_CORE_PACKETS_FILTER_GET_H
#define ECAPTURE_CORE_PACKETS_FILTER_GET_H

#include "packets/filter_code.h"

/* Registers that calls leave alone, for the whole of the program. */
enum {
	ECAP_REG_CTX = BPF_REG_6,
	ECAP_REG_A = BPF_REG_7,   /* A and X of cBPF, their upper 32 bits 0 */
	ECAP_REG_X = BPF_REG_8,
	ECAP_REG_LEN = BPF_REG_9, /* of the packet, the tag included */
};

/* The stack, from BPF_REG_10 down. */
enum {
	ECAP_STACK_TURNS = -8,    /* how often it may still go back */
	ECAP_STACK_SCRATCH = -16, /* what bpf_skb_load_bytes() has read */
	ECAP_STACK_M = -80,       /* M[16] of cBPF */
	ECAP_HEAD_MAX = 128,      /* bytes of the packet that can be kept */
};

struct ecap_filter_packet {
	struct ecap_bpf_code *code;
	uint32_t no_match; /* label */
	int ethernet;      /* 1: there may be a tag beside the packet */
	uint32_t head;     /* bytes that are kept on the stack */
};

/* Loads that are known to be needed, before anything else. @indexed: with X. */
void ecap_filter_get_plan(struct ecap_filter_packet *packet, uint32_t k, uint32_t size,
			  int indexed);

/* Sets ECAP_REG_LEN, and copies the head. */
void ecap_filter_get_begin(const struct ecap_filter_packet *packet);

/* ECAP_REG_LEN once more. */
void ecap_filter_get_length(const struct ecap_filter_packet *packet);

/*
 * Register = @size bytes (1, 2 or 4) at @k; no match beyond the packet. @checked: the packet is
 * known to be so long.
 */
void ecap_filter_get(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t k,
		     uint32_t size, int checked);
/* The same at X + @k. */
void ecap_filter_get_indexed(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t k,
			     uint32_t size);

#endif
