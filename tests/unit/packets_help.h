/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of interfaces and what is put on them: a network namespace of their own. */
#ifndef TESTS_UNIT_PACKETS_HELP_H
#define TESTS_UNIT_PACKETS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "err.h"
#include "util.h"

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

#endif
