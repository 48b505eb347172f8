/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF code while it is made: instructions, and labels for the places that they jump to. */
#ifndef ECAPTURE_CORE_PACKETS_FILTER_CODE_H
#define ECAPTURE_CORE_PACKETS_FILTER_CODE_H

#include <stdint.h>

#include "packets/filter_insns.h"

struct ecap_bpf_code {
	struct bpf_insn *insns;
	uint32_t *targets; /* for each instruction, 1 + the label that it jumps to; 0: none */
	uint32_t n, size;
	uint32_t *labels;  /* where each stands; ECAP_BPF_NOWHERE until it is placed */
	uint32_t n_labels, labels_size;
	int no_memory;     /* once it is set, nothing more is added; ecap_bpf_code_end() tells */
};

#define ECAP_BPF_NOWHERE UINT32_MAX

/* @n_labels: labels 0 to n - 1 are there from the start. */
void ecap_bpf_code_init(struct ecap_bpf_code *code, uint32_t n_labels);
void ecap_bpf_code_free(struct ecap_bpf_code *code);

void ecap_bpf_put(struct ecap_bpf_code *code, struct bpf_insn insn);
uint32_t ecap_bpf_label(struct ecap_bpf_code *code);
/* The label is where the next instruction will be. */
void ecap_bpf_place(struct ecap_bpf_code *code, uint32_t label);
/* A jump, conditional or not, to the label. */
void ecap_bpf_put_jump(struct ecap_bpf_code *code, struct bpf_insn insn, uint32_t label);
/* 1 when something jumps to it. */
int ecap_bpf_used(const struct ecap_bpf_code *code, uint32_t label);

/* Resolves the jumps, and gives the instructions away. 0 or a negative errno with a text. */
int ecap_bpf_code_end(struct ecap_bpf_code *code, struct bpf_insn **insns, uint32_t *n);

#endif
