/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes x86-64 instructions, by Capstone: see insn.h. */
#include <elf.h>

#include "insn.h"

#define MAX_INSN 15 /* bytes; Intel SDM volume 2, 2.3.11 */

#define RSP 11u
#define RBP 10u
#define RAX 8u

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
	NUMBER(RAX, RAX, EAX, AX, AL), [X86_REG_AH] = RAX + 1,
	NUMBER(9, RBX, EBX, BX, BL), [X86_REG_BH] = 10,
	NUMBER(RBP, RBP, EBP, BP, BPL),
	NUMBER(RSP, RSP, ESP, SP, SPL),
	NUMBER(12, R12, R12D, R12W, R12B),
	NUMBER(13, R13, R13D, R13W, R13B),
	NUMBER(14, R14, R14D, R14W, R14B),
	NUMBER(15, R15, R15D, R15W, R15B),
};

static unsigned int number_of(unsigned int reg)
{
	return reg < X86_REG_ENDING && number_1[reg] ? number_1[reg] - 1u : ELF_REG_NONE;
}

static enum elf_branch branch_of(const cs_insn *insn, uint64_t *target)
{
	const cs_x86 *x = &insn->detail->x86;
	bool direct = x->op_count == 1 && x->operands[0].type == X86_OP_IMM;
	bool jump = false;

	switch (insn->id) {
	case X86_INS_RET: case X86_INS_RETF: case X86_INS_RETFQ: case X86_INS_IRETQ:
		return ELF_BRANCH_RETURN;
	case X86_INS_HLT: case X86_INS_UD2: case X86_INS_INT3:
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

static struct elf_operand number(int64_t value)
{
	return (struct elf_operand){ .kind = ELF_OPERAND_NUMBER, .size = 8, .number = value };
}

static struct elf_operand operand(const cs_x86_op *op)
{
	struct elf_operand o = { .size = op->size, .reg = ELF_REG_NONE };

	switch (op->type) {
	case X86_OP_REG:
		o.reg = (uint8_t)number_of(op->reg);
		o.kind = o.reg != ELF_REG_NONE ? ELF_OPERAND_REG : ELF_OPERAND_NONE;
		break;
	case X86_OP_MEM:
		o.kind = ELF_OPERAND_MEM;
		o.reg = (uint8_t)number_of(op->mem.base);
		o.number = op->mem.disp;
		o.more = op->mem.index != X86_REG_INVALID || op->mem.segment != X86_REG_INVALID ||
			 o.reg == ELF_REG_NONE;
		break;
	case X86_OP_IMM:
		o.kind = ELF_OPERAND_NUMBER;
		o.number = op->imm;
		break;
	default:
		break;
	}
	return o;
}

static void effect(struct elf_insn *insn, const struct elf_effect *e)
{
	if (e->to.kind != ELF_OPERAND_NONE)
		insn->effects[insn->n_effects++] = *e;
}

static void decode_move(const cs_insn *cs, struct elf_insn *insn)
{
	struct elf_effect e = { .action = ELF_ACTION_MOVE, .to = operand(&cs->detail->x86.operands[0]),
				.from = operand(&cs->detail->x86.operands[1]) };

	if (e.from.kind == ELF_OPERAND_NUMBER && e.to.kind == ELF_OPERAND_REG) {
		if (e.to.size < 4)
			return;
		if (e.to.size == 4)
			e.from.number &= UINT32_MAX;
	}
	effect(insn, &e);
}

static void decode_lea(const cs_insn *cs, struct elf_insn *insn)
{
	const cs_x86_op *from = &cs->detail->x86.operands[1];
	struct elf_effect e = { .to = operand(&cs->detail->x86.operands[0]),
				.from = operand(from) };

	if (e.to.size < 4)
		return;
	if (from->mem.base == X86_REG_RIP && from->mem.index == X86_REG_INVALID) {
		e.action = ELF_ACTION_MOVE;
		e.from = number((int64_t)(cs->address + cs->size + (uint64_t)from->mem.disp));
	} else if (!e.from.more) {
		e.action = ELF_ACTION_ADD;
		e.number = e.from.number;
		e.from = (struct elf_operand){ .kind = ELF_OPERAND_REG, .reg = e.from.reg,
					       .size = 8 };
	} else {
		return;
	}
	effect(insn, &e);
}

/* add and sub; of the same register from itself: zero. */
static void decode_add(const cs_insn *cs, struct elf_insn *insn)
{
	const cs_x86 *x = &cs->detail->x86;
	struct elf_effect e = { .action = ELF_ACTION_ADD, .to = operand(&x->operands[0]) };
	int64_t imm = x->operands[1].imm;

	if (clears(cs) && e.to.size >= 4) {
		e.action = ELF_ACTION_MOVE;
		e.from = number(0);
	} else if (e.to.kind == ELF_OPERAND_REG && e.to.size >= 4 && cs->id != X86_INS_XOR &&
		   x->operands[1].type == X86_OP_IMM) {
		e.from = e.to;
		e.number = cs->id == X86_INS_SUB ? -imm : imm;
	} else {
		return;
	}
	effect(insn, &e);
}

static void decode_select(const cs_insn *cs, struct elf_insn *insn)
{
	struct elf_effect e = { .action = ELF_ACTION_SELECT,
				.to = operand(&cs->detail->x86.operands[0]),
				.other = operand(&cs->detail->x86.operands[1]) };

	e.from = e.to;
	effect(insn, &e);
}

static void decode_push(const cs_insn *cs, struct elf_insn *insn)
{
	struct elf_effect e = { .action = ELF_ACTION_MOVE,
				.to = { .kind = ELF_OPERAND_MEM, .reg = RSP, .size = 8 },
				.from = operand(&cs->detail->x86.operands[0]) };

	/* What it pushes is found by rsp as it was before. */
	if (e.from.kind == ELF_OPERAND_MEM && e.from.reg == RSP)
		e.from.number += 8;
	insn->stack_before = -8;
	insn->push = true;
	effect(insn, &e);
}

static void decode_pop(const cs_insn *cs, struct elf_insn *insn)
{
	struct elf_effect e = { .action = ELF_ACTION_MOVE,
				.to = operand(&cs->detail->x86.operands[0]),
				.from = { .kind = ELF_OPERAND_MEM, .reg = RSP, .size = 8 } };

	insn->stack_after = 8;
	effect(insn, &e);
}

static void decode_effects(const cs_insn *cs, struct elf_insn *insn)
{
	uint8_t count = cs->detail->x86.op_count;

	if (count == 2 && !strncmp(cs->mnemonic, "cmov", 4)) {
		decode_select(cs, insn);
		return;
	}
	switch (cs->id) {
	case X86_INS_MOV: case X86_INS_MOVABS: case X86_INS_MOVZX: case X86_INS_MOVSX:
	case X86_INS_MOVSXD:
		if (count == 2)
			decode_move(cs, insn);
		return;
	case X86_INS_LEA:
		decode_lea(cs, insn);
		return;
	case X86_INS_ADD: case X86_INS_SUB: case X86_INS_XOR:
		if (count == 2)
			decode_add(cs, insn);
		return;
	case X86_INS_PUSH:
		decode_push(cs, insn);
		return;
	case X86_INS_POP:
		decode_pop(cs, insn);
		return;
	default:
		return;
	}
}

static void decode_read(const cs_insn *cs, struct elf_insn *insn)
{
	const cs_x86 *x = &cs->detail->x86;

	for (uint8_t i = 0; i < x->op_count && cs->id != X86_INS_LEA; i++) {
		const cs_x86_op *op = &x->operands[i];

		if (op->type != X86_OP_MEM || !(op->access & CS_AC_READ) ||
		    op->mem.segment != X86_REG_INVALID)
			continue;
		insn->read[insn->n_read++] = operand(op);
		return;
	}
}

static bool decode(struct ecap_elf_file *file, uint64_t addr, struct elf_insn *insn)
{
	const cs_insn *cs = elf_insn_disassemble(file, addr, MAX_INSN);

	if (!cs)
		return false;
	insn->size = (uint8_t)cs->size;
	insn->branch = branch_of(cs, &insn->target);
	insn->marker = cs->id == X86_INS_ENDBR64;
	if (!insn->branch)
		decode_effects(cs, insn);
	decode_read(cs, insn);
	return true;
}

static void access_of(struct ecap_elf_file *file, struct elf_insn *insn)
{
	cs_regs read, written;
	uint8_t n_read = 0, n_written = 0;

	insn->reads = insn->writes = 0;
	if (file->insn->id == X86_INS_NOP ||
	    cs_regs_access(file->capstone, file->insn, read, &n_read, written, &n_written) !=
	    CS_ERR_OK)
		return;
	for (uint8_t i = 0; i < n_read && !clears(file->insn); i++)
		if (number_of(read[i]) != ELF_REG_NONE)
			insn->reads |= 1u << number_of(read[i]);
	for (uint8_t i = 0; i < n_written; i++)
		if (number_of(written[i]) != ELF_REG_NONE)
			insn->writes |= 1u << number_of(written[i]);
}

/*
 * Linux arch/x86/kernel/uprobes.c: branch_setup_xol_ops() takes nop, jmp, call and jcc with a
 * relative target, and refuses them altogether with a 66 prefix (then no probe can be placed);
 * push_setup_xol_ops() takes push of a register, alone or with the prefix 41. Of the nops only
 * those with opcode 90: kernels before 6.18 single-step the others.
 */
static bool is_emulated(const struct ecap_elf_file *file, const struct elf_insn *insn)
{
	const uint8_t *p = file->insn->bytes, *end = p + insn->size;
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

/* Compilers align functions and fill the gap: int3, nop, or the end of what is before. */
static bool may_start(const struct ecap_elf_file *file, uint64_t addr)
{
	static const uint8_t before[] = { 0xcc, 0x90, 0x00, 0xc3, 0x66, 0x0b };
	const uint8_t *p = addr % 16 ? NULL : elf_file_data(file, addr - 1, 2);

	return p && memchr(before, *p, sizeof(before));
}

/* call rel32 is e8. */
static int each_call(struct ecap_elf_file *file, const struct ecap_elf_segment *s,
		     int (*cb)(void *arg, uint64_t target), void *arg)
{
	const uint8_t *code = file->map + s->offset, *end = code + s->size;

	for (const uint8_t *p = code; end - p >= 5; p++) {
		p = memchr(p, 0xe8, (size_t)(end - p) - 4);
		if (!p)
			break;

		uint64_t target = s->addr + (uint64_t)(p - code) + 5 +
				  (uint64_t)(int64_t)(int32_t)elf_u32(p + 1);
		int stop = elf_file_is_code(file, target) && may_start(file, target)
			? cb(arg, target) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

const struct elf_arch elf_x86 = {
	.machine = EM_X86_64,
	.capstone = CS_ARCH_X86,
	.mode = CS_MODE_64,
	.work = 500,
	.align = 1,
	.n_regs = 16,
	.sp = RSP,
	.fp = RBP,
	.result = RAX,
	.n_named = RAX + 1,
	.scratch = (1u << (RAX + 1)) - 1,
	.relocations = { R_X86_64_RELATIVE, R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT },
	.decode = decode,
	.access = access_of,
	.is_emulated = is_emulated,
	.each_call = each_call,
	.search_refs = elf_search_x86,
};
