/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nested OUTER_CLIENT OUTER_SERVER INNER_CLIENT INNER_SERVER: TLS inside TLS. After one text each
 * way on the outer session, an inner session runs over an SSL BIO on the outer one, so that a
 * thread is in two sessions' write, or read, at once. Each side prints the number and SHA-256
 * of the bytes that the inner session made the outer one carry:
 *   SIDE tunnel sent=N SHA received=N SHA
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "tls.h"

struct tunnel {
	size_t sent, received;
	unsigned char sent_bytes[65536], received_bytes[65536];
};

static const char *texts[4];
static struct tunnel tunnel;

static void keep(unsigned char *bytes, size_t *have, const void *data, size_t len)
{
	if (*have + len > sizeof(tunnel.sent_bytes))
		die("more went through the tunnel than was expected");
	memcpy(bytes + *have, data, len);
	*have += len;
}

static long watch(BIO *bio, int oper, const char *data, size_t len, int argi, long argl, int ret,
		  size_t *processed)
{
	(void)bio, (void)len, (void)argi, (void)argl;
	if (ret > 0 && oper == (BIO_CB_WRITE | BIO_CB_RETURN))
		keep(tunnel.sent_bytes, &tunnel.sent, data, *processed);
	if (ret > 0 && oper == (BIO_CB_READ | BIO_CB_RETURN))
		keep(tunnel.received_bytes, &tunnel.received, data, *processed);
	return ret;
}

static SSL *inner_session(SSL *outer, SSL_CTX *ctx, int server)
{
	BIO *bio = BIO_new(BIO_f_ssl());
	BIO_set_ssl(bio, outer, BIO_NOCLOSE);
	BIO_set_callback_ex(bio, watch);
	SSL *inner = SSL_new(ctx);
	SSL_set_bio(inner, bio, bio);
	if ((server ? SSL_accept(inner) : SSL_connect(inner)) != 1)
		die("inner handshake of the %s", server ? "server" : "client");
	return inner;
}

static void report(const char *who)
{
	printf("%s tunnel sent=%zu %s", who, tunnel.sent, tls_sha256(tunnel.sent_bytes, tunnel.sent));
	printf(" received=%zu %s\n", tunnel.received,
	       tls_sha256(tunnel.received_bytes, tunnel.received));
	fflush(stdout);
}

static void server(int listener)
{
	int fd = tls_accept(listener);
	tls_describe("server", fd);
	SSL *outer = tls_session(tls_server_ctx(), fd, 1);
	tls_read_text(outer, texts[0]);
	tls_write_text(outer, texts[1]);
	SSL *inner = inner_session(outer, tls_server_ctx(), 1);
	tls_read_text(inner, texts[2]);
	tls_write_text(inner, texts[3]);
	report("server");
	SSL_free(inner);
	tls_end(outer);
}

static void client(uint16_t port)
{
	int fd = tls_connect("127.0.0.1", port);
	tls_describe("client", fd);
	SSL *outer = tls_session(tls_client_ctx(), fd, 0);
	tls_write_text(outer, texts[0]);
	tls_read_text(outer, texts[1]);
	SSL *inner = inner_session(outer, tls_client_ctx(), 0);
	tls_write_text(inner, texts[2]);
	tls_read_text(inner, texts[3]);
	report("client");
	SSL_free(inner);
	tls_end(outer);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		die("usage: nested OUTER_CLIENT OUTER_SERVER INNER_CLIENT INNER_SERVER");
	for (int i = 0; i < 4; i++)
		texts[i] = argv[1 + i];
	return tls_pair("127.0.0.1", server, client);
}
