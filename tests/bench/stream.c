/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS server that sends to each connection BYTES bytes by SSL_write calls of CHUNK bytes, and
 * the client that reads them away. The server says its port, then for each connection
 *   elapsed-ns thread-cpu-ns
 * It ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

static int complain(const char *what)
{
	fprintf(stderr, "%s\n", what);
	ERR_print_errors_fp(stderr);
	return 1;
}

static int send_all(SSL *ssl, const char *buf, int chunk, uint64_t bytes)
{
	for (uint64_t sent = 0; sent < bytes;) {
		int len = bytes - sent < (uint64_t)chunk ? (int)(bytes - sent) : chunk;
		int n = SSL_write(ssl, buf, len);

		if (n <= 0)
			return complain("SSL_write");
		sent += (uint64_t)n;
	}
	return 0;
}

static int serve(SSL_CTX *ctx, int fd, const char *buf, int chunk, uint64_t bytes)
{
	SSL *ssl = SSL_new(ctx);
	int err = !ssl || !SSL_set_fd(ssl, fd) || SSL_accept(ssl) != 1;

	if (!err) {
		uint64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);

		err = send_all(ssl, buf, chunk, bytes);
		printf("%llu %llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - start),
		       (unsigned long long)(now(CLOCK_THREAD_CPUTIME_ID) - cpu));
		fflush(stdout);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
	return err;
}

static int server(char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t bytes = strtoull(argv[2], NULL, 0);
	int chunk = atoi(argv[3]);
	char *buf = chunk > 0 ? malloc((size_t)chunk) : NULL;

	if (!ctx || !buf || SSL_CTX_use_certificate_chain_file(ctx, argv[0]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[1], SSL_FILETYPE_PEM) != 1)
		return complain("certificate or key");
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&addr, &len))
		return complain("listen");
	memset(buf, 'x', (size_t)chunk);
	printf("%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = { { listener, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };

		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			break;
		serve(ctx, accept(listener, NULL, NULL), buf, chunk, bytes);
	}
	free(buf);
	SSL_CTX_free(ctx);
	return 0;
}

static int client(char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	struct sockaddr_in addr = loopback(atoi(argv[0]));
	int fd = socket(AF_INET, SOCK_STREAM, 0), n;
	uint64_t bytes = 0;
	static char buf[256 * 1024];

	if (!ssl || fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    !SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
		return complain("connect");
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		bytes += (uint64_t)n;
	printf("%llu\n", (unsigned long long)bytes);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "server"))
		return server(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "client"))
		return client(argv + 2);
	fprintf(stderr, "usage: stream server CERT KEY BYTES CHUNK | stream client PORT\n");
	return 2;
}
