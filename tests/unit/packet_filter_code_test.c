/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters in the kernel, of programs that no expression makes: what matches is what
 * libpcap's own machine says of the same packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <bpf/bpf.h>
#include <linux/filter.h>

#include "err.h"
#include "packet_filter_run.h"
#include "util.h"

/* libpcap's machine (bpf_filter(3) of BSD): its header and the kernel's exclude each other. */
unsigned int bpf_filter(const struct ecap_cbpf *code, const uint8_t *packet, unsigned int length,
			unsigned int captured);

static const struct ecap_filter_side ethernet = { .link_type = TEST_ETHERNET, .packet_type = -1 };
static const struct test_packet *packets;
static uint32_t n_packets;

static int prepare(void **state)
{
	packets = test_packets(&n_packets);
	return test_filter_prepare(state);
}

#define LD(mode, k)  { BPF_LD | (mode), 0, 0, k }
#define LDX(mode, k) { BPF_LDX | (mode), 0, 0, k }
#define ALU(op, k)   { BPF_ALU | (op), 0, 0, k }
#define JMP(op, k, t, f) { BPF_JMP | (op), t, f, k }
#define MISC(op)     { BPF_MISC | (op), 0, 0, 0 }
#define RET(what, k) { BPF_RET | (what), 0, 0, k }
#define YES          RET(BPF_K, 1)
#define NO           RET(BPF_K, 0)
#define MAX_CODE 12

/* What no expression shows. Judged by libpcap, and by what is said here. */
static const struct {
	const char *what;
	int matches;
	struct ecap_cbpf code[MAX_CODE];
} programs[] = {
	{ "division by X = 0", 0, { LD(BPF_IMM, 1), ALU(BPF_DIV | BPF_X, 0), YES } },
	{ "remainder by X = 0", 0, { LD(BPF_IMM, 1), ALU(BPF_MOD | BPF_X, 0), YES } },
	{ "division of the largest", 1,
	  { LD(BPF_IMM, 0xffffffff), LDX(BPF_IMM, 0xffffffff), ALU(BPF_DIV | BPF_X, 0),
	    JMP(BPF_JEQ, 1, 0, 1), YES, NO } },
	{ "shift left by 32", 0,
	  { LD(BPF_IMM, 1), LDX(BPF_IMM, 32), ALU(BPF_LSH | BPF_X, 0), RET(BPF_A, 0) } },
	{ "shift right by 33", 0,
	  { LD(BPF_IMM, 2), LDX(BPF_IMM, 33), ALU(BPF_RSH | BPF_X, 0), RET(BPF_A, 0) } },
	{ "shift left by 31", 1,
	  { LD(BPF_IMM, 1), LDX(BPF_IMM, 31), ALU(BPF_LSH | BPF_X, 0), RET(BPF_A, 0) } },
	{ "shift by 2^32 - 1", 0,
	  { LD(BPF_IMM, 1), LDX(BPF_IMM, 0xffffffff), ALU(BPF_LSH | BPF_X, 0), RET(BPF_A, 0) } },
	{ "sum wraps to 0", 0,
	  { LD(BPF_IMM, 0xffffffff), ALU(BPF_ADD | BPF_K, 1), RET(BPF_A, 0) } },
	{ "product wraps to 0", 0,
	  { LD(BPF_IMM, 0x10000), ALU(BPF_MUL | BPF_K, 0x10000), RET(BPF_A, 0) } },
	{ "negation of 1 is the largest", 1,
	  { LD(BPF_IMM, 1), ALU(BPF_NEG, 0), JMP(BPF_JGT, 0xfffffffe, 0, 1), YES, NO } },
	{ "comparison without sign", 1,
	  { LD(BPF_IMM, 0x80000000), JMP(BPF_JGE, 0x7fffffff, 0, 1), YES, NO } },
	{ "bit 31", 1,
	  { LD(BPF_IMM, 0x80000000), JMP(BPF_JSET, 0x80000000, 0, 1), YES, NO } },
	{ "bit 31 of another", 0,
	  { LD(BPF_IMM, 0x7fffffff), JMP(BPF_JSET, 0x80000000, 0, 1), YES, NO } },
	{ "X + k wraps into the packet", 0,
	  { LDX(BPF_IMM, 0xfffffff0), LD(BPF_B | BPF_IND, 0x20), YES } },
	{ "X alone beyond every packet", 0,
	  { LDX(BPF_IMM, 0xffffffff), LD(BPF_W | BPF_IND, 0), YES } },
	{ "k alone beyond every packet", 0, { LD(BPF_W | BPF_ABS, 0xfffffffe), YES } },
	{ "k + 4 is 2^31", 0, { LD(BPF_W | BPF_ABS, 0x7ffffffc), YES } },
	{ "what libpcap has for the network layer is none", 0,
	  { LD(BPF_B | BPF_ABS, 0xfff00000), YES } },
	{ "A and X are 0", 1,
	  { MISC(BPF_TAX), JMP(BPF_JEQ, 0, 0, 2), MISC(BPF_TXA), JMP(BPF_JEQ | BPF_X, 0, 1, 0), NO,
	    YES } },
	{ "M[15] keeps A, M[0] X", 1,
	  { LD(BPF_IMM, 3), LDX(BPF_IMM, 3), { BPF_ST, 0, 0, 15 }, { BPF_STX, 0, 0, 0 },
	    LD(BPF_IMM, 0), LD(BPF_MEM, 15), LDX(BPF_MEM, 0), JMP(BPF_JEQ | BPF_X, 0, 0, 1),
	    RET(BPF_A, 0), NO } },
	{ "length in X", 1,
	  { LD(BPF_LEN, 0), LDX(BPF_LEN, 0), JMP(BPF_JEQ | BPF_X, 0, 0, 1), YES, NO } },
	{ "code that nothing reaches", 1, { JMP(BPF_JA, 1, 0, 0), NO, YES } },
	{ "a jump with one target", 1, { JMP(BPF_JEQ, 5, 1, 1), NO, YES } },
};

static void test_programs(void **state)
{
	(void)state;
	test_filter_need_bpf();
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		uint32_t n = 0;

		for (uint32_t j = 0; j < MAX_CODE; j++)
			n = programs[i].code[j].code ? j + 1 : n;
		_cleanup_close_ int program = test_filter_load_code(programs[i].code, n, &ethernet);

		test_filter_judge(programs[i].what, &packets[0],
				  test_filter_run(packets[0].data, packets[0].len, 0),
				  programs[i].matches);
		assert_int_equal(!!bpf_filter(programs[i].code, packets[0].data, packets[0].len,
					      packets[0].len), programs[i].matches);
	}
}

/* An instruction of any kind; jumps lead at most to the end, where there is a RET. */
static struct ecap_cbpf random_insn(uint64_t *seed, uint32_t left)
{
	static const uint32_t numbers[] = { 0, 1, 2, 4, 0xf, 0x1f, 32, 0xff, 0x800, 0x7fffffff,
		0x80000000, 0xfffffff0, 0xffffffff };
	static const uint16_t sizes[] = { BPF_B, BPF_H, BPF_W };
	static const uint16_t operations[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR, BPF_AND, BPF_XOR,
		BPF_LSH, BPF_RSH, BPF_DIV, BPF_MOD, BPF_NEG };
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint32_t number = numbers[test_random(seed, ARRAY_SIZE(numbers))];
	uint16_t size = sizes[test_random(seed, 3)];
	uint16_t source = test_random(seed, 2) ? BPF_X : BPF_K;
	uint16_t operation = operations[test_random(seed, ARRAY_SIZE(operations))];

	switch (test_random(seed, 12)) {
	case 0: return (struct ecap_cbpf)LD(BPF_IMM, number);
	case 1: return (struct ecap_cbpf)LDX(BPF_IMM, source ? number : test_random(seed, 70));
	case 2: return (struct ecap_cbpf)LD(size | BPF_ABS, test_random(seed, 160));
	case 3: return (struct ecap_cbpf)LD(size | BPF_IND, test_random(seed, 30));
	case 4: return (struct ecap_cbpf)LDX(BPF_B | BPF_MSH, test_random(seed, 60));
	case 5: return (struct ecap_cbpf)LD(BPF_MEM, test_random(seed, 16));
	case 6: return (struct ecap_cbpf)LDX(BPF_MEM, test_random(seed, 16));
	case 7: return (struct ecap_cbpf){ source ? BPF_ST : BPF_STX, 0, 0, test_random(seed, 16) };
	case 8: return (struct ecap_cbpf)MISC(test_random(seed, 2) ? BPF_TAX : BPF_TXA);
	case 9: return (struct ecap_cbpf)JMP(jumps[test_random(seed, 4)] | source, number,
					     (uint8_t)test_random(seed, left),
					     (uint8_t)test_random(seed, left));
	default:
		if (source == BPF_K && (operation == BPF_DIV || operation == BPF_MOD) && !number)
			number = 3;
		/* C does not say what libpcap's machine does with a larger one. */
		if (source == BPF_K && (operation == BPF_LSH || operation == BPF_RSH))
			number %= 32;
		if (operation == BPF_NEG)
			source = BPF_K;
		return (struct ecap_cbpf)ALU(operation | source, number);
	}
}

/* Programs without sense, instruction by instruction as libpcap runs them. */
static void test_random_programs(void **state)
{
	enum { N = 60 };
	uint64_t seed = 7;
	uint32_t some = 0;

	(void)state;
	test_filter_need_bpf();
	for (uint32_t round = 0; round < 400; round++) {
		struct ecap_cbpf code[N];
		char name[32];
		uint32_t n = 16 + test_random(&seed, N - 18), matches = 0;

		/* M[] of libpcap's machine is not cleared; the kernel's want it written first. */
		code[0] = (struct ecap_cbpf)LD(BPF_IMM, 0);
		for (uint32_t i = 1; i < 17; i++)
			code[i] = (struct ecap_cbpf){ BPF_ST, 0, 0, i - 1 };
		for (uint32_t i = 17; i < n; i++)
			code[i] = random_insn(&seed, n - i);
		n = n < 17 ? 17 : n;
		code[n] = (struct ecap_cbpf)RET(BPF_A, 0);
		_cleanup_close_ int program = test_filter_load_code(code, n + 1, &ethernet);

		snprintf(name, sizeof(name), "program %u", round);
		for (uint32_t i = 0; i < n_packets; i++) {
			uint32_t len = packets[i].len;
			int expected = bpf_filter(code, packets[i].data, len, len) != 0;

			test_filter_judge_packet(name, &packets[i], expected);
			matches += (uint32_t)expected;
		}
		some += matches && matches < n_packets;
	}
	print_message("# programs that match some packets: %u\n", some);
	assert_true(some > 40);
}

/* Nothing behind the filter: others' filters go on. */
static void test_without_program_behind(void **state)
{
	(void)state;
	test_filter_need_bpf();
	_cleanup_close_ int empty = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "empty", 4, 4, 1, NULL);
	_cleanup_close_ int program = -1;

	assert_int_equal(ecap_filter_load("tcp", &ethernet, empty, &program), 0);
	test_filter_use(program);
	assert_int_equal(test_filter_run(packets[0].data, packets[0].len, 0), TEST_NO_MATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_random_programs),
		cmocka_unit_test(test_without_program_behind),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
