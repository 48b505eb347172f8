/* SPDX-License-Identifier: Apache-2.0 */
/* What all machines have in common about instructions: see insn.h. */
#include "insn.h"

#include <stdio.h>
#include <stdlib.h>

const struct elf_insn *elf_insn_at(struct ecap_elf_file *file, uint64_t addr)
{
	if (!file->decoded)
		file->decoded = calloc(1, sizeof(*file->decoded));
	if (!file->decoded || addr % file->arch->align || elf_work(file, file->arch->work) ||
	    !elf_file_is_code(file, addr))
		return NULL;
	*file->decoded = (struct elf_insn){ .addr = addr };
	return file->arch->decode(file, addr, file->decoded) ? file->decoded : NULL;
}

void elf_insn_access(struct ecap_elf_file *file, const struct elf_insn *insn, uint32_t *reads,
		     uint32_t *writes)
{
	if (file->arch->access)
		file->arch->access(file, file->decoded);
	*reads = insn->reads;
	*writes = insn->writes;
}

uint32_t elf_insn_written(struct ecap_elf_file *file, const struct elf_insn *insn)
{
	uint32_t reads, writes;

	elf_insn_access(file, insn, &reads, &writes);
	return elf_insn_is_call(insn) ? writes | file->arch->scratch : writes;
}

struct elf_state elf_args_at_call(void)
{
	struct elf_state args = { { UINT64_MAX, UINT64_MAX } }; /* ELF_NO_ARG everywhere */

	for (unsigned int i = 0; i < ELF_N_ARGS; i++)
		elf_args_set(&args, i, i);
	return args;
}

/*
 * A copy of a whole register, or of an int that is widened on the way: by a sign extension, or
 * by a move of the register's lower half to itself once it is known not to be negative.
 */
static bool copies(const struct elf_effect *e)
{
	return e && e->action == ELF_ACTION_MOVE && e->from.kind == ELF_OPERAND_REG &&
	       e->from.size >= 4 && (e->to.size == 8 || e->to.reg == e->from.reg);
}

struct elf_state elf_insn_flow(struct ecap_elf_file *file, const struct elf_insn *insn,
			       const struct elf_state *args)
{
	const struct elf_effect *e = elf_insn_result(insn);
	uint32_t writes = elf_insn_written(file, insn);
	struct elf_state after = *args;

	for (unsigned int reg = 0; writes; reg++, writes >>= 1)
		if (writes & 1)
			elf_args_set(&after, reg, ELF_NO_ARG);
	if (copies(e))
		elf_args_set(&after, e->to.reg, elf_args_get(args, e->from.reg));
	return after;
}

uint64_t elf_effect_result(const struct elf_effect *effect, uint64_t from)
{
	uint64_t result = effect->action == ELF_ACTION_INSERT
		? (from & ~effect->mask) | (uint64_t)effect->number
		: from + (uint64_t)effect->number;

	return effect->to.size == 4 ? result & UINT32_MAX : result;
}

static bool open_capstone(struct ecap_elf_file *file)
{
	if (!file->capstone &&
	    cs_open(file->arch->capstone, file->arch->mode, &file->capstone) != CS_ERR_OK)
		file->capstone = 0;
	if (file->capstone && !file->insn) {
		cs_option(file->capstone, CS_OPT_DETAIL, CS_OPT_ON);
		file->insn = cs_malloc(file->capstone);
	}
	return file->insn != NULL;
}

const cs_insn *elf_insn_disassemble(struct ecap_elf_file *file, uint64_t addr, size_t len)
{
	const uint8_t *code = NULL;

	if (!open_capstone(file))
		return NULL;
	for (len++; !code && --len;) /* less close to the end of a segment */
		code = elf_file_data(file, addr, len);
	return code && cs_disasm_iter(file->capstone, &code, &len, &addr, file->insn)
		? file->insn : NULL;
}

void elf_insn_text(struct ecap_elf_file *file, const struct elf_insn *insn, char *text,
		   size_t size)
{
	const cs_insn *cs = elf_insn_disassemble(file, insn->addr, insn->size);

	snprintf(text, size, "%.15s%s%.38s", cs ? cs->mnemonic : "?",
		 cs && cs->op_str[0] ? " " : "", cs ? cs->op_str : "");
}
