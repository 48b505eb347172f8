/* SPDX-License-Identifier: Apache-2.0 */
/* Packet filters in the kernel: what matches is what tcpdump says of the same packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "err.h"
#include "packet_filter_run.h"
#include "util.h"

#define MAX_EXPRESSION 2048
#define HEADER 14u /* of Ethernet */

static const struct ecap_filter_side ethernet = { .link_type = TEST_ETHERNET, .packet_type = -1 };
static const struct ecap_filter_side raw = { .link_type = TEST_RAW, .packet_type = -1 };
static char dir[] = "/tmp/ecapture-filter-XXXXXX", in[64], out[64], words[64];
static const struct test_packet *packets;
static uint32_t n_packets;

static int prepare(void **state)
{
	packets = test_packets(&n_packets);
	if (!mkdtemp(dir))
		return -1;
	snprintf(in, sizeof(in), "%s/in.pcap", dir);
	snprintf(out, sizeof(out), "%s/out.pcap", dir);
	snprintf(words, sizeof(words), "%s/expression", dir);
	return test_filter_prepare(state);
}

static int clean_up(void **state)
{
	(void)state;
	unlink(in);
	unlink(out);
	unlink(words);
	return rmdir(dir);
}

/* The file's header and each packet's, of pcap-savefile(5). */
struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link_type;
};

struct record_header {
	uint32_t seconds, micros, captured, length;
};

/* The packets as a pcap file, the number of each as its seconds. */
static int write_packets(const char *path, uint32_t link_type, const struct test_packet *list,
			 uint32_t n)
{
	const struct file_header header = { 0xa1b2c3d4, 2, 4, 0, 0, 262144, link_type };
	FILE *file = fopen(path, "we");

	if (!file)
		return -1;
	fwrite(&header, sizeof(header), 1, file);
	for (uint32_t i = 0; i < n; i++) {
		const struct record_header record = { i, 0, list[i].len, list[i].len };

		fwrite(&record, sizeof(record), 1, file);
		fwrite(list[i].data, list[i].len, 1, file);
	}
	return fclose(file) ? -1 : 0;
}

/* Marks the packets that a pcap file of these has; the number found, or -1. */
static int read_packets(const char *path, uint8_t *found, uint32_t n)
{
	struct file_header header;
	struct record_header record;
	FILE *file = fopen(path, "re");
	int number = -1;

	memset(found, 0, n);
	if (file && fread(&header, sizeof(header), 1, file) == 1 && header.magic == 0xa1b2c3d4) {
		number = 0;
		while (fread(&record, sizeof(record), 1, file) == 1 && record.seconds < n) {
			found[record.seconds] = 1;
			number++;
			fseek(file, record.captured, SEEK_CUR);
		}
	}
	if (file)
		fclose(file);
	return number;
}

/* Which of the packets in the file tcpdump takes; the number, or -1: it refuses the expression. */
static int ask_tcpdump(const char *expression, uint8_t *found, uint32_t n)
{
	char command[256];
	FILE *file = fopen(words, "we");

	assert_non_null(file);
	fputs(expression, file);
	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof(command), "tcpdump -r %s -F %s -w - >%s 2>/dev/null", in, words,
		 out);
	return system(command) ? -1 : read_packets(out, found, n);
}

static void need_tcpdump(void)
{
	if (!system("command -v tcpdump >/dev/null"))
		return;
	print_message("no tcpdump\n");
	skip();
}

/* Compares the filter's verdicts with tcpdump's; returns how many match, or -1: both refuse it. */
static int compare(const char *expression)
{
	uint8_t expected[1024];
	int number = ask_tcpdump(expression, expected, n_packets);

	if (number < 0) {
		assert_int_equal(ecap_filter_check(expression, TEST_ETHERNET), -EINVAL);
		return -1;
	}
	_cleanup_close_ int program = test_filter_load(expression, &ethernet);

	for (uint32_t i = 0; i < n_packets; i++)
		test_filter_judge_packet(expression, &packets[i], expected[i]);
	return number;
}

/* The next expression of data/filters.txt, in @line; NULL at its end. */
static char *next_expression(FILE *file, char *line, int size)
{
	while (fgets(line, size, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

static FILE *open_expressions(void)
{
	const char *top = getenv("top_srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/unit/data/filters.txt", top ? top : ".");
	FILE *file = fopen(path, "re");

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	return file;
}

static void test_tcpdump(void **state)
{
	_cleanup_fclose_ FILE *file = open_expressions();
	char line[MAX_EXPRESSION];
	uint32_t all = 0, some = 0;

	(void)state;
	test_filter_need_bpf();
	need_tcpdump();
	assert_int_equal(write_packets(in, TEST_ETHERNET, packets, n_packets), 0);
	while (next_expression(file, line, sizeof(line))) {
		int number = compare(line);

		if (number < 0)
			fail_msg("tcpdump refuses %s", line);
		all++;
		if (number && number < (int)n_packets)
			some++;
		else
			print_message("# %s: %d of %u match\n", line, number, n_packets);
	}
	print_message("# %u expressions on %u packets; %u match some of them\n", all, n_packets,
		      some);
	assert_true(all >= 350);
	assert_true(some >= 340);
}

static void test_random_expressions(void **state)
{
	_cleanup_fclose_ FILE *file = open_expressions();
	static char lines[512][128];
	char line[MAX_EXPRESSION], mixed[MAX_EXPRESSION];
	uint32_t n = 0, refused = 0;
	uint64_t seed = 5;

	(void)state;
	test_filter_need_bpf();
	need_tcpdump();
	assert_int_equal(write_packets(in, TEST_ETHERNET, packets, n_packets), 0);
	/* What follows "geneve" reads M[] that nobody has written where the packet is none. */
	while (n < ARRAY_SIZE(lines) && next_expression(file, line, sizeof(line)))
		if (strlen(line) < sizeof(lines[0]) && !strstr(line, "geneve"))
			strcpy(lines[n++], line);
	for (int i = 0; i < 300; i++) {
		size_t len = 0;

		for (uint32_t parts = 2 + test_random(&seed, 4); parts; parts--)
			len += (size_t)snprintf(mixed + len, sizeof(mixed) - len, "%s(%s)%s",
						test_random(&seed, 3) ? "" : "not ",
						lines[test_random(&seed, n)], parts == 1 ? "" :
						test_random(&seed, 2) ? " or " : " and ");
		refused += compare(mixed) < 0;
	}
	print_message("# refused by libpcap: %u\n", refused);
	assert_true(refused < 150);
}

/* Whether it is no part of a longer word; operators are no words. */
static int stands_alone(const char *found, const char *primitive)
{
	size_t len = strlen(primitive);

	return (!isalnum((unsigned char)found[0]) || !isalnum((unsigned char)found[-1])) &&
	       (!isalnum((unsigned char)found[len - 1]) || !isalnum((unsigned char)found[len]));
}

/* Each of the manual's primitives stands in one of the expressions at least. */
static void test_primitives(void **state)
{
	static const char *const primitives[] = {
		"host", "src host", "dst host", "ip host", "arp host", "rarp host", "ip6 host",
		"ether dst", "ether src", "ether host", "net", "src net", "dst net", "mask",
		"port", "src port", "dst port", "portrange", "src portrange", "dst portrange",
		"tcp port", "udp port", "sctp port", "less", "greater", "ip proto", "ip6 proto",
		"proto", "icmp", "icmp6", "ah", "esp", "pim", "sctp", "tcp", "udp",
		"ip6 protochain", "ip protochain", "protochain", "ether broadcast",
		"ip broadcast", "ether multicast", "ip multicast", "ip6 multicast",
		"ether proto", "ip", "ip6", "arp", "rarp", "atalk", "aarp", "decnet", "iso",
		"stp", "ipx", "netbeui", "lat", "moprc", "mopdl", "decnet src", "decnet dst",
		"decnet host", "llc", "llc i", "llc s", "llc u", "llc rr", "llc rnr", "llc rej",
		"llc ui", "llc ua", "llc disc", "llc sabme", "llc test", "llc xid", "llc frmr",
		"vlan", "mpls", "pppoed", "pppoes", "geneve", "iso proto", "clnp", "esis",
		"isis", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp", "len", "tcp[", "udp[",
		"icmp[", "icmp6[", "igmp[", "igrp[", "ip[", "ip6[", "arp[", "rarp[", "atalk[",
		"carp[", "decnet[", "ether[", "lat[", "link[", "mopdl[", "moprc[", "pim[",
		"ppp[", "sca[", "sctp[", "vrrp[", "+", "-", "*", "/", "%", "&", "|", "^", "<<",
		">>", ">", "<", ">=", "<=", "=", "==", "!=", "not", "!", "and", "&&", "or", "||",
		"(",
	};
	_cleanup_fclose_ FILE *file = open_expressions();
	static char all[1 << 15];
	char line[MAX_EXPRESSION];
	size_t len = 0;

	(void)state;
	while (next_expression(file, line, sizeof(line)))
		len += (size_t)snprintf(all + len, sizeof(all) - len, " %s ", line);
	assert_true(len < sizeof(all));
	for (size_t i = 0; i < ARRAY_SIZE(primitives); i++) {
		const char *found = strstr(all, primitives[i]);

		while (found && !stands_alone(found, primitives[i]))
			found = strstr(found + 1, primitives[i]);
		if (!found)
			fail_msg("no expression has %s", primitives[i]);
	}
}

/* Packets of IP without a link layer. */
static void test_raw_packets(void **state)
{
	static const char *const expressions[] = {
		"ip", "ip6", "tcp port 80", "host 10.0.0.1", "net 2001:db8::/32", "icmp6",
		"udp and len < 60", "ip[0] & 0xf != 5", "ip6 protochain 6", "portrange 6000-6009",
		"tcp[13] & 2 != 0",
		"ip[ip[9]] = 0", "sctp",
	};
	struct test_packet *cut = calloc(n_packets, sizeof(*cut));
	uint8_t expected[1024];
	uint32_t n = 0;

	(void)state;
	test_filter_need_bpf();
	need_tcpdump();
	assert_non_null(cut);
	for (uint32_t i = 0; i < n_packets; i++) {
		uint32_t type = (uint32_t)packets[i].data[12] << 8 | packets[i].data[13];

		if ((type != 0x800 && type != 0x86dd) || packets[i].len < 2 * HEADER + 1)
			continue;
		cut[n] = packets[i];
		cut[n].len -= HEADER;
		memcpy(cut[n++].data, packets[i].data + HEADER, packets[i].len - HEADER);
	}
	assert_int_equal(write_packets(in, TEST_RAW, cut, n), 0);
	for (size_t e = 0; e < ARRAY_SIZE(expressions); e++) {
		_cleanup_close_ int program = test_filter_load(expressions[e], &raw);
		int number = ask_tcpdump(expressions[e], expected, n);

		assert_true(number > 0 && number < (int)n);
		for (uint32_t i = 0; i < n; i++)
			test_filter_judge(expressions[e], &cut[i],
					  test_filter_run(cut[i].data, cut[i].len, 0), expected[i]);
	}
	free(cut);
}

static uint32_t run_first(const char *expression, const struct ecap_filter_side *side)
{
	_cleanup_close_ int program = test_filter_load(expression, side);

	return test_filter_run(packets[0].data, packets[0].len, 0);
}

static void test_directions(void **state)
{
	struct ecap_filter_side sent = ethernet, received = ethernet;

	(void)state;
	test_filter_need_bpf();
	sent.packet_type = PACKET_OUTGOING;
	received.packet_type = PACKET_HOST;
	assert_int_equal(run_first("outbound", &sent), TEST_MATCH);
	assert_int_equal(run_first("inbound", &sent), TEST_NO_MATCH);
	assert_int_equal(run_first("outbound", &received), TEST_NO_MATCH);
	assert_int_equal(run_first("inbound and tcp", &received), TEST_MATCH);
	/* The packet's own: the test runs it as one that came in for somebody else. */
	assert_int_equal(run_first("inbound", &ethernet), TEST_MATCH);
	assert_int_equal(run_first("outbound", &ethernet), TEST_NO_MATCH);
}

/* Lists: libpcap's optimiser takes its time with them, some seconds for 400 hosts. */
static void test_long(void **state)
{
	_cleanup_free_ char *hosts = malloc(1 << 16), *ports = malloc(1 << 16);
	size_t len = 0, at = 0;

	(void)state;
	test_filter_need_bpf();
	assert_non_null(hosts);
	assert_non_null(ports);
	for (uint32_t i = 0; i < 250; i++)
		len += (size_t)sprintf(hosts + len, "%shost 10.%u.%u.%u", i ? " or " : "",
				       200 + i % 7, i / 16, i % 16);
	for (uint32_t i = 0; i < 120; i++)
		at += (size_t)sprintf(ports + at, "%s%s %u", i ? " or " : "",
				      i % 3 ? "port" : "dst portrange 1-3 or src port", 20000 + i);
	assert_int_equal(run_first(hosts, &ethernet), TEST_NO_MATCH);
	assert_int_equal(run_first(ports, &ethernet), TEST_NO_MATCH);
	sprintf(hosts + len, " or host 10.0.0.1");
	sprintf(ports + at, " or port 40000");
	assert_int_equal(run_first(hosts, &ethernet), TEST_MATCH);
	assert_int_equal(run_first(ports, &ethernet), TEST_MATCH);
	/* More than once back, and more than once to where it goes back. */
	assert_int_equal(run_first("protochain 17 or protochain 51 or ip protochain 6", &ethernet),
			 TEST_MATCH);
}

static void test_broadcast_of_a_net(void **state)
{
	struct ecap_filter_side side = ethernet;
	const struct test_packet *to_net = NULL;

	(void)state;
	test_filter_need_bpf();
	for (uint32_t i = 0; i < n_packets; i++)
		if (!strcmp(packets[i].name, "to 10.255.255.255"))
			to_net = &packets[i];
	assert_non_null(to_net);
	_cleanup_close_ int without = test_filter_load("ip broadcast", &side);

	assert_int_equal(test_filter_run(to_net->data, to_net->len, 0), TEST_NO_MATCH);
	side.netmask = htonl(0xff000000);
	_cleanup_close_ int with = test_filter_load("ip broadcast", &side);

	assert_int_equal(test_filter_run(to_net->data, to_net->len, 0), TEST_MATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primitives),
		cmocka_unit_test(test_tcpdump),
		cmocka_unit_test(test_random_expressions),
		cmocka_unit_test(test_raw_packets),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_broadcast_of_a_net),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
