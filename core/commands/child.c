/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes and their pipes: see child.h. */
#include "commands/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "err.h"
#include "util.h"

/* More than any child has to say: one that writes without end must not fill our memory. */
#define MAX_JSON ((size_t)64 << 20)

int ecap_child_start(void (*run)(int fd, void *arg), void *arg, struct ecap_child *child)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return ecap_err(-errno, "pipe: %s", strerror(errno));
	fflush(stdout);
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run(pipes[1], arg);
		_exit(0);
	}
	close(pipes[1]);
	if (pid < 0) {
		int err = -errno;

		close(pipes[0]);
		return ecap_err(err, "fork: %s", strerror(-err));
	}
	*child = (struct ecap_child){ .pid = pid, .fd = pipes[0] };
	return 0;
}

uint64_t ecap_child_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

ssize_t ecap_child_read(const struct ecap_child *child, uint64_t until_ns, void *bytes, size_t size)
{
	for (;;) {
		uint64_t now = ecap_child_now_ns();
		struct pollfd wait = { .fd = child->fd, .events = POLLIN };
		int n = poll(&wait, 1, now < until_ns ? (int)((until_ns - now) / 1000000 + 1) : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ETIME;
		ssize_t len = read(child->fd, bytes, size);

		if (len >= 0 || errno != EINTR)
			return len > 0 ? len : 0;
	}
}

int ecap_child_end(struct ecap_child *child, int hangs)
{
	int status = 0;

	ecap_closep(&child->fd);
	if (hangs)
		kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int ecap_child_explain(int status, int hangs, uint64_t patience_ns)
{
	if (hangs)
		return ecap_err(-ETIME, "did not return within %llu ms; it was ended",
				(unsigned long long)(patience_ns / 1000000));
	if (WIFSIGNALED(status))
		return ecap_err(-EFAULT, "crashed by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	return ecap_err(-ECHILD, "ended the process, with exit code %d", WEXITSTATUS(status));
}

struct maker {
	json_t *(*make)(void *arg);
	void *arg;
};

static void make_json(int fd, void *arg)
{
	const struct maker *maker = arg;
	json_t *value = maker->make(maker->arg);

	json_dumpfd(value, fd, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* All that the child writes; whether it came to the end in time. */
static char *read_all(const struct ecap_child *child, uint64_t until_ns, size_t *size, int *hangs)
{
	char *text = NULL, bytes[65536];
	FILE *out = open_memstream(&text, size);
	ssize_t n = 0;

	while (out && (n = ecap_child_read(child, until_ns, bytes, sizeof(bytes))) > 0) {
		fwrite(bytes, 1, (size_t)n, out);
		fflush(out);
		if (*size > MAX_JSON)
			break;
	}
	*hangs = n != 0;
	if (out)
		fclose(out);
	return text;
}

int ecap_child_json(json_t *(*make)(void *arg), void *arg, uint64_t patience_ns, json_t **value)
{
	struct maker maker = { .make = make, .arg = arg };
	struct ecap_child child;
	size_t size = 0;
	int hangs = 0, err = ecap_child_start(make_json, &maker, &child);

	if (err)
		return err;
	_cleanup_free_ char *text = read_all(&child, ecap_child_now_ns() + patience_ns, &size,
					     &hangs);
	int status = ecap_child_end(&child, hangs);
	json_t *read = hangs || status || !text ? NULL
						: json_loadb(text, size, JSON_DECODE_ANY, NULL);

	if (!read)
		return ecap_child_explain(status, hangs, patience_ns);
	*value = read;
	return 0;
}
