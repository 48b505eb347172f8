/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry whole|partial|moving BYTES SEED: a non-blocking client writes BYTES to a slow reader, so
 * that SSL_write says WANT_WRITE many times and is called again:
 *   whole    with the same buffer, until everything is gone
 *   partial  with SSL_MODE_ENABLE_PARTIAL_WRITE: each call may take a part
 *   moving   with SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, from another place each time
 * Prints "client sent=N SHA calls=N retries=N" and "server received=N SHA".
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

static const char *mode;
static size_t size;
static uint64_t seed;

static unsigned char *allocate(void)
{
	unsigned char *data = malloc(size);
	if (!data)
		die("malloc");
	return data;
}

static void small_buffer(int fd, int option)
{
	int bytes = 8192;
	if (setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes)))
		die("setsockopt");
}

static void server(int listener)
{
	small_buffer(listener, SO_RCVBUF);
	int fd = tls_accept(listener);
	tls_describe("server", fd);
	SSL *ssl = tls_session(tls_server_ctx(), fd, 1);
	unsigned char *data = allocate();
	for (size_t have = 0; have < size;) {
		usleep(1000);
		size_t n = size - have < 16384 ? size - have : 16384;
		tls_read(ssl, data + have, n);
		have += n;
	}
	printf("server received=%zu %s\n", size, tls_sha256(data, size));
	fflush(stdout);
	tls_end(ssl);
	free(data);
}

static void wait_writable(SSL *ssl, int rc)
{
	int err = SSL_get_error(ssl, rc);
	if (err != SSL_ERROR_WANT_WRITE)
		die("SSL_write: error %d", err);
	struct pollfd p = { .fd = SSL_get_fd(ssl), .events = POLLOUT };
	if (poll(&p, 1, 10000) != 1)
		die("the reader has stopped");
}

static void client(uint16_t port)
{
	int fd = tls_connect("127.0.0.1", port);
	small_buffer(fd, SO_SNDBUF);
	tls_describe("client", fd);
	SSL *ssl = tls_session(tls_client_ctx(), fd, 0);
	if (!strcmp(mode, "partial"))
		SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	if (!strcmp(mode, "moving"))
		SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	fcntl(fd, F_SETFL, O_NONBLOCK);

	unsigned char *places[2] = { allocate(), allocate() };
	tls_fill(places[0], size, seed);
	memcpy(places[1], places[0], size);
	const char *sha = tls_sha256(places[0], size);
	int moving = !strcmp(mode, "moving"), calls = 0, retries = 0;
	for (size_t sent = 0; sent < size;) {
		int n = SSL_write(ssl, places[moving ? retries & 1 : 0] + sent, (int)(size - sent));
		if (n > 0) {
			sent += (size_t)n;
			calls++;
			continue;
		}
		wait_writable(ssl, n);
		retries++;
	}
	printf("client sent=%zu %s calls=%d retries=%d\n", size, sha, calls, retries);
	fcntl(fd, F_SETFL, 0);
	tls_end(ssl);
	free(places[0]);
	free(places[1]);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		die("usage: retry whole|partial|moving BYTES SEED");
	mode = argv[1];
	size = strtoul(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10);
	return tls_pair("127.0.0.1", server, client);
}
