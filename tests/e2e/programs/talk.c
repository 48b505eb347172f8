/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk serve ADDRESS: prints "listening PORT", then answers each line of each connection, a thread
 * for each, with the line "re:" LINE; prints "server pid=N fd=N local=A peer=A" when a connection
 * comes and "closed" when it has gone.
 * talk connect ADDRESS PORT: connects, prints "client pid=N fd=N local=A peer=A", and for each
 * line of its standard input sends it and prints the answer.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

static SSL_CTX *server_ctx;

/* One call, one line: that is how the peer wrote it. Returns its length, 0 at the end. */
static int read_line(SSL *ssl, char *line, int size)
{
	int n = SSL_read(ssl, line, size - 1);
	if (n <= 0)
		return 0;
	if (line[n - 1] != '\n')
		die("a line came in parts");
	line[n] = '\0';
	return n;
}

static void *answer(void *arg)
{
	int fd = (int)(intptr_t)arg;
	tls_describe("server", fd);
	SSL *ssl = tls_session(server_ctx, fd, 1);
	char line[4096], reply[sizeof(line) + 3];
	while (read_line(ssl, line, sizeof(line)) > 0) {
		snprintf(reply, sizeof(reply), "re:%s", line);
		tls_write_text(ssl, reply);
	}
	tls_end(ssl);
	printf("closed\n");
	fflush(stdout);
	return NULL;
}

static void serve(const char *address)
{
	server_ctx = tls_server_ctx();
	int listener = tls_listen(address);
	printf("listening %u\n", tls_port(listener));
	fflush(stdout);
	for (;;) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, answer, (void *)(intptr_t)tls_accept(listener)))
			die("pthread_create");
		pthread_detach(thread);
	}
}

static void ask(const char *address, const char *port)
{
	int fd = tls_connect(address, (uint16_t)atoi(port));
	SSL *ssl = tls_session(tls_client_ctx(), fd, 0);
	tls_describe("client", fd);
	char line[4096];
	while (fgets(line, sizeof(line), stdin)) {
		tls_write_text(ssl, line);
		if (!read_line(ssl, line, sizeof(line)))
			die("the server has gone");
		fputs(line, stdout);
		fflush(stdout);
	}
	tls_end(ssl);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "connect"))
		ask(argv[2], argv[3]);
	else
		die("usage: talk serve ADDRESS | talk connect ADDRESS PORT");
	return 0;
}
