/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF instructions (Documentation/bpf/standardization/instruction-set.rst of Linux), by number. */
#ifndef ECAPTURE_CORE_PACKETS_FILTER_INSNS_H
#define ECAPTURE_CORE_PACKETS_FILTER_INSNS_H

#include <stdint.h>

#include <linux/bpf.h>

static inline struct bpf_insn ecap_bpf_insn(int code, uint8_t dst, uint8_t src, int16_t off,
					    int32_t imm)
{
	return (struct bpf_insn){ .code = (uint8_t)code, .dst_reg = dst, .src_reg = src,
				  .off = off, .imm = imm };
}

/* dst = dst OP value, 64 and 32 bits; of 32 bits, the upper half becomes 0. */
static inline struct bpf_insn ecap_bpf_alu64(int op, uint8_t dst, int32_t imm)
{
	return ecap_bpf_insn(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

static inline struct bpf_insn ecap_bpf_alu64_reg(int op, uint8_t dst, uint8_t src)
{
	return ecap_bpf_insn(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static inline struct bpf_insn ecap_bpf_alu32(int op, uint8_t dst, uint32_t imm)
{
	return ecap_bpf_insn(BPF_ALU | op | BPF_K, dst, 0, 0, (int32_t)imm);
}

static inline struct bpf_insn ecap_bpf_alu32_reg(int op, uint8_t dst, uint8_t src)
{
	return ecap_bpf_insn(BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

/* From big endian: @bits 16, 32 or 64. The bits above become 0. */
static inline struct bpf_insn ecap_bpf_from_be(uint8_t dst, int bits)
{
	return ecap_bpf_insn(BPF_ALU | BPF_END | BPF_TO_BE, dst, 0, 0, bits);
}

/* dst = *(src + off); @size: BPF_B, BPF_H, BPF_W, BPF_DW */
static inline struct bpf_insn ecap_bpf_load(int size, uint8_t dst, uint8_t src, int off)
{
	return ecap_bpf_insn(BPF_LDX | BPF_MEM | size, dst, src, (int16_t)off, 0);
}

/* *(dst + off) = src */
static inline struct bpf_insn ecap_bpf_store(int size, uint8_t dst, int off, uint8_t src)
{
	return ecap_bpf_insn(BPF_STX | BPF_MEM | size, dst, src, (int16_t)off, 0);
}

/* *(dst + off) = imm */
static inline struct bpf_insn ecap_bpf_store_imm(int size, uint8_t dst, int off, int32_t imm)
{
	return ecap_bpf_insn(BPF_ST | BPF_MEM | size, dst, 0, (int16_t)off, imm);
}

/* Jumps, without where to; they compare 64 bits. */
static inline struct bpf_insn ecap_bpf_jump(int op, uint8_t dst, int32_t imm)
{
	return ecap_bpf_insn(BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

static inline struct bpf_insn ecap_bpf_jump_reg(int op, uint8_t dst, uint8_t src)
{
	return ecap_bpf_insn(BPF_JMP | op | BPF_X, dst, src, 0, 0);
}

static inline struct bpf_insn ecap_bpf_call(int helper)
{
	return ecap_bpf_insn(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

static inline struct bpf_insn ecap_bpf_exit(void)
{
	return ecap_bpf_insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

#endif
