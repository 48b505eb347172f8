/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instructions of a packet filter in classic BPF can be run, and where it goes back: the
 * verifier takes no instruction that nothing reaches.
 */
#include <errno.h>

#include <linux/filter.h>

#include "err.h"
#include "packets/filter_private.h"

int ecap_cbpf_is_extension(const struct ecap_cbpf *insn)
{
	return BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
	       insn->k - (uint32_t)SKF_AD_OFF < SKF_AD_MAX;
}

int ecap_cbpf_is_fixed(const struct ecap_cbpf *insn)
{
	int class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);

	return (class == BPF_LD && mode == BPF_ABS && !ecap_cbpf_is_extension(insn)) ||
	       (class == BPF_LDX && mode == BPF_MSH);
}

int ecap_cbpf_never_works(const struct ecap_cbpf *insn)
{
	if (ecap_cbpf_is_fixed(insn))
		return insn->k > INT32_MAX - 4;
	return (insn->code == (BPF_ALU | BPF_DIV | BPF_K) ||
		insn->code == (BPF_ALU | BPF_MOD | BPF_K)) && !insn->k;
}

#define NONE INT64_MIN

/* Where insn @i may go to next: at most two, or NONE. -EINVAL when it is not in the program. */
static int next_of(const struct ecap_cbpf *code, uint32_t n, uint32_t i, int64_t *next)
{
	const struct ecap_cbpf *insn = &code[i];

	next[0] = (int64_t)i + 1;
	next[1] = NONE;
	if (BPF_CLASS(insn->code) == BPF_RET || ecap_cbpf_never_works(insn)) {
		next[0] = NONE;
	} else if (insn->code == (BPF_JMP | BPF_JA)) {
		next[0] += (int32_t)insn->k; /* signed: the one that goes back */
	} else if (BPF_CLASS(insn->code) == BPF_JMP) {
		next[1] = next[0] + insn->jf;
		next[0] += insn->jt;
	}
	for (int j = 0; j < 2; j++)
		if (next[j] != NONE && (next[j] < 0 || next[j] >= n))
			return ecap_err(-EINVAL, "libpcap made a jump that leads nowhere: %u", i);
	return 0;
}

int ecap_cbpf_explore(const struct ecap_cbpf *code, uint32_t n, uint8_t *reached, uint32_t *back)
{
	int again = 1;

	reached[0] = 1;
	/* Once more for what is reached from behind only. */
	while (again) {
		again = 0;
		for (uint32_t i = 0; i < n; i++) {
			int64_t next[2] = { NONE, NONE };
			int err = reached[i] ? next_of(code, n, i, next) : 0;

			if (err)
				return err;
			for (int j = 0; j < 2; j++) {
				if (next[j] == NONE)
					continue;
				if (next[j] <= i) {
					back[next[j]] = 1;
					again |= !reached[next[j]];
				}
				reached[next[j]] = 1;
			}
		}
	}
	return 0;
}
