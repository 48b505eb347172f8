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
 * What holds the constant: in the first word a bit for each register, in both up to six places
 * on the stack. A place is 16 bits: whether it is one, whether it is found by the frame pointer
 * or by the stack pointer, and its distance from there in words of eight bytes (14 bits, signed).
 */
#define N_PLACES     6u
#define PLACE_USED   0x8000u
#define PLACE_FRAME  0x4000u
#define PLACE_WORDS  0x3fffu
#define WORDS_MAX    0x1fff

/* The first two are above the registers. */
static unsigned int place_word(unsigned int i)
{
	return i < 2 ? 0 : 1;
}

static unsigned int place_shift(unsigned int i)
{
	return i < 2 ? 32 + 16 * i : 16 * (i - 2);
}

static uint16_t place_get(const struct elf_state *state, unsigned int i)
{
	return (uint16_t)(state->word[place_word(i)] >> place_shift(i));
}

static void place_set(struct elf_state *state, unsigned int i, uint16_t place)
{
	uint64_t *word = &state->word[place_word(i)];

	*word = (*word & ~(UINT64_C(0xffff) << place_shift(i))) | (uint64_t)place << place_shift(i);
}

static int place_words(uint16_t place)
{
	int words = place & PLACE_WORDS;

	return words > WORDS_MAX ? words - (int)PLACE_WORDS - 1 : words;
}

static uint16_t place_make(bool by_frame, int64_t words)
{
	if (words > WORDS_MAX || words < -WORDS_MAX - 1)
		return 0;
	return (uint16_t)(PLACE_USED | (by_frame ? PLACE_FRAME : 0) |
			  ((unsigned int)words & PLACE_WORDS));
}

/* The place of a memory operand, 0 when it is not a word on the stack. */
static uint16_t place_of(const struct elf_arch *arch, const struct elf_operand *op)
{
	bool by_frame = op->reg == arch->fp;

	if (op->kind != ELF_OPERAND_MEM || (!by_frame && op->reg != arch->sp) || op->more ||
	    op->number % 8)
		return 0;
	return place_make(by_frame, op->number / 8);
}

static bool holds_register(const struct elf_state *state, unsigned int reg)
{
	return state->word[0] >> reg & 1;
}

static bool holds(const struct elf_arch *arch, const struct elf_state *state,
		  const struct elf_operand *op)
{
	uint16_t place = place_of(arch, op);

	if (op->kind == ELF_OPERAND_REG)
		return holds_register(state, op->reg);
	for (unsigned int i = 0; place && i < N_PLACES; i++)
		if (place_get(state, i) == place)
			return true;
	return false;
}

static void forget(struct elf_state *state, uint16_t place)
{
	for (unsigned int i = 0; i < N_PLACES; i++)
		if (place_get(state, i) == place)
			place_set(state, i, 0);
}

static void remember(struct elf_state *state, uint16_t place)
{
	for (unsigned int i = 0; i < N_PLACES; i++)
		if (!place_get(state, i)) {
			place_set(state, i, place);
			return;
		}
}

/* The operand holds the constant after the instruction, or something else. */
static void assign(const struct elf_arch *arch, struct elf_state *state,
		   const struct elf_operand *op, bool value)
{
	uint16_t place = place_of(arch, op);

	if (op->kind == ELF_OPERAND_REG) {
		state->word[0] &= ~(UINT64_C(1) << op->reg);
		state->word[0] |= (uint64_t)value << op->reg;
	} else if (place) {
		forget(state, place);
		if (value)
			remember(state, place);
	}
}

/* The stack pointer moved up by @bytes: what is found by it is so much nearer. */
static void move_stack(struct elf_state *state, int64_t bytes)
{
	for (unsigned int i = 0; i < N_PLACES && bytes; i++) {
		uint16_t place = place_get(state, i);
		int64_t words = place_words(place) - bytes / 8;

		if (place & PLACE_USED && !(place & PLACE_FRAME))
			place_set(state, i, words < 0 ? 0 : place_make(false, words));
	}
}

/* Copies that keep the whole value; what else writes a register ends it there. */
static bool is_copy(const struct elf_effect *e)
{
	return e->action == ELF_ACTION_MOVE &&
	       (e->to.size == 8 ||
		/* addresses of programs that are not position independent have 32 bits */
		(e->to.size == 4 && e->to.kind == ELF_OPERAND_REG &&
		 e->from.kind == ELF_OPERAND_REG)) &&
	       (e->from.kind == ELF_OPERAND_NUMBER || e->from.size == e->to.size);
}

static void take_effect(const struct elf_arch *arch, const struct elf_effect *e,
			const struct elf_state *before, struct elf_state *state)
{
	if (is_copy(e))
		assign(arch, state, &e->to, holds(arch, before, &e->from));
	else if (e->action == ELF_ACTION_SELECT)
		assign(arch, state, &e->to,
		       holds(arch, before, &e->from) || holds(arch, before, &e->other));
	else if (e->action == ELF_ACTION_ADD && e->to.reg == arch->sp && e->from.reg == arch->sp)
		move_stack(state, e->number);
}

static struct elf_state flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			     const struct elf_state *state, void *arg)
{
	const struct elf_arch *arch = file->arch;
	struct elf_state before = *state, after;

	(void)arg;
	move_stack(&before, insn->stack_before);
	after = before;
	after.word[0] &= ~(uint64_t)elf_insn_written(file, insn);
	for (uint32_t i = 0; i < insn->n_effects; i++)
		take_effect(arch, &insn->effects[i], &before, &after);
	move_stack(&after, insn->stack_after);
	return after;
}

struct calls {
	int (*cb)(void *arg, const struct ecap_elf_call *call);
	void *arg;
	uint64_t value;
	int stop;
};

static enum elf_walk_verdict visit(void *arg, const struct elf_insn *insn,
				   const struct elf_state *state, bool leaves)
{
	struct calls *c = arg;
	struct ecap_elf_call call = {
		.struct_size = sizeof(call), .addr = insn->addr, .callee = insn->target,
	};

	if (!state->word[0] && !state->word[1])
		return ELF_WALK_LEAVE;
	call.known = (uint32_t)state->word[0] & ((1u << ELF_N_ARGS) - 1);
	if ((insn->branch != ELF_BRANCH_CALL && !leaves) || !call.known)
		return ELF_WALK_ON;
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		call.value[i] = call.known >> i & 1 ? c->value : 0;
	c->stop = c->cb(c->arg, &call);
	return c->stop ? ELF_WALK_STOP : ELF_WALK_ON;
}

/* What the instruction takes, and what holds it then: false when it takes nothing. */
static bool takes(struct ecap_elf_file *file, uint64_t addr, uint64_t *value,
		  struct elf_state *state)
{
	const struct elf_insn *insn = elf_insn_at(file, addr);
	const struct elf_effect *e = insn ? &insn->effects[0] : NULL;
	unsigned int reg;

	*state = (struct elf_state){ { 0, 0 } };
	if (e && insn->n_effects == 1 && e->to.kind == ELF_OPERAND_MEM && !insn->push &&
	    e->from.kind == ELF_OPERAND_NUMBER) {
		*value = (uint64_t)e->from.number;
		assign(file->arch, state, &e->to, true);
	} else if (elf_constant_at(file, addr, &reg, value)) {
		state->word[0] = UINT64_C(1) << reg;
	}
	return state->word[0] || state->word[1];
}

int elf_flow_calls(struct ecap_elf_file *file, uint64_t insn,
		   int (*cb)(void *arg, const struct ecap_elf_call *call), void *arg)
{
	struct calls c = { .cb = cb, .arg = arg };
	struct elf_state state;
	uint32_t budget = BUDGET;

	if (!takes(file, insn, &c.value, &state))
		return ecap_err(-ENOENT, "no constant is taken at %#llx", (unsigned long long)insn);

	const struct elf_insn *decoded = elf_insn_at(file, insn);
	int err = decoded ? elf_walk_from(file, insn + decoded->size, &state, flow, &budget, visit,
					  &c) : 0;

	return err ? err : c.stop < 0 ? c.stop : 0;
}
