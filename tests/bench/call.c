/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times one call of SSL_write in the library named on the command line. Reads lines
 *   SIZE CALLS RATE PAUSE
 * and answers each with
 *   median-ns best-ns thread-cpu-ns-per-call calls-made bytes-written elapsed-ns
 * RATE 0: as fast as it goes, in 20 chunks, PAUSE microseconds before each; a sample is the mean
 * of a chunk. Else RATE calls a second; a sample is one call, with two readings of the clock in
 * it. The process lives on between the lines, so that probes can come and go around the same
 * pages.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP 200
#define CHUNKS  20
#define MAX_SIZE (1 << 20)
#define MAX_PACED 2000000
#define MAX_PAUSE 999999

struct library {
	void *(*new)(void *ctx);
	int (*set_fd)(void *ssl, int fd);
	int (*write)(void *ssl, const void *buf, int len);
	void *ssl;
};

struct result {
	uint64_t median, best, cpu, calls, bytes, elapsed;
};

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Text as servers send it: lines, quotes, a little markup. Every renderer has work with it. */
static char *make_payload(void)
{
	static const char line[] = "<li class=\"item\"><a href=\"/path/to?x=1\">plain text</a></li>\r\n";
	char *buf = malloc(MAX_SIZE);

	for (size_t i = 0; buf && i < MAX_SIZE; i++)
		buf[i] = line[i % (sizeof(line) - 1)];
	return buf;
}

static void full_speed(const struct library *lib, const char *buf, int size, uint64_t calls,
		       useconds_t pause, struct result *result)
{
	uint64_t sample[CHUNKS], each = calls / CHUNKS ? calls / CHUNKS : 1;

	for (int i = 0; i < CHUNKS; i++) {
		if (pause)
			usleep(pause);

		uint64_t start = now(CLOCK_MONOTONIC);

		for (uint64_t k = 0; k < each; k++)
			result->bytes += (uint64_t)lib->write(lib->ssl, buf, size);
		sample[i] = (now(CLOCK_MONOTONIC) - start) * 100 / each; /* hundredths */
	}
	qsort(sample, CHUNKS, sizeof(sample[0]), by_value);
	result->median = sample[CHUNKS / 2];
	result->best = sample[0];
	result->calls += each * CHUNKS;
}

static int paced(const struct library *lib, const char *buf, int size, uint64_t calls,
		 uint64_t rate, struct result *result)
{
	uint64_t gap = 1000000000 / rate, next = now(CLOCK_MONOTONIC) + gap;
	uint64_t *sample = calloc(calls, sizeof(*sample));

	if (!sample)
		return -1;
	for (uint64_t k = 0; k < calls; k++, next += gap) {
		uint64_t start;

		while ((start = now(CLOCK_MONOTONIC)) < next)
			;
		start = now(CLOCK_MONOTONIC);
		result->bytes += (uint64_t)lib->write(lib->ssl, buf, size);
		sample[k] = (now(CLOCK_MONOTONIC) - start) * 100;
	}
	qsort(sample, calls, sizeof(*sample), by_value);
	result->median = sample[calls / 2];
	result->best = sample[0];
	result->calls += calls;
	free(sample);
	return 0;
}

static int run(const struct library *lib, const char *buf, int size, uint64_t calls,
	       uint64_t rate, useconds_t pause)
{
	struct result result = {};

	for (int i = 0; i < WARM_UP; i++)
		result.bytes += (uint64_t)lib->write(lib->ssl, buf, size);
	result.calls = WARM_UP;

	uint64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);

	if (!rate)
		full_speed(lib, buf, size, calls, pause, &result);
	else if (paced(lib, buf, size, calls, rate, &result))
		return -1;
	cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	result.elapsed = now(CLOCK_MONOTONIC) - start;
	printf("%.2f %.2f %.2f %llu %llu %llu\n", (double)result.median / 100,
	       (double)result.best / 100, (double)cpu / (double)(result.calls - WARM_UP),
	       (unsigned long long)result.calls, (unsigned long long)result.bytes,
	       (unsigned long long)result.elapsed);
	return fflush(stdout);
}

/* A connected TCP socket, so that a capture has addresses to show, as with a real program. */
static int connected_socket(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || fd < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&addr, &len) ||
	    connect(fd, (struct sockaddr *)&addr, len))
		return -1;
	return fd;
}

static int open_library(const char *path, struct library *lib)
{
	void *handle = dlopen(path, RTLD_NOW);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	*(void **)&lib->new = dlsym(handle, "SSL_new");
	*(void **)&lib->set_fd = dlsym(handle, "SSL_set_fd");
	*(void **)&lib->write = dlsym(handle, "SSL_write");
	if (!lib->new || !lib->set_fd || !lib->write)
		return -1;
	lib->ssl = lib->new(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct library lib;
	cpu_set_t cpus;

	if (argc != 3 || open_library(argv[1], &lib)) {
		fprintf(stderr, "usage: call LIBRARY CPU\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET((unsigned int)atoi(argv[2]), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);

	char *buf = make_payload();
	int fd = connected_socket();
	unsigned long long calls, rate;
	unsigned int pause;
	int size;

	if (!buf || fd < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while (scanf("%d %llu %llu %u", &size, &calls, &rate, &pause) == 4) {
		if (size < 0 || size > MAX_SIZE || !calls || pause > MAX_PAUSE ||
		    (rate && calls > MAX_PACED))
			return 2;
		lib.set_fd(lib.ssl, fd); /* again each time: a new capture has not seen it */
		if (run(&lib, buf, size, calls, rate, pause))
			return 1;
	}
	free(buf);
	return 0;
}
