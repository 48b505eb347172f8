/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlsio ADDRESS SEED BYTES...: for each size a connection of its own. The client sends that
 * many random bytes by one SSL_write, the server reads them by SSL_read and answers with as many
 * others by one SSL_write_ex, which the client reads by SSL_read_ex. Before the answer it waits 20 ns
 * for each byte: this is about what arrives, not about how much of it at once. Each side prints
 *   client|server pid=N fd=N local=A peer=A
 *   client|server size=N sent=SHA received=SHA
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls.h"

static const char *address;
static uint64_t seed;
static int n_sizes;
static char **sizes;

static unsigned char *buffer_of(int i, size_t *size)
{
	*size = strtoul(sizes[i], NULL, 10);
	unsigned char *data = malloc(*size);
	if (!*size || !data)
		die("size %s", sizes[i]);
	return data;
}

static void report(const char *who, size_t size, const char *sent, const void *received)
{
	printf("%s size=%zu sent=%s received=%s\n", who, size, sent, tls_sha256(received, size));
	fflush(stdout);
}

static void server(int listener)
{
	SSL_CTX *ctx = tls_server_ctx();
	for (int i = 0; i < n_sizes; i++) {
		int fd = tls_accept(listener);
		tls_describe("server", fd);
		SSL *ssl = tls_session(ctx, fd, 1);
		size_t size, done;
		unsigned char *in = buffer_of(i, &size), *out = buffer_of(i, &size);
		tls_fill(out, size, ~seed - (uint64_t)i);
		char sent[65];
		snprintf(sent, sizeof(sent), "%s", tls_sha256(out, size));
		tls_read(ssl, in, size);
		usleep((useconds_t)(size / 50));
		if (SSL_write_ex(ssl, out, size, &done) != 1 || done != size)
			die("SSL_write_ex of %zu bytes", size);
		report("server", size, sent, in);
		tls_end(ssl);
		free(in);
		free(out);
	}
}

static void client(uint16_t port)
{
	SSL_CTX *ctx = tls_client_ctx();
	for (int i = 0; i < n_sizes; i++) {
		int fd = tls_connect(address, port);
		tls_describe("client", fd);
		SSL *ssl = tls_session(ctx, fd, 0);
		size_t size, have = 0, n;
		unsigned char *in = buffer_of(i, &size), *out = buffer_of(i, &size);
		tls_fill(out, size, seed + (uint64_t)i);
		char sent[65];
		snprintf(sent, sizeof(sent), "%s", tls_sha256(out, size));
		tls_write(ssl, out, size);
		for (; have < size; have += n)
			if (SSL_read_ex(ssl, in + have, size - have, &n) != 1)
				die("SSL_read_ex after %zu of %zu bytes", have, size);
		report("client", size, sent, in);
		tls_end(ssl);
		free(in);
		free(out);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		die("usage: tlsio ADDRESS SEED BYTES...");
	address = argv[1];
	seed = strtoull(argv[2], NULL, 10);
	n_sizes = argc - 3;
	sizes = argv + 3;
	return tls_pair(address, server, client);
}
