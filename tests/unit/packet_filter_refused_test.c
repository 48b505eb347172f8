/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters that are refused: libpcap's words, the expression, and the caret under the place.
 * And programs that no expression should give, but that would be no filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/filter.h>

#include "err.h"
#include "packets/filter.h"
#include "packets/filter_private.h"
#include "util.h"

#define ETHERNET 1
#define BEGIN "packet filter: "

/* The caret stands where the second text begins in the first; NULL: none. */
static const struct {
	const char *expression, *caret;
	const char *words; /* some of libpcap's, since 1.9 the same */
} refused[] = {
	{ "tcp porrt 80", "porrt 80", "syntax error" },
	{ "tcp port 80 and", "", "syntax error" },
	{ "tcp and and udp", "and udp", "syntax error" },
	{ "host", "", "syntax error" },
	{ "not", "", "syntax error" },
	{ "(tcp port 80", "", "syntax error" },
	{ "tcp port 80)", ")", "syntax error" },
	{ "tcp[300", "", "syntax error" },
	{ "tcp[tcpflagz] = 1", "tcpflagz] = 1", "syntax error" },
	{ "arp or (tcp and port port 5)", "port 5)", "syntax error" },
	{ "port 99999", "99999", "99999" },
	{ "port 80 or port 99999 or port 81", "99999 or port 81", "99999" },
	{ "tcp port nosuchport", "nosuchport", "nosuchport" },
	{ "tcp port http or tcp port httpz", "httpz", "httpz" },
	{ "ether host 1.2.3.4", "1.2.3.4", "address" },
	{ "ip host ::1", "ip host ::1", "ip" },
	{ "arp or net 10.0.0.1/8", "10.0.0.1/8", "network" },
	{ "vlan 5 and vlan 5000", "5000", "5000" },
	{ "udp port 53 or ip[0:3] = 1", "] = 1", "1, 2, or 4" },
	{ "ip[9] << 40 = 0", "40 = 0", "shift" },
	{ "tcp and udp", NULL, "rejects all" },
	{ "1 = 2", NULL, "rejects all" },
};

/* Checks the lines of the text: words, expression, caret at @column, or none for -1. */
static void check_text(const char *shown, int column, const char *words)
{
	char text[2048], *line = text;

	snprintf(text, sizeof(text), "%s", ecap_err_text());
	char *first = strsep(&line, "\n"), *second = strsep(&line, "\n");
	char *third = strsep(&line, "\n");

	assert_memory_equal(first, BEGIN, strlen(BEGIN));
	assert_non_null(strstr(first, words));
	assert_non_null(second);
	assert_memory_equal(second, "    ", 4);
	assert_string_equal(second + 4, shown);
	assert_null(line);
	if (column < 0) {
		assert_null(third);
		return;
	}
	if (!third || (int)strlen(third) != 4 + column + 1 || third[4 + column] != '^')
		fail_msg("%s: caret not at %d:\n%s", shown, column, ecap_err_text());
	assert_int_equal(strspn(third, " "), 4 + column);
}

static void test_carets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *expression = refused[i].expression;
		int column = -1;

		if (refused[i].caret)
			column = (int)(strlen(expression) - strlen(refused[i].caret));
		assert_int_equal(ecap_filter_check(expression, ETHERNET), -EINVAL);
		check_text(expression, column, refused[i].words);
	}
}

/* libpcap knows ASCII only, and what is behind it does not matter; all blanks are one. */
static void test_columns(void **state)
{
	(void)state;
	const char *of_others = "udp \xc3\xbc\xc3\x9f\xe2\x82\xac and port 99999";

	assert_int_equal(ecap_filter_check(of_others, ETHERNET), -EINVAL);
	check_text(of_others, 4, "syntax error");
	assert_int_equal(ecap_filter_check("tcp \xe2\x82\xac", ETHERNET), -EINVAL);
	check_text("tcp \xe2\x82\xac", 4, "syntax error");
	assert_int_equal(ecap_filter_check("tcp\n\tand\r\nand udp", ETHERNET), -EINVAL);
	check_text("tcp  and  and udp", 10, "syntax error");
}

/* Of a long expression, what is around the place. */
static void test_long(void **state)
{
	char expression[4096], text[2048], *caret, *line;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 80; i++)
		n += (size_t)snprintf(expression + n, sizeof(expression) - n, "%shost 10.0.0.%d",
				      i == 40 ? " or porrt 5 or " : i ? " or " : "", i);
	assert_int_equal(ecap_filter_check(expression, ETHERNET), -EINVAL);
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	line = strchr(text, '\n');
	assert_non_null(line);
	assert_true(!strncmp(line, "\n    ...", 8));
	caret = strchr(line + 1, '\n');
	assert_non_null(caret);
	assert_true(caret - line < 200);
	assert_memory_equal(caret - 3, "...", 3);
	/* The word that is above the caret. */
	assert_memory_equal(line + (strchr(caret, '^') - caret), "porrt 5", 7);
}

/* What is no filter of libpcap's: it is said, not translated to something else. */
static void test_programs(void **state)
{
	static const struct {
		const char *words;
		uint32_t n;
		struct ecap_cbpf code[3];
	} cases[] = {
		{ "SKF_AD_OFF + 36", 2, { { BPF_LD | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_CPU },
					  { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0xf7", 2, { { 0xf7, 0, 0, 0 }, { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0xc4", 2, { { BPF_ALU | 0xc0, 0, 0, 0 }, { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0x55", 2, { { BPF_JMP | 0x50, 0, 0, 0 }, { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0x60", 2, { { BPF_LD | BPF_MEM, 0, 0, 16 }, { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0x2", 2, { { BPF_ST, 0, 0, 16 }, { BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "0x1e", 1, { { BPF_RET | 0x18, 0, 0, 1 } } },
		{ "leads nowhere", 1, { { BPF_LD | BPF_IMM, 0, 0, 1 } } },
		{ "leads nowhere", 2, { { BPF_JMP | BPF_JEQ, 0, 1, 1 },
					{ BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "leads nowhere", 2, { { BPF_JMP | BPF_JA, 0, 0, (uint32_t)-2 },
					{ BPF_RET | BPF_K, 0, 0, 1 } } },
		{ "empty", 0, { { 0, 0, 0, 0 } } },
	};
	const struct ecap_filter_side side = { .link_type = ETHERNET, .packet_type = -1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bpf_insn *insns = NULL;
		uint32_t n = 77;

		int err = ecap_filter_ebpf(cases[i].code, cases[i].n, &side, -1, &insns, &n);

		assert_int_equal(err, -EINVAL);
		if (!strstr(ecap_err_text(), cases[i].words))
			fail_msg("%s: %s", cases[i].words, ecap_err_text());
		assert_null(insns);
		assert_int_equal(n, 77);
	}
}

/* BPF's jumps reach 32767 instructions. */
static void test_too_long(void **state)
{
	enum { N = 4000 };
	const struct ecap_filter_side side = { .link_type = ETHERNET, .packet_type = -1 };
	static struct ecap_cbpf code[N];
	struct bpf_insn *insns = NULL;
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		code[i] = (struct ecap_cbpf){ BPF_LD | BPF_B | BPF_IND, 0, 0, 20 };
	code[0] = (struct ecap_cbpf){ BPF_JMP | BPF_JEQ, 0, 1, 7 };
	code[1] = (struct ecap_cbpf){ BPF_JMP | BPF_JA, 0, 0, N - 3 };
	code[N - 1] = (struct ecap_cbpf){ BPF_RET | BPF_K, 0, 0, 1 };
	assert_int_equal(ecap_filter_ebpf(code, N, &side, -1, &insns, &n), -E2BIG);
	assert_non_null(strstr(ecap_err_text(), "too long for BPF"));
	assert_int_equal(ecap_filter_ebpf(code + N / 2, N / 2, &side, -1, &insns, &n), 0);
	assert_true(n > N / 2);
	free(insns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carets),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
