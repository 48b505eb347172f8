/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are found, in a network namespace of the test's own: real ones, made by ip(8). */
#include "packets_help.h"

#include <poll.h>

#include "packets/interfaces.h"

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

	/* The same by its name; and one that is down, since it was named. */
	assert_int_equal(find("any", NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(find("any", "ve1"), 0);
	assert_int_equal(n, 3);
	assert_int_equal(find("ve1", "ve1"), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "ve1");
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
		cmocka_unit_test_teardown(none_is_up, remove_all),
		cmocka_unit_test_teardown(without_link_header, remove_all),
		cmocka_unit_test_teardown(tunnels, remove_all),
		cmocka_unit_test_teardown(what_cannot_be_taken, remove_all),
		cmocka_unit_test_teardown(unknown_name, remove_all),
		cmocka_unit_test_teardown(alternative_name, remove_all),
		cmocka_unit_test_teardown(watching, remove_all),
		cmocka_unit_test_teardown(watching_too_late, remove_all),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
