/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86-64 instructions as probe sites and the flow of arguments need them: decoded by Capstone,
 * with registers numbered so that the argument registers come first.
 */
#ifndef ECAPTURE_CORE_ELF_INSN_H
#define ECAPTURE_CORE_ELF_INSN_H

#include "file.h"

/*
 * Registers by number: rdi rsi rdx rcx r8 r9 r10 r11 rax as in ECAP_REG_*, then rbx rbp rsp and
 * r12 to r15.
 */
#define ELF_N_REGS    16u
#define ELF_N_SCRATCH 9u  /* the first ones: a call may change them */
#define ELF_N_ARGS    6u
#define ELF_REG_RSP   11u

/*
 * Which argument each register holds: four bits a register, ELF_NO_ARG for none. A word, so
 * that states compare at once.
 */
#define ELF_NO_ARG       15u
#define ELF_ARGS_AT_CALL UINT64_C(0xffffffffff543210)

static inline unsigned int elf_args_get(uint64_t args, unsigned int reg)
{
	return (unsigned int)(args >> (4 * reg)) & 15;
}

static inline uint64_t elf_args_set(uint64_t args, unsigned int reg, unsigned int arg)
{
	return (args & ~(UINT64_C(15) << (4 * reg))) | (uint64_t)arg << (4 * reg);
}

enum elf_branch {
	ELF_BRANCH_NONE,
	ELF_BRANCH_CALL,          /* direct; the target is known */
	ELF_BRANCH_JUMP,
	ELF_BRANCH_COND,
	ELF_BRANCH_CALL_INDIRECT,
	ELF_BRANCH_JUMP_INDIRECT,
	ELF_BRANCH_END,           /* return or trap: nothing follows */
};

/* The instruction at @addr, or NULL. Valid until the next call with this file. */
const cs_insn *elf_insn_at(struct ecap_elf_file *file, uint64_t addr);

enum elf_branch elf_insn_branch(const cs_insn *insn, uint64_t *target);

/* Number of a register by Capstone's, in any width; ELF_N_REGS when it is none of ours. */
unsigned int elf_insn_register(unsigned int reg);

/* Sets of registers, one bit each, that the instruction reads and writes. */
void elf_insn_access(struct ecap_elf_file *file, const cs_insn *insn, uint32_t *reads,
		     uint32_t *writes);

/* What registers hold after the instruction (after the call, when it is one). */
uint64_t elf_insn_flow(struct ecap_elf_file *file, const cs_insn *insn, uint64_t args);

/* True when the instruction loads a constant or an address: into @reg, @value. */
bool elf_insn_load(const cs_insn *insn, unsigned int *reg, uint64_t *value);

/* True when the kernel emulates a uprobe on it instead of single-stepping a copy. */
bool elf_insn_is_emulated(const cs_insn *insn);

#endif
