/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a packet: every kind of header, and every cut of each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "packets/flow.h"
#include "util.h"

#define ETHER "020000000001020000000002"
#define IP6(next) "600000000014" next "4020010db800000000000000000000000120010db8000000000000000000000002"
#define PORTS "c00101bb0000000000000000"

static const struct {
	const char *what, *bytes;
	uint16_t link_type;
	uint8_t family, protocol;
	uint16_t sport, dport;
} packets[] = {
	{ "Ethernet, IPv4, TCP", ETHER "0800" "4500002812340000" "4006" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 6, 0xc001, 443 },
	{ "UDP", ETHER "0800" "4500002812340000" "4011" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 17, 0xc001, 443 },
	{ "ICMP has no ports", ETHER "0800" "4500002812340000" "4001" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 1, 0, 0 },
	{ "options of IPv4", ETHER "0800" "4700002812340000" "4006" "0000" "0a0000010a000002"
	  "0101010101010101" PORTS, ECAP_LINKTYPE_ETHERNET, 4, 6, 0xc001, 443 },
	{ "a header of IPv4 that is too short", ETHER "0800" "4400002812340000" "4006" "0000"
	  "0a0000010a000002" PORTS, ECAP_LINKTYPE_ETHERNET, 4, 6, 0, 0 },
	{ "first fragment", ETHER "0800" "4500002812342000" "4011" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 17, 0xc001, 443 },
	{ "later fragment", ETHER "0800" "4500002812340010" "4011" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 17, 0, 0 },
	{ "VLAN", ETHER "8100" "0005" "0800" "4500002812340000" "4006" "0000" "0a0000010a000002" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 4, 6, 0xc001, 443 },
	{ "VLAN in VLAN", ETHER "88a8" "0005" "8100" "0007" "0800" "4500002812340000" "4006" "0000"
	  "0a0000010a000002" PORTS, ECAP_LINKTYPE_ETHERNET, 4, 6, 0xc001, 443 },
	{ "IPv6", ETHER "86dd" IP6("06") PORTS, ECAP_LINKTYPE_ETHERNET, 6, 6, 0xc001, 443 },
	{ "extension headers", ETHER "86dd" IP6("00") "2b00010400000000" "0601010400000000"
	  "0000000000000000" PORTS, ECAP_LINKTYPE_ETHERNET, 6, 6, 0xc001, 443 },
	{ "authentication header", ETHER "86dd" IP6("33") "0604000011111111222222223333333344444444"
	  "55555555" PORTS, ECAP_LINKTYPE_ETHERNET, 6, 6, 0xc001, 443 },
	{ "first fragment of IPv6", ETHER "86dd" IP6("2c") "1100000100000001" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 6, 17, 0xc001, 443 },
	{ "later fragment of IPv6", ETHER "86dd" IP6("2c") "1100010900000001" PORTS,
	  ECAP_LINKTYPE_ETHERNET, 6, 17, 0, 0 },
	{ "raw IPv4", "4500002812340000" "4006" "0000" "0a0000010a000002" PORTS, ECAP_LINKTYPE_RAW,
	  4, 6, 0xc001, 443 },
	{ "raw IPv6", IP6("06") PORTS, ECAP_LINKTYPE_RAW, 6, 6, 0xc001, 443 },
	{ "ARP", ETHER "0806" "0001080006040001", ECAP_LINKTYPE_ETHERNET, 0, 0, 0, 0 },
	{ "no IP behind the type of IP", ETHER "0800" IP6("06") PORTS, ECAP_LINKTYPE_ETHERNET, 0, 0,
	  0, 0 },
	{ "a link type that is not known", "4500002812340000" "4006" "0000" "0a0000010a000002" PORTS,
	  105, 0, 0, 0, 0 },
};

/* In memory of exactly its size, so that a byte too far is seen. */
static uint8_t *bytes_of(const char *hex, size_t *len)
{
	uint8_t *bytes;

	*len = strlen(hex) / 2;
	bytes = malloc(*len ? *len : 1);
	assert_non_null(bytes);
	for (size_t i = 0; i < *len; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return bytes;
}

static void test_headers(void **state)
{
	static const uint8_t ip4_src[16] = { 10, 0, 0, 1 };
	static const uint8_t ip6_dst[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t len;
		_cleanup_free_ uint8_t *bytes = bytes_of(packets[i].bytes, &len);
		struct ecap_flow flow;

		print_message("%s\n", packets[i].what);
		ecap_packet_flow(packets[i].link_type, bytes, len, &flow);
		assert_int_equal(flow.family, packets[i].family);
		assert_int_equal(flow.protocol, packets[i].protocol);
		assert_int_equal(flow.sport, packets[i].sport);
		assert_int_equal(flow.dport, packets[i].dport);
		if (flow.family == 4)
			assert_memory_equal(flow.src, ip4_src, 16);
		if (flow.family == 6)
			assert_memory_equal(flow.dst, ip6_dst, 16);
	}
}

#define TCP(flags, payload) ETHER "0800" "4500002812340000" "4006" "0000" "0a0000010a000002" \
	"c00101bb" "00000001" "00000001" "50" flags "ffff" "0000" "0000" payload
#define UDP(payload) ETHER "0800" "4500002812340000" "4011" "0000" "0a0000010a000002" \
	"c00101bb" "0030" "0000" payload

static const struct {
	const char *what, *bytes;
	int is;
} handshakes[] = {
	{ "SYN", TCP("02", ""), 1 },
	{ "SYN and ACK", TCP("12", ""), 1 },
	{ "ACK", TCP("10", ""), 0 },
	{ "FIN", TCP("11", ""), 0 },
	{ "ClientHello", TCP("18", "16030102000100"), 1 },
	{ "ChangeCipherSpec", TCP("18", "140303000101170303"), 1 },
	{ "application data", TCP("18", "1703030200aabb"), 0 },
	{ "other protocols", TCP("18", "474554202f"), 0 },
	{ "half of a record's begin", TCP("18", "16"), 0 },
	{ "behind options of TCP", ETHER "0800" "4500002812340000" "4006" "0000" "0a0000010a000002"
	  "c00101bb" "00000001" "00000001" "6018" "ffff" "0000" "0000" "01010101" "160303", 1 },
	{ "options that are not there", ETHER "0800" "4500002812340000" "4006" "0000" "0a0000010a000002"
	  "c00101bb" "00000001" "00000001" "f018" "ffff" "0000" "0000" "160303", 0 },
	{ "QUIC Initial", UDP("c300000001"), 1 },
	{ "QUIC, in a connection", UDP("4300000001"), 0 },
	{ "DTLS ClientHello", UDP("16fefd0000"), 1 },
	{ "DTLS application data", UDP("17fefd0000"), 0 },
	{ "an empty datagram", UDP(""), 0 },
	{ "ARP", ETHER "0806" "1603000108000604", 0 },
};

static void test_handshakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(handshakes); i++) {
		size_t len;
		_cleanup_free_ uint8_t *bytes = bytes_of(handshakes[i].bytes, &len);
		struct ecap_flow flow;

		print_message("%s\n", handshakes[i].what);
		assert_int_equal(ecap_packet_flow(ECAP_LINKTYPE_ETHERNET, bytes, len, &flow),
				 handshakes[i].is);
	}
}

/* What is there of it is still told; nothing behind the end is read. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t all;
		_cleanup_free_ uint8_t *bytes = bytes_of(packets[i].bytes, &all);
		struct ecap_flow whole;

		ecap_packet_flow(packets[i].link_type, bytes, all, &whole);
		for (size_t len = 0; len < all; len++) {
			_cleanup_free_ uint8_t *cut = malloc(len ? len : 1);
			struct ecap_flow flow;

			assert_non_null(cut);
			memcpy(cut, bytes, len);
			ecap_packet_flow(packets[i].link_type, cut, len, &flow);
			assert_true(flow.family == 0 || flow.family == whole.family);
			assert_true(flow.sport == 0 || flow.sport == whole.sport);
			assert_true(flow.dport == 0 || flow.dport == whole.dport);
			if (len < 20)
				assert_int_equal(flow.family, 0);
		}
	}
}

/* Lengths and types that lie, in all positions. */
static void test_hostile(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len;
		const size_t which = (size_t)round % ARRAY_SIZE(packets);
		_cleanup_free_ uint8_t *bytes = bytes_of(packets[which].bytes, &len);
		struct ecap_flow flow;

		for (int i = 0; i < 4; i++) {
			random = random * 1664525u + 1013904223u; /* Numerical Recipes, 7.1 */
			bytes[random % len] = (uint8_t)(random >> 24);
		}
		ecap_packet_flow(packets[which].link_type, bytes, len, &flow);
		assert_true(flow.family == 0 || flow.family == 4 || flow.family == 6);
		if (flow.sport || flow.dport)
			assert_true(flow.protocol == 6 || flow.protocol == 17);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
