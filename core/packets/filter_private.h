/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of the packet filter. libpcap and the kernel both have a struct bpf_insn, and
 * no file can know both: what libpcap compiles is handed on as struct ecap_cbpf.
 */
#ifndef ECAPTURE_CORE_PACKETS_FILTER_PRIVATE_H
#define ECAPTURE_CORE_PACKETS_FILTER_PRIVATE_H

#include <stdint.h>

struct bpf_insn; /* the kernel's */
struct ecap_filter_side;

/* An instruction of classic BPF: struct sock_filter of linux/filter.h. */
struct ecap_cbpf {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* By libpcap, optimised. *code is of malloc. Returns 0, or a negative errno with a text. */
int ecap_filter_compile(const char *expression, uint16_t link_type, uint32_t netmask,
			struct ecap_cbpf **code, uint32_t *n);

/*
 * libpcap's words for what it has against the expression, in @words; 0 when it has nothing
 * against it, else 1. Or a negative errno with a text.
 */
int ecap_filter_words(const char *expression, uint16_t link_type, char *words, uint32_t size);

/*
 * Where in the expression the reason for @words is: offset of a byte, its length at the end, or -1
 * when no place can be told.
 */
int ecap_filter_place(const char *expression, uint16_t link_type, const char *words);

/* The error text for it: words, expression, and a caret under the place. Returns -EINVAL. */
int ecap_filter_refused(const char *expression, uint16_t link_type, const char *words);

/* Whether it asks the kernel for something beside the packet's bytes (SKF_AD_*). */
int ecap_cbpf_is_extension(const struct ecap_cbpf *insn);
/* Whether it loads from a fixed place in the packet. */
int ecap_cbpf_is_fixed(const struct ecap_cbpf *insn);
/* A place that no packet has, or a division by a 0 that stands there: the end, without a match. */
int ecap_cbpf_never_works(const struct ecap_cbpf *insn);
/* Sets reached[i] for what can be run, and back[i] to 1 where it goes back to; both of n zeros. */
int ecap_cbpf_explore(const struct ecap_cbpf *code, uint32_t n, uint8_t *reached, uint32_t *back);

/* As ecap_filter_translate(), from what was compiled. */
int ecap_filter_ebpf(const struct ecap_cbpf *code, uint32_t n, const struct ecap_filter_side *side,
		     int prog_array_fd, struct bpf_insn **insns, uint32_t *n_insns);

#endif
