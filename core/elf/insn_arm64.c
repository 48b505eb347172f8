/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes arm64 instructions: see insn.h. They are 32-bit words whose register fields are always
 * in the same places, so a table says all that is asked; Capstone is not asked as its version
 * 4.0, which distributions have, takes "cmp x0, #4" for one that writes x0.
 * Encodings: Arm Architecture Reference Manual for A-profile (DDI 0487), chapter C4, "A64
 * Instruction Set Encoding"; registers in calls: Procedure Call Standard (AAPCS64), 6.1.1.
 */
#include <elf.h>

#include "insn.h"

#define LR   30u
#define SP   31u
#define ZERO 31u /* the same number: which of the two is meant depends on the instruction */

/* What an instruction does with the registers in its fields D, N, M and A. */
#define READS_D   (1u << 0)
#define READS_N   (1u << 1)
#define READS_M   (1u << 2)
#define READS_A   (1u << 3)
#define WRITES_D  (1u << 4)
#define WRITES_M  (1u << 5)
#define WRITES_A  (1u << 6)
#define D_IS_SP   (1u << 7) /* 31 there is sp */
#define N_IS_SP   (1u << 8)

struct row {
	uint32_t mask, value;
	uint32_t uses;
	void (*fill)(struct elf_insn *insn, uint32_t w); /* what else there is to say */
};

static unsigned int field(uint32_t w, unsigned int low, unsigned int bits)
{
	return w >> low & ((1u << bits) - 1);
}

static int64_t signed_field(uint32_t w, unsigned int low, unsigned int bits)
{
	int64_t value = field(w, low, bits), sign = INT64_C(1) << (bits - 1);

	return (value ^ sign) - sign;
}

static unsigned int rd(uint32_t w) { return field(w, 0, 5); }
static unsigned int rn(uint32_t w) { return field(w, 5, 5); }
static unsigned int ra(uint32_t w) { return field(w, 10, 5); }
static unsigned int rm(uint32_t w) { return field(w, 16, 5); }

/* Bytes of the registers that an instruction for data works on. */
static uint8_t width(uint32_t w)
{
	return w >> 31 ? 8 : 4;
}

static struct elf_operand number(uint64_t value)
{
	return (struct elf_operand){ .kind = ELF_OPERAND_NUMBER, .reg = ELF_REG_NONE, .size = 8,
				     .number = (int64_t)value };
}

static struct elf_operand sp_or(unsigned int reg, uint8_t size)
{
	return (struct elf_operand){ .kind = ELF_OPERAND_REG, .reg = (uint8_t)reg, .size = size };
}

/* A register where 31 stands for zero. */
static struct elf_operand zero_or(unsigned int reg, uint8_t size)
{
	return reg == ZERO ? number(0) : sp_or(reg, size);
}

static struct elf_operand memory(unsigned int base, int64_t offset, uint8_t size)
{
	return (struct elf_operand){ .kind = ELF_OPERAND_MEM, .reg = (uint8_t)base, .size = size,
				     .number = offset };
}

/* A result that goes to the zero register is none. */
static void effect(struct elf_insn *insn, struct elf_effect e)
{
	if (e.to.kind != ELF_OPERAND_NUMBER)
		insn->effects[insn->n_effects++] = e;
}

static void move(struct elf_insn *insn, struct elf_operand to, struct elf_operand from)
{
	effect(insn, (struct elf_effect){ .action = ELF_ACTION_MOVE, .to = to, .from = from });
}

/* --- data ------------------------------------------------------------------------------- */

static void fill_adr(struct elf_insn *insn, uint32_t w)
{
	uint64_t offset = (uint64_t)(signed_field(w, 5, 19) * 4 + field(w, 29, 2));

	insn->page = w >> 31;
	move(insn, zero_or(rd(w), 8),
	     number(insn->page ? (insn->addr & ~UINT64_C(0xfff)) + (offset << 12)
			       : insn->addr + offset));
}

static void fill_add(struct elf_insn *insn, uint32_t w)
{
	bool sets_flags = field(w, 29, 1);
	struct elf_effect e = {
		.action = ELF_ACTION_ADD,
		.to = sets_flags ? zero_or(rd(w), width(w)) : sp_or(rd(w), width(w)),
		.from = sp_or(rn(w), width(w)),
		.number = (int64_t)field(w, 10, 12) << (field(w, 22, 1) ? 12 : 0),
	};

	if (field(w, 30, 1))
		e.number = -e.number;
	if (!e.number)
		e.action = ELF_ACTION_MOVE;
	effect(insn, e);
}

/* movn, movz and movk: 16 bits at one of four places. */
static void fill_wide(struct elf_insn *insn, uint32_t w)
{
	unsigned int shift = 16 * field(w, 21, 2), kind = field(w, 29, 2);
	uint64_t bits = (uint64_t)field(w, 5, 16) << shift;
	struct elf_operand to = zero_or(rd(w), width(w));

	if (kind == 0)
		move(insn, to, number(width(w) == 4 ? ~bits & UINT32_MAX : ~bits));
	else if (kind == 2)
		move(insn, to, number(bits));
	else if (kind == 3)
		effect(insn, (struct elf_effect){
			.action = ELF_ACTION_INSERT, .to = to, .from = to,
			.number = (int64_t)bits, .mask = UINT64_C(0xffff) << shift,
		});
}

/* Those that widen: sxtb, sxth, sxtw and uxtb, uxth. */
static void fill_bitfield(struct elf_insn *insn, uint32_t w)
{
	unsigned int kind = field(w, 29, 2), last = field(w, 10, 6);

	if (kind != 1 && !field(w, 16, 6) && (last == 7 || last == 15 || last == 31))
		move(insn, zero_or(rd(w), width(w)), zero_or(rn(w), (uint8_t)((last + 1) / 8)));
}

/* orr with the zero register is mov. */
static void fill_logical(struct elf_insn *insn, uint32_t w)
{
	if ((w & 0x7fe0ffe0) == 0x2a0003e0)
		move(insn, zero_or(rd(w), width(w)), zero_or(rm(w), width(w)));
}

/* csel; not those that also add or negate. */
static void fill_select(struct elf_insn *insn, uint32_t w)
{
	if (!(w & 0x60000c00))
		effect(insn, (struct elf_effect){
			.action = ELF_ACTION_SELECT,
			.to = zero_or(rd(w), width(w)),
			.from = zero_or(rn(w), width(w)),
			.other = zero_or(rm(w), width(w)),
		});
}

/* --- branches --------------------------------------------------------------------------- */

static void fill_jump(struct elf_insn *insn, uint32_t w)
{
	insn->branch = w >> 31 ? ELF_BRANCH_CALL : ELF_BRANCH_JUMP;
	insn->writes |= w >> 31 ? 1u << LR : 0;
	insn->target = insn->addr + (uint64_t)(signed_field(w, 0, 26) * 4);
}

static void fill_cond(struct elf_insn *insn, uint32_t w)
{
	insn->branch = ELF_BRANCH_COND;
	insn->target = insn->addr + (uint64_t)(signed_field(w, 5, 19) * 4);
}

static void fill_test(struct elf_insn *insn, uint32_t w)
{
	insn->branch = ELF_BRANCH_COND;
	insn->target = insn->addr + (uint64_t)(signed_field(w, 5, 14) * 4);
}

/* br, blr and ret, also with authentication; eret. */
static void fill_register_branch(struct elf_insn *insn, uint32_t w)
{
	switch (field(w, 21, 3)) {
	case 0:
		insn->branch = ELF_BRANCH_JUMP_INDIRECT;
		break;
	case 1:
		insn->branch = ELF_BRANCH_CALL_INDIRECT;
		insn->writes |= 1u << LR;
		break;
	default:
		insn->branch = ELF_BRANCH_RETURN;
	}
}

/* svc returns, with a result; brk and hlt do not. */
static void fill_exception(struct elf_insn *insn, uint32_t w)
{
	if (field(w, 21, 3))
		insn->branch = ELF_BRANCH_END;
	else
		insn->writes |= 1u << 0;
}

/* Numbers 24 to 31 and 7 sign, check or strip the return address in x30: paciasp and the like. */
static void fill_hint(struct elf_insn *insn, uint32_t w)
{
	unsigned int hint = field(w, 5, 7);

	insn->marker = hint != 7 && (hint < 24 || hint > 31);
	if (!insn->marker) {
		insn->reads |= 1u << LR;
		insn->writes |= 1u << LR;
	}
}

static void fill_end(struct elf_insn *insn, uint32_t w)
{
	(void)w;
	insn->branch = ELF_BRANCH_END;
}

/* --- memory ----------------------------------------------------------------------------- */

enum mode { OFFSET, POST_INDEX, PRE_INDEX };

/*
 * The address [N + offset] of a load or store that perhaps changes N. The offset counts from
 * what N holds before, but from what sp holds after stack_before.
 */
static struct elf_operand address(struct elf_insn *insn, uint32_t w, enum mode mode,
				  int64_t offset, uint8_t size)
{
	insn->reads |= 1u << rn(w);
	if (mode == OFFSET)
		return memory(rn(w), offset, size);
	insn->writes |= 1u << rn(w);
	if (rn(w) == SP && mode == PRE_INDEX)
		insn->stack_before = offset;
	else if (rn(w) == SP)
		insn->stack_after = offset;
	return memory(rn(w), rn(w) != SP && mode == PRE_INDEX ? offset : 0, size);
}

static void reads_at(struct elf_insn *insn, struct elf_operand from)
{
	insn->read[insn->n_read++] = from;
}

static void load(struct elf_insn *insn, unsigned int reg, uint8_t to_size,
		 struct elf_operand from)
{
	reads_at(insn, from);
	if (reg == ZERO)
		return;
	insn->writes |= 1u << reg;
	move(insn, sp_or(reg, to_size), from);
}

static void store(struct elf_insn *insn, unsigned int reg, struct elf_operand to)
{
	insn->reads |= reg == ZERO ? 0 : 1u << reg;
	move(insn, to, zero_or(reg, to.size));
}

/* ldr of a word beside the code; prfm and those to vector registers load nothing for us. */
static void fill_literal(struct elf_insn *insn, uint32_t w)
{
	unsigned int kind = field(w, 30, 2);
	uint64_t at = insn->addr + (uint64_t)(signed_field(w, 5, 19) * 4);

	if (kind < 3 && !field(w, 26, 1))
		load(insn, rd(w), kind ? 8 : 4,
		     memory(ELF_REG_NONE, (int64_t)at, kind == 1 ? 8 : 4));
}

static void fill_pair(struct elf_insn *insn, uint32_t w)
{
	static const enum mode modes[] = { OFFSET, POST_INDEX, OFFSET, PRE_INDEX };
	unsigned int kind = field(w, 30, 2);
	bool vector = field(w, 26, 1), loads = field(w, 22, 1);
	uint8_t size = vector ? (uint8_t)(4u << kind) : kind & 2 ? 8 : 4;
	struct elf_operand first = address(insn, w, modes[field(w, 23, 2)],
					   signed_field(w, 15, 7) * size, size);
	struct elf_operand second = first;

	second.number += size;
	if (vector && loads) {
		reads_at(insn, first);
		reads_at(insn, second);
	} else if (loads) {
		load(insn, rd(w), kind ? 8 : 4, first);
		load(insn, ra(w), kind ? 8 : 4, second);
	} else if (!vector) {
		store(insn, rd(w), first);
		store(insn, ra(w), second);
	}
}

/* One register at @at: by size in bits 31 and 30, and what to do in bits 23 and 22. */
static void fill_one(struct elf_insn *insn, uint32_t w, struct elf_operand at)
{
	unsigned int size = field(w, 30, 2), kind = field(w, 22, 2);

	if (field(w, 26, 1)) {
		if (kind & 1)
			reads_at(insn, at);
	} else if (kind == 0) {
		store(insn, rd(w), at);
	} else if (kind != 2 || size != 3) { /* else prfm */
		load(insn, rd(w), kind == 2 || (kind == 1 && size == 3) ? 8 : 4, at);
	}
}

/* Bytes that a load or store of one register moves; of vector registers 16 are possible. */
static uint8_t bytes(uint32_t w)
{
	return field(w, 26, 1) && field(w, 23, 1) ? 16 : (uint8_t)(1u << field(w, 30, 2));
}

static void fill_unscaled(struct elf_insn *insn, uint32_t w)
{
	static const enum mode modes[] = { OFFSET, POST_INDEX, OFFSET, PRE_INDEX };

	fill_one(insn, w, address(insn, w, modes[field(w, 10, 2)], signed_field(w, 12, 9),
				  bytes(w)));
}

static void fill_scaled(struct elf_insn *insn, uint32_t w)
{
	fill_one(insn, w, address(insn, w, OFFSET, (int64_t)field(w, 10, 12) * bytes(w), bytes(w)));
}

static void fill_indexed(struct elf_insn *insn, uint32_t w)
{
	struct elf_operand at = address(insn, w, OFFSET, 0, bytes(w));

	at.more = true;
	insn->reads |= rm(w) == ZERO ? 0 : 1u << rm(w);
	fill_one(insn, w, at);
}

/* ldxr, ldar and the like; stxr writes to M whether it stored. */
static void fill_exclusive(struct elf_insn *insn, uint32_t w)
{
	bool ordered = field(w, 23, 1), loads = field(w, 22, 1), second = field(w, 21, 1);
	struct elf_operand at = address(insn, w, OFFSET, 0, bytes(w));
	uint32_t written = 0;

	if (ordered && second)         /* cas */
		written = 1u << rm(w);
	else if (loads && second)      /* ldxp */
		written = 1u << rd(w) | 1u << ra(w);
	else if (!loads && !ordered)
		written = 1u << rm(w);
	else if (loads)
		load(insn, rd(w), bytes(w) == 8 ? 8 : 4, at);
	insn->writes |= written & ~(1u << ZERO);
	if (!loads || (ordered && second))
		insn->reads |= (1u << rd(w) | (ordered && second ? 1u << rm(w) : 0)) &
			       ~(1u << ZERO);
}

/* Several vector registers; with bit 23 N is counted on. */
static void fill_vectors(struct elf_insn *insn, uint32_t w)
{
	struct elf_operand at = address(insn, w, field(w, 23, 1) ? POST_INDEX : OFFSET, 0, 16);

	if (field(w, 22, 1))
		reads_at(insn, at);
}

/* --- vectors ---------------------------------------------------------------------------- */

/* Conversions between the kinds of registers: which way, by the operation in bits 18 to 16. */
static void fill_convert(struct elf_insn *insn, uint32_t w)
{
	unsigned int operation = field(w, 16, 3);

	if (operation == 2 || operation == 3 || operation == 7)
		insn->reads |= rn(w) == ZERO ? 0 : 1u << rn(w);
	else
		insn->writes |= rd(w) == ZERO ? 0 : 1u << rd(w);
}

/* dup and ins from a register, smov and umov to one. */
static void fill_element(struct elf_insn *insn, uint32_t w)
{
	unsigned int operation = field(w, 11, 4);

	if (operation == 1 || operation == 3)
		insn->reads |= rn(w) == ZERO ? 0 : 1u << rn(w);
	else if (operation == 5 || operation == 7)
		insn->writes |= rd(w) == ZERO ? 0 : 1u << rd(w);
}

/* The first that fits counts. */
static const struct row rows[] = {
	/* Data processing, immediate */
	{ 0x1f000000, 0x10000000, WRITES_D, fill_adr },
	{ 0x3f800000, 0x11000000, WRITES_D | D_IS_SP | READS_N | N_IS_SP, fill_add },
	{ 0x3f800000, 0x31000000, WRITES_D | READS_N | N_IS_SP, fill_add },
	{ 0x1f800000, 0x11800000, WRITES_D | D_IS_SP | READS_N | N_IS_SP, NULL }, /* addg */
	{ 0x7f800000, 0x72000000, WRITES_D | READS_N, NULL },                     /* ands */
	{ 0x1f800000, 0x12000000, WRITES_D | D_IS_SP | READS_N, NULL },
	{ 0x7f800000, 0x72800000, WRITES_D | READS_D, fill_wide },                /* movk */
	{ 0x1f800000, 0x12800000, WRITES_D, fill_wide },
	{ 0x7f800000, 0x33000000, WRITES_D | READS_D | READS_N, NULL },           /* bfm */
	{ 0x1f800000, 0x13000000, WRITES_D | READS_N, fill_bitfield },
	{ 0x1f800000, 0x13800000, WRITES_D | READS_N | READS_M, NULL },           /* extr */
	/* Branches and system */
	{ 0x7c000000, 0x14000000, 0, fill_jump },
	{ 0xff000000, 0x54000000, 0, fill_cond },
	{ 0x7e000000, 0x34000000, READS_D, fill_cond },
	{ 0x7e000000, 0x36000000, READS_D, fill_test },
	{ 0xfe000000, 0xd6000000, READS_N, fill_register_branch },
	{ 0xff000000, 0xd4000000, 0, fill_exception },
	{ 0xfffff01f, 0xd503201f, 0, fill_hint },
	{ 0xfff00000, 0xd5300000, WRITES_D, NULL },                               /* mrs */
	{ 0xfff80000, 0xd5280000, WRITES_D, NULL },                               /* sysl */
	{ 0xffc00000, 0xd5000000, READS_D, NULL },                                /* msr, sys */
	/* Loads and stores */
	{ 0x3f000000, 0x08000000, 0, fill_exclusive },
	{ 0xbe000000, 0x0c000000, 0, fill_vectors },
	{ 0x3b000000, 0x18000000, 0, fill_literal },
	{ 0x3f200c00, 0x19000000, 0, fill_unscaled },                             /* ldapur */
	{ 0x3a000000, 0x28000000, 0, fill_pair },
	{ 0x3b000000, 0x39000000, 0, fill_scaled },
	{ 0x3b200000, 0x38000000, 0, fill_unscaled },
	{ 0x3b200c00, 0x38200800, 0, fill_indexed },
	{ 0x3f200c00, 0x38200000, WRITES_D | READS_M | READS_N | N_IS_SP, NULL }, /* ldadd */
	{ 0x3f200400, 0x38200400, WRITES_D | READS_N | N_IS_SP, NULL },           /* ldraa */
	/* Data processing, register */
	{ 0x1f000000, 0x0a000000, WRITES_D | READS_N | READS_M, fill_logical },
	{ 0x3f200000, 0x0b200000, WRITES_D | D_IS_SP | READS_N | READS_M | N_IS_SP, NULL },
	{ 0x1f200000, 0x0b200000, WRITES_D | READS_N | READS_M | N_IS_SP, NULL },
	{ 0x1f200000, 0x0b000000, WRITES_D | READS_N | READS_M, NULL },
	{ 0x1fe00800, 0x1a400800, READS_N, NULL },                                /* ccmp, number */
	{ 0x1fe00000, 0x1a400000, READS_N | READS_M, NULL },
	{ 0x1fe00000, 0x1a800000, WRITES_D | READS_N | READS_M, fill_select },
	{ 0x5fe00000, 0x5ac00000, WRITES_D | READS_N, NULL },                     /* clz */
	{ 0x1f000000, 0x1a000000, WRITES_D | READS_N | READS_M, NULL },
	{ 0x1f000000, 0x1b000000, WRITES_D | READS_N | READS_M | READS_A, NULL },
	/* Vectors and floating point */
	{ 0x5f20fc00, 0x1e200000, 0, fill_convert },
	{ 0x5f200000, 0x1e000000, 0, fill_convert },
	{ 0x9fe08400, 0x0e000400, 0, fill_element },
	{ 0x0e000000, 0x0e000000, 0, NULL },
	{ 0xffff0000, 0x00000000, 0, fill_end },                                  /* udf */
	{ 0x00000000, 0x00000000, WRITES_D, NULL }, /* what nobody knows may write a register */
};

/* 31 is sp, or no register at all. */
static uint32_t bit_of(unsigned int reg, bool is_sp)
{
	return reg != ZERO || is_sp ? 1u << reg : 0;
}

static bool decode(struct ecap_elf_file *file, uint64_t addr, struct elf_insn *insn)
{
	const uint8_t *code = elf_file_data(file, addr, sizeof(uint32_t));
	const struct row *row = rows;

	if (!code)
		return false;

	uint32_t w = elf_u32(code);

	while ((w & row->mask) != row->value)
		row++;
	insn->size = sizeof(w);
	insn->raw = w;
	if (row->uses & READS_D)
		insn->reads |= bit_of(rd(w), false);
	if (row->uses & READS_N)
		insn->reads |= bit_of(rn(w), row->uses & N_IS_SP);
	if (row->uses & READS_M)
		insn->reads |= bit_of(rm(w), false);
	if (row->uses & READS_A)
		insn->reads |= bit_of(ra(w), false);
	if (row->uses & WRITES_D)
		insn->writes |= bit_of(rd(w), row->uses & D_IS_SP);
	if (row->fill)
		row->fill(insn, w);
	return true;
}

/*
 * Linux arch/arm64/kernel/probes/decode-insn.c, arm_probe_decode_insn(): what reads or changes
 * the program counter is simulated, all else is single-stepped. ldr of a literal cannot be
 * probed at all by kernels before 6.12, and nop is simulated since 6.13 only.
 */
static bool is_emulated(const struct ecap_elf_file *file, const struct elf_insn *insn)
{
	static const struct {
		uint32_t mask, value;
	} simulated[] = {
		{ 0x7c000000, 0x14000000 }, /* b, bl */
		{ 0xff000010, 0x54000000 }, /* b.cond */
		{ 0x7e000000, 0x34000000 }, /* cbz, cbnz */
		{ 0x7e000000, 0x36000000 }, /* tbz, tbnz */
		{ 0x1f000000, 0x10000000 }, /* adr, adrp */
		{ 0xfffffc1f, 0xd61f0000 }, /* br */
		{ 0xfffffc1f, 0xd63f0000 }, /* blr */
		{ 0xfffffc1f, 0xd65f0000 }, /* ret */
	};

	(void)file;
	for (size_t i = 0; i < sizeof(simulated) / sizeof(simulated[0]); i++)
		if ((insn->raw & simulated[i].mask) == simulated[i].value)
			return true;
	return false;
}

static int each_call(struct ecap_elf_file *file, const struct ecap_elf_segment *s,
		     int (*cb)(void *arg, uint64_t target), void *arg)
{
	const uint8_t *code = file->map + s->offset;

	for (uint64_t i = -s->addr % 4; i < s->size && s->size - i >= 4; i += 4) {
		uint32_t w = elf_u32(code + i);

		if ((w & 0xfc000000) != 0x94000000)
			continue;

		uint64_t target = s->addr + i + (uint64_t)(signed_field(w, 0, 26) * 4);
		int stop = elf_file_is_code(file, target) ? cb(arg, target) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

const struct elf_arch elf_arm64 = {
	.machine = EM_AARCH64,
	.capstone = CS_ARCH_ARM64,
	.mode = CS_MODE_ARM,
	.work = 50,
	.align = 4,
	.n_regs = 32,
	.sp = SP,
	.fp = 29,
	.result = 0,
	.pages = true,
	.n_named = LR,
	.scratch = ((1u << 19) - 1) | 1u << LR, /* x18 is the platform's; Linux has no use for it */
	.link = 1u << LR,
	.stub = 1u << 16 | 1u << 17,
	.relocations = { R_AARCH64_RELATIVE, R_AARCH64_ABS64, R_AARCH64_GLOB_DAT,
			 R_AARCH64_JUMP_SLOT },
	.decode = decode,
	.is_emulated = is_emulated,
	.each_call = each_call,
	.search_refs = elf_search_arm64,
};
