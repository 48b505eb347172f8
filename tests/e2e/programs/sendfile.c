/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendfile TEXT N: the server sends a file that holds TEXT, N times, by SSL_sendfile over kernel
 * TLS; the client reads by SSL_read. Ends with a word on standard error where the kernel or the
 * library has no kernel TLS.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/bio.h>

#include "tls.h"

static const char *text;
static int times;

static void server(int listener)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
	int fd = tls_accept(listener), file = memfd_create("text", MFD_CLOEXEC);
	tls_describe("server", fd);
	SSL *ssl = tls_session(ctx, fd, 1);
	if (!BIO_get_ktls_send(SSL_get_wbio(ssl))) {
		fprintf(stderr, "no kernel TLS here\n");
		exit(1);
	}
	size_t len = strlen(text);
	if (write(file, text, len) != (ssize_t)len)
		die("file");
	for (int i = 0; i < times; i++)
		if (SSL_sendfile(ssl, file, 0, len, 0) != (ossl_ssize_t)len)
			die("SSL_sendfile");
	tls_end(ssl);
}

static void client(uint16_t port)
{
	SSL *ssl = tls_session(tls_client_ctx(), tls_connect("127.0.0.1", port), 0);
	char data[4096];
	if (SSL_peek(ssl, data, 1) == 1)
		for (int i = 0; i < times; i++)
			tls_read_text(ssl, text);
	tls_end(ssl);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: sendfile TEXT N");
	text = argv[1];
	times = atoi(argv[2]);
	return tls_pair("127.0.0.1", server, client);
}
