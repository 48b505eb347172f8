/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF code while it is made: see filter_code.h. */
#include "packets/filter_code.h"

#include <errno.h>
#include <stdlib.h>

#include "err.h"
#include "util.h"

void ecap_bpf_code_init(struct ecap_bpf_code *code, uint32_t n_labels)
{
	*code = (struct ecap_bpf_code){ 0 };
	while (n_labels--)
		ecap_bpf_label(code);
}

void ecap_bpf_code_free(struct ecap_bpf_code *code)
{
	free(code->insns);
	free(code->targets);
	free(code->labels);
}

static int grow(uint32_t **array, uint32_t size)
{
	uint32_t *more = reallocarray(*array, size, sizeof(**array));

	if (more)
		*array = more;
	return more ? 0 : -ENOMEM;
}

static int room(struct ecap_bpf_code *code)
{
	uint32_t size = code->size ? code->size * 2 : 256;

	if (code->n < code->size)
		return 0;
	struct bpf_insn *more = reallocarray(code->insns, size, sizeof(*more));

	if (!more)
		return -ENOMEM;
	code->insns = more;
	if (grow(&code->targets, size))
		return -ENOMEM;
	code->size = size;
	return 0;
}

static void put(struct ecap_bpf_code *code, struct bpf_insn insn, uint32_t target)
{
	if (code->no_memory || room(code)) {
		code->no_memory = 1;
		return;
	}
	code->insns[code->n] = insn;
	code->targets[code->n++] = target;
}

void ecap_bpf_put(struct ecap_bpf_code *code, struct bpf_insn insn)
{
	put(code, insn, 0);
}

void ecap_bpf_put_jump(struct ecap_bpf_code *code, struct bpf_insn insn, uint32_t label)
{
	put(code, insn, label + 1);
}

uint32_t ecap_bpf_label(struct ecap_bpf_code *code)
{
	if (code->n_labels == code->labels_size) {
		uint32_t size = code->labels_size ? code->labels_size * 2 : 64;

		if (code->no_memory || grow(&code->labels, size)) {
			code->no_memory = 1;
			return 0;
		}
		code->labels_size = size;
	}
	code->labels[code->n_labels] = ECAP_BPF_NOWHERE;
	return code->n_labels++;
}

void ecap_bpf_place(struct ecap_bpf_code *code, uint32_t label)
{
	if (!code->no_memory)
		code->labels[label] = code->n;
}

int ecap_bpf_used(const struct ecap_bpf_code *code, uint32_t label)
{
	for (uint32_t i = 0; i < code->n; i++)
		if (code->targets[i] == label + 1)
			return 1;
	return 0;
}

static int resolve(struct ecap_bpf_code *code, uint32_t i)
{
	int64_t off = (int64_t)code->labels[code->targets[i] - 1] - i - 1;

	if (off != (int16_t)off)
		return ecap_err(-E2BIG, "too long for BPF, %u instructions: name nets, or fewer hosts",
				code->n);
	code->insns[i].off = (int16_t)off;
	return 0;
}

int ecap_bpf_code_end(struct ecap_bpf_code *code, struct bpf_insn **insns, uint32_t *n)
{
	if (code->no_memory)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < code->n; i++) {
		int err = code->targets[i] ? resolve(code, i) : 0;

		if (err)
			return err;
	}
	*insns = TAKE_PTR(code->insns);
	*n = code->n;
	return 0;
}
