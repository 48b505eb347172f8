/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes x86-64 instructions: see insn.h. */
#include "insn.h"

#include "../err.h"

#define MAX_INSN 15 /* bytes; Intel SDM volume 2, 2.3.11 */

/* Number + 1 of each register's name in every width. */
#define NUMBER(n, r64, r32, r16, r8) \
	[X86_REG_##r64] = (n) + 1, [X86_REG_##r32] = (n) + 1, [X86_REG_##r16] = (n) + 1, \
	[X86_REG_##r8] = (n) + 1

static const uint8_t number_1[X86_REG_ENDING] = {
	NUMBER(0, RDI, EDI, DI, DIL),
	NUMBER(1, RSI, ESI, SI, SIL),
	NUMBER(2, RDX, EDX, DX, DL), [X86_REG_DH] = 3,
	NUMBER(3, RCX, ECX, CX, CL), [X86_REG_CH] = 4,
	NUMBER(4, R8, R8D, R8W, R8B),
	NUMBER(5, R9, R9D, R9W, R9B),
	NUMBER(6, R10, R10D, R10W, R10B),
	NUMBER(7, R11, R11D, R11W, R11B),
	NUMBER(8, RAX, EAX, AX, AL), [X86_REG_AH] = 9,
	NUMBER(9, RBX, EBX, BX, BL), [X86_REG_BH] = 10,
	NUMBER(10, RBP, EBP, BP, BPL),
	NUMBER(11, RSP, ESP, SP, SPL),
	NUMBER(12, R12, R12D, R12W, R12B),
	NUMBER(13, R13, R13D, R13W, R13B),
	NUMBER(14, R14, R14D, R14W, R14B),
	NUMBER(15, R15, R15D, R15W, R15B),
};

unsigned int elf_insn_register(unsigned int reg)
{
	return reg < X86_REG_ENDING && number_1[reg] ? number_1[reg] - 1u : ELF_N_REGS;
}

static bool open_capstone(struct ecap_elf_file *file)
{
	if (file->insn)
		return true;
	if (file->machine != EM_X86_64)
		return false;
	if (!file->capstone && cs_open(CS_ARCH_X86, CS_MODE_64, &file->capstone) != CS_ERR_OK) {
		file->capstone = 0;
		return false;
	}
	cs_option(file->capstone, CS_OPT_DETAIL, CS_OPT_ON);
	file->insn = cs_malloc(file->capstone);
	return file->insn != NULL;
}

const cs_insn *elf_insn_at(struct ecap_elf_file *file, uint64_t addr)
{
	const uint8_t *code = NULL;
	size_t len = MAX_INSN + 1;

	if (!elf_file_is_code(file, addr) || !open_capstone(file))
		return NULL;
	while (!code && --len) /* less than MAX_INSN close to the end of a segment */
		code = elf_file_data(file, addr, len);
	if (!code || !cs_disasm_iter(file->capstone, &code, &len, &addr, file->insn))
		return NULL;
	return file->insn;
}

enum elf_branch elf_insn_branch(const cs_insn *insn, uint64_t *target)
{
	const cs_x86 *x = &insn->detail->x86;
	bool direct = x->op_count == 1 && x->operands[0].type == X86_OP_IMM;
	bool jump = false;

	switch (insn->id) {
	case X86_INS_RET: case X86_INS_RETF: case X86_INS_RETFQ: case X86_INS_HLT:
	case X86_INS_UD2: case X86_INS_INT3: case X86_INS_IRETQ:
		return ELF_BRANCH_END;
	default:
		break;
	}
	for (uint8_t i = 0; i < insn->detail->groups_count; i++)
		jump |= insn->detail->groups[i] == CS_GRP_JUMP;
	if (insn->id != X86_INS_CALL && !jump)
		return ELF_BRANCH_NONE;
	if (direct)
		*target = (uint64_t)x->operands[0].imm;
	if (insn->id == X86_INS_CALL)
		return direct ? ELF_BRANCH_CALL : ELF_BRANCH_CALL_INDIRECT;
	if (insn->id == X86_INS_JMP || insn->id == X86_INS_LJMP)
		return direct ? ELF_BRANCH_JUMP : ELF_BRANCH_JUMP_INDIRECT;
	return direct ? ELF_BRANCH_COND : ELF_BRANCH_END;
}

/* xor r, r and the like set a register to zero whatever it held. */
static bool clears(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	return (insn->id == X86_INS_XOR || insn->id == X86_INS_SUB) && x->op_count == 2 &&
	       x->operands[0].type == X86_OP_REG && x->operands[1].type == X86_OP_REG &&
	       x->operands[0].reg == x->operands[1].reg;
}

void elf_insn_access(struct ecap_elf_file *file, const cs_insn *insn, uint32_t *reads,
		     uint32_t *writes)
{
	cs_regs read, written;
	uint8_t n_read = 0, n_written = 0;

	*reads = *writes = 0;
	if (insn->id == X86_INS_NOP ||
	    cs_regs_access(file->capstone, insn, read, &n_read, written, &n_written) != CS_ERR_OK)
		return;
	for (uint8_t i = 0; i < n_read && !clears(insn); i++)
		*reads |= 1u << elf_insn_register(read[i]);
	for (uint8_t i = 0; i < n_written; i++)
		*writes |= 1u << elf_insn_register(written[i]);
}

/*
 * A copy of a whole register, or of an int that is widened on the way: by movsxd, or by mov of
 * the register's lower half to itself once it is known not to be negative.
 */
static bool copies(const cs_insn *insn, unsigned int *to, unsigned int *from)
{
	const cs_x86 *x = &insn->detail->x86;

	if ((insn->id != X86_INS_MOV && insn->id != X86_INS_MOVSXD) || x->op_count != 2 ||
	    x->operands[0].type != X86_OP_REG || x->operands[1].type != X86_OP_REG)
		return false;
	*to = elf_insn_register(x->operands[0].reg);
	*from = elf_insn_register(x->operands[1].reg);
	return *to < ELF_N_REGS && *from < ELF_N_REGS &&
	       (x->operands[0].size == 8 || (x->operands[0].size == 4 && *to == *from));
}

uint64_t elf_insn_flow(struct ecap_elf_file *file, const cs_insn *insn, uint64_t args)
{
	unsigned int to, from;
	uint32_t reads, writes;
	uint64_t target;
	enum elf_branch branch = elf_insn_branch(insn, &target);

	if (copies(insn, &to, &from))
		return elf_args_set(args, to, elf_args_get(args, from));
	elf_insn_access(file, insn, &reads, &writes);
	if (branch == ELF_BRANCH_CALL || branch == ELF_BRANCH_CALL_INDIRECT)
		writes |= (1u << ELF_N_SCRATCH) - 1;
	for (unsigned int reg = 0; reg < ELF_N_REGS; reg++)
		if (writes & (1u << reg))
			args = elf_args_set(args, reg, ELF_NO_ARG);
	return args;
}

bool elf_insn_load(const cs_insn *insn, unsigned int *reg, uint64_t *value)
{
	const cs_x86 *x = &insn->detail->x86;

	if (x->op_count != 2 || x->operands[0].type != X86_OP_REG || x->operands[0].size < 4)
		return false;
	*reg = elf_insn_register(x->operands[0].reg);
	if (clears(insn)) {
		*value = 0;
		return true;
	}
	if ((insn->id == X86_INS_MOV || insn->id == X86_INS_MOVABS) &&
	    x->operands[1].type == X86_OP_IMM) {
		*value = (uint64_t)x->operands[1].imm;
		if (x->operands[0].size == 4)
			*value &= UINT32_MAX;
		return true;
	}
	if (insn->id == X86_INS_LEA && x->operands[1].mem.base == X86_REG_RIP &&
	    x->operands[1].mem.index == X86_REG_INVALID) {
		*value = insn->address + insn->size + (uint64_t)x->operands[1].mem.disp;
		return true;
	}
	return false;
}

/*
 * Linux arch/x86/kernel/uprobes.c: branch_setup_xol_ops() takes nop, jmp, call and jcc with a
 * relative target, and refuses them altogether with a 66 prefix (then no probe can be placed);
 * push_setup_xol_ops() takes push of a register, alone or with the prefix 41. Of the nops only
 * those with opcode 90: kernels before 6.18 single-step the others.
 */
bool elf_insn_is_emulated(const cs_insn *insn)
{
	const uint8_t *p = insn->bytes, *end = p + insn->size;
	bool operand_size = false;

	if (end - p == 2 && p[0] == 0x41 && (p[1] & 0xf8) == 0x50)
		return true;
	while (p < end && (*p == 0x66 || *p == 0xf2 || *p == 0x2e || *p == 0x3e)) {
		operand_size |= *p == 0x66;
		p++;
	}
	if (end - p == 1)
		return *p == 0x90 || (insn->size == 1 && (*p & 0xf8) == 0x50);
	if (operand_size || end - p < 2)
		return false;
	return *p == 0xeb || *p == 0xe9 || *p == 0xe8 || (*p & 0xf0) == 0x70 ||
	       (*p == 0x0f && (p[1] & 0xf0) == 0x80);
}
