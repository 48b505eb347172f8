/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper programs share: one TCP connection between two processes, TLS on it. */
#ifndef E2E_TLS_H
#define E2E_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* Ends the program with what was tried, errno and OpenSSL's error queue. */
#define die(...) tls_die(__FILE__, __LINE__, __VA_ARGS__)
void tls_die(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* The server's context takes its certificate and key from $E2E_CERT and $E2E_KEY. */
SSL_CTX *tls_server_ctx(void);
SSL_CTX *tls_client_ctx(void);

/* A listening socket on a free port of @address ("127.0.0.1", "::1"). */
int tls_listen(const char *address);
uint16_t tls_port(int fd);
int tls_connect(const char *address, uint16_t port);
int tls_accept(int listener);

/* One line: "@who pid=N fd=N local=ADDRESS:PORT peer=ADDRESS:PORT", as the events name them. */
void tls_describe(const char *who, int fd);

/* A blocking session on @fd, its handshake done. */
SSL *tls_session(SSL_CTX *ctx, int fd, int server);
/* close_notify both ways, then frees the session and closes its socket. */
void tls_end(SSL *ssl);

void tls_write(SSL *ssl, const void *data, size_t len);
/* Reads exactly @len bytes. */
void tls_read(SSL *ssl, void *data, size_t len);
/* Writes the text; reads as many bytes as @expected has and compares. */
void tls_write_text(SSL *ssl, const char *text);
void tls_read_text(SSL *ssl, const char *expected);

/* Runs @server in this process and @client in a child, on a listener of @address. */
int tls_pair(const char *address, void (*server)(int listener), void (*client)(uint16_t port));

/* Lower-case hexadecimal SHA-256, in a buffer of its own for each thread. */
const char *tls_sha256(const void *data, size_t len);
/* Bytes that look random and depend on @seed alone. */
void tls_fill(void *data, size_t len, uint64_t seed);

#endif
