/* SPDX-License-Identifier: Apache-2.0 */
/* Walks all paths through a function and follows where its arguments are. */
#ifndef ECAPTURE_CORE_ELF_WALK_H
#define ECAPTURE_CORE_ELF_WALK_H

#include "insn.h"

enum elf_walk_verdict {
	ELF_WALK_ON,        /* the path goes on */
	ELF_WALK_LEAVE,     /* this path ends here */
	ELF_WALK_STOP,      /* the whole walk ends */
};

typedef enum elf_walk_verdict elf_visit(void *arg, const struct elf_insn *insn,
					const struct elf_state *state, bool leaves);

/*
 * Calls @visit for each instruction that can be reached from @addr inside its function, with
 * what the registers hold before it. @leaves: a direct jump, perhaps
 * a conditional one, that leaves the function.
 * The instruction is valid until @visit asks for another one. @budget: instructions that may
 * still be visited, shared by the walks of one question, so that no file makes us go on for
 * ever. Returns 0 or a negative errno.
 */
int elf_walk(struct ecap_elf_file *file, uint64_t addr, uint32_t *budget, elf_visit *visit,
	     void *arg);

/* What a state becomes by an instruction. @arg: that of the walk. */
typedef struct elf_state elf_flow(struct ecap_elf_file *file, const struct elf_insn *insn,
				  const struct elf_state *state, void *arg);

/*
 * The same from any instruction of a function on, with another kind of state than the arguments
 * of elf_insn_flow(), which is @state before the instruction at @addr.
 */
int elf_walk_from(struct ecap_elf_file *file, uint64_t addr, const struct elf_state *state,
		  elf_flow *flow, uint32_t *budget, elf_visit *visit, void *arg);

#endif
