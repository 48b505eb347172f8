/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registers hold in a function in terms of its own arguments: a constant, or a word reached
 * from an argument by offsets and loads. A getter that is a few instructions long tells so where
 * in a struct its member lies. Of the memory that the function itself writes only the words on
 * its stack are followed, where compilers keep arguments while it calls others.
 */
#include "walk.h"

#include "../err.h"
#include "../util.h"

#define BUDGET     20000 /* instructions looked at in one function */
#define MAX_STATES 512   /* different contents of the registers: a loop must not go on for ever */

#define STATE_WORK 20  /* of elf_work(), to compare two */

#define N_SLOTS 8u

/*
 * The stack pointer counts as an argument of this number, so that what is found by another
 * register that got its value is found, too. Nobody else gets to see it.
 */
#define STACK 255u

/* A word on the stack, at a distance from where sp was when the function was called. */
struct slot {
	struct ecap_elf_value value; /* ECAP_ELF_UNKNOWN: the slot is empty */
	int64_t at;
};

struct registers {
	struct slot slots[N_SLOTS];
	struct ecap_elf_value value[ELF_MAX_REGS]; /* the machine's; the rest is not used */
};

struct origins {
	int (*cb)(void *arg, const struct ecap_elf_use *use);
	void *arg;
	struct registers *states; /* a walk's state is an index into these */
	uint32_t n;
	size_t size;              /* of the part of a state that the machine uses */
	const struct elf_arch *arch;
	int stop;
};

static const struct ecap_elf_value unknown = { .kind = ECAP_ELF_UNKNOWN };

/* The index of these contents; those that find no room any more count as nothing known. */
static uint32_t find(struct origins *o, const struct registers *r)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (!memcmp(&o->states[i], r, o->size))
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

static bool is_on_stack(const struct ecap_elf_value *v)
{
	return v->kind == ECAP_ELF_PATH && v->arg == STACK;
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

/* What was last written there. */
static struct ecap_elf_value of_stack(const struct registers *r, int64_t at, uint8_t size)
{
	for (unsigned int i = 0; i < N_SLOTS; i++)
		if (r->slots[i].value.kind && r->slots[i].at == at && size == 8)
			return r->slots[i].value;
	return unknown;
}

static void drop_slots(struct registers *r, int64_t from, int64_t to)
{
	for (unsigned int i = 0; i < N_SLOTS; i++)
		if (r->slots[i].value.kind && r->slots[i].at > from && r->slots[i].at < to)
			r->slots[i] = (struct slot){ .at = 0 };
}

static void write_stack(struct registers *r, int64_t at, uint8_t size,
			const struct ecap_elf_value *value)
{
	drop_slots(r, at - 8, at + size);
	/* Small code has push and pop for a constant in a register. */
	if (size != 8 || !value->kind || is_on_stack(value))
		return;
	for (unsigned int i = 0; i < N_SLOTS; i++)
		if (!r->slots[i].value.kind) {
			r->slots[i] = (struct slot){ .value = *value, .at = at };
			return;
		}
}

static struct ecap_elf_value of_operand(const struct registers *r, const struct elf_operand *op)
{
	if (op->kind == ELF_OPERAND_REG)
		return of_register(r, op->reg);
	if (op->kind == ELF_OPERAND_NUMBER)
		return constant((uint64_t)op->number);
	if (op->kind != ELF_OPERAND_MEM || op->more)
		return unknown;

	struct ecap_elf_value at = add(of_register(r, op->reg), op->number);

	return is_on_stack(&at) ? of_stack(r, at.offset[0], op->size) : load(at, op->size);
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

static void take_effect(const struct registers *before, struct registers *after,
			const struct elf_effect *e, bool pages)
{
	if (e->to.kind == ELF_OPERAND_REG) {
		after->value[e->to.reg] = result_of(before, e, pages);
		return;
	}

	struct ecap_elf_value at = add(of_register(before, e->to.reg), e->to.number);
	struct ecap_elf_value value = of_operand(before, &e->from);

	if (is_on_stack(&at) && !e->to.more)
		write_stack(after, at.offset[0], e->to.size, &value);
}

/* A function that gets an address on the stack may write there and above. */
static void forget_passed(struct registers *r)
{
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		if (is_on_stack(&r->value[i]))
			drop_slots(r, r->value[i].offset[0] - 1, INT64_MAX);
}

static struct elf_state flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			     const struct elf_state *state, void *arg)
{
	struct origins *o = arg;
	struct registers before = o->states[state->word[0]], after;
	uint32_t writes = elf_insn_written(file, insn);
	unsigned int sp = o->arch->sp;

	if (elf_insn_is_call(insn))
		forget_passed(&before);
	before.value[sp] = add(before.value[sp], insn->stack_before);
	after = before;
	for (unsigned int i = 0; i < o->arch->n_regs; i++)
		if (writes & (1u << i) && i != sp)
			after.value[i] = unknown;
	if (insn->stack_after)
		after.value[sp] = add(before.value[sp], insn->stack_after);
	else if (writes >> sp & 1 && !insn->stack_before && !elf_insn_is_call(insn))
		after.value[sp] = unknown; /* a call leaves it where it was */
	for (uint32_t i = 0; i < insn->n_effects; i++)
		take_effect(&before, &after, &insn->effects[i], o->arch->pages);
	elf_work(file, (uint64_t)o->n * STATE_WORK);
	return intern(o, &after);
}

/*
 * What is read, when it is reached from an argument. With an index beside the base, the first
 * element of an array.
 */
static bool reads_memory(const struct registers *r, const struct elf_operand *op,
			 struct ecap_elf_value *value)
{
	*value = load(add(of_register(r, op->reg), op->number), op->size);
	return value->kind == ECAP_ELF_PATH && value->arg != STACK;
}

static uint32_t kind_of(enum elf_branch branch, bool leaves)
{
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		return ECAP_ELF_USE_CALL;
	if (branch == ELF_BRANCH_RETURN)
		return ECAP_ELF_USE_RETURN;
	return leaves || branch == ELF_BRANCH_JUMP_INDIRECT ? ECAP_ELF_USE_JUMP : 0;
}

static struct ecap_elf_value shown(const struct ecap_elf_value *v)
{
	return v->arg == STACK ? unknown : *v;
}

static void fill_use(struct ecap_elf_use *use, const struct registers *r,
		     const struct elf_arch *arch)
{
	bool returns = use->kind == ECAP_ELF_USE_RETURN;

	use->result = returns ? shown(&r->value[arch->result]) : unknown;
	for (unsigned int i = 0; i < ELF_N_ARGS && !returns; i++)
		use->arg[i] = shown(&r->value[i]);
}

static enum elf_walk_verdict visit(void *arg, const struct elf_insn *insn,
				   const struct elf_state *state, bool leaves)
{
	struct origins *o = arg;
	const struct registers *r = &o->states[state->word[0]];
	struct ecap_elf_use use = { .struct_size = sizeof(use), .addr = insn->addr };
	uint32_t kind = kind_of(insn->branch, leaves);

	/* A call may read where it leads. */
	for (uint32_t i = 0; i < insn->n_read && !o->stop; i++)
		if (reads_memory(r, &insn->read[i], &use.result)) {
			use.kind = ECAP_ELF_USE_LOAD;
			o->stop = o->cb(o->arg, &use);
		}
	if (kind && !o->stop) {
		use.kind = kind;
		use.callee = insn->target;
		fill_use(&use, r, o->arch);
		o->stop = o->cb(o->arg, &use);
	}
	return o->stop ? ELF_WALK_STOP : ELF_WALK_ON;
}

int elf_origin_uses(struct ecap_elf_file *file, uint64_t addr,
		    int (*cb)(void *arg, const struct ecap_elf_use *use), void *arg)
{
	_cleanup_free_ struct registers *states = calloc(MAX_STATES, sizeof(*states));
	struct origins o = {
		.cb = cb, .arg = arg, .states = states, .n = 1, .arch = file->arch,
		.size = offsetof(struct registers, value[file->arch->n_regs]),
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
	at_call.value[file->arch->sp] = (struct ecap_elf_value){ .kind = ECAP_ELF_PATH,
								 .arg = STACK };

	struct elf_state state = intern(&o, &at_call);
	int err = elf_walk_from(file, addr, &state, flow, &budget, visit, &o);

	return err ? err : o.stop < 0 ? o.stop : 0;
}
