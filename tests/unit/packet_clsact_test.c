/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on a clsact qdisc among those of others, which tc(8) shows before, during and after. */
#include "clsact_help.h"

#include <linux/if_ether.h>

#include "packets/place.h"

/* Ours sees all that comes, though theirs was there first and ends the list; and theirs stays. */
static void beside_a_program_at(uint32_t prio, const char *shown)
{
	run("tc qdisc add dev lo clsact");
	add_theirs(prio, 1, 0);
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	show_in();
	assert_int_equal(times(shown), 1);
	assert_int_equal(times(OURS_SHOWN), 1);
	send_datagrams(6);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 6);
	assert_int_equal(counted(&theirs), 6);

	/* They put a newer program in the place of theirs, and it is theirs that goes. */
	add_theirs(prio, 1, BPF_TC_F_REPLACE);
	show_in();
	assert_int_equal(times(shown), 1);
	assert_int_equal(times(OURS_SHOWN), 1);
	ecap_tc_detach(link);
	show_in();
	assert_int_equal(times(shown), 1);
	assert_int_equal(times(OURS_SHOWN), 0);
	send_datagrams(6);
	assert_int_equal(counted(&theirs), 6);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 0);
	assert_int_equal(entries(), 0);
}

static void beside_the_first(void **state)
{
	(void)state;
	need_network();
	beside_a_program_at(1, "pref 1 bpf chain 0 handle 0x1 ");
}

static void beside_an_early_one(void **state)
{
	(void)state;
	need_network();
	beside_a_program_at(100, "pref 100 bpf chain 0 handle 0x1 ");
}

static void beside_a_late_one(void **state)
{
	(void)state;
	need_network();
	beside_a_program_at(49152, "pref 49152 bpf chain 0 handle 0x1 ");
}

/* A kind of filter that shares its prio with none: it stays first, and we say so. */
static void beside_u32(void **state)
{
	(void)state;
	need_network();
	run("tc qdisc add dev lo clsact");
	run_or_skip("tc filter add dev lo ingress prio 1 protocol ip u32 match u16 9 0xffff at 22 "
		    "flowid 1:1");
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	send_datagrams(3); /* not to port 9 */
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 3);
	show_in();
	assert_int_equal(times("pref 1 u32 chain 0 fh 800::800"), 1);
	assert_int_equal(times("pref 2 bpf chain 0 " OURS_SHOWN), 1);

	/* Another one can be added beside ours. */
	run("tc filter add dev lo ingress prio 3 protocol ip u32 match u32 0 0 flowid 1:1");
	ecap_tc_detach(link);
	show_in();
	assert_int_equal(times("pref 1 u32 chain 0 fh 800::800"), 1);
	assert_int_equal(times("pref 3 u32 chain 0 fh "), 2);
	assert_int_equal(times("bpf"), 0);
}

/* Theirs can be added at the numbers that people use while ours is there. */
static void others_come_later(void **state)
{
	(void)state;
	need_network();
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	run_or_skip("tc filter add dev lo ingress prio 1 protocol ip u32 match u16 9 0xffff at 22 "
		    "flowid 1:1");
	run("tc filter add dev lo ingress protocol ip u32 match u32 0 0 flowid 1:1");
	add_theirs(2, 1, 0);
	ecap_tc_detach(link);
	show_in();
	assert_int_equal(times("fh 800::800"), 1);
	assert_int_equal(times("pref 2 bpf chain 0 handle 0x1 "), 1);
	assert_int_equal(times("bpf chain 0 handle"), 1);
	run("tc qdisc show dev lo"); /* ours, but they need it */
	assert_int_equal(times("clsact"), 1);
	assert_int_equal(entries(), 0);
}

static void qdisc_of_others(void **state)
{
	(void)state;
	need_network();
	run("tc qdisc add dev lo clsact");
	ecap_tc_detach(attach(ECAP_TC_EGRESS));
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 1);
}

/* The older qdisc has one list of filters only. */
static void ingress_qdisc(void **state)
{
	struct ecap_tc_link *link = NULL;

	(void)state;
	need_network();
	run("tc qdisc add dev lo ingress");
	assert_int_equal(ecap_tc_attach_by(&ecap_clsact, counters[ECAP_TC_EGRESS].program, LO,
					   ECAP_TC_EGRESS, &link), -EBUSY);
	assert_non_null(strstr(ecap_err_text(), "in place of the ingress qdisc"));
	link = attach(ECAP_TC_INGRESS);
	send_datagrams(3);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 3);
	ecap_tc_detach(link);
	run("tc qdisc show dev lo");
	assert_int_equal(times("qdisc ingress"), 1);
	assert_int_equal(entries(), 0);
}

/* Filters of several interfaces at once: none of them can be ours alone. */
static void shared_block(void **state)
{
	struct ecap_tc_link *link = NULL;

	(void)state;
	need_network();
	run_or_skip("tc qdisc add dev lo ingress_block 22 clsact");
	assert_int_equal(ecap_tc_attach_by(&ecap_clsact, counters[ECAP_TC_INGRESS].program, LO,
					   ECAP_TC_INGRESS, &link), -EBUSY);
	assert_non_null(strstr(ecap_err_text(), "whose filters belong to several interfaces"));
	assert_int_equal(entries(), 0);
	ecap_tc_detach(attach(ECAP_TC_EGRESS)); /* is not shared */
	run("tc qdisc show dev lo");
	assert_int_equal(times("ingress_block 22"), 1);
}

/* Somebody has cleared the interface; nothing is ours there any more, and no qdisc goes. */
static void removed_by_others(void **state)
{
	(void)state;
	need_network();
	struct ecap_tc_link *in = attach(ECAP_TC_INGRESS), *out = attach(ECAP_TC_EGRESS);

	run("tc qdisc del dev lo clsact");
	ecap_tc_detach(in);
	run("tc qdisc add dev lo clsact");
	ecap_tc_detach(out);
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 1);
	assert_int_equal(entries(), 0);
}

/* Where among which filters: prio, handle, and whether others keep packets from ours. */
static void places(void **state)
{
	static const struct {
		struct ecap_tc_filter filters[4];
		uint32_t n, prio, handle;
		int before;
	} cases[] = {
		{ .n = 0, .prio = 236, .handle = 0xeca00001 },
		{ { { .prio = 237, .kind = "u32" } }, 1, 236, 0xeca00001, 0 },
		{ { { .prio = 236, .kind = "u32" } }, 1, 235, 0xeca00001, 0 },
		{ { { .prio = 2, .kind = "u32" } }, 1, 1, 0xeca00001, 0 },
		{ { { .prio = 1, .kind = "u32" } }, 1, 2, 0xeca00001, 1 },
		{ { { .prio = 1, .kind = "bpf", .protocol = ETH_P_IP } }, 1, 2, 0xeca00001, 1 },
		{ { { .prio = 1, .kind = "bpf", .protocol = ETH_P_ALL } }, 1, 1, 0xeca00001, 0 },
		{ { { .prio = 1, .kind = "bpf", .protocol = ETH_P_ALL },
		    { .prio = 1, .kind = "bpf", .protocol = ETH_P_ALL, .handle = 0xeca00001 },
		    { .prio = 1, .kind = "bpf", .protocol = ETH_P_ALL, .handle = 0xeca00002 } },
		  3, 1, 0xeca00003, 0 },
		{ { { .prio = 1, .kind = "u32" }, { .prio = 2, .kind = "flower" },
		    { .prio = 3, .kind = "bpf", .protocol = ETH_P_ALL, .handle = 0xeca00001 } },
		  3, 3, 0xeca00002, 1 },
		{ { { .prio = 3, .kind = "u32" }, { .prio = 2, .kind = "u32" } }, 2, 1, 0xeca00001, 0 },
		/* A chain that packets come to from another filter only. */
		{ { { .chain = 7, .prio = 1, .kind = "u32" } }, 1, 236, 0xeca00001, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_tc_place place;

		assert_int_equal(ecap_tc_place(cases[i].filters, cases[i].n, &place), 0);
		if (place.prio != cases[i].prio || place.handle != cases[i].handle ||
		    !place.before != !cases[i].before)
			fail_msg("case %zu: prio %u, handle 0x%x", i, place.prio, place.handle);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(beside_the_first, clean_up),
		cmocka_unit_test_teardown(beside_an_early_one, clean_up),
		cmocka_unit_test_teardown(beside_a_late_one, clean_up),
		cmocka_unit_test_teardown(beside_u32, clean_up),
		cmocka_unit_test_teardown(others_come_later, clean_up),
		cmocka_unit_test_teardown(qdisc_of_others, clean_up),
		cmocka_unit_test_teardown(ingress_qdisc, clean_up),
		cmocka_unit_test_teardown(shared_block, clean_up),
		cmocka_unit_test_teardown(removed_by_others, clean_up),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
