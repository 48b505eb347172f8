/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constant that an instruction takes. Where one instruction has no room for an address, one
 * takes the address of its page, and others, after it on some path and perhaps each from the
 * result of the one before, add what is missing or load what the linker keeps there.
 */
#include "walk.h"

#define BUDGET      16000  /* instructions looked at behind those that take pages, */
#define BUDGET_ONE  2000   /* and behind one of them */
#define MAX_BEFORE  0x4000 /* bytes searched for those */
#define MAX_PAGES   32     /* of them tried */

/*
 * What registers hold, up to four of them: 32 bits each, with the register + 1 in the upper
 * eight and the distance from the page in the others.
 */
#define N_HELD       4u
#define DISTANCE_MAX 0x7fffff

struct held {
	unsigned int reg; /* ELF_REG_NONE: an empty one */
	int64_t distance;
};

static struct held held_get(const struct elf_state *state, unsigned int i)
{
	uint32_t slot = (uint32_t)(state->word[i / 2] >> (32 * (i % 2)));

	return (struct held){
		.reg = slot >> 24 ? (slot >> 24) - 1 : ELF_REG_NONE,
		.distance = (int64_t)(slot & 0xffffff) - DISTANCE_MAX,
	};
}

static void held_set(struct elf_state *state, unsigned int i, struct held h)
{
	uint64_t *word = &state->word[i / 2], slot = 0;
	unsigned int shift = 32 * (i % 2);

	if (h.reg != ELF_REG_NONE)
		slot = (uint64_t)(h.reg + 1) << 24 | (uint64_t)(h.distance + DISTANCE_MAX);
	*word = (*word & ~(UINT64_C(0xffffffff) << shift)) | slot << shift;
}

static bool find_held(const struct elf_state *state, unsigned int reg, int64_t *distance)
{
	for (unsigned int i = 0; i < N_HELD; i++) {
		struct held h = held_get(state, i);

		if (h.reg == reg && reg != ELF_REG_NONE) {
			*distance = h.distance;
			return true;
		}
	}
	return false;
}

static void add_held(struct elf_state *state, unsigned int reg, int64_t distance)
{
	for (unsigned int i = 0; i < N_HELD; i++)
		if (held_get(state, i).reg == ELF_REG_NONE) {
			held_set(state, i, (struct held){ reg, distance });
			return;
		}
}

/* How far from the page the result is, when it is a copy or a sum. */
static bool result_distance(const struct elf_state *state, const struct elf_effect *e,
			    int64_t *distance)
{
	if (!e || e->from.kind != ELF_OPERAND_REG || e->to.size != 8 ||
	    (e->action != ELF_ACTION_MOVE && e->action != ELF_ACTION_ADD) ||
	    !find_held(state, e->from.reg, distance))
		return false;
	*distance += e->action == ELF_ACTION_ADD ? e->number : 0;
	return *distance > -DISTANCE_MAX && *distance < DISTANCE_MAX;
}

static struct elf_state flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			     const struct elf_state *state, void *arg)
{
	const struct elf_effect *e = elf_insn_result(insn);
	uint32_t writes = elf_insn_written(file, insn);
	struct elf_state after = *state;
	int64_t distance;

	(void)arg;
	for (unsigned int i = 0; i < N_HELD; i++) {
		struct held h = held_get(state, i);

		if (h.reg != ELF_REG_NONE && writes >> h.reg & 1)
			held_set(&after, i, (struct held){ ELF_REG_NONE, 0 });
	}
	if (result_distance(state, e, &distance))
		add_held(&after, e->to.reg, distance);
	return after;
}

struct search {
	struct ecap_elf_file *file;
	uint64_t page, addr;      /* of the instruction that is asked about */
	uint64_t value;
	uint32_t budget;
	bool found;
};

static enum elf_walk_verdict visit(void *arg, const struct elf_insn *insn,
				   const struct elf_state *state, bool leaves)
{
	struct search *s = arg;
	const struct elf_effect *e = elf_insn_result(insn);
	int64_t distance;

	(void)leaves;
	if (!state->word[0] && !state->word[1])
		return ELF_WALK_LEAVE;
	if (insn->addr != s->addr || !e)
		return ELF_WALK_ON;
	if (result_distance(state, e, &distance)) {
		s->value = s->page + (uint64_t)distance;
		s->found = true;
	} else if (e->from.kind == ELF_OPERAND_MEM && !e->from.more &&
		   find_held(state, e->from.reg, &distance)) {
		uint64_t at = s->page + (uint64_t)(distance + e->from.number);

		s->found = elf_reloc_pointer(s->file, at, &s->value) == 0;
	}
	return s->found ? ELF_WALK_STOP : ELF_WALK_ON;
}

/* Walks from the instruction at @from, which takes a page, to the one that is asked about. */
static bool reaches(struct search *s, uint64_t from)
{
	const struct elf_insn *insn = elf_insn_at(s->file, from);
	struct elf_state state = { { 0, 0 } };
	uint32_t budget = s->budget < BUDGET_ONE ? s->budget : BUDGET_ONE, left = budget;

	if (!insn)
		return false;
	s->page = (uint64_t)insn->effects[0].from.number;
	add_held(&state, insn->effects[0].to.reg, 0);
	elf_walk_from(s->file, from + insn->size, &state, flow, &left, visit, s);
	s->budget -= budget - left;
	return s->found;
}

/*
 * Tries what takes a page between @start and the instruction that is asked about, the nearest
 * first: either those that do so into register @reg, or all others.
 */
static bool try_pages(struct search *s, uint64_t start, unsigned int reg, bool same)
{
	uint64_t align = s->file->arch->align;
	uint32_t tried = 0;

	for (uint64_t at = s->addr; at - start >= align && tried < MAX_PAGES && s->budget;) {
		at -= align;

		const struct elf_insn *insn = elf_insn_at(s->file, at);

		if (!insn || !insn->page || (insn->effects[0].to.reg == reg) != same)
			continue;
		tried++;
		if (reaches(s, at))
			return true;
	}
	return false;
}

static bool by_page(struct ecap_elf_file *file, uint64_t addr, unsigned int from, uint64_t *value)
{
	struct search s = { .file = file, .addr = addr, .budget = BUDGET };
	uint64_t start = addr, end;

	if (elf_function_bounds(file, addr, &start, &end) != 0 || addr - start > MAX_BEFORE)
		start = addr > MAX_BEFORE ? addr - MAX_BEFORE : 0;
	if (!try_pages(&s, start, from, true) && !try_pages(&s, start, from, false))
		return false;
	*value = s.value;
	return true;
}

bool elf_constant_at(struct ecap_elf_file *file, uint64_t addr, unsigned int *reg,
		     uint64_t *value)
{
	const struct elf_insn *insn = elf_insn_at(file, addr);
	const struct elf_effect *e = insn ? elf_insn_result(insn) : NULL;

	if (!e)
		return false;
	*reg = e->to.reg;
	if (e->action == ELF_ACTION_MOVE && e->from.kind == ELF_OPERAND_NUMBER) {
		*value = (uint64_t)e->from.number;
		return true;
	}
	if (!file->arch->pages || e->to.size != 8)
		return false;
	if (e->action == ELF_ACTION_MOVE && e->from.kind == ELF_OPERAND_MEM &&
	    e->from.reg == ELF_REG_NONE)
		return elf_reloc_pointer(file, (uint64_t)e->from.number, value) == 0;
	return (e->action == ELF_ACTION_ADD ||
		(e->action == ELF_ACTION_MOVE && e->from.kind == ELF_OPERAND_MEM)) &&
	       by_page(file, addr, e->from.reg, value);
}
