/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks all paths through a function: see walk.h. A path is an address and what the registers
 * hold there; each such pair is walked once, so loops end.
 */
#include "walk.h"

#include "../err.h"
#include "../util.h"

#define MAX_STEPS   4096
#define SEEN_SLOTS  8192u /* twice the steps: never full */
#define MAX_PENDING 512
#define WALK_COST   32    /* finding a function's bounds, in steps */
#define WALK_WORK   10000 /* of elf_work(), to begin with */
#define UNBOUNDED   0x400 /* bytes that are taken for a function whose end is not known */

struct path {
	uint64_t addr;
	struct elf_state state;
};

struct walk {
	struct path seen[SEEN_SLOTS]; /* address 0: an empty slot */
	struct path pending[MAX_PENDING];
	uint32_t n_pending;
	uint64_t start, end;
};

/* True the first time that this pair comes by. */
static bool is_new(struct walk *w, uint64_t addr, const struct elf_state *state)
{
	uint64_t h = (addr * UINT64_C(0x9e3779b97f4a7c15)) ^
		     (state->word[0] * UINT64_C(0xc2b2ae3d27d4eb4f)) ^
		     (state->word[1] * UINT64_C(0x165667b19e3779f9));

	for (uint32_t i = (uint32_t)(h >> 40);; i++) {
		struct path *slot = &w->seen[i % SEEN_SLOTS];

		if (slot->addr == addr && slot->state.word[0] == state->word[0] &&
		    slot->state.word[1] == state->word[1])
			return false;
		if (slot->addr)
			continue;
		*slot = (struct path){ addr, *state };
		return true;
	}
}

static bool inside(const struct walk *w, uint64_t addr)
{
	return addr >= w->start && addr < w->end;
}

static void add_pending(struct walk *w, uint64_t addr, const struct elf_state *state)
{
	if (inside(w, addr) && w->n_pending < MAX_PENDING)
		w->pending[w->n_pending++] = (struct path){ addr, *state };
}

int elf_walk_from(struct ecap_elf_file *file, uint64_t addr, const struct elf_state *state,
		  elf_flow *flow, uint32_t *budget, elf_visit *visit, void *arg)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	int err = elf_work(file, WALK_WORK);

	if (err)
		return err;
	if (!w)
		return ecap_err(-ENOMEM, "no memory to follow the function at %#llx",
				(unsigned long long)addr);
	if (elf_function_bounds(file, addr, &w->start, &w->end) != 0) {
		w->start = addr;
		w->end = addr + UNBOUNDED;
	}
	*budget -= *budget < WALK_COST ? *budget : WALK_COST;
	add_pending(w, addr, state);

	for (uint32_t steps = 0; w->n_pending && steps < MAX_STEPS && *budget; steps++, --*budget) {
		struct path p = w->pending[--w->n_pending];
		const struct elf_insn *insn = p.addr && is_new(w, p.addr, &p.state)
			? elf_insn_at(file, p.addr) : NULL;

		if (!insn)
			continue;

		enum elf_branch branch = insn->branch;
		uint64_t next = insn->addr + insn->size, target = insn->target;
		struct elf_state after = flow(file, insn, &p.state, arg);
		bool jumps = branch == ELF_BRANCH_JUMP || branch == ELF_BRANCH_COND;
		bool leaves = jumps && !inside(w, target);
		enum elf_walk_verdict verdict = visit(arg, insn, &p.state, leaves);

		if (verdict == ELF_WALK_STOP)
			return 0;
		if (verdict == ELF_WALK_LEAVE || branch >= ELF_BRANCH_JUMP_INDIRECT)
			continue;
		if (jumps)
			add_pending(w, target, &after);
		if (branch != ELF_BRANCH_JUMP)
			add_pending(w, next, &after);
	}
	return 0;
}

static struct elf_state args_flow(struct ecap_elf_file *file, const struct elf_insn *insn,
				  const struct elf_state *args, void *arg)
{
	(void)arg;
	return elf_insn_flow(file, insn, args);
}

int elf_walk(struct ecap_elf_file *file, uint64_t addr, uint32_t *budget, elf_visit *visit,
	     void *arg)
{
	struct elf_state at_call = elf_args_at_call();

	return elf_walk_from(file, addr, &at_call, args_flow, budget, visit, arg);
}
