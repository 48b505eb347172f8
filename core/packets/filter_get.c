/* SPDX-License-Identifier: Apache-2.0 */
/* How a translated filter reads the packet: see filter_get.h. */
#include "packets/filter_get.h"

#include <stddef.h>

/* Of a frame of Ethernet (IEEE 802.3, 802.1Q): where a tag stands, and what is behind it. */
#define TAG_AT 12u
#define TAG_END 16u

/*
 * The head begins here. BPF's stack is read at aligned places only, and Ethernet's 14 bytes would
 * have every address of IP misaligned: so there it begins 2 bytes off.
 */
static int head_at(const struct ecap_filter_packet *packet)
{
	return ECAP_STACK_M - ECAP_HEAD_MAX - (packet->ethernet ? 2 : 0);
}

static int bpf_size(uint32_t size)
{
	return size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

void ecap_filter_get_plan(struct ecap_filter_packet *packet, uint32_t k, uint32_t size,
			  int indexed)
{
	uint32_t need = k + size;

	/* Those that may begin before the tag's end are served by the head. */
	if (indexed)
		need = packet->ethernet && k < TAG_END ? TAG_END - 1 + 4 : 0;
	if (k <= ECAP_HEAD_MAX && need <= ECAP_HEAD_MAX && need > packet->head)
		packet->head = need;
}

static void put_context(const struct ecap_filter_packet *packet, uint8_t dst, size_t field)
{
	ecap_bpf_put(packet->code, ecap_bpf_load(BPF_W, dst, ECAP_REG_CTX, (int)field));
}

/* r2: where in the packet; r4: how much. r0 is not 0 when it cannot be read. */
static void put_call(const struct ecap_filter_packet *packet, int stack)
{
	struct ecap_bpf_code *code = packet->code;

	ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_1, ECAP_REG_CTX));
	ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_3, BPF_REG_10));
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_ADD, BPF_REG_3, stack));
	ecap_bpf_put(code, ecap_bpf_call(BPF_FUNC_skb_load_bytes));
	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JNE, BPF_REG_0, 0), packet->no_match);
}

/* Copies what there is of the bytes from @to to the head's end; in the packet they are at @from. */
static void put_copy(const struct ecap_filter_packet *packet, uint32_t from, uint32_t to)
{
	struct ecap_bpf_code *code = packet->code;
	int32_t want = (int32_t)(packet->head - to);
	uint32_t enough = ecap_bpf_label(code), none = ecap_bpf_label(code);

	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JLE, ECAP_REG_LEN, (int32_t)to), none);
	ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_4, ECAP_REG_LEN));
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_SUB, BPF_REG_4, (int32_t)to));
	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JLE, BPF_REG_4, want), enough);
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_4, want));
	ecap_bpf_place(code, enough);
	/* Never true; the verifier of Linux 5.10 does not conclude so much. */
	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JLT, BPF_REG_4, 1), none);
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_2, (int32_t)from));
	put_call(packet, head_at(packet) + (int)to);
	ecap_bpf_place(code, none);
}

/* The addresses, the tag from beside the packet, and what is behind it. */
static void put_tagged_copy(const struct ecap_filter_packet *packet)
{
	struct ecap_bpf_code *code = packet->code;
	int head = head_at(packet);

	/* skb->vlan_proto is in network byte order, skb->vlan_tci is not. */
	put_context(packet, BPF_REG_0, offsetof(struct __sk_buff, vlan_proto));
	ecap_bpf_put(code, ecap_bpf_store(BPF_H, BPF_REG_10, head + (int)TAG_AT, BPF_REG_0));
	put_context(packet, BPF_REG_0, offsetof(struct __sk_buff, vlan_tci));
	ecap_bpf_put(code, ecap_bpf_from_be(BPF_REG_0, 16));
	ecap_bpf_put(code, ecap_bpf_store(BPF_H, BPF_REG_10, head + (int)TAG_AT + 2, BPF_REG_0));
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_2, 0));
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_4, (int32_t)TAG_AT));
	put_call(packet, head);
	if (packet->head > TAG_END)
		put_copy(packet, TAG_AT, TAG_END);
}

/* For the verifier: all that may be read has been written. */
static void put_zeros(const struct ecap_filter_packet *packet)
{
	int from = head_at(packet), to = from + (int)(packet->ethernet && packet->head < TAG_END ?
						     TAG_END : packet->head);

	for (int at = from & ~7; at < to; at += 8)
		ecap_bpf_put(packet->code, ecap_bpf_store_imm(BPF_DW, BPF_REG_10, at, 0));
}

void ecap_filter_get_length(const struct ecap_filter_packet *packet)
{
	struct ecap_bpf_code *code = packet->code;
	uint32_t untagged = ecap_bpf_label(code);

	put_context(packet, ECAP_REG_LEN, offsetof(struct __sk_buff, len));
	if (packet->ethernet) {
		put_context(packet, BPF_REG_0, offsetof(struct __sk_buff, vlan_present));
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JEQ, BPF_REG_0, 0), untagged);
		ecap_bpf_put(code, ecap_bpf_alu64(BPF_ADD, ECAP_REG_LEN, TAG_END - TAG_AT));
	}
	ecap_bpf_place(code, untagged);
}

void ecap_filter_get_begin(const struct ecap_filter_packet *packet)
{
	struct ecap_bpf_code *code = packet->code;
	uint32_t untagged = ecap_bpf_label(code), end = ecap_bpf_label(code);

	ecap_filter_get_length(packet);
	if (!packet->head)
		return;
	put_zeros(packet);
	if (packet->ethernet) {
		put_context(packet, BPF_REG_0, offsetof(struct __sk_buff, vlan_present));
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JEQ, BPF_REG_0, 0), untagged);
		put_tagged_copy(packet);
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JA, 0, 0), end);
	}
	ecap_bpf_place(code, untagged);
	put_copy(packet, 0, 0);
	ecap_bpf_place(code, end);
}

/* From the head, where its place on the stack is not aligned in two halves. May use r1 to r3. */
static void put_head(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t k,
		     uint32_t size)
{
	struct ecap_bpf_code *code = packet->code;
	int at = head_at(packet) + (int)k;
	uint8_t low = size == 4 ? BPF_REG_1 : BPF_REG_2;

	if (at & (int)(size - 1)) {
		put_head(packet, dst, k, size / 2);
		put_head(packet, low, k + size / 2, size / 2);
		ecap_bpf_put(code, ecap_bpf_alu64(BPF_LSH, dst, (int32_t)size / 2 * 8));
		ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_OR, dst, low));
		return;
	}
	ecap_bpf_put(code, ecap_bpf_load(bpf_size(size), dst, BPF_REG_10, at));
	if (size > 1)
		ecap_bpf_put(code, ecap_bpf_from_be(dst, (int)size * 8));
}

/* r2 is where an indexed load begins, in the packet as libpcap shows it; the tag is beside it. */
static void put_tagged_index(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t size,
			     uint32_t done)
{
	struct ecap_bpf_code *code = packet->code;
	uint32_t behind = ecap_bpf_label(code), before = ecap_bpf_label(code);

	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JGE, BPF_REG_2, TAG_END), behind);
	ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JLE, BPF_REG_2, (int32_t)(TAG_AT - size)),
			  before);
	for (uint32_t k = TAG_AT - size + 1; k < TAG_END; k++) {
		uint32_t next = ecap_bpf_label(code);

		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JNE, BPF_REG_2, (int32_t)k), next);
		put_head(packet, dst, k, size);
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JA, 0, 0), done);
		ecap_bpf_place(code, next);
	}
	ecap_bpf_place(code, behind);
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_SUB, BPF_REG_2, TAG_END - TAG_AT));
	ecap_bpf_place(code, before);
}

/* By a call: r2 is where, and known to be within the packet, at @least or behind. */
static void put_load(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t least,
		     uint32_t size)
{
	struct ecap_bpf_code *code = packet->code;
	uint32_t untagged = ecap_bpf_label(code), done = ecap_bpf_label(code);

	if (packet->ethernet) {
		put_context(packet, BPF_REG_0, offsetof(struct __sk_buff, vlan_present));
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JEQ, BPF_REG_0, 0), untagged);
		if (least >= TAG_END)
			ecap_bpf_put(code, ecap_bpf_alu64(BPF_SUB, BPF_REG_2, TAG_END - TAG_AT));
		else
			put_tagged_index(packet, dst, size, done);
	}
	ecap_bpf_place(code, untagged);
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_4, (int32_t)size));
	put_call(packet, ECAP_STACK_SCRATCH);
	ecap_bpf_put(code, ecap_bpf_load(bpf_size(size), dst, BPF_REG_10, ECAP_STACK_SCRATCH));
	if (size > 1)
		ecap_bpf_put(code, ecap_bpf_from_be(dst, (int)size * 8));
	ecap_bpf_place(code, done);
}

void ecap_filter_get(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t k,
		     uint32_t size, int checked)
{
	struct ecap_bpf_code *code = packet->code;

	if (!checked)
		ecap_bpf_put_jump(code, ecap_bpf_jump(BPF_JLT, ECAP_REG_LEN, (int32_t)(k + size)),
				  packet->no_match);
	if (k + size <= packet->head) {
		put_head(packet, dst, k, size);
		return;
	}
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_MOV, BPF_REG_2, (int32_t)k));
	put_load(packet, dst, k, size);
}

void ecap_filter_get_indexed(const struct ecap_filter_packet *packet, uint8_t dst, uint32_t k,
			     uint32_t size)
{
	struct ecap_bpf_code *code = packet->code;

	/* In 64 bits: no X is so large that the sum comes out small. */
	ecap_bpf_put(code, ecap_bpf_alu32(BPF_MOV, BPF_REG_2, k));
	ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_ADD, BPF_REG_2, ECAP_REG_X));
	ecap_bpf_put(code, ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_0, BPF_REG_2));
	ecap_bpf_put(code, ecap_bpf_alu64(BPF_ADD, BPF_REG_0, (int32_t)size));
	ecap_bpf_put_jump(code, ecap_bpf_jump_reg(BPF_JGT, BPF_REG_0, ECAP_REG_LEN),
			  packet->no_match);
	put_load(packet, dst, k, size);
}
