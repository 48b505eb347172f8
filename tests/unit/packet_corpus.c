/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of many kinds, as frames of Ethernet. Checksums are left 0: no filter looks at them.
 */
#include "packet_corpus.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PACKETS 256u

static struct test_packet packets[MAX_PACKETS];
static uint32_t n_packets;
static struct test_packet *now; /* the one that is made */

static const char *const mac_a = "\x00\x11\x22\x33\x44\x55";
static const char *const mac_b = "\x02\xaa\xbb\xcc\xdd\xee";
static const char *const mac_all = "\xff\xff\xff\xff\xff\xff";
static const char *const mac_stp = "\x01\x80\xc2\0\0\0";
static const char *const mac_ip = "\x01\x00\x5e\x00\x00\xfb";
static const char *const mac_ip6 = "\x33\x33\0\0\0\x01";

static void begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void begin(const char *fmt, ...)
{
	va_list ap;

	if (n_packets == MAX_PACKETS)
		abort();
	now = &packets[n_packets++];
	va_start(ap, fmt);
	vsnprintf(now->name, sizeof(now->name), fmt, ap);
	va_end(ap);
}

static void bytes(const void *data, uint32_t len)
{
	if (len > sizeof(now->data) - now->len)
		abort();
	memcpy(now->data + now->len, data, len);
	now->len += len;
}

static void b1(unsigned int v)
{
	bytes(&(uint8_t){ (uint8_t)v }, 1);
}

static void b2(unsigned int v)
{
	bytes(&(uint16_t){ htons((uint16_t)v) }, 2);
}

static void b4(uint32_t v)
{
	bytes(&(uint32_t){ htonl(v) }, 4);
}

/* Bytes that differ, so that a load at a wrong place is seen. */
static void payload(uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		b1(0x21 + i * 7);
}

static void eth(const char *dst, const char *src, unsigned int type)
{
	bytes(dst, 6);
	bytes(src, 6);
	b2(type);
}

static void ip_address(const char *text)
{
	uint8_t address[16];
	int is_6 = strchr(text, ':') != NULL;

	if (inet_pton(is_6 ? AF_INET6 : AF_INET, text, address) != 1)
		abort();
	bytes(address, is_6 ? 16 : 4);
}

/* @fragment: flags and offset; @options: bytes, of 4. The packet ends @len bytes behind. */
static void ip(unsigned int proto, const char *src, const char *dst, unsigned int fragment,
	       unsigned int options, unsigned int len)
{
	b1(0x45 + options / 4);
	b1(proto == 1 ? 0xc0 : 0);
	b2(20 + options + len);
	b2(0x1234);
	b2(fragment);
	b1(proto == 2 ? 1 : 64);
	b1(proto);
	b2(0);
	ip_address(src);
	ip_address(dst);
	for (unsigned int i = 0; i < options; i++)
		b1(1);
}

static void ip6(unsigned int next, const char *src, const char *dst, unsigned int len)
{
	b4(0x60012345);
	b2(len);
	b1(next);
	b1(64);
	ip_address(src);
	ip_address(dst);
}

static void tcp(unsigned int sport, unsigned int dport, unsigned int flags, unsigned int len)
{
	b2(sport);
	b2(dport);
	b4(0x01020304);
	b4(0x05060708);
	b1(0x50);
	b1(flags);
	b2(1000);
	b4(0);
	payload(len);
}

static void udp(unsigned int sport, unsigned int dport, unsigned int len)
{
	b2(sport);
	b2(dport);
	b2(8 + len);
	b2(0);
}

static void tcp4(const char *name, const char *src, const char *dst, unsigned int sport,
		 unsigned int dport, unsigned int flags, unsigned int len)
{
	begin("%s", name);
	eth(mac_a, mac_b, 0x800);
	ip(6, src, dst, 0x4000, 0, 20 + len);
	tcp(sport, dport, flags, len);
}

static void udp4(const char *name, const char *src, const char *dst, unsigned int sport,
		 unsigned int dport, unsigned int len)
{
	begin("%s", name);
	eth(mac_b, mac_a, 0x800);
	ip(17, src, dst, 0, 0, 8 + len);
	udp(sport, dport, len);
	payload(len);
}

static void make_tcp4(void)
{
	tcp4("tcp syn", "10.0.0.1", "10.0.0.2", 40000, 80, 0x02, 0);
	tcp4("tcp syn ack", "10.0.0.2", "10.0.0.1", 80, 40000, 0x12, 0);
	tcp4("tcp http", "10.0.0.1", "10.0.0.2", 40000, 80, 0x18, 300);
	tcp4("tcp fin", "10.0.0.1", "10.0.0.2", 40000, 80, 0x11, 0);
	tcp4("tcp rst ack", "192.168.1.5", "10.0.0.2", 22, 50000, 0x14, 0);
	tcp4("tcp https long", "192.168.1.5", "128.3.1.1", 443, 50001, 0x10, 1400);
	tcp4("tcp ftp", "128.3.7.9", "172.16.5.4", 1025, 21, 0x18, 10);
	tcp4("tcp ftp-data", "172.16.5.4", "128.3.7.9", 20, 1026, 0x10, 600);
	tcp4("tcp urg", "10.1.2.3", "10.3.2.1", 6000, 6005, 0x20, 5);
	tcp4("tcp ece cwr", "10.1.2.3", "10.3.2.1", 7777, 6009, 0xc2, 0);
	tcp4("tcp range end", "10.1.2.3", "10.3.2.1", 6010, 5999, 0x10, 0);
	tcp4("tcp dns", "10.0.0.9", "8.8.8.8", 33333, 53, 0x18, 40);
	begin("tcp with options of ip");
	eth(mac_a, mac_b, 0x800);
	ip(6, "10.0.0.1", "10.0.0.2", 0, 8, 24);
	tcp(40000, 80, 0x18, 4);
	begin("tcp with all options of ip");
	eth(mac_a, mac_b, 0x800);
	ip(6, "10.0.0.1", "10.0.0.2", 0, 40, 24);
	tcp(443, 80, 0x18, 4);
	begin("first fragment");
	eth(mac_a, mac_b, 0x800);
	ip(6, "10.0.0.1", "10.0.0.2", 0x2000, 0, 24);
	tcp(40000, 80, 0x18, 4);
	begin("later fragment");
	eth(mac_a, mac_b, 0x800);
	ip(6, "10.0.0.1", "10.0.0.2", 0x2003, 0, 24);
	tcp(40000, 80, 0x18, 4);
	begin("last fragment of udp");
	eth(mac_a, mac_b, 0x800);
	ip(17, "10.0.0.1", "10.0.0.2", 0x0100, 0, 16);
	udp(53, 53, 8);
	payload(8);
	begin("header of ip too short");
	eth(mac_a, mac_b, 0x800);
	b1(0x40);
	payload(60);
	begin("ip of version 7");
	eth(mac_a, mac_b, 0x800);
	b1(0x75);
	payload(60);
}

static void make_udp4(void)
{
	udp4("dns", "10.0.0.9", "8.8.8.8", 33333, 53, 30);
	udp4("dns answer", "8.8.8.8", "10.0.0.9", 53, 33333, 120);
	udp4("snmp", "192.168.1.5", "192.168.1.6", 161, 161, 5);
	udp4("udp in range", "10.1.2.3", "10.3.2.1", 6003, 7008, 5);
	udp4("udp 443", "10.1.2.3", "10.3.2.1", 443, 443, 1200);
	udp4("udp empty", "0.0.0.0", "255.255.255.255", 68, 67, 0);
	now->data[0] = 0xff;
	udp4("udp to all", "10.0.0.1", "255.255.255.255", 68, 67, 300);
	memset(now->data, 0xff, 6);
	udp4("mdns", "10.0.0.1", "224.0.0.251", 5353, 5353, 60);
	memcpy(now->data, mac_ip, 6);
	udp4("to 10.255.255.255", "10.0.0.1", "10.255.255.255", 137, 137, 50);
	begin("geneve with ethernet");
	eth(mac_a, mac_b, 0x800);
	ip(17, "10.9.0.1", "10.9.0.2", 0, 0, 8 + 8 + 14 + 20 + 20);
	udp(50000, 6081, 8 + 14 + 20 + 20);
	b4(0x00006558);
	b4(0xb << 8);
	eth(mac_b, mac_a, 0x800);
	ip(6, "172.17.0.1", "172.17.0.2", 0, 0, 20);
	tcp(1111, 8080, 2, 0);
	begin("geneve with options and ip");
	eth(mac_a, mac_b, 0x800);
	ip(17, "10.9.0.1", "10.9.0.2", 0, 0, 8 + 12 + 20 + 8);
	udp(50000, 6081, 12 + 20 + 8);
	b4(0x01000800);
	b4(0xc << 8);
	b4(0x01020304);
	ip(17, "172.17.0.3", "172.17.0.4", 0, 0, 8);
	udp(1, 2, 0);
	begin("geneve in ip6");
	eth(mac_a, mac_b, 0x86dd);
	ip6(17, "2001:db8::1", "2001:db8::2", 8 + 8 + 40 + 8);
	udp(50000, 6081, 8 + 40 + 8);
	b4(0x000086dd);
	b4(0xb << 8);
	ip6(17, "fd00::1", "fd00::2", 8);
	udp(3, 4, 0);
}

static void make_other4(void)
{
	static const uint8_t types[] = { 0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 };
	static const uint8_t protocols[] = { 2, 4, 8, 9, 41, 47, 50, 51, 88, 89, 103, 112, 132 };

	for (size_t i = 0; i < sizeof(types); i++) {
		begin("icmp %u", types[i]);
		eth(mac_a, mac_b, 0x800);
		ip(1, i & 1 ? "10.0.0.1" : "192.168.1.5", "10.0.0.2", 0, 0, 28);
		b1(types[i]);
		b1((unsigned int)i % 4);
		b2(0);
		payload(24);
	}
	for (size_t i = 0; i < sizeof(protocols); i++) {
		begin("ip protocol %u", protocols[i]);
		eth(mac_a, mac_b, 0x800);
		ip(protocols[i], "10.7.0.1", i & 1 ? "224.0.0.5" : "10.7.0.2", 0, 0, 32);
		payload(32);
	}
	begin("sctp");
	eth(mac_a, mac_b, 0x800);
	ip(132, "10.7.0.1", "10.7.0.2", 0, 0, 28);
	b2(36412);
	b2(80);
	b4(0xdeadbeef);
	b4(0);
	b1(1);
	payload(15);
	/* A chain of headers of IPv4: AH, then TCP. */
	begin("ah with tcp");
	eth(mac_a, mac_b, 0x800);
	ip(51, "10.7.0.1", "10.7.0.2", 0, 0, 24 + 20);
	b1(6);
	b1(4);
	payload(22);
	tcp(40000, 80, 2, 0);
}

static void make_arp(void)
{
	static const struct {
		const char *name;
		unsigned int type, op;
		const char *src, *dst;
	} all[] = {
		{ "arp request", 0x806, 1, "10.0.0.1", "10.0.0.2" },
		{ "arp reply", 0x806, 2, "10.0.0.2", "10.0.0.1" },
		{ "arp of 128.3", 0x806, 1, "128.3.1.1", "128.3.2.2" },
		{ "rarp request", 0x8035, 3, "0.0.0.0", "0.0.0.0" },
		{ "rarp reply", 0x8035, 4, "10.0.0.1", "192.168.1.5" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin("%s", all[i].name);
		eth(all[i].op == 1 ? mac_all : mac_a, mac_b, all[i].type);
		b2(1);
		b2(0x800);
		b1(6);
		b1(4);
		b2(all[i].op);
		bytes(mac_b, 6);
		ip_address(all[i].src);
		bytes(mac_a, 6);
		ip_address(all[i].dst);
		payload(18);
	}
}

static void extension(unsigned int next, unsigned int units)
{
	b1(next);
	b1(units);
	payload(6 + units * 8);
}

static void make_ip6(void)
{
	static const uint8_t types[] = { 1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136,
		137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 151, 152, 153 };

	begin("tcp of ip6");
	eth(mac_a, mac_b, 0x86dd);
	ip6(6, "2001:db8::1", "2001:db8::2", 24);
	tcp(40000, 80, 0x18, 4);
	begin("tcp of ip6 https");
	eth(mac_b, mac_a, 0x86dd);
	ip6(6, "2001:db8:1::5", "fe80::1", 20);
	tcp(443, 6004, 0x12, 0);
	begin("udp of ip6");
	eth(mac_ip6, mac_b, 0x86dd);
	ip6(17, "fe80::1", "ff02::fb", 18);
	udp(5353, 5353, 10);
	payload(10);
	begin("sctp of ip6");
	eth(mac_a, mac_b, 0x86dd);
	ip6(132, "2001:db8::1", "2001:db8::2", 16);
	b2(80);
	b2(36412);
	payload(12);
	begin("hop by hop, tcp");
	eth(mac_a, mac_b, 0x86dd);
	ip6(0, "2001:db8::1", "2001:db8::2", 8 + 20);
	extension(6, 0);
	tcp(40000, 80, 2, 0);
	begin("hop by hop, routing, destination, fragment, udp");
	eth(mac_a, mac_b, 0x86dd);
	ip6(0, "2001:db8::1", "2001:db8::2", 16 + 24 + 8 + 8 + 8);
	extension(43, 1);
	extension(60, 2);
	extension(44, 0);
	extension(17, 0);
	udp(53, 53, 0);
	begin("first fragment of ip6");
	eth(mac_a, mac_b, 0x86dd);
	ip6(44, "2001:db8::1", "2001:db8::2", 8 + 24);
	b1(6);
	b1(0);
	b2(1);
	b4(77);
	tcp(40000, 80, 0x18, 4);
	begin("later fragment of ip6");
	eth(mac_a, mac_b, 0x86dd);
	ip6(44, "2001:db8::1", "2001:db8::2", 8 + 24);
	b1(17);
	b1(0);
	b2(24);
	b4(77);
	payload(24);
	begin("no next header");
	eth(mac_a, mac_b, 0x86dd);
	ip6(59, "2001:db8::3", "2001:db8::4", 0);
	begin("chain of 12 headers");
	eth(mac_a, mac_b, 0x86dd);
	ip6(60, "2001:db8::3", "2001:db8::4", 12 * 8 + 20);
	for (int i = 0; i < 12; i++)
		extension(i == 11 ? 6 : 60, 0);
	tcp(1, 2, 2, 0);
	for (size_t i = 0; i < sizeof(types); i++) {
		begin("icmp6 %u", types[i]);
		eth(i & 1 ? mac_ip6 : mac_a, mac_b, 0x86dd);
		ip6(58, "fe80::2", i & 1 ? "ff02::1" : "fe80::1", 24);
		b1(types[i]);
		b1((unsigned int)i % 3);
		b2(0);
		payload(20);
	}
}

static void llc(const char *name, const char *data, uint32_t len)
{
	begin("llc %s", name);
	eth(mac_stp, mac_b, len + 30);
	bytes(data, len);
	payload(30);
}

#define LLC(name, data) llc(name, data, sizeof(data) - 1)

static void make_llc(void)
{
	LLC("stp", "\x42\x42\x03\0\0\0\0\0");
	LLC("netbeui ui", "\xf0\xf0\x03");
	LLC("ipx", "\xe0\xe0\x03\xff\xff");
	LLC("ipx raw", "\xff\xff\0\x22");
	LLC("snap ipx", "\xaa\xaa\x03\0\0\0\x81\x37\xff\xff");
	LLC("snap atalk", "\xaa\xaa\x03\x08\0\x07\x80\x9b");
	LLC("snap aarp", "\xaa\xaa\x03\0\0\0\x80\xf3");
	LLC("snap ip", "\xaa\xaa\x03\0\0\0\x08\x00\x45\0\0\x20");
	LLC("information", "\x10\x20\x02\x04");
	LLC("rr", "\x10\x21\x01\x04");
	LLC("rnr", "\x10\x21\x05\x04");
	LLC("rej", "\x10\x21\x09\x04");
	LLC("ua", "\x10\x21\x73");
	LLC("disc", "\x10\x20\x53");
	LLC("sabme", "\x10\x20\x7f");
	LLC("test", "\x10\x20\xf3");
	LLC("xid", "\x10\x20\xbf");
	LLC("frmr", "\x10\x21\x97");
	LLC("clnp", "\xfe\xfe\x03\x81\x20\x01\0\0\0\0\0");
	LLC("esis", "\xfe\xfe\x03\x82\x20\x01\0\0\0\0\0");
	for (unsigned int type = 15; type <= 27; type++) {
		char data[] = "\xfe\xfe\x03\x83\x1b\x01\0\0\x01\0\0";

		data[7] = (char)type;
		llc("isis", data, sizeof(data) - 1);
		snprintf(now->name, sizeof(now->name), "isis %u", type);
	}
}

static void make_ethertypes(void)
{
	static const uint16_t types[] = { 0x8137, 0x809b, 0x80f3, 0x6000, 0x6001, 0x6002, 0x6004,
		0x6007, 0x9000, 0x88cc, 0x8863, 0xffff, 0x0600, 0x22f0 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin("ethertype %04x", types[i]);
		eth(i & 1 ? mac_a : mac_all, mac_b, types[i]);
		payload(46);
	}
	/* A long header of DECnet phase IV, for 10.123 and 10.124: area 10 is the upper 6 bits. */
	begin("decnet long");
	eth(mac_a, mac_b, 0x6003);
	bytes("\x20\x00\x06\0\0\xaa\0\x04\0\x7b\x28\0\0\xaa\0\x04\0\x7c\x28\0\0\0\0", 23);
	payload(30);
	begin("decnet short");
	eth(mac_a, mac_b, 0x6003);
	bytes("\x10\x00\x02\x7c\x28\x7b\x28\x01", 8);
	payload(30);
}

static void vlan(const char *name, unsigned int proto, unsigned int tci, unsigned int type)
{
	begin("%s", name);
	eth(mac_a, mac_b, proto);
	b2(tci);
	b2(type);
}

static void inner_tcp(void)
{
	ip(6, "10.0.0.1", "10.0.0.2", 0, 0, 24);
	tcp(40000, 80, 0x18, 4);
}

static void make_vlan(void)
{
	vlan("vlan 100", 0x8100, 100, 0x800);
	inner_tcp();
	vlan("vlan 300 with priority", 0x8100, 0x612c, 0x86dd);
	ip6(17, "2001:db8::1", "2001:db8::2", 12);
	udp(53, 1024, 4);
	payload(4);
	vlan("vlan with cfi", 0x8100, 0x1064, 0x806);
	payload(46);
	vlan("vlan 0", 0x8100, 0xe000, 0x800);
	inner_tcp();
	vlan("service tag 200", 0x88a8, 200, 0x800);
	inner_tcp();
	vlan("service tag, vlan 200 in 100", 0x88a8, 100, 0x8100);
	b2(200);
	b2(0x800);
	inner_tcp();
	vlan("vlan 300 in 100", 0x8100, 100, 0x8100);
	b2(300);
	b2(0x86dd);
	ip6(6, "2001:db8::1", "2001:db8::2", 20);
	tcp(80, 40000, 0x12, 0);
	vlan("vlan 9100", 0x9100, 100, 0x800);
	inner_tcp();
	vlan("vlan with icmp", 0x8100, 5, 0x800);
	ip(1, "10.0.0.1", "192.168.1.5", 0, 0, 20);
	b1(8);
	payload(19);
	vlan("vlan with mpls", 0x8100, 5, 0x8847);
	b4(1024 << 12 | 0x140);
	inner_tcp();
	vlan("vlan with pppoe", 0x8100, 5, 0x8864);
	b4(0x11000027);
	b2(46);
	b2(0x21);
	inner_tcp();
	vlan("vlan with llc", 0x8100, 5, 40);
	bytes("\x42\x42\x03", 3);
	payload(37);
	vlan("vlan cut behind the tag", 0x8100, 5, 0x800);
	b1(0x45);
	vlan("vlan cut in the addresses of ip", 0x8100, 5, 0x800);
	inner_tcp();
	now->len = 33;
}

static void make_tunnels(void)
{
	static const struct {
		const char *name;
		uint32_t first, second;
	} all[] = {
		{ "mpls 1024", 1024 << 12 | 0x140, 0 },
		{ "mpls 100000, 1024", 100000u << 12 | 0x40, 1024 << 12 | 0x140 },
		{ "mpls 3, 100000", 3 << 12 | 0x40, 100000u << 12 | 0x140 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin("%s", all[i].name);
		eth(mac_a, mac_b, i == 2 ? 0x8848 : 0x8847);
		b4(all[i].first);
		if (all[i].second)
			b4(all[i].second);
		inner_tcp();
	}
	begin("mpls with ip6");
	eth(mac_a, mac_b, 0x8847);
	b4(5000 << 12 | 0x140);
	ip6(6, "2001:db8::1", "2001:db8::2", 20);
	tcp(1, 2, 2, 0);
	begin("pppoe session with ip");
	eth(mac_a, mac_b, 0x8864);
	b4(0x11000027);
	b2(46);
	b2(0x21);
	inner_tcp();
	begin("pppoe session with ip6");
	eth(mac_a, mac_b, 0x8864);
	b4(0x11000028);
	b2(62);
	b2(0x57);
	ip6(17, "2001:db8::1", "2001:db8::2", 8);
	udp(53, 54, 0);
	begin("pppoe session with lcp");
	eth(mac_b, mac_a, 0x8864);
	b4(0x11000027);
	b2(10);
	b2(0xc021);
	payload(40);
}

/* Those of some kinds again, cut at places that matter. */
static void make_cut(void)
{
	static const uint16_t lengths[] = { 15, 16, 17, 20, 23, 24, 28, 30, 33, 34, 35, 37, 38, 46,
		48, 53, 54, 55, 57, 61 };
	static const char *const kinds[] = { "tcp http", "tcp of ip6", "hop by hop, tcp",
		"arp request" };
	uint32_t n = n_packets;

	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			if (strcmp(packets[i].name, kinds[k]) != 0)
				continue;
			for (size_t l = k; l < sizeof(lengths) / sizeof(lengths[0]); l += 2) {
				begin("%s, cut to %u", kinds[k], lengths[l]);
				bytes(packets[i].data, lengths[l]);
			}
		}
}

const struct test_packet *test_packets(uint32_t *n)
{
	if (!n_packets) {
		make_tcp4();
		make_udp4();
		make_other4();
		make_arp();
		make_ip6();
		make_llc();
		make_ethertypes();
		make_vlan();
		make_tunnels();
		make_cut();
	}
	*n = n_packets;
	return packets;
}
