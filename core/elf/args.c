/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What code does with arguments: whether a function reads one, to which other function it hands
 * its first three on, and which constants it passes to a call. All of them tell functions apart
 * without symbols.
 */
#include "walk.h"

#include "../err.h"

#define MAX_DEPTH 4 /* calls followed to see what becomes of an argument */
#define BUDGET    20000 /* instructions looked at for one question */
#define N_FORWARDED 3u
#define MAX_STUB  5       /* instructions of a stub */
#define MAX_BEFORE 0x4000 /* bytes of a function decoded to know what is loaded before a place */
#define MAX_AFTER  16     /* instructions from a place to the call it leads to */

/*
 * A stub that leads to another file: an indirect jump behind at most a mark where jumps may land
 * and what computes where to.
 */
static bool is_stub(struct ecap_elf_file *file, uint64_t addr)
{
	for (int i = 0; i < MAX_STUB; i++) {
		const struct elf_insn *insn = elf_insn_at(file, addr);
		uint32_t written = insn && !insn->branch ? elf_insn_written(file, insn) : 0;

		if (!insn || insn->branch)
			return insn && insn->branch == ELF_BRANCH_JUMP_INDIRECT;
		if (!insn->marker && (!written || written & ~file->arch->stub))
			return false;
		addr += insn->size;
	}
	return false;
}

struct read_walk {
	struct ecap_elf_file *file;
	unsigned int index;
	int depth;
	uint32_t *budget;
	int found; /* 1: read; a negative errno ended the search */
};

static int reads_arg(struct ecap_elf_file *file, uint64_t addr, unsigned int index, int depth,
		     uint32_t *budget);

/* push of an argument register may only align the stack: the argument need not exist. */
static bool is_read(struct ecap_elf_file *file, const struct elf_insn *insn, unsigned int reg)
{
	uint32_t reads, writes;

	elf_insn_access(file, insn, &reads, &writes);
	return !insn->push && (reads & (1u << reg));
}

/* True when the first @n arguments are all where the caller put them. */
static bool in_place(const struct elf_state *args, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (elf_args_get(args, i) != i)
			return false;
	return true;
}

/* A jump to who knows where hands on the arguments up to the first that is not in place. */
static enum elf_walk_verdict visit_for_read(void *arg, const struct elf_insn *insn,
					    const struct elf_state *args, bool leaves)
{
	struct read_walk *w = arg;
	uint64_t target = insn->target;
	enum elf_branch branch = insn->branch;

	if (elf_args_get(args, w->index) != w->index)
		return ELF_WALK_LEAVE;
	if (is_read(w->file, insn, w->index) ||
	    (branch == ELF_BRANCH_JUMP_INDIRECT && in_place(args, w->index)))
		w->found = 1;
	else if (branch == ELF_BRANCH_CALL && !is_stub(w->file, target))
		w->found = reads_arg(w->file, target, w->index, w->depth + 1, w->budget);
	else if (leaves)
		w->found = reads_arg(w->file, target, w->index, w->depth + 1, w->budget);
	return w->found ? ELF_WALK_STOP : ELF_WALK_ON;
}

static int reads_arg(struct ecap_elf_file *file, uint64_t addr, unsigned int index, int depth,
		     uint32_t *budget)
{
	struct read_walk w = { .file = file, .index = index, .depth = depth, .budget = budget };

	if (depth > MAX_DEPTH)
		return 0;

	int err = elf_walk(file, addr, budget, visit_for_read, &w);

	return err ? err : w.found;
}

int elf_args_reads(struct ecap_elf_file *file, uint64_t addr, uint32_t index)
{
	if (index >= ELF_N_ARGS)
		return ecap_err(-EINVAL, "argument %u is in no register", index);
	if (!elf_insn_at(file, addr))
		return ecap_err(-ENOENT, "no instruction at %#llx",
				(unsigned long long)addr);

	uint32_t budget = BUDGET;

	return reads_arg(file, addr, index, 0, &budget);
}

struct forward_walk {
	struct ecap_elf_file *file;
	uint64_t callee;
	uint32_t budget;
	int err;
};

/* A function that does not look at the arguments was not handed them, they were just there. */
static bool takes_all(struct forward_walk *w, uint64_t callee)
{
	for (unsigned int i = 0; i < N_FORWARDED; i++)
		if (reads_arg(w->file, callee, i, 1, &w->budget) != 1)
			return false;
	return true;
}

static enum elf_walk_verdict visit_for_forward(void *arg, const struct elf_insn *insn,
					       const struct elf_state *args, bool leaves)
{
	struct forward_walk *w = arg;
	uint64_t target = insn->target;

	if ((insn->branch != ELF_BRANCH_CALL && !leaves) || !in_place(args, N_FORWARDED) ||
	    target == w->callee || is_stub(w->file, target) || !takes_all(w, target))
		return ELF_WALK_ON;
	if (w->callee)
		w->err = ecap_err(-ENOTUNIQ, "arguments go on to both %#llx and %#llx",
				  (unsigned long long)w->callee, (unsigned long long)target);
	w->callee = target;
	return w->err ? ELF_WALK_STOP : ELF_WALK_ON;
}

int elf_args_forwards(struct ecap_elf_file *file, uint64_t addr, uint64_t *callee)
{
	struct forward_walk w = { .file = file, .budget = BUDGET };
	int err = elf_walk(file, addr, &w.budget, visit_for_forward, &w);

	if (err || w.err)
		return err ? err : w.err;
	if (!w.callee)
		return ecap_err(-ENOENT, "the function at %#llx hands its arguments to no other",
				(unsigned long long)addr);
	*callee = w.callee;
	return 0;
}

/* What registers hold on the way to a call. */
struct constants {
	uint32_t known; /* a set */
	uint64_t value[ELF_MAX_REGS];
};

/* True when the instruction's result follows from what is known. */
static bool is_known_result(const struct constants *c, const struct elf_effect *e, uint64_t *value)
{
	bool from_register = e->from.kind == ELF_OPERAND_REG && c->known >> e->from.reg & 1;

	if (e->action == ELF_ACTION_MOVE && e->from.kind == ELF_OPERAND_NUMBER) {
		*value = (uint64_t)e->from.number;
		return true;
	}
	if (!from_register)
		return false;
	if (e->action == ELF_ACTION_ADD || e->action == ELF_ACTION_INSERT) {
		*value = elf_effect_result(e, c->value[e->from.reg]);
		return true;
	}
	*value = c->value[e->from.reg];
	return e->action == ELF_ACTION_MOVE && e->to.size == 8 && e->from.size == 8;
}

/* Takes account of one instruction: what it loads is known, what else it writes is not. */
static void follow_constants(struct ecap_elf_file *file, const struct elf_insn *insn,
			     struct constants *c)
{
	const struct elf_effect *e = elf_insn_result(insn);
	uint64_t value = 0;
	bool known = e && is_known_result(c, e, &value);

	if (insn->branch && insn->branch != ELF_BRANCH_COND && !elf_insn_is_call(insn)) {
		c->known = 0; /* what comes next is reached from elsewhere */
		return;
	}
	c->known &= ~elf_insn_written(file, insn);
	if (known) {
		c->known |= 1u << e->to.reg;
		c->value[e->to.reg] = value;
	}
}

/*
 * Goes through the function from its start: only from there is it certain where instructions
 * begin. False when @insn is not at the start of one.
 */
static bool follow_to(struct ecap_elf_file *file, uint64_t insn, struct constants *c)
{
	uint64_t at, end;

	if (elf_function_bounds(file, insn, &at, &end) != 0 || insn - at > MAX_BEFORE)
		return false;
	while (at < insn) {
		const struct elf_insn *decoded = elf_insn_at(file, at);

		if (decoded)
			follow_constants(file, decoded, c);
		at += decoded ? decoded->size : file->arch->align;
	}
	return at == insn;
}

static void fill_call(const struct constants *c, const struct elf_insn *insn,
		      struct ecap_elf_call *call)
{
	*call = (struct ecap_elf_call){ .addr = insn->addr, .callee = insn->target };
	call->known = c->known & ((1u << ELF_N_ARGS) - 1);
	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		call->value[i] = call->known >> i & 1 ? c->value[i] : 0;
}

int elf_args_call(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call)
{
	struct constants c = { 0 };
	const struct elf_insn *decoded;
	unsigned int reg;
	uint64_t value;

	if (!follow_to(file, insn, &c))
		return ecap_err(-ENOENT, "%#llx is not an instruction of a function that is known",
				(unsigned long long)insn);
	for (int i = 0; i < MAX_AFTER && (decoded = elf_insn_at(file, insn)); i++) {
		if (elf_insn_is_call(decoded)) {
			fill_call(&c, decoded, call);
			return 0;
		}
		if (decoded->branch == ELF_BRANCH_JUMP) {
			insn = decoded->target;
			continue;
		}
		if (decoded->branch)
			break;
		insn += decoded->size;
		follow_constants(file, decoded, &c);
		/* The page that the first one adds to may have been taken on another path. */
		if (!i && elf_constant_at(file, insn - decoded->size, &reg, &value)) {
			c.known |= 1u << reg;
			c.value[reg] = value;
		}
	}
	return ecap_err(-ENOENT, "no call within %d instructions", MAX_AFTER);
}
