/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registers hold in a function in terms of its own arguments: a constant, or a word reached
 * from an argument by offsets and loads. A getter that is a few instructions long tells so where
 * in a struct its member lies. Memory that the function itself writes is not followed.
 */
#include "walk.h"

#include "../err.h"
#include "../util.h"

#define BUDGET     20000 /* instructions looked at in one function */
#define MAX_STATES 512   /* different contents of the registers: a loop must not go on for ever */

struct registers {
	struct ecap_elf_value value[ELF_MAX_REGS]; /* the machine's; the rest is not used */
};

struct origins {
	int (*cb)(void *arg, const struct ecap_elf_use *use);
	void *arg;
	struct registers *states; /* a walk's state is an index into these */
	uint32_t n, n_regs;
	uint8_t result;           /* the register that a function returns its result in */
	int stop;
};

static const struct ecap_elf_value unknown = { .kind = ECAP_ELF_UNKNOWN };

/* The index of these contents; those that find no room any more count as nothing known. */
static uint32_t find(struct origins *o, const struct registers *r)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (!memcmp(o->states[i].value, r->value, o->n_regs * sizeof(r->value[0])))
			return i;
	if (o->n == MAX_STATES)
		return 0;
	o->states[o->n] = *r;
	return o->n++;
}

static struct elf_state intern(struct origins *o, const struct registers *r)
{
	return (struct elf_state){ { find(o, r), 0 } };
}

static struct ecap_elf_value constant(uint64_t number)
{
	return (struct ecap_elf_value){ .kind = ECAP_ELF_CONSTANT, .number = number };
}

static struct ecap_elf_value add(struct ecap_elf_value v, int64_t more)
{
	int64_t sum = v.offset[v.n_loads] + more;

	if (v.kind != ECAP_ELF_PATH || sum != (int32_t)sum)
		return unknown;
	v.offset[v.n_loads] = (int32_t)sum;
	return v;
}

static struct ecap_elf_value load(struct ecap_elf_value v, uint8_t width)
{
	if (v.kind != ECAP_ELF_PATH || v.n_loads == ECAP_ELF_MAX_LOADS)
		return unknown;
	v.n_loads++;
	v.width = width;
	return v;
}

/* @reg: ELF_REG_NONE is one, too. */
static struct ecap_elf_value of_register(const struct registers *r, unsigned int reg)
{
	return reg < ELF_MAX_REGS ? r->value[reg] : unknown;
}

static struct ecap_elf_value of_operand(const struct registers *r, const struct elf_operand *op)
{
	if (op->kind == ELF_OPERAND_REG)
		return of_register(r, op->reg);
	if (op->kind == ELF_OPERAND_NUMBER)
		return constant((uint64_t)op->number);
	if (op->kind != ELF_OPERAND_MEM || op->more)
		return unknown;
	return load(add(of_register(r, op->reg), op->number), op->size);
}

static bool same(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/*
 * A constant with something added is one where the constant is a page that was taken for that;
 * else a loop that counts would give a new one each time.
 */
static struct ecap_elf_value add_to(struct ecap_elf_value v, const struct elf_effect *e,
				    bool pages)
{
	if (pages && v.kind == ECAP_ELF_CONSTANT && !(v.number & 0xfff))
		return constant(elf_effect_result(e, v.number));
	return add(v, e->number);
}

/* What the instruction puts into a register. */
static struct ecap_elf_value result_of(const struct registers *r, const struct elf_effect *e,
				       bool pages)
{
	struct ecap_elf_value from = of_operand(r, &e->from), other;

	if (e->to.size < 4)
		return unknown;
	switch (e->action) {
	case ELF_ACTION_MOVE:
		return from;
	case ELF_ACTION_ADD:
		return add_to(from, e, pages);
	case ELF_ACTION_INSERT:
		return from.kind == ECAP_ELF_CONSTANT
			? constant(elf_effect_result(e, from.number)) : unknown;
	case ELF_ACTION_SELECT:
		other = of_operand(r, &e->other);
		return same(&from, &other) ? from : unknown;
	default:
		return unknown;
	}
}

static struct elf_state flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			     const struct elf_state *state, void *arg)
{
	struct origins *o = arg;
	const struct registers *before = &o->states[state->word[0]];
	struct registers after = *before;
	uint32_t writes = elf_insn_written(file, insn);

	for (unsigned int i = 0; i < o->n_regs; i++)
		if (writes & (1u << i))
			after.value[i] = unknown;
	for (uint32_t i = 0; i < insn->n_effects; i++)
		if (insn->effects[i].to.kind == ELF_OPERAND_REG)
			after.value[insn->effects[i].to.reg] =
				result_of(before, &insn->effects[i], file->arch->pages);
	return intern(o, &after);
}

/*
 * What is read, when it is reached from an argument. With an index beside the base, the first
 * element of an array.
 */
static bool reads_memory(const struct registers *r, const struct elf_insn *insn,
			 struct ecap_elf_value *value)
{
	const struct elf_operand *op = &insn->read;

	if (op->kind != ELF_OPERAND_MEM)
		return false;
	*value = load(add(of_register(r, op->reg), op->number), op->size);
	return value->kind == ECAP_ELF_PATH;
}

static uint32_t kind_of(enum elf_branch branch, bool leaves)
{
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		return ECAP_ELF_USE_CALL;
	if (branch == ELF_BRANCH_END)
		return ECAP_ELF_USE_RETURN;
	return leaves || branch == ELF_BRANCH_JUMP_INDIRECT ? ECAP_ELF_USE_JUMP : 0;
}

static enum elf_walk_verdict visit(void *arg, const struct elf_insn *insn,
				   const struct elf_state *state, bool leaves)
{
	struct origins *o = arg;
	const struct registers *r = &o->states[state->word[0]];
	struct ecap_elf_use use = {
		.struct_size = sizeof(use), .kind = kind_of(insn->branch, leaves),
		.addr = insn->addr, .callee = insn->target,
	};

	if (use.kind == ECAP_ELF_USE_RETURN) {
		use.result = r->value[o->result];
	} else if (use.kind) {
		memcpy(use.arg, r->value, sizeof(use.arg));
	} else if (reads_memory(r, insn, &use.result)) {
		use.kind = ECAP_ELF_USE_LOAD;
	} else {
		return ELF_WALK_ON;
	}
	o->stop = o->cb(o->arg, &use);
	return o->stop ? ELF_WALK_STOP : ELF_WALK_ON;
}

int elf_origin_uses(struct ecap_elf_file *file, uint64_t addr,
		    int (*cb)(void *arg, const struct ecap_elf_use *use), void *arg)
{
	_cleanup_free_ struct registers *states = calloc(MAX_STATES, sizeof(*states));
	struct origins o = {
		.cb = cb, .arg = arg, .states = states, .n = 1, .n_regs = file->arch->n_regs,
		.result = file->arch->result,
	};
	struct registers at_call = { 0 };
	uint32_t budget = BUDGET;

	if (!states)
		return ecap_err(-ENOMEM, "no memory to follow the function at %#llx",
				(unsigned long long)addr);
	if (!elf_insn_at(file, addr))
		return ecap_err(-ENOENT, "no instruction at %#llx",
				(unsigned long long)addr);
	for (uint8_t i = 0; i < ELF_N_ARGS; i++)
		at_call.value[i] = (struct ecap_elf_value){ .kind = ECAP_ELF_PATH, .arg = i };

	struct elf_state state = intern(&o, &at_call);
	int err = elf_walk_from(file, addr, &state, flow, &budget, visit, &o);

	return err ? err : o.stop < 0 ? o.stop : 0;
}
