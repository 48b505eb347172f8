/* SPDX-License-Identifier: Apache-2.0 */
/* Runs packet filters in the kernel, on packets of a test: see packet_filter_run.h. */
#include "packet_filter_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "err.h"
#include "packets/filter_insns.h"
#include "util.h"

#define HEADER 14u /* of Ethernet */

static int behind = -1, made = -1, maker = -1; /* arrays of the next program; the program */

static int load(const struct bpf_insn *insns, size_t n)
{
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test", "Dual BSD/GPL", insns, n, NULL);
}

/*
 * Makes the packet of what the kernel takes for a test, which are no short ones: cuts it to
 * skb->cb[0] bytes, and puts a tag beside it, as drivers do: skb->mark is its TCI and TAG_*.
 */
static int load_maker(int next)
{
	const struct bpf_insn insns[] = {
		ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_6, BPF_REG_1),
		ecap_bpf_load(BPF_W, BPF_REG_7, BPF_REG_6, offsetof(struct __sk_buff, mark)),
		ecap_bpf_load(BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct __sk_buff, cb)),
		ecap_bpf_alu64(BPF_MOV, BPF_REG_3, 0),
		ecap_bpf_call(BPF_FUNC_skb_change_tail),
		ecap_bpf_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 15, 0),
		ecap_bpf_insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 9, 0),
		ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_1, BPF_REG_6),
		ecap_bpf_alu64(BPF_MOV, BPF_REG_2, 0x8100),
		ecap_bpf_insn(BPF_JMP | BPF_JSET | BPF_K, BPF_REG_7, 0, 1, TEST_TAG_CUSTOMER),
		ecap_bpf_alu64(BPF_MOV, BPF_REG_2, 0x88a8),
		ecap_bpf_from_be(BPF_REG_2, 16),
		ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_3, BPF_REG_7),
		ecap_bpf_alu64(BPF_AND, BPF_REG_3, 0xffff),
		ecap_bpf_call(BPF_FUNC_skb_vlan_push),
		ecap_bpf_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 5, 0),
		ecap_bpf_alu64_reg(BPF_MOV, BPF_REG_1, BPF_REG_6),
		ecap_bpf_insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, next),
		ecap_bpf_insn(0, 0, 0, 0, 0),
		ecap_bpf_alu64(BPF_MOV, BPF_REG_3, 0),
		ecap_bpf_call(BPF_FUNC_tail_call),
		ecap_bpf_alu64(BPF_MOV, BPF_REG_0, 99),
		ecap_bpf_exit(),
	};

	return load(insns, ARRAY_SIZE(insns));
}

int test_filter_prepare(void **state)
{
	const struct bpf_insn match[] = { ecap_bpf_alu64(BPF_MOV, BPF_REG_0, TEST_MATCH),
					  ecap_bpf_exit() };
	int program = load(match, ARRAY_SIZE(match)), key = 0;

	(void)state;
	if (program < 0)
		return errno == EPERM ? 0 : -1;
	behind = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "behind", 4, 4, 1, NULL);
	made = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "made", 4, 4, 1, NULL);
	maker = load_maker(made);
	return maker < 0 || bpf_map_update_elem(behind, &key, &program, 0) ? -1 : 0;
}

void test_filter_need_bpf(void)
{
	if (maker >= 0)
		return;
	print_message("BPF programs cannot be loaded here\n");
	skip();
}

int test_filter_behind(void)
{
	return behind;
}

uint32_t test_filter_run(const void *data, uint32_t len, uint32_t tag)
{
	struct __sk_buff ctx = { .mark = tag, .cb[0] = len };
	uint8_t long_enough[sizeof(((struct test_packet *)0)->data)] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = long_enough, .ctx_in = &ctx,
		    .data_size_in = len < 64 ? 64 : len, .ctx_size_in = sizeof(ctx));

	memcpy(long_enough, data, len);
	if (bpf_prog_test_run_opts(maker, &opts))
		fail_msg("running a program on %u bytes: %s", len, strerror(errno));
	return opts.retval;
}

int test_filter_use(int program)
{
	int key = 0;

	assert_int_equal(bpf_map_update_elem(made, &key, &program, 0), 0);
	return program;
}

void test_filter_judge(const char *expression, const struct test_packet *packet, uint32_t verdict,
		       int expected)
{
	if (verdict != (expected ? TEST_MATCH : TEST_NO_MATCH))
		fail_msg("%s: on \"%s\" the program returns %d, but it is %s", expression,
			 packet->name, (int)verdict, expected ? "a match" : "none");
}

/* The packet's tag, as the maker wants it; 0: none of those that the kernel takes off. */
static uint32_t tag_of(const struct test_packet *packet)
{
	const uint8_t *tag = packet->data + 12;
	uint32_t tci = (uint32_t)tag[2] << 8 | tag[3];

	if (packet->len < HEADER + 4)
		return 0;
	if (tag[0] == 0x81 && !tag[1])
		return tci | TEST_TAG_CUSTOMER;
	return tag[0] == 0x88 && tag[1] == 0xa8 ? tci | TEST_TAG_SERVICE : 0;
}

void test_filter_judge_packet(const char *expression, const struct test_packet *packet,
			      int expected)
{
	uint8_t data[sizeof(packet->data)];

	test_filter_judge(expression, packet, test_filter_run(packet->data, packet->len, 0),
			  expected);
	if (!tag_of(packet))
		return;
	memcpy(data, packet->data, 12);
	memcpy(data + 12, packet->data + 16, packet->len - 16);
	test_filter_judge(expression, packet,
			  test_filter_run(data, packet->len - 4, tag_of(packet)), expected);
}

int test_filter_load(const char *expression, const struct ecap_filter_side *side)
{
	int program = -1;

	if (ecap_filter_load(expression, side, behind, &program))
		fail_msg("%s", ecap_err_text());
	return test_filter_use(program);
}

int test_filter_load_code(const struct ecap_cbpf *code, uint32_t n,
			  const struct ecap_filter_side *side)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	static char log[1 << 16];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log));
	uint32_t n_insns;

	if (ecap_filter_ebpf(code, n, side, behind, &insns, &n_insns))
		fail_msg("%s", ecap_err_text());
	int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test", "Dual BSD/GPL", insns, n_insns,
				    &opts);

	if (program < 0)
		fail_msg("%s", log);
	return test_filter_use(program);
}

uint32_t test_random(uint64_t *seed, uint32_t below)
{
	/* Constants of Knuth's MMIX (The Art of Computer Programming, vol. 2, 3.3.4). */
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % below;
}
