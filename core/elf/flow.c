/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a constant goes: from the instruction that takes it, through copies in registers and on
 * the stack, and on every branch, to the calls that get it as an argument. Compilers choose
 * between several constants by branch or cmov, and may keep the choice on the stack before the
 * call that all of them are for.
 */
#include "walk.h"

#include "../err.h"

#define BUDGET 20000 /* instructions looked at for one constant */

/*
 * What holds the constant, in one word: a bit for each register, and up to three places on the
 * stack. A place is 16 bits: whether it is one, whether it is found by rbp or by rsp, and its
 * distance from there in words of eight bytes (14 bits, signed).
 */
#define N_PLACES     3u
#define PLACE_SHIFT(i) (16u * ((i) + 1))
#define PLACE_USED   0x8000u
#define PLACE_RBP    0x4000u
#define PLACE_WORDS  0x3fffu
#define WORDS_MAX    0x1fff

static uint16_t place_get(uint64_t state, unsigned int i)
{
	return (uint16_t)(state >> PLACE_SHIFT(i));
}

static uint64_t place_set(uint64_t state, unsigned int i, uint16_t place)
{
	return (state & ~(UINT64_C(0xffff) << PLACE_SHIFT(i))) | (uint64_t)place << PLACE_SHIFT(i);
}

static int place_words(uint16_t place)
{
	int words = place & PLACE_WORDS;

	return words > WORDS_MAX ? words - (int)PLACE_WORDS - 1 : words;
}

static uint16_t place_make(bool by_rbp, int words)
{
	if (words > WORDS_MAX || words < -WORDS_MAX - 1)
		return 0;
	return (uint16_t)(PLACE_USED | (by_rbp ? PLACE_RBP : 0) | ((unsigned int)words & PLACE_WORDS));
}

/* The place of a memory operand, 0 when it is not a word on the stack. */
static uint16_t place_of(const cs_x86_op *op)
{
	bool by_rbp = op->mem.base == X86_REG_RBP;

	if (op->type != X86_OP_MEM || (!by_rbp && op->mem.base != X86_REG_RSP) ||
	    op->mem.index != X86_REG_INVALID || op->mem.disp % 8 ||
	    op->mem.disp > 8 * WORDS_MAX || op->mem.disp < -8 * WORDS_MAX)
		return 0;
	return place_make(by_rbp, (int)op->mem.disp / 8);
}

static bool holds(uint64_t state, const cs_x86_op *op)
{
	uint16_t place = place_of(op);

	if (op->type == X86_OP_REG) {
		unsigned int reg = elf_insn_register(op->reg);

		return reg < ELF_N_REGS && state >> reg & 1;
	}
	for (unsigned int i = 0; place && i < N_PLACES; i++)
		if (place_get(state, i) == place)
			return true;
	return false;
}

static uint64_t forget(uint64_t state, uint16_t place)
{
	for (unsigned int i = 0; i < N_PLACES; i++)
		if (place_get(state, i) == place)
			state = place_set(state, i, 0);
	return state;
}

static uint64_t remember(uint64_t state, uint16_t place)
{
	for (unsigned int i = 0; i < N_PLACES; i++)
		if (!place_get(state, i))
			return place_set(state, i, place);
	return state;
}

/* The operand holds the constant after the instruction, or something else. */
static uint64_t assign(uint64_t state, const cs_x86_op *op, bool value)
{
	uint16_t place = place_of(op);

	if (op->type == X86_OP_REG) {
		unsigned int reg = elf_insn_register(op->reg);

		if (reg >= ELF_N_REGS)
			return state;
		state &= ~(UINT64_C(1) << reg);
		return state | (uint64_t)value << reg;
	}
	if (!place)
		return state;
	state = forget(state, place);
	return value ? remember(state, place) : state;
}

/* rsp went down by @bytes: what is found by it is so much farther away. */
static uint64_t move_stack(uint64_t state, int64_t bytes)
{
	for (unsigned int i = 0; i < N_PLACES; i++) {
		uint16_t place = place_get(state, i);
		int words = place_words(place) + (int)(bytes / 8);

		if (place & PLACE_USED && !(place & PLACE_RBP))
			state = place_set(state, i, words < 0 ? 0 : place_make(false, words));
	}
	return state;
}

static uint64_t push(uint64_t state, const cs_x86_op *op)
{
	bool value = holds(state, op);

	state = move_stack(state, 8);
	return value ? remember(state, place_make(false, 0)) : state;
}

static uint64_t pop(uint64_t state, const cs_x86_op *op)
{
	uint16_t top = place_make(false, 0);
	bool value = false;

	for (unsigned int i = 0; i < N_PLACES; i++)
		value |= place_get(state, i) == top;
	return assign(move_stack(state, -8), op, value);
}

/* Copies that keep the whole value; what else writes a register ends it there. */
static bool is_copy(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	return insn->id == X86_INS_MOV && x->op_count == 2 &&
	       (x->operands[0].size == 8 ||
		/* addresses of programs that are not position independent have 32 bits */
		(x->operands[0].size == 4 && x->operands[0].type == X86_OP_REG &&
		 x->operands[1].type == X86_OP_REG));
}

static bool is_cmov(const cs_insn *insn)
{
	return !strncmp(insn->mnemonic, "cmov", 4);
}

static bool moves_stack(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	return (insn->id == X86_INS_SUB || insn->id == X86_INS_ADD) && x->op_count == 2 &&
	       x->operands[0].type == X86_OP_REG && x->operands[0].reg == X86_REG_RSP &&
	       x->operands[1].type == X86_OP_IMM;
}

static uint64_t flow(struct ecap_elf_file *file, const cs_insn *insn, uint64_t state, void *arg)
{
	const cs_x86_op *ops = insn->detail->x86.operands;
	uint32_t reads, writes;
	uint64_t target;
	enum elf_branch branch = elf_insn_branch(insn, &target);

	(void)arg;
	if (is_copy(insn))
		return assign(state, &ops[0], holds(state, &ops[1]));
	if (is_cmov(insn))
		return assign(state, &ops[0], holds(state, &ops[0]) || holds(state, &ops[1]));
	if (insn->id == X86_INS_PUSH)
		return push(state, &ops[0]);
	if (insn->id == X86_INS_POP)
		return pop(state, &ops[0]);
	if (moves_stack(insn))
		return move_stack(state, insn->id == X86_INS_SUB ? ops[1].imm : -ops[1].imm);
	elf_insn_access(file, insn, &reads, &writes);
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		writes |= (1u << ELF_N_SCRATCH) - 1;
	return state & ~(uint64_t)(writes & ((1u << ELF_N_REGS) - 1));
}

struct calls {
	int (*cb)(void *arg, const struct ecap_elf_call *call);
	void *arg;
	uint64_t value;
	int stop;
};

static enum elf_walk_verdict visit(void *arg, const cs_insn *insn, uint64_t state, bool leaves)
{
	struct calls *c = arg;
	struct ecap_elf_call call = { .struct_size = sizeof(call), .addr = insn->address };
	enum elf_branch branch = elf_insn_branch(insn, &call.callee);

	if (!state)
		return ELF_WALK_LEAVE;
	call.known = (uint32_t)state & ((1u << ELF_N_ARGS) - 1);
	if ((branch != ELF_BRANCH_CALL && !leaves) || !call.known)
		return ELF_WALK_ON;
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		call.value[i] = call.known >> i & 1 ? c->value : 0;
	c->stop = c->cb(c->arg, &call);
	return c->stop ? ELF_WALK_STOP : ELF_WALK_ON;
}

/* What the instruction takes, and what holds it then. */
static uint64_t taken(const cs_insn *insn, uint64_t *value)
{
	const cs_x86_op *ops = insn->detail->x86.operands;
	unsigned int reg;

	if (elf_insn_load(insn, &reg, value))
		return reg < ELF_N_REGS ? UINT64_C(1) << reg : 0;
	if (insn->id != X86_INS_MOV || ops[0].type != X86_OP_MEM || ops[1].type != X86_OP_IMM)
		return 0;
	*value = (uint64_t)ops[1].imm;
	return assign(0, &ops[0], true);
}

int elf_flow_calls(struct ecap_elf_file *file, uint64_t insn,
		   int (*cb)(void *arg, const struct ecap_elf_call *call), void *arg)
{
	struct calls c = { .cb = cb, .arg = arg };
	const cs_insn *decoded = elf_insn_at(file, insn);
	uint64_t state = decoded ? taken(decoded, &c.value) : 0;
	uint32_t budget = BUDGET;

	if (!state)
		return ecap_err(-ENOENT, "no constant is taken at %#llx", (unsigned long long)insn);

	int err = elf_walk_from(file, insn + decoded->size, state, flow, &budget, visit, &c);

	return err ? err : c.stop < 0 ? c.stop : 0;
}
