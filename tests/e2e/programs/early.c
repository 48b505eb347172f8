/* SPDX-License-Identifier: Apache-2.0 */
/*
 * early TICKET_TEXT EARLY_TEXT LATE_TEXT SERVER_TEXT: a first connection fetches a ticket, a
 * second one sends EARLY_TEXT as early data (SSL_write_early_data, SSL_read_early_data), then
 * LATE_TEXT after the handshake; the server answers with SERVER_TEXT while still in early data.
 */
#include <stdio.h>
#include <string.h>

#include "tls.h"

static const char *ticket_text, *early_text, *late_text, *server_text;

static void read_early(SSL *ssl, const char *expected)
{
	char text[4096];
	size_t have = 0, n = 0;
	int rc;
	do {
		rc = SSL_read_early_data(ssl, text + have, sizeof(text) - have, &n);
		if (rc == SSL_READ_EARLY_DATA_ERROR)
			die("SSL_read_early_data");
		have += n;
		if (rc == SSL_READ_EARLY_DATA_SUCCESS && have == strlen(expected)) {
			size_t sent;
			if (SSL_write_early_data(ssl, server_text, strlen(server_text), &sent) != 1)
				die("SSL_write_early_data of the server");
		}
	} while (rc != SSL_READ_EARLY_DATA_FINISH);
	if (SSL_get_early_data_status(ssl) != SSL_EARLY_DATA_ACCEPTED)
		die("the server did not take the early data");
	if (have != strlen(expected) || memcmp(text, expected, have))
		die("read something else as early data");
}

static void server(int listener)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL_CTX_set_max_early_data(ctx, 4096);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"early", 5);

	SSL *ssl = tls_session(ctx, tls_accept(listener), 1);
	tls_write_text(ssl, ticket_text); /* behind the tickets: the client has them when it reads it */
	tls_end(ssl);

	int fd = tls_accept(listener);
	tls_describe("server", fd);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	read_early(ssl, early_text);
	if (SSL_accept(ssl) != 1)
		die("handshake of the server");
	tls_read_text(ssl, late_text);
	tls_end(ssl);
}

static void client(uint16_t port)
{
	SSL_CTX *ctx = tls_client_ctx();
	SSL *ssl = tls_session(ctx, tls_connect("127.0.0.1", port), 0);
	tls_read_text(ssl, ticket_text);
	SSL_SESSION *session = SSL_get1_session(ssl);
	tls_end(ssl);
	if (SSL_SESSION_get_max_early_data(session) == 0)
		die("the ticket allows no early data");

	int fd = tls_connect("127.0.0.1", port);
	tls_describe("client", fd);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	SSL_set_session(ssl, session);
	SSL_set_connect_state(ssl);
	size_t sent;
	if (SSL_write_early_data(ssl, early_text, strlen(early_text), &sent) != 1)
		die("SSL_write_early_data");
	if (SSL_connect(ssl) != 1)
		die("handshake of the client");
	if (SSL_get_early_data_status(ssl) != SSL_EARLY_DATA_ACCEPTED)
		die("the early data was not taken");
	tls_write_text(ssl, late_text);
	tls_read_text(ssl, server_text);
	tls_end(ssl);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		die("usage: early TICKET_TEXT EARLY_TEXT LATE_TEXT SERVER_TEXT");
	ticket_text = argv[1];
	early_text = argv[2];
	late_text = argv[3];
	server_text = argv[4];
	return tls_pair("127.0.0.1", server, client);
}
