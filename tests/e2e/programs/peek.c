/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peek CLIENT_TEXT SERVER_TEXT: both sides look at what has come with SSL_peek and SSL_peek_ex,
 * several times, before they read it in two parts. Each byte is moved once.
 */
#include <stdio.h>
#include <string.h>

#include "tls.h"

static const char *client_text, *server_text;

static void peek_then_read(SSL *ssl, const char *expected)
{
	char text[4096];
	size_t len = strlen(expected), done;
	if (len < 8 || len > sizeof(text))
		die("texts of 8 to %zu bytes", sizeof(text));
	if (SSL_peek(ssl, text, 3) != 3 || memcmp(text, expected, 3))
		die("SSL_peek of 3 bytes");
	if (SSL_peek(ssl, text, sizeof(text)) != (int)len || memcmp(text, expected, len))
		die("SSL_peek of everything");
	if (SSL_peek_ex(ssl, text, sizeof(text), &done) != 1 || done != len)
		die("SSL_peek_ex");
	tls_read(ssl, text, 5);
	if (SSL_peek(ssl, text + 5, (int)len) != (int)len - 5)
		die("SSL_peek between two reads");
	tls_read(ssl, text + 5, len - 5);
	if (memcmp(text, expected, len))
		die("read something else");
}

static void server(int listener)
{
	int fd = tls_accept(listener);
	tls_describe("server", fd);
	SSL *ssl = tls_session(tls_server_ctx(), fd, 1);
	peek_then_read(ssl, client_text);
	tls_write_text(ssl, server_text);
	tls_end(ssl);
}

static void client(uint16_t port)
{
	int fd = tls_connect("127.0.0.1", port);
	tls_describe("client", fd);
	SSL *ssl = tls_session(tls_client_ctx(), fd, 0);
	tls_write_text(ssl, client_text);
	peek_then_read(ssl, server_text);
	tls_end(ssl);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: peek CLIENT_TEXT SERVER_TEXT");
	client_text = argv[1];
	server_text = argv[2];
	return tls_pair("127.0.0.1", server, client);
}
