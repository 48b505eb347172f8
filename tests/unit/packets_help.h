/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of interfaces and what is put on them: a network namespace of their own, programs
 * that count packets, and datagrams on lo, of which nobody else sends any there.
 */
#ifndef TESTS_UNIT_PACKETS_HELP_H
#define TESTS_UNIT_PACKETS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "err.h"
#include "packets/journal.h"
#include "util.h"

#define LO 1u /* LOOPBACK_IFINDEX of net/flow.h in the kernel: lo of each namespace */

extern char **environ;

static char said[65536]; /* what the last command wrote, to either stream */

/* Runs a command line, split at blanks; returns its exit code and has its output in said. */
static inline int run_command(const char *line)
{
	char copy[512], *args[64], *rest = copy;
	posix_spawn_file_actions_t actions;
	uint32_t n = 0;
	int ends[2], status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word; n < ARRAY_SIZE(args) - 1 && (word = strsep(&rest, " "));)
		if (*word)
			args[n++] = word;
	args[n] = NULL;
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	int err = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);

	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	size_t have = 0;
	ssize_t got;

	while (!err && have < sizeof(said) - 1 &&
	       (got = read(ends[0], said + have, sizeof(said) - 1 - have)) > 0)
		have += (size_t)got;
	said[have] = '\0';
	if (have && said[have - 1] == '\n')
		said[have - 1] = '\0';
	close(ends[0]);
	if (err)
		return 127;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* A command that has to work. */
static inline void run(const char *line)
{
	if (run_command(line))
		fail_msg("%s: %s", line, said);
}

/*
 * A new network namespace, in which lo is up, and a /run that only this process sees. A group's
 * setup; where it is refused, why is why_not.
 */
static char why_not[256];

static inline int own_network(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
		snprintf(why_not, sizeof(why_not), "no namespaces of its own: %s", strerror(errno));
	else if (run_command("ip link set lo up"))
		snprintf(why_not, sizeof(why_not), "ip link set lo up: %.200s", said);
	return 0;
}

static inline void need_network(void)
{
	if (!*why_not)
		return;
	print_message("%s\n", why_not);
	skip();
}

/* A kind of interface that this kernel may lack. */
static inline void run_or_skip(const char *line)
{
	if (!run_command(line))
		return;
	print_message("%s: %s\n", line, said);
	skip();
}

struct counter {
	int map, program;
};

/* A program that adds one to entry 0 of a map and returns TC_ACT_*. -errno when BPF is refused. */
static inline int load_counter(int verdict, struct counter *counter)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "count", 4, 8, 1, NULL);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1, .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = map < 0 ? map : bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "count", "Apache-2.0",
						    insns, ARRAY_SIZE(insns), NULL);

	*counter = (struct counter){ .map = map, .program = program };
	return program < 0 ? program : 0;
}

/* The packets that the program has seen since the last call. */
static inline uint64_t counted(const struct counter *counter)
{
	uint64_t count = 0, none = 0;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(counter->map, &key, &count), 0);
	assert_int_equal(bpf_map_update_elem(counter->map, &key, &none, BPF_ANY), 0);
	return count;
}

/* A socket that receives on lo what it sends. */
static inline void to_itself(int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);

	assert_return_code(bind(fd, (struct sockaddr *)&to, len), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&to, &len), errno);
	assert_return_code(connect(fd, (struct sockaddr *)&to, len), errno);
}

/* Sends datagrams over lo and takes them: by then they have passed both sides. */
static inline void send_datagrams(uint32_t n)
{
	const struct timeval long_enough = { .tv_sec = 20 };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 0;

	to_itself(fd);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_enough,
				      sizeof(long_enough)), errno);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(send(fd, &byte, 1, 0), 1);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
}

/* Datagrams that are dropped on their way out, which is before send() returns. */
static inline void send_in_vain(uint32_t n)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 0;

	to_itself(fd);
	for (uint32_t i = 0; i < n; i++)
		(void)!send(fd, &byte, 1, 0); /* may tell of it: ENOBUFS */
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

/* The output of the last command has it. */
static inline bool says(const char *text)
{
	return strstr(said, text) != NULL;
}

/* Files in the journal, but for the lock. */
static inline int entries(void)
{
	DIR *dir = opendir(ECAP_TC_JOURNAL);
	int n = 0;

	for (const struct dirent *at; dir && (at = readdir(dir));)
		n += at->d_name[0] != '.' && strcmp(at->d_name, "lock") != 0;
	if (dir)
		closedir(dir);
	return n;
}

static inline void nothing_is_left(void)
{
	assert_int_equal(entries(), 0);
	run("tc qdisc show dev lo");
	assert_false(says("clsact"));
}

#endif
