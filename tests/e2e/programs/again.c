/* SPDX-License-Identifier: Apache-2.0 */
/*
 * again set|bio|split PREFIX: one SSL object on each side serves two connections, one after the
 * other (SSL_clear). Connection I carries "PREFIX-cI-z" and "PREFIX-sI-z".
 *   set    each socket by SSL_set_fd
 *   bio    each socket by a BIO of its own, SSL_set_bio
 *   split  reads by SSL_set_rfd, writes on a duplicate by SSL_set_wfd; prints "SIDE wfd=N"
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>

#include "tls.h"

static const char *mode, *prefix;

static void bind_socket(const char *who, SSL *ssl, int fd)
{
	if (!strcmp(mode, "set")) {
		SSL_set_fd(ssl, fd);
	} else if (!strcmp(mode, "bio")) {
		BIO *bio = BIO_new_socket(fd, BIO_NOCLOSE);
		SSL_set_bio(ssl, bio, bio);
	} else {
		int other = dup(fd);
		SSL_set_rfd(ssl, fd);
		SSL_set_wfd(ssl, other);
		printf("%s wfd=%d\n", who, other);
		fflush(stdout);
	}
}

static void talk(const char *who, SSL *ssl, int fd, int number)
{
	char mine[256], theirs[256];
	int server = who[0] == 's';
	snprintf(mine, sizeof(mine), "%s-%c%d-z", prefix, server ? 's' : 'c', number);
	snprintf(theirs, sizeof(theirs), "%s-%c%d-z", prefix, server ? 'c' : 's', number);
	tls_describe(who, fd);
	bind_socket(who, ssl, fd);
	if ((server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		die("handshake of the %s", who);
	if (server) {
		tls_read_text(ssl, theirs);
		tls_write_text(ssl, mine);
	} else {
		tls_write_text(ssl, mine);
		tls_read_text(ssl, theirs);
	}
	if (SSL_shutdown(ssl) == 0)
		SSL_shutdown(ssl);
	if (!strcmp(mode, "split"))
		close(SSL_get_wfd(ssl));
	close(fd);
	SSL_clear(ssl);
}

static void server(int listener)
{
	SSL *ssl = SSL_new(tls_server_ctx());
	for (int i = 0; i < 2; i++)
		talk("server", ssl, tls_accept(listener), i);
	SSL_free(ssl);
}

static void client(uint16_t port)
{
	SSL *ssl = SSL_new(tls_client_ctx());
	for (int i = 0; i < 2; i++)
		talk("client", ssl, tls_connect("127.0.0.1", port), i);
	SSL_free(ssl);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: again set|bio|split PREFIX");
	mode = argv[1];
	prefix = argv[2];
	return tls_pair("127.0.0.1", server, client);
}
