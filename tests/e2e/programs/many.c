/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many N PREFIX: N connections, all open before the first byte is sent, a thread for each on
 * both sides. Connection I carries "PREFIX-cI-z" to the server and "PREFIX-sI-z" back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls.h"

struct connection {
	SSL_CTX *ctx;
	int fd;
	int number;
};

static int n_connections;
static const char *prefix;
static pthread_barrier_t all_open;

static void text_of(char *text, size_t size, char side, int number)
{
	snprintf(text, size, "%s-%c%d-z", prefix, side, number);
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	SSL *ssl = tls_session(c->ctx, c->fd, 1);
	char text[256];
	int n = SSL_read(ssl, text, sizeof(text) - 1);
	if (n <= 0)
		die("SSL_read of the server");
	text[n] = '\0';
	size_t skip = strlen(prefix);
	if (strncmp(text, prefix, skip) || strncmp(text + skip, "-c", 2))
		die("the server read \"%s\"", text);
	text_of(text, sizeof(text), 's', atoi(text + skip + 2));
	tls_write_text(ssl, text);
	tls_end(ssl);
	return NULL;
}

static void *ask(void *arg)
{
	struct connection *c = arg;
	SSL *ssl = tls_session(c->ctx, c->fd, 0);
	pthread_barrier_wait(&all_open);
	char text[256];
	text_of(text, sizeof(text), 'c', c->number);
	tls_write_text(ssl, text);
	text_of(text, sizeof(text), 's', c->number);
	tls_read_text(ssl, text);
	tls_end(ssl);
	return NULL;
}

/* Starts a thread with @work for each connection, which @open opens, and waits for all. */
static void run(SSL_CTX *ctx, void *(*work)(void *), int (*open)(int arg), int arg)
{
	pthread_t *threads = calloc((size_t)n_connections, sizeof(*threads));
	struct connection *cs = calloc((size_t)n_connections, sizeof(*cs));
	if (!threads || !cs)
		die("calloc");
	for (int i = 0; i < n_connections; i++) {
		cs[i] = (struct connection){ .ctx = ctx, .fd = open(arg), .number = i };
		if (pthread_create(&threads[i], NULL, work, &cs[i]))
			die("pthread_create");
	}
	for (int i = 0; i < n_connections; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	free(cs);
}

static int open_client(int port)
{
	return tls_connect("127.0.0.1", (uint16_t)port);
}

static void server(int listener)
{
	printf("server pid=%d\n", (int)getpid());
	fflush(stdout);
	run(tls_server_ctx(), serve, tls_accept, listener);
}

static void client(uint16_t port)
{
	printf("client pid=%d\n", (int)getpid());
	fflush(stdout);
	if (pthread_barrier_init(&all_open, NULL, (unsigned int)n_connections))
		die("pthread_barrier_init");
	run(tls_client_ctx(), ask, open_client, port);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: many N PREFIX");
	n_connections = atoi(argv[1]);
	prefix = argv[2];
	return tls_pair("127.0.0.1", server, client);
}
