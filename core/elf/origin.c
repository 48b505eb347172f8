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
	struct ecap_elf_value value[ELF_N_REGS];
};

struct origins {
	int (*cb)(void *arg, const struct ecap_elf_use *use);
	void *arg;
	struct registers *states; /* a walk's state is an index into these */
	uint32_t n;
	int stop;
};

static const struct ecap_elf_value unknown = { .kind = ECAP_ELF_UNKNOWN };

/* The index of these contents; those that find no room any more count as nothing known. */
static uint64_t intern(struct origins *o, const struct registers *r)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (!memcmp(&o->states[i], r, sizeof(*r)))
			return i;
	if (o->n == MAX_STATES)
		return 0;
	o->states[o->n] = *r;
	return o->n++;
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

static struct ecap_elf_value of_register(const struct registers *r, unsigned int reg)
{
	unsigned int number = elf_insn_register(reg);

	return number < ELF_N_REGS ? r->value[number] : unknown;
}

/* The address of a memory operand. */
static struct ecap_elf_value address_of(const struct registers *r, const cs_x86_op *op)
{
	if (op->mem.index != X86_REG_INVALID || op->mem.segment != X86_REG_INVALID)
		return unknown;
	return add(of_register(r, op->mem.base), op->mem.disp);
}

static struct ecap_elf_value of_operand(const struct registers *r, const cs_x86_op *op)
{
	if (op->type == X86_OP_REG)
		return of_register(r, op->reg);
	return op->type == X86_OP_MEM ? load(address_of(r, op), op->size) : unknown;
}

static bool is_move(const cs_insn *insn)
{
	return insn->id == X86_INS_MOV || insn->id == X86_INS_MOVZX ||
	       insn->id == X86_INS_MOVSX || insn->id == X86_INS_MOVSXD;
}

static bool same(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* What the instruction puts into its first operand, a register. */
static struct ecap_elf_value result_of(const struct registers *r, const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;
	const cs_x86_op *to = &x->operands[0], *from = &x->operands[1];
	unsigned int reg;
	uint64_t number;

	if (elf_insn_load(insn, &reg, &number))
		return constant(number);
	if (x->op_count != 2 || to->size < 4)
		return unknown;
	if (insn->id == X86_INS_LEA)
		return address_of(r, from);
	if ((insn->id == X86_INS_ADD || insn->id == X86_INS_SUB) && from->type == X86_OP_IMM)
		return add(of_register(r, to->reg),
			   insn->id == X86_INS_ADD ? from->imm : -from->imm);
	if (!strncmp(insn->mnemonic, "cmov", 4)) {
		struct ecap_elf_value a = of_operand(r, to), b = of_operand(r, from);

		return same(&a, &b) ? a : unknown;
	}
	return is_move(insn) ? of_operand(r, from) : unknown;
}

static uint64_t flow(struct ecap_elf_file *file, const cs_insn *insn, uint64_t state, void *arg)
{
	const cs_x86 *x = &insn->detail->x86;
	struct origins *o = arg;
	struct registers r = o->states[state];
	unsigned int to = x->op_count && x->operands[0].type == X86_OP_REG
		? elf_insn_register(x->operands[0].reg) : ELF_N_REGS;
	struct ecap_elf_value result = to < ELF_N_REGS ? result_of(&r, insn) : unknown;
	uint32_t reads, writes;
	uint64_t target;
	enum elf_branch branch = elf_insn_branch(insn, &target);

	elf_insn_access(file, insn, &reads, &writes);
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		writes |= (1u << ELF_N_SCRATCH) - 1;
	for (unsigned int i = 0; i < ELF_N_REGS; i++)
		if (writes & (1u << i))
			r.value[i] = i == to ? result : unknown;
	return intern(o, &r);
}

/*
 * What is read, when it is reached from an argument. With an index beside the base, the first
 * element of an array.
 */
static bool reads_memory(const struct registers *r, const cs_insn *insn,
			 struct ecap_elf_value *value)
{
	const cs_x86 *x = &insn->detail->x86;

	for (uint8_t i = 0; i < x->op_count && insn->id != X86_INS_LEA; i++) {
		const cs_x86_op *op = &x->operands[i];

		if (op->type != X86_OP_MEM || !(op->access & CS_AC_READ) ||
		    op->mem.segment != X86_REG_INVALID)
			continue;
		*value = load(add(of_register(r, op->mem.base), op->mem.disp), op->size);
		return value->kind == ECAP_ELF_PATH;
	}
	return false;
}

static uint32_t kind_of(enum elf_branch branch, bool leaves)
{
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		return ECAP_ELF_USE_CALL;
	if (branch == ELF_BRANCH_END)
		return ECAP_ELF_USE_RETURN;
	return leaves || branch == ELF_BRANCH_JUMP_INDIRECT ? ECAP_ELF_USE_JUMP : 0;
}

static enum elf_walk_verdict visit(void *arg, const cs_insn *insn, uint64_t state, bool leaves)
{
	struct origins *o = arg;
	const struct registers *r = &o->states[state];
	struct ecap_elf_use use = { .struct_size = sizeof(use), .addr = insn->address };

	use.kind = kind_of(elf_insn_branch(insn, &use.callee), leaves);
	if (use.kind == ECAP_ELF_USE_RETURN) {
		use.result = of_register(r, X86_REG_RAX);
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
	struct origins o = { .cb = cb, .arg = arg, .states = states, .n = 1 };
	struct registers at_call = { 0 };
	uint32_t budget = BUDGET;

	if (!states)
		return ecap_err(-ENOMEM, "no memory to follow the function at %#llx",
				(unsigned long long)addr);
	if (!elf_insn_at(file, addr))
		return ecap_err(-ENOENT, "no x86-64 instruction at %#llx",
				(unsigned long long)addr);
	for (uint8_t i = 0; i < ELF_N_ARGS; i++)
		at_call.value[i] = (struct ecap_elf_value){ .kind = ECAP_ELF_PATH, .arg = i };

	int err = elf_walk_from(file, addr, intern(&o, &at_call), flow, &budget, visit, &o);

	return err ? err : o.stop < 0 ? o.stop : 0;
}
