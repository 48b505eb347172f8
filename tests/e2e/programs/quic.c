/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QUIC server and client in one process, over loopback: quic CERT KEY MESSAGE REPLY. The client
 * sends MESSAGE on a stream, the server answers REPLY. Built against a libssl of OpenSSL 3.5, which
 * may be newer than the headers there are, so what is newer is declared here (openssl/ssl.h,
 * openssl/quic.h of 3.5).
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const SSL_METHOD *OSSL_QUIC_server_method(void);
const SSL_METHOD *OSSL_QUIC_client_method(void);
SSL *SSL_new_listener(SSL_CTX *ctx, uint64_t flags);
int SSL_listen(SSL *ssl);
SSL *SSL_accept_connection(SSL *ssl, uint64_t flags);
SSL *SSL_accept_stream(SSL *ssl, uint64_t flags);
int SSL_set_blocking_mode(SSL *ssl, int blocking);
int SSL_set1_initial_peer_addr(SSL *ssl, const BIO_ADDR *addr);

/* The key log that SSLKEYLOGFILE names, as libraries do that were built for it. */
static void log_key(const SSL *ssl, const char *line)
{
	FILE *file = fopen(getenv("SSLKEYLOGFILE"), "a");

	(void)ssl;
	if (file) {
		fprintf(file, "%s\n", line);
		fclose(file);
	}
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (getenv("SSLKEYLOGFILE"))
		SSL_CTX_set_keylog_callback(ctx, log_key);
	return ctx;
}

static const unsigned char alpn[] = "\x4test";
static const char *message, *reply;
static SSL *listener;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "quic: %s\n", what);
	_exit(1);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	(void)ssl, (void)arg;
	return SSL_select_next_proto((unsigned char **)out, out_len, alpn, sizeof(alpn) - 1, in,
				     in_len) == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
								       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void *server(void *arg)
{
	char buf[65536];
	size_t n = 0;
	SSL *conn = SSL_accept_connection(listener, 0), *stream;

	(void)arg;
	check(conn != NULL, "accept connection");
	stream = SSL_accept_stream(conn, 0);
	check(stream != NULL, "accept stream");
	check(SSL_read_ex(stream, buf, sizeof(buf), &n) == 1, "server read");
	check(n == strlen(message) && !memcmp(buf, message, n), "server got something else");
	check(SSL_write_ex(stream, reply, strlen(reply), &n) == 1, "server write");
	return NULL;
}

static int udp_socket(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	*addr = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	check(fd >= 0 && !bind(fd, (struct sockaddr *)addr, len) &&
	      !getsockname(fd, (struct sockaddr *)addr, &len), "socket");
	return fd;
}

static pthread_t start_server(const char *cert, const char *key, struct sockaddr_in *addr)
{
	SSL_CTX *ctx = new_ctx(OSSL_QUIC_server_method());
	pthread_t thread;

	check(SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) == 1 &&
	      SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1, "certificate");
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	listener = SSL_new_listener(ctx, 0);
	check(listener && SSL_set_fd(listener, udp_socket(addr)) == 1 &&
	      SSL_set_blocking_mode(listener, 1) == 1 && SSL_listen(listener) == 1, "listener");
	check(!pthread_create(&thread, NULL, server, NULL), "thread");
	return thread;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to, own;
	BIO_ADDR *peer = BIO_ADDR_new();
	char buf[65536];
	size_t n = 0;
	pthread_t thread;
	SSL *ssl;

	check(argc == 5, "usage: quic CERT KEY MESSAGE REPLY");
	message = argv[3];
	reply = argv[4];
	thread = start_server(argv[1], argv[2], &to);
	ssl = SSL_new(new_ctx(OSSL_QUIC_client_method()));
	BIO_ADDR_rawmake(peer, AF_INET, &to.sin_addr, sizeof(to.sin_addr), to.sin_port);
	check(ssl && SSL_set_fd(ssl, udp_socket(&own)) == 1 &&
	      SSL_set1_initial_peer_addr(ssl, peer) == 1 &&
	      !SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1) && SSL_connect(ssl) == 1, "connect");
	check(SSL_write_ex(ssl, message, strlen(message), &n) == 1 && n == strlen(message), "write");
	check(SSL_read_ex(ssl, buf, sizeof(buf), &n) == 1 && n == strlen(reply) &&
	      !memcmp(buf, reply, n), "read");
	pthread_join(thread, NULL); /* its write has returned */
	printf("%d\n", (int)getpid());
	return 0;
}
