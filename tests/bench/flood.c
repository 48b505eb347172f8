/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets on the loopback interface at full speed:
 *   flood udp PORT COUNT SIZE    COUNT datagrams of SIZE bytes to a socket that nobody reads
 *   flood tcp PORT BYTES SIZE    BYTES through one connection by writes of SIZE bytes
 * It says the nanoseconds that it took and the bytes or datagrams that it moved.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64 /* datagrams a system call */

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct sockaddr_in loopback(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

static int complain(const char *what)
{
	perror(what);
	return 1;
}

static void report(uint64_t begin, uint64_t moved)
{
	printf("%llu %llu\n", (unsigned long long)(now() - begin), (unsigned long long)moved);
}

static int udp(struct sockaddr_in *addr, uint64_t count, char *buf, size_t size)
{
	int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct mmsghdr batch[BATCH] = { 0 };
	uint64_t sent = 0, begin;

	for (int i = 0; i < BATCH; i++) {
		batch[i].msg_hdr.msg_iov = &iov;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	if (in < 0 || out < 0 || bind(in, (struct sockaddr *)addr, sizeof(*addr)) ||
	    connect(out, (struct sockaddr *)addr, sizeof(*addr)))
		return complain("udp");
	begin = now();
	while (sent < count) {
		uint64_t left = count - sent;
		int n = sendmmsg(out, batch, left < BATCH ? (unsigned int)left : BATCH, 0);

		if (n <= 0)
			return complain("sendmmsg");
		sent += (uint64_t)n;
	}
	report(begin, sent);
	return 0;
}

/* The child: reads the connection away. */
static int swallow(int listener)
{
	static char buf[1 << 20];
	int fd = accept(listener, NULL, NULL);

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return 0;
}

static int pour(const struct sockaddr_in *addr, uint64_t bytes, const char *buf, size_t size)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t sent = 0, begin = now();

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return complain("connect");
	while (sent < bytes) {
		ssize_t n = write(fd, buf, size);

		if (n <= 0)
			return complain("write");
		sent += (uint64_t)n;
	}
	close(fd);
	wait(NULL);
	report(begin, sent);
	return 0;
}

static int tcp(struct sockaddr_in *addr, uint64_t bytes, char *buf, size_t size)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener, (struct sockaddr *)addr, sizeof(*addr)) || listen(listener, 1))
		return complain("listen");
	switch (fork()) {
	case -1:
		return complain("fork");
	case 0:
		return swallow(listener);
	default:
		return pour(addr, bytes, buf, size);
	}
}

int main(int argc, char **argv)
{
	size_t size = argc == 5 ? strtoul(argv[4], NULL, 0) : 0;
	char *buf = size ? calloc(1, size) : NULL;
	struct sockaddr_in addr;

	if (!buf) {
		fprintf(stderr, "usage: flood udp PORT COUNT SIZE | flood tcp PORT BYTES SIZE\n");
		return 2;
	}
	addr = loopback(argv[2]);
	return (!strcmp(argv[1], "udp") ? udp : tcp)(&addr, strtoull(argv[3], NULL, 0), buf, size);
}
