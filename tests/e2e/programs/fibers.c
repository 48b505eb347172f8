/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fibers N PREFIX: N connections in one thread on each side, each in a fiber with a stack of its
 * own. A fiber whose socket would block gives way to the next one from inside SSL_read or
 * SSL_write, as programs on coroutine libraries do. Connection I carries "PREFIX-cI-z" and
 * "PREFIX-sI-z"; the clients speak in the reverse order of the servers' reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include <openssl/bio.h>

#include "tls.h"

#define MAX_FIBERS 64
#define STACK (256 * 1024)

struct fiber {
	ucontext_t context;
	SSL *ssl;
	int fd, number, done, server;
};

static int n_fibers;
static const char *prefix;
static struct fiber fibers[MAX_FIBERS];
static struct fiber *current;
static ucontext_t scheduler;

static void give_way(void)
{
	swapcontext(&current->context, &scheduler);
}

static int would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

static int socket_read(BIO *bio, char *data, int len)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	for (;;) {
		ssize_t n = read(fd, data, (size_t)len);
		if (n >= 0 || !would_block())
			return (int)n;
		give_way();
	}
}

static int socket_write(BIO *bio, const char *data, int len)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	give_way(); /* even when it would not block: others are in the middle of theirs */
	for (;;) {
		ssize_t n = write(fd, data, (size_t)len);
		if (n >= 0 || !would_block())
			return (int)n;
		give_way();
	}
}

static long control(BIO *bio, int command, long number, void *data)
{
	(void)bio, (void)number, (void)data;
	return command == BIO_CTRL_FLUSH;
}

static BIO *fiber_bio(int fd)
{
	static BIO_METHOD *method;
	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fiber");
		BIO_meth_set_read(method, socket_read);
		BIO_meth_set_write(method, socket_write);
		BIO_meth_set_ctrl(method, control);
	}
	BIO *bio = BIO_new(method);
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	return bio;
}

static void text_of(char *text, size_t size, char side, int number)
{
	snprintf(text, size, "%s-%c%d-z", prefix, side, number);
}

static void run_fiber(void)
{
	struct fiber *f = current;
	char question[256], answer[256];
	text_of(question, sizeof(question), 'c', f->number);
	text_of(answer, sizeof(answer), 's', f->number);
	if ((f->server ? SSL_accept(f->ssl) : SSL_connect(f->ssl)) != 1)
		die("handshake");
	if (f->server) {
		tls_read_text(f->ssl, question);
		tls_write_text(f->ssl, answer);
	} else {
		tls_write_text(f->ssl, question);
		tls_read_text(f->ssl, answer);
	}
	f->done = 1;
	give_way();
}

static void start_fiber(struct fiber *f, SSL_CTX *ctx, int fd, int server)
{
	*f = (struct fiber){ .fd = fd, .number = (int)(f - fibers), .server = server };
	fcntl(fd, F_SETFL, O_NONBLOCK);
	f->ssl = SSL_new(ctx);
	BIO *bio = fiber_bio(fd);
	SSL_set_bio(f->ssl, bio, bio);
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = malloc(STACK);
	f->context.uc_stack.ss_size = STACK;
	makecontext(&f->context, run_fiber, 0);
}

/* Round and round, the last one first in the client. */
static void run_all(int server)
{
	for (int left = n_fibers; left;) {
		left = 0;
		for (int i = 0; i < n_fibers; i++) {
			current = &fibers[server ? i : n_fibers - 1 - i];
			if (current->done)
				continue;
			left++;
			swapcontext(&scheduler, &current->context);
		}
		usleep(100);
	}
}

static void server(int listener)
{
	SSL_CTX *ctx = tls_server_ctx();
	printf("server pid=%d\n", (int)getpid());
	fflush(stdout);
	for (int i = 0; i < n_fibers; i++)
		start_fiber(&fibers[i], ctx, tls_accept(listener), 1);
	run_all(1);
}

static void client(uint16_t port)
{
	SSL_CTX *ctx = tls_client_ctx();
	printf("client pid=%d\n", (int)getpid());
	fflush(stdout);
	for (int i = 0; i < n_fibers; i++)
		start_fiber(&fibers[i], ctx, tls_connect("127.0.0.1", port), 0);
	run_all(0);
	usleep(100000); /* until the servers have read: a reset would throw away what they have not */
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: fibers N PREFIX");
	n_fibers = atoi(argv[1]);
	prefix = argv[2];
	if (n_fibers < 1 || n_fibers > MAX_FIBERS)
		die("1 to %d fibers", MAX_FIBERS);
	return tls_pair("127.0.0.1", server, client);
}
