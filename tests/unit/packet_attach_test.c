/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs on interfaces by each of the ways there are: what they see, beside others too, and what
 * becomes of them when the interface is renamed, moved to another network namespace, or deleted.
 */
#include "packets_help.h"

#include <bpf/libbpf.h>
#include <cap-ng.h>

#include "packets/attach_private.h"

static struct counter counters[2]; /* by side */
static int netns;                  /* of the test */

static int set_up(void **state)
{
	own_network(state);
	for (int side = 0; side < 2 && !*why_not; side++)
		if (load_counter(TC_ACT_UNSPEC, &counters[side]))
			snprintf(why_not, sizeof(why_not), "no BPF programs: %s", strerror(errno));
	netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return 0;
}

static const struct ecap_tc_method *need(void **state)
{
	need_network();
	return *state;
}

/* Skips where the kernel has no such way. */
static struct ecap_tc_link *attach(const struct ecap_tc_method *method, uint32_t interface,
				   enum ecap_tc_side side)
{
	struct ecap_tc_link *link = NULL;
	int err = ecap_tc_attach_by(method, counters[side].program, interface, side, &link);

	if (err == -EOPNOTSUPP) {
		print_message("%s\n", ecap_err_text());
		skip();
	}
	if (err)
		fail_msg("%s", ecap_err_text());
	return link;
}

static void both_sides(void **state)
{
	const struct ecap_tc_method *method = need(state);
	struct ecap_tc_link *in = attach(method, LO, ECAP_TC_INGRESS);
	struct ecap_tc_link *out = attach(method, LO, ECAP_TC_EGRESS);

	send_datagrams(7);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 7);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 7);
	ecap_tc_detach(in);
	send_datagrams(3);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 0);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 3);
	ecap_tc_detach(out);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 0);
	nothing_is_left();
}

/*
 * Two of ours and one of somebody else who drops: all three see every packet, whichever came
 * first, and the packets are dropped as long as he is there.
 */
static void before_one_who_drops(void **state)
{
	const struct ecap_tc_method *method = need(state);
	struct counter dropper, second;
	struct ecap_tc_link *theirs, *more, *ours = attach(method, LO, ECAP_TC_EGRESS);

	assert_int_equal(load_counter(TC_ACT_SHOT, &dropper), 0);
	assert_int_equal(load_counter(TC_ACT_UNSPEC, &second), 0);
	ecap_tc_detach(ours);
	assert_int_equal(ecap_tc_attach_by(method, dropper.program, LO, ECAP_TC_EGRESS, &theirs), 0);
	ours = attach(method, LO, ECAP_TC_EGRESS);
	assert_int_equal(ecap_tc_attach_by(method, second.program, LO, ECAP_TC_EGRESS, &more), 0);
	send_in_vain(4);
	assert_int_equal(counted(&second), 4);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 4);
	assert_int_equal(counted(&dropper), 4);
	ecap_tc_detach(ours);
	send_in_vain(4);
	assert_int_equal(counted(&second), 4);
	assert_int_equal(counted(&dropper), 4);
	ecap_tc_detach(theirs);
	send_datagrams(4);
	assert_int_equal(counted(&second), 4);
	ecap_tc_detach(more);
	nothing_is_left();
}

/* The kernel's own limit, 64; others have taken all of it. */
static void no_room(void **state)
{
	struct ecap_tc_link *links[100], *one;
	struct counter one_more;
	uint32_t n = 0;
	int err = 0;

	(void)state;
	need_network();
	ecap_tc_detach(attach(&ecap_tcx, LO, ECAP_TC_EGRESS));
	while (!err && n < ARRAY_SIZE(links)) {
		assert_int_equal(load_counter(TC_ACT_UNSPEC, &one_more), 0);
		err = ecap_tc_attach_by(&ecap_tcx, one_more.program, LO, ECAP_TC_EGRESS, &one);
		close(one_more.program);
		close(one_more.map);
		if (!err)
			links[n++] = one;
	}
	assert_int_equal(err, -ERANGE);
	assert_non_null(strstr(ecap_err_text(), "the kernel takes no more programs there"));
	while (n)
		ecap_tc_detach(links[--n]);
}

/* A child that was forked meanwhile has the link's fd, too; it is cut all the same. */
static void detached_for_all(void **state)
{
	(void)state;
	need_network();
	struct ecap_tc_link *link = attach(&ecap_tcx, LO, ECAP_TC_EGRESS);
	_cleanup_close_ int copy = fcntl(link->fd, F_DUPFD_CLOEXEC, 0);

	assert_return_code(copy, errno);
	ecap_tc_detach(link);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 0);
}

static uint32_t make_pair(void)
{
	run_or_skip("ip link add ve0 type veth peer name ve1");
	run("ip link set ve0 up");
	run("ip link set ve1 up");
	return if_nametoindex("ve0");
}

/* What is sent out of ve0 and is ours: ARP requests for an address that nobody has. */
static uint64_t seen_on_ve(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr("192.0.2.2"),
				  .sin_port = htons(9) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	counted(&counters[ECAP_TC_EGRESS]);
	assert_return_code(sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)), errno);
	return counted(&counters[ECAP_TC_EGRESS]);
}

static int remove_pair(void **state)
{
	(void)state;
	if (!*why_not)
		run_command("ip link del ve0");
	return 0;
}

static void renamed(void **state)
{
	const struct ecap_tc_method *method = need(state);
	uint32_t index = make_pair();
	struct ecap_tc_link *link = attach(method, index, ECAP_TC_EGRESS);

	run("ip link set ve0 down");
	run("ip link set ve0 name ve9");
	run("ip link set ve9 up");
	run("ip addr add 192.0.2.1/24 dev ve9");
	assert_true(seen_on_ve() >= 1);
	ecap_tc_detach(link);
	run("tc filter show dev ve9 egress");
	assert_string_equal(said, "");
	run("tc qdisc show dev ve9");
	assert_false(says("clsact"));
	run("ip link del ve9");
	nothing_is_left();
}

static void deleted(void **state)
{
	const struct ecap_tc_method *method = need(state);
	uint32_t index = make_pair();
	struct ecap_tc_link *in = attach(method, index, ECAP_TC_INGRESS);
	struct ecap_tc_link *out = attach(method, index, ECAP_TC_EGRESS);

	run("ip link del ve0");
	ecap_tc_detach(in);
	ecap_tc_detach(out);
	nothing_is_left();
}

/* Another interface has the number by then: it is left alone. */
static void replaced(void **state)
{
	const struct ecap_tc_method *method = need(state);
	uint32_t index = make_pair();
	struct ecap_tc_link *link = attach(method, index, ECAP_TC_EGRESS);
	char line[128];

	run("ip link del ve0");
	snprintf(line, sizeof(line), "ip link add ve0 index %u type veth peer name ve1", index);
	run(line);
	run("tc qdisc add dev ve0 clsact");
	ecap_tc_detach(link);
	run("tc qdisc show dev ve0");
	assert_true(says("clsact"));
	nothing_is_left();
}

/* A clsact qdisc stays behind with its filters; a tcx link goes along, until it is detached. */
static void moved(void **state)
{
	const struct ecap_tc_method *method = need(state);
	uint32_t index = make_pair();
	struct ecap_tc_link *link = attach(method, index, ECAP_TC_EGRESS);
	char line[128];

	assert_return_code(unshare(CLONE_NEWNET), errno); /* the other namespace */
	_cleanup_close_ int other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_return_code(setns(netns, CLONE_NEWNET), errno);
	snprintf(line, sizeof(line), "ip link set ve0 netns /proc/%d/fd/%d", getpid(), other);
	run(line);
	assert_int_equal(if_nametoindex("ve0"), 0);
	assert_return_code(setns(other, CLONE_NEWNET), errno);
	run("ip link set ve0 up");
	run("ip addr add 192.0.2.1/24 dev ve0");
	assert_true(method == &ecap_tcx ? seen_on_ve() >= 1 : !seen_on_ve());
	assert_return_code(setns(netns, CLONE_NEWNET), errno);
	ecap_tc_detach(link);
	assert_return_code(setns(other, CLONE_NEWNET), errno);
	assert_int_equal(seen_on_ve(), 0);
	run("tc qdisc show dev ve0");
	assert_false(says("clsact"));
	run("ip link del ve0");
	assert_return_code(setns(netns, CLONE_NEWNET), errno);
	nothing_is_left();
}

static void no_interface(void **state)
{
	const struct ecap_tc_method *method = need(state);
	struct ecap_tc_link *link = NULL;

	ecap_tc_detach(attach(method, LO, ECAP_TC_INGRESS)); /* the way is there */
	int err = ecap_tc_attach_by(method, counters[0].program, 4242, ECAP_TC_INGRESS, &link);

	assert_int_equal(err, -ENODEV);
	assert_non_null(strstr(ecap_err_text(), "packets into interface ? (index 4242): "));
	assert_non_null(strstr(ecap_err_text(), ": No such device; the interface is gone"));
	assert_null(link);
	ecap_tc_detach(NULL);
	nothing_is_left();
}

/*
 * In a child, which is not the same afterwards. Not by tcx: who has a loaded program may put it on
 * an interface without a right, says tcx_link_attach() in the kernel.
 */
static void without_rights(void **state)
{
	const struct ecap_tc_method *method = &ecap_clsact;

	(void)state;
	need_network();
	pid_t pid = fork();

	if (!pid) {
		struct ecap_tc_link *link = NULL;

		capng_clear(CAPNG_SELECT_BOTH);
		if (capng_apply(CAPNG_SELECT_BOTH))
			_exit(2);
		int err = ecap_tc_attach_by(method, counters[0].program, LO, ECAP_TC_INGRESS, &link);

		_exit(err != -EPERM || !strstr(ecap_err_text(), "CAP_NET_ADMIN"));
	}
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	nothing_is_left();
}

/* Whatever way this kernel has. */
static void by_trying(void **state)
{
	struct ecap_tc_link *link = NULL;

	(void)state;
	need_network();
	int err = ecap_tc_attach(counters[ECAP_TC_EGRESS].program, LO, ECAP_TC_EGRESS, &link);

	if (err)
		fail_msg("%s", ecap_err_text());
	print_message("# by %s\n", link->method->name);
	send_datagrams(5);
	assert_int_equal(counted(&counters[ECAP_TC_EGRESS]), 5);
	ecap_tc_detach(link);
	nothing_is_left();
}

#define BY_EACH(test, teardown)                                                                  \
	{ #test " by tcx", test, NULL, teardown, (void *)&ecap_tcx },                            \
	{ #test " by clsact", test, NULL, teardown, (void *)&ecap_clsact }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BY_EACH(both_sides, NULL),
		BY_EACH(before_one_who_drops, NULL),
		cmocka_unit_test(no_room),
		cmocka_unit_test(detached_for_all),
		BY_EACH(renamed, remove_pair),
		BY_EACH(deleted, remove_pair),
		BY_EACH(replaced, remove_pair),
		BY_EACH(moved, remove_pair),
		BY_EACH(no_interface, NULL),
		cmocka_unit_test(without_rights),
		cmocka_unit_test(by_trying),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
