/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters, from classic BPF (cBPF: Documentation/networking/filter.rst of Linux, and
 * bpf_filter() of libpcap, whose answers are kept where the two differ) to eBPF. A and X live in
 * registers, M[] on the stack; a load beyond the packet and a division by 0 mean: no match.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <linux/filter.h>

#include "err.h"
#include "packets/filter.h"
#include "packets/filter_get.h"
#include "packets/filter_private.h"
#include "util.h"

/*
 * How often a program may go back, each time one header further ("protochain"): a packet with more
 * does not match. The verifier wants an end that it can see.
 */
#define MAX_TURNS 32

#define LINKTYPE_ETHERNET 1 /* of www.tcpdump.org/linktypes.html */

struct translation {
	const struct ecap_cbpf *from;
	uint32_t n;
	const struct ecap_filter_side *side;
	struct ecap_bpf_code code;     /* labels 0 to n - 1: where from[i] is */
	struct ecap_filter_packet packet;
	uint32_t no_match, match;      /* labels */
	uint8_t *reached;              /* for each of from: can be run */
	uint32_t *known;               /* ... the packet is at least so long when it is */
	uint32_t used_m;               /* bit i: M[i] is read */
	uint32_t *back;                /* ... 1 + the label for jumps back to it, or 0 */
};

/* What cBPF asks the kernel (SKF_AD_*), where struct __sk_buff has it. */
static const struct {
	uint32_t extension;
	size_t field;
} extensions[] = {
	{ SKF_AD_PKTTYPE, offsetof(struct __sk_buff, pkt_type) },
	{ SKF_AD_IFINDEX, offsetof(struct __sk_buff, ifindex) },
};

static const struct {
	uint8_t op, inverse; /* inverse 0: there is none */
} jumps[] = {
	{ BPF_JEQ, BPF_JNE },
	{ BPF_JGT, BPF_JLE },
	{ BPF_JGE, BPF_JLT },
	{ BPF_JSET, 0 },
};

static int size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* What the program will need to have at hand. */
static void plan(struct translation *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct ecap_cbpf *insn = &t->from[i];
		int class = BPF_CLASS(insn->code);

		if (!t->reached[i] || (class != BPF_LD && class != BPF_LDX))
			continue;
		if (ecap_cbpf_is_fixed(insn) && !ecap_cbpf_never_works(insn))
			ecap_filter_get_plan(&t->packet, insn->k, (uint32_t)size_of(insn->code), 0);
		else if (BPF_MODE(insn->code) == BPF_IND)
			ecap_filter_get_plan(&t->packet, insn->k, (uint32_t)size_of(insn->code), 1);
		else if (BPF_MODE(insn->code) == BPF_MEM && insn->k < BPF_MEMWORDS)
			t->used_m |= 1u << insn->k;
	}
}

static void put(struct translation *t, struct bpf_insn insn)
{
	ecap_bpf_put(&t->code, insn);
}

static void put_jump(struct translation *t, struct bpf_insn insn, uint32_t label)
{
	ecap_bpf_put_jump(&t->code, insn, label);
}

static int unknown(const struct ecap_cbpf *insn)
{
	return ecap_err(-EINVAL, "libpcap made an instruction that is not known here: 0x%x, k 0x%x",
			insn->code, insn->k);
}

static int m_at(uint32_t k)
{
	return ECAP_STACK_M + 4 * (int)k;
}

static int put_extension(struct translation *t, const struct ecap_cbpf *insn)
{
	uint32_t extension = insn->k - (uint32_t)SKF_AD_OFF;

	if (extension == SKF_AD_PKTTYPE && t->side->packet_type >= 0) {
		put(t, ecap_bpf_alu32(BPF_MOV, ECAP_REG_A, (uint32_t)t->side->packet_type));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		if (extensions[i].extension != extension)
			continue;
		put(t, ecap_bpf_load(BPF_W, ECAP_REG_A, ECAP_REG_CTX, (int)extensions[i].field));
		return 0;
	}
	return ecap_err(-EINVAL, "it asks for what is not in the packet: SKF_AD_OFF + %u",
			extension);
}

/* A load from a fixed place; the packet is known to be so long from here on. */
static void put_fixed(struct translation *t, uint8_t dst, uint32_t i, uint32_t size)
{
	uint32_t end = t->from[i].k + size;

	ecap_filter_get(&t->packet, dst, t->from[i].k, size, t->known[i] >= end);
	if (t->known[i] < end)
		t->known[i] = end;
}

/* LD and LDX: what they have in common goes to @dst. */
static int put_any_load(struct translation *t, uint8_t dst, uint32_t i)
{
	const struct ecap_cbpf *insn = &t->from[i];

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		put(t, ecap_bpf_alu32(BPF_MOV, dst, insn->k));
		return 0;
	case BPF_LEN:
		put(t, ecap_bpf_alu64_reg(BPF_MOV, dst, ECAP_REG_LEN));
		return 0;
	case BPF_MEM:
		if (insn->k >= BPF_MEMWORDS)
			return unknown(insn);
		put(t, ecap_bpf_load(BPF_W, dst, BPF_REG_10, m_at(insn->k)));
		return 0;
	default:
		return unknown(insn);
	}
}

static int put_ld(struct translation *t, uint32_t i)
{
	const struct ecap_cbpf *insn = &t->from[i];
	uint32_t size = (uint32_t)size_of(insn->code);

	if (ecap_cbpf_is_extension(insn))
		return put_extension(t, insn);
	if (BPF_MODE(insn->code) == BPF_ABS)
		put_fixed(t, ECAP_REG_A, i, size);
	else if (BPF_MODE(insn->code) == BPF_IND)
		ecap_filter_get_indexed(&t->packet, ECAP_REG_A, insn->k, size);
	else
		return put_any_load(t, ECAP_REG_A, i);
	return 0;
}

static int put_ldx(struct translation *t, uint32_t i)
{
	if (BPF_MODE(t->from[i].code) != BPF_MSH)
		return put_any_load(t, ECAP_REG_X, i);
	/* Four times the lower half of a byte: the length of an IP header. */
	put_fixed(t, ECAP_REG_X, i, 1);
	put(t, ecap_bpf_alu32(BPF_AND, ECAP_REG_X, 0xf));
	put(t, ecap_bpf_alu32(BPF_LSH, ECAP_REG_X, 2));
	return 0;
}

static int put_store(struct translation *t, const struct ecap_cbpf *insn)
{
	if (insn->k >= BPF_MEMWORDS)
		return unknown(insn);
	put(t, ecap_bpf_store(BPF_W, BPF_REG_10, m_at(insn->k),
			      BPF_CLASS(insn->code) == BPF_ST ? ECAP_REG_A : ECAP_REG_X));
	return 0;
}

/* Shifts by 32 and more give 0, as libpcap has it; what the processor would do depends on it. */
static void put_shift(struct translation *t, const struct ecap_cbpf *insn)
{
	int op = BPF_OP(insn->code);

	if (BPF_SRC(insn->code) == BPF_K) {
		put(t, insn->k < 32 ? ecap_bpf_alu32(op, ECAP_REG_A, insn->k) :
				      ecap_bpf_alu32(BPF_MOV, ECAP_REG_A, 0));
		return;
	}
	uint32_t small = ecap_bpf_label(&t->code), done = ecap_bpf_label(&t->code);

	put_jump(t, ecap_bpf_jump(BPF_JLT, ECAP_REG_X, 32), small);
	put(t, ecap_bpf_alu32(BPF_MOV, ECAP_REG_A, 0));
	put_jump(t, ecap_bpf_jump(BPF_JA, 0, 0), done);
	ecap_bpf_place(&t->code, small);
	put(t, ecap_bpf_alu32_reg(op, ECAP_REG_A, ECAP_REG_X));
	ecap_bpf_place(&t->code, done);
}

static int put_alu(struct translation *t, const struct ecap_cbpf *insn)
{
	int op = BPF_OP(insn->code), by_x = BPF_SRC(insn->code) == BPF_X;

	switch (op) {
	case BPF_LSH:
	case BPF_RSH:
		put_shift(t, insn);
		return 0;
	case BPF_DIV:
	case BPF_MOD:
		if (by_x)
			put_jump(t, ecap_bpf_jump(BPF_JEQ, ECAP_REG_X, 0), t->no_match);
		break;
	case BPF_NEG:
		put(t, ecap_bpf_alu32(BPF_NEG, ECAP_REG_A, 0));
		return 0;
	case BPF_ADD: case BPF_SUB: case BPF_MUL: case BPF_OR: case BPF_AND: case BPF_XOR:
		break;
	default:
		return unknown(insn);
	}
	put(t, by_x ? ecap_bpf_alu32_reg(op, ECAP_REG_A, ECAP_REG_X) :
		      ecap_bpf_alu32(op, ECAP_REG_A, insn->k));
	return 0;
}

/* To instruction @to, which then knows of the packet's length no more than here. */
static void put_goto(struct translation *t, struct bpf_insn insn, uint32_t i, uint32_t to)
{
	if (t->known[to] > t->known[i])
		t->known[to] = t->known[i];
	if (to != i + 1 || insn.code != (BPF_JMP | BPF_JA))
		put_jump(t, insn, to);
}

/*
 * Where a program comes back to. The verifier follows each range of LEN and of X by itself that one
 * way or one turn more can leave, which are too many: so they are made new, from what it knows
 * nothing about. Two XORs leave X as it is.
 */
static void put_turn(struct translation *t, uint32_t i)
{
	put(t, ecap_bpf_alu64(BPF_MOV, BPF_REG_0, MAX_TURNS));
	/* By a register: numbers that are stored at once the verifier does not remember. */
	put(t, ecap_bpf_store(BPF_DW, BPF_REG_10, ECAP_STACK_TURNS, BPF_REG_0));
	uint32_t label = ecap_bpf_label(&t->code);

	ecap_bpf_place(&t->code, label);
	t->back[i] = label + 1;
	ecap_filter_get_length(&t->packet);
	put(t, ecap_bpf_alu32_reg(BPF_XOR, ECAP_REG_X, ECAP_REG_LEN));
	put(t, ecap_bpf_alu32_reg(BPF_XOR, ECAP_REG_X, ECAP_REG_LEN));
}

static void put_back(struct translation *t, uint32_t to)
{
	put(t, ecap_bpf_load(BPF_DW, BPF_REG_0, BPF_REG_10, ECAP_STACK_TURNS));
	put_jump(t, ecap_bpf_jump(BPF_JEQ, BPF_REG_0, 0), t->no_match);
	put(t, ecap_bpf_alu64(BPF_SUB, BPF_REG_0, 1));
	put(t, ecap_bpf_store(BPF_DW, BPF_REG_10, ECAP_STACK_TURNS, BPF_REG_0));
	put_jump(t, ecap_bpf_jump(BPF_JA, 0, 0), t->back[to] - 1);
}

/* A jump of eBPF that compares A with X or k; a k that is no positive int goes through r0. */
static struct bpf_insn comparison(struct translation *t, const struct ecap_cbpf *insn, int op)
{
	if (BPF_SRC(insn->code) == BPF_X)
		return ecap_bpf_jump_reg(op, ECAP_REG_A, ECAP_REG_X);
	if (insn->k <= INT32_MAX)
		return ecap_bpf_jump(op, ECAP_REG_A, (int32_t)insn->k);
	put(t, ecap_bpf_alu32(BPF_MOV, BPF_REG_0, insn->k));
	return ecap_bpf_jump_reg(op, ECAP_REG_A, BPF_REG_0);
}

static int put_jmp(struct translation *t, uint32_t i)
{
	const struct ecap_cbpf *insn = &t->from[i];
	uint32_t after = i + 1;

	if (insn->code == (BPF_JMP | BPF_JA)) {
		uint32_t to = after + insn->k;

		if (to <= i)
			put_back(t, to);
		else
			put_goto(t, ecap_bpf_jump(BPF_JA, 0, 0), i, to);
		return 0;
	}
	for (size_t j = 0; j < ARRAY_SIZE(jumps); j++) {
		if (jumps[j].op != BPF_OP(insn->code))
			continue;
		if (!insn->jt && jumps[j].inverse) {
			put_goto(t, comparison(t, insn, jumps[j].inverse), i, after + insn->jf);
			put_goto(t, ecap_bpf_jump(BPF_JA, 0, 0), i, after + insn->jt);
			return 0;
		}
		put_goto(t, comparison(t, insn, jumps[j].op), i, after + insn->jt);
		put_goto(t, ecap_bpf_jump(BPF_JA, 0, 0), i, after + insn->jf);
		return 0;
	}
	return unknown(insn);
}

static int put_ret(struct translation *t, const struct ecap_cbpf *insn)
{
	if (BPF_RVAL(insn->code) == BPF_A)
		put_jump(t, ecap_bpf_jump(BPF_JEQ, ECAP_REG_A, 0), t->no_match);
	else if (BPF_RVAL(insn->code) != BPF_K)
		return unknown(insn);
	put_jump(t, ecap_bpf_jump(BPF_JA, 0, 0),
		 BPF_RVAL(insn->code) == BPF_K && !insn->k ? t->no_match : t->match);
	return 0;
}

static int put_misc(struct translation *t, const struct ecap_cbpf *insn)
{
	if (BPF_MISCOP(insn->code) == BPF_TAX)
		put(t, ecap_bpf_alu64_reg(BPF_MOV, ECAP_REG_X, ECAP_REG_A));
	else if (BPF_MISCOP(insn->code) == BPF_TXA)
		put(t, ecap_bpf_alu64_reg(BPF_MOV, ECAP_REG_A, ECAP_REG_X));
	else
		return unknown(insn);
	return 0;
}

static int put_insn(struct translation *t, uint32_t i)
{
	const struct ecap_cbpf *insn = &t->from[i];

	if (ecap_cbpf_never_works(insn)) {
		put_jump(t, ecap_bpf_jump(BPF_JA, 0, 0), t->no_match);
		return 0;
	}
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD: return put_ld(t, i);
	case BPF_LDX: return put_ldx(t, i);
	case BPF_ST:
	case BPF_STX: return put_store(t, insn);
	case BPF_ALU: return put_alu(t, insn);
	case BPF_JMP: return put_jmp(t, i);
	case BPF_RET: return put_ret(t, insn);
	default: return put_misc(t, insn);
	}
}

static void put_begin(struct translation *t)
{
	put(t, ecap_bpf_alu64_reg(BPF_MOV, ECAP_REG_CTX, BPF_REG_1));
	put(t, ecap_bpf_alu64(BPF_MOV, ECAP_REG_A, 0));
	put(t, ecap_bpf_alu64(BPF_MOV, ECAP_REG_X, 0));
	for (uint32_t k = 0; k < BPF_MEMWORDS; k++)
		if (t->used_m & 1u << k)
			put(t, ecap_bpf_store_imm(BPF_W, BPF_REG_10, m_at(k), 0));
	ecap_filter_get_begin(&t->packet);
}

static void put_end(struct translation *t, int prog_array_fd)
{
	if (ecap_bpf_used(&t->code, t->match)) {
		ecap_bpf_place(&t->code, t->match);
		put(t, ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_1, ECAP_REG_CTX));
		put(t, ecap_bpf_insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0,
				     prog_array_fd));
		put(t, ecap_bpf_insn(0, 0, 0, 0, 0)); /* the second half of the last one */
		put(t, ecap_bpf_alu64(BPF_MOV, BPF_REG_3, 0));
		put(t, ecap_bpf_call(BPF_FUNC_tail_call));
	}
	ecap_bpf_place(&t->code, t->no_match);
	put(t, ecap_bpf_alu64(BPF_MOV, BPF_REG_0, -1)); /* TC_ACT_UNSPEC of linux/pkt_cls.h */
	put(t, ecap_bpf_exit());
}

/* Whether the next instruction follows, but for jumps. */
static int goes_on(const struct ecap_cbpf *insn)
{
	return BPF_CLASS(insn->code) != BPF_JMP && BPF_CLASS(insn->code) != BPF_RET &&
	       !ecap_cbpf_never_works(insn);
}

static int translate(struct translation *t, int prog_array_fd)
{
	int err = ecap_cbpf_explore(t->from, t->n, t->reached, t->back);

	if (err)
		return err;
	/* Until something is known to jump there; but what comes back comes too late to say. */
	for (uint32_t i = 0; i < t->n; i++)
		t->known[i] = i && !t->back[i] ? UINT32_MAX : 0;
	plan(t);
	put_begin(t);
	for (uint32_t i = 0; i < t->n; i++) {
		if (!t->reached[i])
			continue;
		ecap_bpf_place(&t->code, i);
		if (t->back[i])
			put_turn(t, i);
		err = put_insn(t, i);
		if (err)
			return err;
		if (goes_on(&t->from[i]) && t->known[i + 1] > t->known[i])
			t->known[i + 1] = t->known[i];
	}
	put_end(t, prog_array_fd);
	return 0;
}

int ecap_filter_ebpf(const struct ecap_cbpf *code, uint32_t n, const struct ecap_filter_side *side,
		     int prog_array_fd, struct bpf_insn **insns, uint32_t *n_insns)
{
	_cleanup_free_ uint8_t *reached = calloc(n, sizeof(*reached));
	_cleanup_free_ uint32_t *known = calloc(n, sizeof(*known));
	_cleanup_free_ uint32_t *back = calloc(n, sizeof(*back));
	struct translation t = { .from = code, .n = n, .side = side, .reached = reached,
				 .known = known, .back = back, .no_match = n, .match = n + 1 };

	if (!n)
		return ecap_err(-EINVAL, "libpcap's program is empty");
	if (!reached || !known || !back)
		return ecap_err(-ENOMEM, "out of memory");
	ecap_bpf_code_init(&t.code, n + 2);
	t.packet = (struct ecap_filter_packet){ .code = &t.code, .no_match = t.no_match,
						.ethernet = side->link_type == LINKTYPE_ETHERNET };
	int err = translate(&t, prog_array_fd);

	if (!err)
		err = ecap_bpf_code_end(&t.code, insns, n_insns);
	ecap_bpf_code_free(&t.code);
	return err;
}
