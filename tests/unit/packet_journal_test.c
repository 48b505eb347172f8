/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What killed processes leave on an interface, and two ecaptures on one; and a journal that is
 * damaged or not to be trusted.
 */
#include "clsact_help.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

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

/* Puts filters on lo and removes them until it is killed. */
static void attach_and_detach(void)
{
	for (;;) {
		struct ecap_tc_link *links[2] = { NULL, NULL };

		for (int side = 0; side < 2; side++)
			if (ecap_tc_attach_by(&ecap_clsact, counters[side].program, LO, side,
					      &links[side])) {
				fprintf(stderr, "# %s\n", ecap_err_text());
				_exit(1);
			}
		for (int side = 0; side < 2; side++)
			ecap_tc_detach(links[side]);
	}
}

static void start_all(pid_t pids[4])
{
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i])
			attach_and_detach();
	}
}

/* Killed wherever they are in it, while one of ours stays, or is gone as well: nothing is left. */
static void killed_anywhere(void **state)
{
	pid_t pids[4];
	int status;

	(void)state;
	need_network();
	for (int round = 0; round < 20; round++) {
		struct ecap_tc_link *link = round % 2 ? NULL : attach(ECAP_TC_INGRESS);

		start_all(pids);
		usleep(20000 + 1000 * (useconds_t)round);
		for (int i = 0; i < 4; i++) {
			assert_return_code(kill(pids[i], SIGKILL), errno);
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, SIGKILL);
		}
		assert_true(ecap_tc_recover() >= 0);
		assert_int_equal(entries(), link ? 1 : 0);
		counted(&counters[ECAP_TC_INGRESS]);
		send_datagrams(2);
		assert_int_equal(counted(&counters[ECAP_TC_INGRESS]), link ? 2 : 0);
		ecap_tc_detach(link);
		nothing_is_left();
	}
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

/* Whoever holds the lock for long is stopped, in a debugger or by SIGSTOP: that is said. */
static void held_journal(void **state)
{
	(void)state;
	need_network();
	ecap_tc_detach(attach(ECAP_TC_INGRESS));
	_cleanup_close_ int fd = open(ECAP_TC_JOURNAL "/lock", O_RDWR | O_CLOEXEC);

	assert_return_code(fd, errno);
	assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
	assert_int_equal(ecap_tc_recover(), -EBUSY);
	assert_non_null(strstr(ecap_err_text(), "another ecapture has held it for 5000 ms"));
	assert_return_code(flock(fd, LOCK_UN), errno);
	assert_int_equal(ecap_tc_recover(), 0);
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
	assert_non_null(strstr(ecap_err_text(), ECAP_TC_JOURNAL " belongs to uid 12345"));
	assert_null(link);
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 0);
}

static void link_in_place_of(const char *path)
{
	struct ecap_tc_link *link = NULL;

	run("rm -rf /run/ecapture");
	run("mkdir -p /run/elsewhere/tc /run/ecapture");
	assert_return_code(rmdir(path) < 0 && errno != ENOENT ? -1 : 0, errno);
	assert_return_code(symlink("/run/elsewhere", path), errno);
	assert_int_equal(ecap_tc_recover(), -ENOTDIR);
	assert_int_equal(ecap_tc_attach_by(&ecap_clsact, counters[0].program, LO, ECAP_TC_INGRESS,
					   &link), -ENOTDIR);
	run("ls /run/elsewhere /run/elsewhere/tc");
	assert_false(says("lock"));
}

static void linked_journal(void **state)
{
	(void)state;
	need_network();
	link_in_place_of("/run/ecapture");
	link_in_place_of(ECAP_TC_JOURNAL);
	run("tc qdisc show dev lo");
	assert_int_equal(times("clsact"), 0);
}

/* Where anybody can make names, as in a container's tmpfs, what is ours is safe, and only that. */
static void public_run(void **state)
{
	(void)state;
	need_network();
	assert_return_code(chmod("/run", 01777), errno);
	struct ecap_tc_link *link = attach(ECAP_TC_INGRESS);

	assert_int_equal(ecap_tc_recover(), 0);
	ecap_tc_detach(link);
	run("rm -rf /run/ecapture");
	run("mkdir -m 0755 /run/ecapture");
	assert_return_code(chown("/run/ecapture", 12345, 12345), errno);
	assert_int_equal(ecap_tc_recover(), -EPERM);
	assert_non_null(strstr(ecap_err_text(), "/run/ecapture belongs to uid 12345"));
	assert_return_code(chmod("/run", 0755), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(killed, clean_up),
		cmocka_unit_test_teardown(killed_beside_others, clean_up),
		cmocka_unit_test_teardown(killed_and_replaced, clean_up),
		cmocka_unit_test_teardown(two_at_once, clean_up),
		cmocka_unit_test_teardown(one_is_killed, clean_up),
		cmocka_unit_test_teardown(killed_anywhere, clean_up),
		cmocka_unit_test_teardown(damaged, clean_up),
		cmocka_unit_test_teardown(changed_entries, clean_up),
		cmocka_unit_test_teardown(no_journal, clean_up),
		cmocka_unit_test_teardown(held_journal, clean_up),
		cmocka_unit_test_teardown(unsafe_journal, clean_up),
		cmocka_unit_test_teardown(linked_journal, clean_up),
		cmocka_unit_test_teardown(public_run, clean_up),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
