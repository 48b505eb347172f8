/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper programs share: see tls.h. */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

void tls_die(const char *file, int line, const char *fmt, ...)
{
	int err = errno;
	fprintf(stderr, "%s:%d: ", file, line);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (errno: %s)\n", strerror(err));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		die("SSL_CTX_new");
	return ctx;
}

SSL_CTX *tls_server_ctx(void)
{
	SSL_CTX *ctx = new_ctx(TLS_server_method());
	const char *cert = getenv("E2E_CERT"), *key = getenv("E2E_KEY");
	if (!cert || !key)
		die("E2E_CERT and E2E_KEY name the server's certificate and key");
	if (SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("certificate %s with key %s", cert, key);
	return ctx;
}

SSL_CTX *tls_client_ctx(void)
{
	return new_ctx(TLS_client_method());
}

static struct sockaddr_storage address_of(const char *address, uint16_t port, socklen_t *len)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		*len = sizeof(*in);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		*len = sizeof(*in6);
	} else {
		die("%s is not an address", address);
	}
	return ss;
}

int tls_listen(const char *address)
{
	socklen_t len = 0;
	struct sockaddr_storage ss = address_of(address, 0, &len);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) || listen(fd, 512))
		die("listen on %s", address);
	return fd;
}

uint16_t tls_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		die("getsockname");
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
					     : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

int tls_connect(const char *address, uint16_t port)
{
	socklen_t len = 0;
	struct sockaddr_storage ss = address_of(address, port, &len);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len))
		die("connect to %s, port %u", address, port);
	return fd;
}

int tls_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die("accept");
	return fd;
}

static void print_end(const char *name, int fd,
		      int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	if (get(fd, (struct sockaddr *)&ss, &len) ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		die("address of descriptor %d", fd);
	printf(ss.ss_family == AF_INET6 ? " %s=[%s]:%s" : " %s=%s:%s", name, host, port);
}

void tls_describe(const char *who, int fd)
{
	flockfile(stdout);
	printf("%s pid=%d fd=%d", who, (int)getpid(), fd);
	print_end("local", fd, getsockname);
	print_end("peer", fd, getpeername);
	printf("\n");
	fflush(stdout);
	funlockfile(stdout);
}

SSL *tls_session(SSL_CTX *ctx, int fd, int server)
{
	SSL *ssl = SSL_new(ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		die("SSL_set_fd");
	if ((server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		die("handshake of the %s", server ? "server" : "client");
	return ssl;
}

void tls_end(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);
	if (SSL_shutdown(ssl) == 0)
		SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

void tls_write(SSL *ssl, const void *data, size_t len)
{
	if (SSL_write(ssl, data, (int)len) != (int)len)
		die("SSL_write of %zu bytes", len);
}

void tls_read(SSL *ssl, void *data, size_t len)
{
	size_t have = 0;
	while (have < len) {
		int n = SSL_read(ssl, (char *)data + have, (int)(len - have));
		if (n <= 0)
			die("SSL_read after %zu of %zu bytes", have, len);
		have += (size_t)n;
	}
}

void tls_write_text(SSL *ssl, const char *text)
{
	tls_write(ssl, text, strlen(text));
}

void tls_read_text(SSL *ssl, const char *expected)
{
	size_t len = strlen(expected);
	char *text = calloc(1, len + 1);
	if (!text)
		die("calloc");
	tls_read(ssl, text, len);
	if (strcmp(text, expected))
		die("read \"%s\" where \"%s\" was sent", text, expected);
	free(text);
}

int tls_pair(const char *address, void (*server)(int listener), void (*client)(uint16_t port))
{
	signal(SIGPIPE, SIG_IGN);
	int listener = tls_listen(address);
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		uint16_t port = tls_port(listener);
		close(listener);
		client(port);
		exit(0);
	}
	server(listener);
	int status;
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status ? 1 : 0;
}

const char *tls_sha256(const void *data, size_t len)
{
	static _Thread_local char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n;
	if (EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) != 1)
		die("SHA-256");
	for (unsigned int i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}

void tls_fill(void *data, size_t len, uint64_t seed)
{
	/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" */
	unsigned char *bytes = data;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		memcpy(bytes + i, &z, len - i < 8 ? len - i : 8);
	}
}
