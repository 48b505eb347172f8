/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times one call of SSL_write in the library named on the command line. Reads lines
 *   SIZE CALLS CHUNKS RATE PAUSE
 * and answers each with
 *   median-ns best-ns thread-cpu-ns-per-call calls-made bytes-written elapsed-ns
 * RATE 0: as fast as it goes, in CHUNKS chunks, PAUSE microseconds before each; a sample is the
 * mean of a chunk. Else RATE calls a second; a sample is one call, with two readings of the clock
 * in it. The process lives on between the lines, so that probes can come and go around the same
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
#define MAX_CHUNKS 1000
#define MAX_SIZE (1 << 20)
#define MAX_PACED 2000000
#define MAX_PAUSE 999999

struct library {
	void *(*new)(void *ctx);
	int (*set_fd)(void *ssl, int fd);
	int (*write)(void *ssl, const void *buf, int len);
	void *ssl;
};

/* One line of the input. */
struct order {
	int size;
	unsigned int chunks, pause;
	unsigned long long calls, rate;
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

static void full_speed(const struct library *lib, const char *buf, const struct order *order,
		       struct result *result)
{
	uint64_t sample[MAX_CHUNKS], each = order->calls / order->chunks;

	for (unsigned int i = 0; i < order->chunks; i++) {
		if (order->pause)
			usleep(order->pause);

		uint64_t start = now(CLOCK_MONOTONIC);

		for (uint64_t k = 0; k < each; k++)
			result->bytes += (uint64_t)lib->write(lib->ssl, buf, order->size);
		sample[i] = (now(CLOCK_MONOTONIC) - start) * 100 / each; /* hundredths */
	}
	qsort(sample, order->chunks, sizeof(sample[0]), by_value);
	result->median = sample[order->chunks / 2];
	result->best = sample[0];
	result->calls += each * order->chunks;
}

static int paced(const struct library *lib, const char *buf, const struct order *order,
		 struct result *result)
{
	uint64_t gap = 1000000000 / order->rate, next = now(CLOCK_MONOTONIC) + gap;
	uint64_t *sample = calloc(order->calls, sizeof(*sample));

	if (!sample)
		return -1;
	for (uint64_t k = 0; k < order->calls; k++, next += gap) {
		uint64_t start;

		while ((start = now(CLOCK_MONOTONIC)) < next)
			;
		start = now(CLOCK_MONOTONIC);
		result->bytes += (uint64_t)lib->write(lib->ssl, buf, order->size);
		sample[k] = (now(CLOCK_MONOTONIC) - start) * 100;
	}
	qsort(sample, order->calls, sizeof(*sample), by_value);
	result->median = sample[order->calls / 2];
	result->best = sample[0];
	result->calls += order->calls;
	free(sample);
	return 0;
}

static int run(const struct library *lib, const char *buf, const struct order *order)
{
	struct result result = {};

	for (int i = 0; i < WARM_UP; i++)
		result.bytes += (uint64_t)lib->write(lib->ssl, buf, order->size);
	result.calls = WARM_UP;

	uint64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);

	if (!order->rate)
		full_speed(lib, buf, order, &result);
	else if (paced(lib, buf, order, &result))
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

static int read_order(struct order *order)
{
	return scanf("%d %llu %u %llu %u", &order->size, &order->calls, &order->chunks,
		     &order->rate, &order->pause) == 5 &&
	       order->size >= 0 && order->size <= MAX_SIZE && order->pause <= MAX_PAUSE &&
	       order->chunks && order->chunks <= MAX_CHUNKS && order->calls >= order->chunks &&
	       (!order->rate || order->calls <= MAX_PACED);
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
	struct order order;

	if (!buf || fd < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while (read_order(&order)) {
		lib.set_fd(lib.ssl, fd); /* again each time: a new capture has not seen it */
		if (run(&lib, buf, &order))
			return 1;
	}
	free(buf);
	return 0;
}
