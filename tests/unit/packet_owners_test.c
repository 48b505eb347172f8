/* SPDX-License-Identifier: Apache-2.0 */
/* Whose packet it is: by connection, by port, from both ends, and with more sockets than fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "packets/owners.h"
#include "util.h"

static uint8_t set_ip(uint8_t to[16], const char *text)
{
	int six = strchr(text, ':') != NULL;

	memset(to, 0, 16);
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, text, to), 1);
	return six ? 6 : 4;
}

static struct ecap_flow flow(uint8_t protocol, const char *src, uint16_t sport, const char *dst,
			     uint16_t dport)
{
	struct ecap_flow f = { .protocol = protocol, .sport = sport, .dport = dport };

	f.family = set_ip(f.src, src);
	set_ip(f.dst, dst);
	return f;
}

/* @remote: NULL when it is not connected. */
static struct ecap_tuple tuple(const char *local, uint16_t lport, const char *remote, uint16_t rport)
{
	struct ecap_tuple t = { .lport = lport, .rport = rport };

	t.family = set_ip(t.laddr, local);
	if (remote)
		set_ip(t.raddr, remote);
	return t;
}

static struct packet_owner owner(uint32_t pid, const char *comm)
{
	struct packet_owner o = { .pid = pid };

	memccpy(o.comm, comm, 0, sizeof(o.comm) - 1);
	return o;
}

static int open_owners(void **state)
{
	return ecap_packet_owners_new(64, (struct ecap_packet_owners **)state);
}

static int close_owners(void **state)
{
	ecap_packet_owners_free(*state);
	return 0;
}

static void assert_text(struct ecap_packet_owners *o, const struct ecap_flow *f, const char *expected)
{
	struct ecap_packet_ends ends = ecap_packet_owners_find(o, f);
	char text[128];

	ecap_packet_ends_text(&ends, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_both_ends(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_flow there = flow(IPPROTO_TCP, "127.0.0.1", 40000, "127.0.0.1", 443);
	struct ecap_flow back = flow(IPPROTO_TCP, "127.0.0.1", 443, "127.0.0.1", 40000);
	struct ecap_tuple server = tuple("127.0.0.1", 443, "127.0.0.1", 40000);
	struct packet_owner curl = owner(123, "curl"), nginx = owner(456, "nginx");

	assert_text(o, &there, "");
	ecap_packet_owners_sent(o, &there, &curl);
	assert_text(o, &there, "from curl[123]");
	assert_text(o, &back, "to curl[123]");
	ecap_packet_owners_learn(o, IPPROTO_TCP, &server, &nginx);
	assert_text(o, &there, "from curl[123] to nginx[456]");
	assert_text(o, &back, "from nginx[456] to curl[123]");
}

/* Each part of the tuple counts. */
static void test_others(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_tuple t = tuple("10.0.0.1", 5000, "10.0.0.2", 443);
	const struct ecap_flow others[] = {
		flow(IPPROTO_UDP, "10.0.0.1", 5000, "10.0.0.2", 443),
		flow(IPPROTO_TCP, "10.0.0.3", 5000, "10.0.0.2", 443),
		flow(IPPROTO_TCP, "10.0.0.1", 5001, "10.0.0.2", 443),
		flow(IPPROTO_TCP, "10.0.0.1", 5000, "10.0.0.3", 443),
		flow(IPPROTO_TCP, "10.0.0.1", 5000, "10.0.0.2", 444),
		flow(IPPROTO_TCP, "a00:1::", 5000, "a00:2::", 443),
	};
	struct packet_owner curl = owner(1, "curl");

	ecap_packet_owners_learn(o, IPPROTO_TCP, &t, &curl);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_text(o, &others[i], "");
}

/* A socket of both families shows IPv4 addresses as ::ffff:a.b.c.d. */
static void test_mapped(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_tuple t = tuple("::ffff:10.0.0.1", 443, "::ffff:10.0.0.2", 5000);
	struct ecap_flow f = flow(IPPROTO_TCP, "10.0.0.2", 5000, "10.0.0.1", 443);
	struct packet_owner node = owner(7, "node");

	ecap_packet_owners_learn(o, IPPROTO_TCP, &t, &node);
	assert_text(o, &f, "to node[7]");
}

/* Sockets that are not connected: by address and port, or by port alone; the connection goes first. */
static void test_unconnected(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_tuple any = tuple("::", 53, NULL, 0), one = tuple("10.0.0.1", 53, NULL, 0);
	struct ecap_tuple connected = tuple("10.0.0.1", 53, "10.0.0.9", 999);
	struct packet_owner all = owner(1, "all"), bound = owner(2, "bound"), peer = owner(3, "peer");
	const struct ecap_flow to_any = flow(IPPROTO_UDP, "10.0.0.9", 999, "10.0.0.7", 53);
	const struct ecap_flow to_any6 = flow(IPPROTO_UDP, "2001:db8::9", 999, "2001:db8::1", 53);
	const struct ecap_flow to_one = flow(IPPROTO_UDP, "10.0.0.8", 999, "10.0.0.1", 53);
	const struct ecap_flow to_peer = flow(IPPROTO_UDP, "10.0.0.9", 999, "10.0.0.1", 53);

	ecap_packet_owners_learn(o, IPPROTO_UDP, &any, &all);
	ecap_packet_owners_learn(o, IPPROTO_UDP, &one, &bound);
	ecap_packet_owners_learn(o, IPPROTO_UDP, &connected, &peer);
	assert_text(o, &to_any, "to all[1]");
	assert_text(o, &to_any6, "to all[1]");
	assert_text(o, &to_one, "to bound[2]");
	assert_text(o, &to_peer, "to peer[3]");
}

/* A port without a number is that of every packet without ports. */
static void test_nothing(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_tuple unbound = tuple("0.0.0.0", 0, NULL, 0);
	struct ecap_flow fragment = flow(IPPROTO_UDP, "10.0.0.1", 0, "10.0.0.2", 0);
	struct ecap_flow ping = flow(IPPROTO_ICMP, "10.0.0.1", 0, "10.0.0.2", 0);
	struct ecap_flow arp = { 0 };
	struct packet_owner curl = owner(1, "curl"), ping_owner = owner(2, "ping");

	ecap_packet_owners_learn(o, IPPROTO_UDP, &unbound, &curl);
	assert_text(o, &fragment, "");
	ecap_packet_owners_sent(o, &arp, &curl);
	assert_text(o, &arp, "");
	ecap_packet_owners_sent(o, &ping, &ping_owner);
	assert_text(o, &ping, "from ping[2]");
}

static void test_another_owner(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_flow f = flow(IPPROTO_TCP, "10.0.0.1", 1, "10.0.0.2", 2);
	struct packet_owner first = owner(1, "first"), second = owner(2, "second");

	ecap_packet_owners_sent(o, &f, &first);
	ecap_packet_owners_sent(o, &f, &second);
	assert_text(o, &f, "from second[2]");
}

/* Many more than fit: the last ones are there, and one that is asked for all the time stays. */
static void test_full(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_flow kept = flow(IPPROTO_TCP, "10.0.0.1", 1, "10.0.0.2", 2);
	struct packet_owner keeper = owner(1, "kept");

	ecap_packet_owners_sent(o, &kept, &keeper);
	for (uint16_t port = 1000; port < 11000; port++) {
		struct ecap_flow f = flow(IPPROTO_TCP, "10.0.0.1", port, "10.0.0.2", 443);
		struct packet_owner own = owner(port, "x");

		ecap_packet_owners_sent(o, &f, &own);
		assert_text(o, &kept, "from kept[1]");
	}
	struct ecap_flow first = flow(IPPROTO_TCP, "10.0.0.1", 1000, "10.0.0.2", 443);
	struct ecap_flow last = flow(IPPROTO_TCP, "10.0.0.1", 10999, "10.0.0.2", 443);

	assert_text(o, &first, "");
	assert_text(o, &last, "from x[10999]");
}

/* What a process calls itself goes into a file that others look at. */
static void test_names(void **state)
{
	struct ecap_packet_owners *o = *state;
	struct ecap_flow f = flow(IPPROTO_TCP, "10.0.0.1", 1, "10.0.0.2", 2);
	struct packet_owner bad = owner(1, "a\n\033[1m\xff"), full = owner(2, "fifteen-letters");

	ecap_packet_owners_sent(o, &f, &bad);
	assert_text(o, &f, "from a??[1m?[1]");
	memset(full.comm, 'x', sizeof(full.comm));
	ecap_packet_owners_sent(o, &f, &full);
	assert_text(o, &f, "from xxxxxxxxxxxxxxxx[2]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ends, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_others, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_mapped, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_unconnected, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_nothing, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_another_owner, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_full, open_owners, close_owners),
		cmocka_unit_test_setup_teardown(test_names, open_owners, close_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
