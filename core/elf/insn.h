/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions as probe sites and the flow of arguments and constants need them, the same for
 * every machine: where an instruction leads, which registers it reads and writes, and, when it
 * only moves or adds something, what it puts where. insn_x86.c and insn_arm64.c fill it.
 */
#ifndef ECAPTURE_CORE_ELF_INSN_H
#define ECAPTURE_CORE_ELF_INSN_H

#include "file.h"

/*
 * Registers by number, at most 32, so that a set of them is a word. Those that pass arguments
 * come first, in order.
 * x86-64: rdi rsi rdx rcx r8 r9 r10 r11 rax as in ECAP_REG_*, then rbx rbp rsp and r12 to r15.
 * arm64: x0 to x30, then sp.
 */
#define ELF_MAX_REGS 32u
#define ELF_REG_NONE 255u
#define ELF_N_ARGS   6u /* what struct ecap_elf_call and its like have room for */

/* What a walk knows at an instruction: two words, so that states compare at once. */
struct elf_state {
	uint64_t word[2];
};

/* Which argument each register holds: four bits a register, ELF_NO_ARG for none. */
#define ELF_NO_ARG 15u

static inline unsigned int elf_args_get(const struct elf_state *args, unsigned int reg)
{
	return (unsigned int)(args->word[reg / 16] >> (4 * (reg % 16))) & 15;
}

static inline void elf_args_set(struct elf_state *args, unsigned int reg, unsigned int arg)
{
	uint64_t *word = &args->word[reg / 16];
	unsigned int shift = 4 * (reg % 16);

	*word = (*word & ~(UINT64_C(15) << shift)) | (uint64_t)arg << shift;
}

/* What registers hold when a function is called. */
struct elf_state elf_args_at_call(void);

enum elf_branch {
	ELF_BRANCH_NONE,
	ELF_BRANCH_CALL,          /* direct; the target is known */
	ELF_BRANCH_JUMP,
	ELF_BRANCH_COND,
	ELF_BRANCH_CALL_INDIRECT,
	ELF_BRANCH_JUMP_INDIRECT, /* from here on: no path goes on that could be followed */
	ELF_BRANCH_RETURN,
	ELF_BRANCH_END,           /* a trap: nothing follows */
};

enum elf_operand_kind {
	ELF_OPERAND_NONE,
	ELF_OPERAND_REG,
	ELF_OPERAND_MEM,    /* at @reg + @number, or at @number when @reg is ELF_REG_NONE */
	ELF_OPERAND_NUMBER,
};

struct elf_operand {
	uint8_t kind;    /* enum elf_operand_kind */
	uint8_t reg;
	uint8_t size;    /* bytes */
	bool more;       /* the address has further parts: an index, a segment */
	int64_t number;
};

enum elf_action {
	ELF_ACTION_NONE,
	ELF_ACTION_MOVE,    /* to = from, widened to its size */
	ELF_ACTION_ADD,     /* to = the register from + number */
	ELF_ACTION_INSERT,  /* to = the register from with the bits @mask replaced by number */
	ELF_ACTION_SELECT,  /* to = from or other */
};

struct elf_effect {
	enum elf_action action;
	struct elf_operand to, from, other;
	int64_t number;
	uint64_t mask;
};

#define ELF_MAX_EFFECTS 2u /* arm64's load and store of a pair */

struct elf_insn {
	uint64_t addr, target; /* target: of a direct call or jump, else 0 */
	uint8_t size;
	bool marker;           /* endbr64, bti, nop: does nothing */
	bool push;
	bool page;             /* takes the address of a page, to which others add */
	enum elf_branch branch;
	uint32_t n_effects;
	struct elf_effect effects[ELF_MAX_EFFECTS]; /* at once: of what was there before */
	int64_t stack_before, stack_after; /* added to sp before and after the effects */
	uint32_t n_read;
	struct elf_operand read[ELF_MAX_EFFECTS]; /* memory that it reads; an index may be beside */
	uint32_t reads, writes;            /* sets of registers: by elf_insn_access() */
	uint32_t raw;                      /* arm64: the instruction itself */
};

/* What differs between machines. */
struct elf_arch {
	uint16_t machine;
	cs_arch capstone;
	cs_mode mode;
	uint32_t work;      /* to decode an instruction: elf_work() */
	uint8_t align;      /* bytes to the next place where an instruction may start */
	uint8_t n_regs, sp, fp, result;
	bool pages;         /* an address is taken in two steps, its page first */
	uint8_t n_named;    /* registers that struct ecap_site can name */
	uint32_t scratch;   /* set: a call may change them */
	uint32_t link;      /* set: where the return address is in a register */
	uint32_t stub;      /* set: what a stub that leads to another file writes */
	uint32_t relocations[4]; /* types that store a pointer; the first is without a symbol */
	/* Fills @insn; false: there is no instruction. */
	bool (*decode)(struct ecap_elf_file *file, uint64_t addr, struct elf_insn *insn);
	/* Fills .reads and .writes of the instruction that was decoded last. */
	void (*access)(struct ecap_elf_file *file, struct elf_insn *insn);
	bool (*is_emulated)(const struct ecap_elf_file *file, const struct elf_insn *insn);
	/* Calls @cb for the target of each direct call in a segment. @cb: not 0 ends it. */
	int (*each_call)(struct ecap_elf_file *file, const struct ecap_elf_segment *segment,
			 int (*cb)(void *arg, uint64_t target), void *arg);
	/* Searches a segment for code that takes an address. */
	int (*search_refs)(const struct elf_ref_search *search,
			   const struct ecap_elf_segment *segment);
};

extern const struct elf_arch elf_x86, elf_arm64;

/* The instruction at @addr, or NULL. Valid until the next call with this file. */
const struct elf_insn *elf_insn_at(struct ecap_elf_file *file, uint64_t addr);

/* Sets of registers, one bit each, that the instruction reads and writes; of the last decoded. */
void elf_insn_access(struct ecap_elf_file *file, const struct elf_insn *insn, uint32_t *reads,
		     uint32_t *writes);

/* The same for a path through it: a call writes what it may change. */
uint32_t elf_insn_written(struct ecap_elf_file *file, const struct elf_insn *insn);

/* What registers hold after the instruction (after the call, when it is one). */
struct elf_state elf_insn_flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			       const struct elf_state *args);

/* The result of adding or inserting, from what the register held. */
uint64_t elf_effect_result(const struct elf_effect *effect, uint64_t from);

/* By Capstone, at most @len bytes; NULL when it knows none. Valid until the next. */
const cs_insn *elf_insn_disassemble(struct ecap_elf_file *file, uint64_t addr, size_t len);

/* The instruction as text. */
void elf_insn_text(struct ecap_elf_file *file, const struct elf_insn *insn, char *text,
		   size_t size);

/* search_x86.c, search_arm64.c */
int elf_search_x86(const struct elf_ref_search *search, const struct ecap_elf_segment *segment);
int elf_search_arm64(const struct elf_ref_search *search, const struct ecap_elf_segment *segment);

static inline bool elf_insn_is_call(const struct elf_insn *insn)
{
	return insn->branch == ELF_BRANCH_CALL || insn->branch == ELF_BRANCH_CALL_INDIRECT;
}

/* Its only effect, when that goes to a register; else NULL. */
static inline const struct elf_effect *elf_insn_result(const struct elf_insn *insn)
{
	return insn->n_effects == 1 && insn->effects[0].to.kind == ELF_OPERAND_REG
		? &insn->effects[0] : NULL;
}

#endif
