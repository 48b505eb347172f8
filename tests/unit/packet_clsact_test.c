/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters on a clsact qdisc among those of others, which tc(8) shows before, during and after; what
 * a killed process leaves; and a journal that is damaged or not to be trusted.
 */
#include "packets_help.h"

#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <signal.h>
#include <sys/stat.h>

#include "packets/attach_private.h"
#include "packets/place.h"

#define OURS_SHOWN "handle 0xeca0000"

static struct counter counters[2], theirs; /* of ours by side, and one of somebody else */

static int set_up(void **state)
{
	own_network(state);
	for (int side = 0; side < 2 && !*why_not; side++)
		if (load_counter(TC_ACT_UNSPEC, &counters[side]))
			snprintf(why_not, sizeof(why_not), "no BPF programs: %s", strerror(errno));
	if (!*why_not)
		assert_int_equal(load_counter(TC_ACT_OK, &theirs), 0); /* ends the list */
	if (!*why_not && run_command("tc qdisc add dev lo clsact"))
		snprintf(why_not, sizeof(why_not), "no clsact qdisc: %.200s", said);
	else
		run_command("tc qdisc del dev lo clsact");
	return 0;
}

/* No filter is on lo, and the journal is not there. */
static int clean_up(void **state)
{
	(void)state;
	if (*why_not)
		return 0;
	run_command("tc qdisc del dev lo clsact");
	run_command("tc qdisc del dev lo ingress");
	run("rm -rf /run/ecapture");
	return 0;
}

static struct ecap_tc_link *attach(enum ecap_tc_side side)
{
	struct ecap_tc_link *link = NULL;

	if (ecap_tc_attach_by(&ecap_clsact, counters[side].program, LO, side, &link))
		fail_msg("%s", ecap_err_text());
	return link;
}

/* Somebody else's program on the way in, as "tc filter replace ... bpf da" puts it there. */
static void add_theirs(uint32_t prio, uint32_t handle, uint32_t flags)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = theirs.program, .handle = handle,
		    .priority = prio, .flags = flags);

	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
}

/* How often the last command's output has the text. */
static int times(const char *text)
{
	int n = 0;

	for (const char *at = said; (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

static void show_in(void)
{
	run("tc filter show dev lo ingress");
}

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
	assert_non_null(strstr(ecap_err_text(), "there is an ingress qdisc"));
	link = attach(ECAP_TC_INGRESS);
	send_datagrams(3);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 3);
	ecap_tc_detach(link);
	run("tc qdisc show dev lo");
	assert_int_equal(times("qdisc ingress"), 1);
	assert_int_equal(entries(), 0);
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

/* Another ecapture, with both sides of lo. Returns when they are attached. */
static pid_t start_another(void)
{
	int ends[2];
	char byte;

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	pid_t pid = fork();

	if (!pid) {
		struct ecap_tc_link *links[2];

		for (int side = 0; side < 2; side++)
			if (ecap_tc_attach_by(&ecap_clsact, counters[side].program, LO, side,
					      &links[side]))
				_exit(1);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		raise(SIGSTOP);
		for (int side = 0; side < 2; side++)
			ecap_tc_detach(links[side]);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

/* SIGCONT: it detaches what it has; SIGKILL: it does not. */
static void end_another(pid_t pid, int signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_return_code(kill(pid, signal), errno);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, signal == SIGKILL ? SIGKILL : 0);
}

static void killed(void **state)
{
	(void)state;
	need_network();
	end_another(start_another(), SIGKILL);
	show_in();
	assert_int_equal(times(OURS_SHOWN), 1);
	assert_int_equal(entries(), 2);
	assert_int_equal(ecap_tc_recover(), 2);
	nothing_is_left();
	assert_int_equal(ecap_tc_recover(), 0);
}

static void killed_beside_others(void **state)
{
	(void)state;
	need_network();
	pid_t pid = start_another();

	add_theirs(1, 1, 0);
	end_another(pid, SIGKILL);
	assert_int_equal(ecap_tc_recover(), 2);
	assert_int_equal(entries(), 0);
	show_in();
	assert_int_equal(times("pref 1 bpf chain 0 handle 0x1 "), 1);
	assert_int_equal(times(OURS_SHOWN), 0);
	send_datagrams(3);
	assert_int_equal(counted(&theirs), 3);
}

/* What took the place of a killed one's filter is not ours to remove. */
static void killed_and_replaced(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = theirs.program, .handle = 0xeca00001,
		    .priority = 236, .flags = BPF_TC_F_REPLACE);

	(void)state;
	need_network();
	end_another(start_another(), SIGKILL);
	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
	assert_int_equal(ecap_tc_recover(), 1);
	assert_int_equal(entries(), 0);
	show_in();
	assert_int_equal(times("pref 236 bpf chain 0 handle 0xeca00001 "), 1);
}

/* The lives of two overlap; who goes last removes the qdisc, whoever made it. */
static void two_at_once(void **state)
{
	(void)state;
	need_network();
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);
	pid_t pid = start_another();

	assert_int_equal(ecap_tc_recover(), 0); /* both live */
	assert_int_equal(entries(), 3);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 4); /* one program, twice */
	ecap_tc_detach(link);
	show_in();
	assert_int_equal(times(OURS_SHOWN), 1);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 2);
	end_another(pid, SIGCONT);
	nothing_is_left();
}

static void one_is_killed(void **state)
{
	(void)state;
	need_network();
	pid_t pid = start_another();
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	end_another(pid, SIGKILL);
	counted(&counters[ECAP_TC_INGRESS]);
	assert_int_equal(ecap_tc_recover(), 2);
	assert_int_equal(entries(), 1);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 2);
	ecap_tc_detach(link);
	nothing_is_left();
}

static void write_entry(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), ECAP_TC_JOURNAL "/%s", name);
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_return_code(fputs(text, file), errno);
}

/* Puts the entry of the killed one back, with something else in it. */
static void write_changed(const char *name, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char changed[1024];

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	write_entry(name, changed);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"{", "nonsense\n", "[]", "{\"boot\": 1}", "\xff\xfe", "{\"interface\": 1}",
	};
	char name[16];

	(void)state;
	need_network();
	end_another(start_another(), SIGKILL);
	for (uint32_t i = 0; i < ARRAY_SIZE(texts); i++) {
		snprintf(name, sizeof(name), "x%u.json", i);
		write_entry(name, texts[i]);
	}
	write_entry("empty.json", ""); /* killed before it wrote: nothing is lost */
	write_entry("other", "not an entry");
	assert_return_code(symlink("/etc/passwd", ECAP_TC_JOURNAL "/link.json"), errno);
	assert_return_code(mkdir(ECAP_TC_JOURNAL "/dir.json", 0700), errno);
	assert_int_equal(ecap_tc_recover(), 2);
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 0);
	run("ls " ECAP_TC_JOURNAL);
	assert_string_equal(said, "dir.json\nlink.json\nlock\nother\nx0.json.damaged\nx1.json.damaged\n"
			    "x2.json.damaged\nx3.json.damaged\nx4.json.damaged\nx5.json.damaged");
	assert_int_equal(ecap_tc_recover(), 0);
}

/* Numbers that no filter has; another namespace's; another start of the system. */
static void changed_entries(void **state)
{
	static const struct {
		const char *from, *to, *name;
		int stays;
	} changes[] = {
		{ "\"interface\": 1,", "\"interface\": -1,", "interface.json.damaged", 1 },
		{ "\"prio\": 236,", "\"prio\": 70000,", "prio.json.damaged", 1 },
		{ "\"side\": \"", "\"side\": \"x", "side.json.damaged", 1 },
		{ "\"handle\": ", "\"handle\": 99999", "handle.json.damaged", 1 },
		{ "\"netns\": ", "\"netns\": 1", "netns.json", 1 },
		{ "\"boot\": \"", "\"boot\": \"0", "boot.json", 0 },
		{ "\"program\": ", "\"program\": 9", "program.json", 0 },
	};
	char text[1024] = "", path[256];

	(void)state;
	need_network();
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	snprintf(path, sizeof(path), ECAP_TC_JOURNAL "/%s", link->entry.file);
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s", changes[i].name);
		if (strstr(name, ".damaged"))
			*strstr(name, ".damaged") = '\0';
		write_changed(name, text, changes[i].from, changes[i].to);
	}
	assert_int_equal(ecap_tc_recover(), 0);
	run("ls " ECAP_TC_JOURNAL);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (times(changes[i].name) != changes[i].stays)
			fail_msg("%s: %s", changes[i].name, said);
	send_datagrams(2);
	assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), 2);
	ecap_tc_detach(link);
	assert_int_equal(entries(), 5);
}

static void no_journal(void **state)
{
	(void)state;
	need_network();
	assert_int_equal(ecap_tc_recover(), 0);
	assert_int_equal(access("/run/ecapture", F_OK), -1); /* looking makes nothing */
}

/* Somebody else can change what would be believed, or where it is written. */
static void unsafe_journal(void **state)
{
	struct ecap_tc_link *link = NULL;

	(void)state;
	need_network();
	ecap_tc_detach(attach(ECAP_TC_INGRESS));
	assert_return_code(chmod("/run/ecapture", 0775), errno);
	assert_int_equal(ecap_tc_recover(), -EPERM);
	assert_non_null(strstr(ecap_err_text(), "directory /run/ecapture is writable by group"));
	assert_int_equal(ecap_tc_attach_by(&ecap_clsact, counters[0].program, LO, ECAP_TC_INGRESS,
					   &link), -EPERM);
	assert_return_code(chmod("/run/ecapture", 0755), errno);
	assert_return_code(chown(ECAP_TC_JOURNAL, 12345, 0), errno);
	assert_int_equal(ecap_tc_recover(), -EPERM);
	assert_non_null(strstr(ecap_err_text(), "belongs to uid 12345"));
	run("rm -rf " ECAP_TC_JOURNAL);
	assert_return_code(symlink("/run", ECAP_TC_JOURNAL), errno);
	assert_true(ecap_tc_recover() < 0);
	assert_true(ecap_tc_attach_by(&ecap_clsact, counters[0].program, LO, ECAP_TC_INGRESS,
				      &link) < 0);
	assert_null(link);
	assert_int_equal(access("/run/lock", F_OK), -1);
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 0);
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
		cmocka_unit_test_teardown(removed_by_others, clean_up),
		cmocka_unit_test_teardown(killed, clean_up),
		cmocka_unit_test_teardown(killed_beside_others, clean_up),
		cmocka_unit_test_teardown(killed_and_replaced, clean_up),
		cmocka_unit_test_teardown(two_at_once, clean_up),
		cmocka_unit_test_teardown(one_is_killed, clean_up),
		cmocka_unit_test_teardown(damaged, clean_up),
		cmocka_unit_test_teardown(changed_entries, clean_up),
		cmocka_unit_test_teardown(no_journal, clean_up),
		cmocka_unit_test_teardown(unsafe_journal, clean_up),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
