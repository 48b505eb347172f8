/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio CLIENT_TEXT SERVER_TEXT: all I/O through BIO_f_ssl, never through SSL_read and SSL_write:
 * the client by BIO_new_ssl_connect, the server by an SSL BIO under a buffering one.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>

#include "tls.h"

static const char *client_text, *server_text;

static void read_text(BIO *bio, const char *expected)
{
	char text[4096];
	size_t len = strlen(expected), have = 0;
	if (len > sizeof(text))
		die("texts of at most %zu bytes", sizeof(text));
	while (have < len) {
		int n = BIO_read(bio, text + have, (int)(len - have));
		if (n <= 0)
			die("BIO_read after %zu of %zu bytes", have, len);
		have += (size_t)n;
	}
	if (memcmp(text, expected, len))
		die("read something else");
}

static void server(int listener)
{
	int fd = tls_accept(listener);
	tls_describe("server", fd);
	BIO *ssl = BIO_new_ssl(tls_server_ctx(), 0);
	BIO_push(ssl, BIO_new_socket(fd, BIO_CLOSE));
	BIO *bio = BIO_push(BIO_new(BIO_f_buffer()), ssl);
	if (BIO_do_handshake(bio) != 1)
		die("handshake of the server");
	read_text(bio, client_text);
	if (BIO_puts(bio, server_text) != (int)strlen(server_text) || BIO_flush(bio) != 1)
		die("BIO_puts of the server");
	BIO_free_all(bio);
}

static void client(uint16_t port)
{
	char where[32];
	snprintf(where, sizeof(where), "127.0.0.1:%u", port);
	BIO *bio = BIO_new_ssl_connect(tls_client_ctx());
	BIO_set_conn_hostname(bio, where);
	if (BIO_do_connect(bio) != 1 || BIO_do_handshake(bio) != 1)
		die("BIO_do_connect");
	int fd = (int)BIO_get_fd(bio, NULL);
	tls_describe("client", fd);
	if (BIO_puts(bio, client_text) != (int)strlen(client_text))
		die("BIO_puts of the client");
	read_text(bio, server_text);
	BIO_free_all(bio);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: bio CLIENT_TEXT SERVER_TEXT");
	client_text = argv[1];
	server_text = argv[2];
	return tls_pair("127.0.0.1", server, client);
}
