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
#define MAX_BEFORE 0x4000 /* bytes of a function decoded to know what is loaded before a place */
#define MAX_AFTER  16     /* instructions from a place to the call it leads to */

/* A stub that leads to another file: an indirect jump, behind endbr64 or not. */
static bool is_stub(struct ecap_elf_file *file, uint64_t addr)
{
	const cs_insn *insn = elf_insn_at(file, addr);
	uint64_t target;

	if (insn && insn->id == X86_INS_ENDBR64)
		insn = elf_insn_at(file, addr + insn->size);
	return insn && elf_insn_branch(insn, &target) == ELF_BRANCH_JUMP_INDIRECT;
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
static bool is_read(struct ecap_elf_file *file, const cs_insn *insn, unsigned int reg)
{
	uint32_t reads, writes;

	elf_insn_access(file, insn, &reads, &writes);
	return insn->id != X86_INS_PUSH && (reads & (1u << reg));
}

/* True when the first @n arguments are all where the caller put them. */
static bool in_place(uint64_t args, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (elf_args_get(args, i) != i)
			return false;
	return true;
}

/* A jump to who knows where hands on the arguments up to the first that is not in place. */
static enum elf_walk_verdict visit_for_read(void *arg, const cs_insn *insn, uint64_t args,
					    bool leaves)
{
	struct read_walk *w = arg;
	uint64_t target = 0;

	if (elf_args_get(args, w->index) != w->index)
		return ELF_WALK_LEAVE;

	enum elf_branch branch = elf_insn_branch(insn, &target);

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
		return ecap_err(-ENOENT, "no x86-64 instruction at %#llx",
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

static enum elf_walk_verdict visit_for_forward(void *arg, const cs_insn *insn, uint64_t args,
					       bool leaves)
{
	struct forward_walk *w = arg;
	uint64_t target = 0;
	enum elf_branch branch = elf_insn_branch(insn, &target);

	if ((branch != ELF_BRANCH_CALL && !leaves) || !in_place(args, N_FORWARDED) ||
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

/* Takes account of one instruction: what it loads is known, what else it writes is not. */
static void follow_constants(struct ecap_elf_file *file, const cs_insn *insn,
			     struct ecap_elf_call *call)
{
	uint32_t reads, writes;
	unsigned int reg;
	uint64_t value = 0;
	enum elf_branch branch = elf_insn_branch(insn, &value);

	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT ||
	    branch == ELF_BRANCH_JUMP || branch == ELF_BRANCH_JUMP_INDIRECT ||
	    branch == ELF_BRANCH_END) {
		call->known = 0; /* what comes next is reached from elsewhere, or knows nothing */
		return;
	}

	bool loads = elf_insn_load(insn, &reg, &value);

	elf_insn_access(file, insn, &reads, &writes);
	call->known &= ~writes;
	if (loads && reg < ELF_N_ARGS) {
		call->known |= 1u << reg;
		call->value[reg] = value;
	}
}

/*
 * Goes through the function from its start: only from there is it certain where instructions
 * begin. False when @insn is not at the start of one.
 */
static bool follow_to(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call)
{
	uint64_t at, end;

	if (elf_function_bounds(file, insn, &at, &end) != 0 || insn - at > MAX_BEFORE)
		return false;
	while (at < insn) {
		const cs_insn *decoded = elf_insn_at(file, at);

		if (decoded)
			follow_constants(file, decoded, call);
		at += decoded ? decoded->size : 1;
	}
	return at == insn;
}

int elf_args_call(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call)
{
	struct ecap_elf_call made = { 0 };
	const cs_insn *decoded = NULL;

	if (!follow_to(file, insn, &made))
		return ecap_err(-ENOENT, "%#llx is not an instruction of a function that is known",
				(unsigned long long)insn);
	for (int i = 0; i < MAX_AFTER && (decoded = elf_insn_at(file, insn)); i++) {
		uint64_t target = 0;
		enum elf_branch branch = elf_insn_branch(decoded, &target);

		if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT) {
			made.addr = insn;
			made.callee = target;
			*call = made;
			return 0;
		}
		if (branch == ELF_BRANCH_JUMP) {
			insn = target;
			continue;
		}
		if (branch)
			break;
		follow_constants(file, decoded, &made);
		insn += decoded->size;
	}
	return ecap_err(-ENOENT, "no call within %d instructions", MAX_AFTER);
}
