/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are found, in a network namespace of the test's own: real ones, made by ip(8). */
#include "packets_help.h"

#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "packets/attach.h"
#include "packets/interfaces.h"

#define TO    "192.0.2.99" /* RFC 5737 */
#define OUTER "198.51.100.1"
#define START 34           /* bytes of a packet that are looked at: Ethernet and IPv4 headers */

static struct ecap_interface *list;
static uint32_t n;

static int find(const char *first, const char *second)
{
	const char *const names[] = { first, second, NULL };

	free(TAKE_PTR(list));
	n = 0;
	return ecap_interfaces_find(names, &list, &n);
}

static const struct ecap_interface *found(const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

static int remove_all(void **state)
{
	static const char *const names[] = { "ve0", "ve1", "ve2", "tun0", "ti0", "ts0", "tg0", "mon0" };

	(void)state;
	free(TAKE_PTR(list));
	for (size_t i = 0; i < ARRAY_SIZE(names) && !*why_not; i++) {
		char line[64];

		snprintf(line, sizeof(line), "ip link del %s", names[i]);
		run_command(line);
	}
	if (!*why_not)
		run_command("ip addr del " OUTER "/32 dev lo");
	return 0;
}

static void all_that_are_up(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip link add ve0 type veth peer name ve1");
	run("ip link set ve0 up");
	assert_int_equal(ecap_interfaces_find(NULL, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "lo");
	assert_int_equal(list[0].index, 1);
	assert_int_equal(list[0].link_type, 1);
	assert_int_equal(list[0].is_loopback, 1);
	assert_string_equal(list[1].name, "ve0");
	assert_int_equal(list[1].index, if_nametoindex("ve0"));
	assert_int_equal(list[1].link_type, 1);
	assert_int_equal(list[1].is_loopback, 0);
	assert_int_equal(list[1].is_down, 0);

	/* The same by its name; and one that is down, since it was named. */
	assert_int_equal(find("any", NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(find("any", "ve1"), 0);
	assert_int_equal(n, 3);
	assert_int_equal(find("ve1", "ve1"), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "ve1");
	assert_int_equal(list[0].is_down, 1);
}

/* Of the first address; none of an interface without IPv4. */
static void netmasks(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip link add ve0 type veth peer name ve1");
	_cleanup_close_ int watch = ecap_interfaces_watch();

	assert_int_equal(find("ve0", NULL), 0);
	assert_int_equal(list[0].netmask, 0);
	run("ip addr add 192.0.2.1/28 dev ve0");
	run("ip addr add 198.51.100.9/24 dev ve0");
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	assert_int_equal(find("ve0", "ve1"), 0);
	assert_int_equal(n, 2);
	assert_int_equal(found("ve0")->netmask, htonl(0xfffffff0));
	assert_int_equal(found("ve1")->netmask, 0);
}

static void none_is_up(void **state)
{
	(void)state;
	need_network();
	run("ip link set lo down");
	assert_int_equal(find("any", NULL), 0);
	assert_int_equal(n, 0);
	run("ip link set lo up");
}

static void without_link_header(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip tuntap add dev tun0 mode tun");
	assert_int_equal(find("tun0", NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].link_type, 101);
	assert_int_equal(list[0].is_loopback, 0);
}

static void tunnels(void **state)
{
	static const char *const made[][2] = {
		{ "ti0", "ip link add ti0 type ipip local 192.0.2.1 remote 192.0.2.2" },
		{ "ts0", "ip link add ts0 type sit local 192.0.2.1 remote 192.0.2.2" },
		{ "tg0", "ip link add tg0 type gre local 192.0.2.1 remote 192.0.2.2" },
	};
	uint32_t tried = 0;

	(void)state;
	need_network();
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		if (run_command(made[i][1]))
			continue;
		tried++;
		assert_int_equal(find(made[i][0], NULL), 0);
		assert_int_equal(list[0].link_type, 101);
	}
	if (!tried) {
		print_message("no tunnels in this kernel: %s\n", said);
		skip();
	}
}

/* Copies the START first bytes of each IPv4 packet, as tc sees it, to entry 0 of the map. */
static int load_copier(int map)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1,
		  .off = offsetof(struct __sk_buff, protocol) },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2, .imm = htons(ETH_P_IP),
		  .off = 12 },
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 5 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_6 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4, .imm = START },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_load_bytes },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "copy", "Apache-2.0", insns,
			     ARRAY_SIZE(insns), NULL);
}

/* What a packet begins with; it may come in after sendto() has returned. */
static void wait_for_start(int map, uint8_t start[START])
{
	uint32_t key = 0;

	memset(start, 0, START);
	for (int ms = 0; ms < 20000 && !start[START - 1]; ms++) {
		assert_int_equal(bpf_map_lookup_elem(map, &key, start), 0);
		usleep(1000);
	}
}

static void check_start(const uint8_t start[START], const struct ecap_interface *interface,
			const char *side)
{
	const uint8_t *ip = start + (interface->link_type == 1 ? 14 : 0);
	struct in_addr to = { .s_addr = inet_addr(TO) }, outer = { .s_addr = inet_addr(OUTER) };

	if (memmem(start, START, &outer, 4)) {
		print_message("%s, %s: begins with the outer headers, as before Linux 5.14\n",
			      interface->name, side);
		skip();
	}
	if (interface->link_type == 1) {
		assert_int_equal(start[12], ETH_P_IP >> 8);
		assert_int_equal(start[13], ETH_P_IP & 0xff);
	}
	if (ip[0] != 0x45 || memcmp(ip + 16, &to, 4))
		fail_msg("%s, %s: 0x%02x ... %u.%u.%u.%u", interface->name, side, ip[0], ip[16], ip[17],
			 ip[18], ip[19]);
}

/* The packets begin as the link type says, on both sides; @give, when one comes in only from there. */
static void check_type(const char *name, int give)
{
	static const char payload[] = "so that no byte that is looked at last is 0";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9),
				  .sin_addr.s_addr = inet_addr(TO) };
	_cleanup_close_ int in = bpf_map_create(BPF_MAP_TYPE_ARRAY, "in", 4, START, 1, NULL);
	_cleanup_close_ int out = bpf_map_create(BPF_MAP_TYPE_ARRAY, "out", 4, START, 1, NULL);
	_cleanup_close_ int copies_in = load_copier(in), copies_out = load_copier(out);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ecap_tc_link *links[2];
	uint8_t went[START], came[START];
	char packet[1500];

	if (copies_in < 0 || copies_out < 0) {
		print_message("no BPF programs: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(find(name, NULL), 0);
	if (ecap_tc_attach(copies_in, list->index, ECAP_TC_INGRESS, &links[0]) ||
	    ecap_tc_attach(copies_out, list->index, ECAP_TC_EGRESS, &links[1]))
		fail_msg("%s", ecap_err_text());
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)),
			   errno);
	assert_int_equal(sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(payload));
	while (give >= 0) { /* back in with what came out: the kernel may have sent more */
		ssize_t got = read(give, packet, sizeof(packet));

		assert_true(got > 0);
		assert_int_equal(write(give, packet, (size_t)got), got);
		if (packet[0] == 0x45)
			break;
	}
	wait_for_start(out, went);
	wait_for_start(in, came);
	ecap_tc_detach(links[0]);
	ecap_tc_detach(links[1]);
	check_start(went, list, "egress");
	check_start(came, list, "ingress");
}

static void bytes_of_lo(void **state)
{
	(void)state;
	need_network();
	run("ip route add " TO " dev lo");
	check_type("lo", -1);
	run("ip route del " TO " dev lo");
}

static void bytes_of_tun(void **state)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "tun0" };

	(void)state;
	need_network();
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		print_message("/dev/net/tun: %s\n", strerror(errno));
		skip();
	}
	run("ip link set tun0 up");
	run("ip addr add 192.0.2.1/24 dev tun0");
	check_type("tun0", fd);
}

/* A tunnel that ends where it begins: what goes out comes back in by lo. */
static void bytes_of_tunnel(void **state)
{
	char line[128];

	need_network();
	run("ip addr add " OUTER "/32 dev lo");
	snprintf(line, sizeof(line), "ip link add ti0 type %s local " OUTER " remote " OUTER,
		 (const char *)*state);
	run_or_skip(line);
	run("ip link set ti0 up");
	run("ip addr add 192.0.2.1/24 dev ti0");
	check_type("ti0", -1);
}

static void what_cannot_be_taken(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip link add mon0 type nlmon");
	run("ip link set mon0 up");
	assert_int_equal(find("mon0", NULL), -EOPNOTSUPP);
	assert_string_equal(ecap_err_text(), "interface mon0 cannot be captured: "
			    "it shows netlink messages, no packets");
	assert_null(list);
	assert_int_equal(find("any", NULL), 0);
	assert_null(found("mon0"));
	assert_non_null(found("lo"));
}

static void unknown_name(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip link add ve0 type veth peer name ve1");
	assert_int_equal(find("ve00", NULL), -ENODEV);
	assert_non_null(strstr(ecap_err_text(), "no interface \"ve00\"; did you mean ve0; there are any, "));
	assert_non_null(strstr(ecap_err_text(), "lo"));
	assert_int_equal(find("lo", "quite-another"), -ENODEV);
	assert_null(strstr(ecap_err_text(), "did you mean"));
	assert_int_equal(find("", NULL), -ENODEV);
	assert_null(list);
}

static void found_again(void **state)
{
	static const char *const names[] = { "ve0", "gone", NULL };

	(void)state;
	need_network();
	run_or_skip("ip link add ve0 type veth peer name ve1");
	free(TAKE_PTR(list));
	assert_int_equal(ecap_interfaces_find_again(names, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "ve0");
	run("ip link del ve0");
	free(TAKE_PTR(list));
	assert_int_equal(ecap_interfaces_find_again(names, &list, &n), 0);
	assert_int_equal(n, 0); /* and not every interface, since there were names */
}

static void alternative_name(void **state)
{
	(void)state;
	need_network();
	run_or_skip("ip link add ve0 type veth peer name ve1");
	run_or_skip("ip link property add dev ve0 altname other0");
	assert_int_equal(find("other0", "ve0"), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "ve0");
}

static int readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, 0);
}

static void watching(void **state)
{
	(void)state;
	need_network();
	_cleanup_close_ int watch = ecap_interfaces_watch();

	assert_return_code(watch, errno);
	assert_int_equal(readable(watch), 0);
	assert_int_equal(ecap_interfaces_changed(watch), 0);
	run_or_skip("ip link add ve0 type veth peer name ve1");
	assert_int_equal(readable(watch), 1);
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	assert_int_equal(readable(watch), 0);
	assert_int_equal(ecap_interfaces_changed(watch), 0);
	run("ip link set ve0 up");
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	run("ip link set ve0 down");
	run("ip link set ve0 name ve2");
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	run("ip link del ve2");
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	assert_int_equal(ecap_interfaces_changed(watch), 0);
	assert_int_equal(ecap_interfaces_changed(-1), -EBADF);
}

/* More messages than the socket holds: that some are lost is a change, too. */
static void watching_too_late(void **state)
{
	(void)state;
	need_network();
	_cleanup_close_ int watch = ecap_interfaces_watch();
	int small = 1; /* the kernel makes it its smallest */

	assert_return_code(watch, errno);
	assert_return_code(setsockopt(watch, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), errno);
	for (int i = 0; i < 8; i++) {
		run("ip link set lo down");
		run("ip link set lo up");
	}
	assert_int_equal(ecap_interfaces_changed(watch), 1);
	assert_int_equal(ecap_interfaces_changed(watch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_that_are_up, remove_all),
		cmocka_unit_test_teardown(netmasks, remove_all),
		cmocka_unit_test_teardown(none_is_up, remove_all),
		cmocka_unit_test_teardown(without_link_header, remove_all),
		cmocka_unit_test_teardown(tunnels, remove_all),
		cmocka_unit_test_teardown(bytes_of_lo, remove_all),
		cmocka_unit_test_teardown(bytes_of_tun, remove_all),
		{ "bytes of ipip", bytes_of_tunnel, NULL, remove_all, "ipip" },
		{ "bytes of gre", bytes_of_tunnel, NULL, remove_all, "gre" },
		{ "bytes of sit", bytes_of_tunnel, NULL, remove_all, "sit mode any" },
		cmocka_unit_test_teardown(what_cannot_be_taken, remove_all),
		cmocka_unit_test_teardown(unknown_name, remove_all),
		cmocka_unit_test_teardown(found_again, remove_all),
		cmocka_unit_test_teardown(alternative_name, remove_all),
		cmocka_unit_test_teardown(watching, remove_all),
		cmocka_unit_test_teardown(watching_too_late, remove_all),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
