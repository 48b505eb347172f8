/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load PREFIX CONNECTIONS BYTES RATE COUNT: a client sends messages of BYTES each over CONNECTIONS
 * connections, a thread for each, RATE a second on each of them (0: as fast as it can), COUNT on
 * each (0: until it is killed); the server reads them, one at a time. A message begins "PREFIX-lC-N " with the number C of its
 * connection and N of the message in it, and ends in a line feed.
 *
 * On SIGUSR1 the client prints "sent N0 N1 ...": the messages of each connection for which
 * SSL_write had returned when it was asked. It dies with its server; the server ends after it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tls.h"

#define MAX_CONNECTIONS 64

static const char *prefix;
static int n_connections, size, rate;
static unsigned long count;
static atomic_ulong sent[MAX_CONNECTIONS];
static SSL *sessions[MAX_CONNECTIONS];

static void pace(const struct timespec *start, unsigned long done)
{
	if (!rate)
		return;
	uint64_t ns = (uint64_t)start->tv_nsec + done * UINT64_C(1000000000) / (uint64_t)rate;
	struct timespec when = { .tv_sec = start->tv_sec + (time_t)(ns / 1000000000),
				 .tv_nsec = (long)(ns % 1000000000) };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void *send_all(void *arg)
{
	int c = (int)(intptr_t)arg;
	char *message = malloc((size_t)size + 1);
	struct timespec start;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned long n = 0; !count || n < count; n++) {
		memset(message, '.', (size_t)size);
		int len = snprintf(message, (size_t)size, "%s-l%d-%lu", prefix, c, n);
		message[len] = ' ';
		message[size - 1] = '\n';
		tls_write(sessions[c], message, (size_t)size);
		atomic_store(&sent[c], n + 1);
		pace(&start, n + 1);
	}
	free(message);
	tls_end(sessions[c]);
	return NULL;
}

static void *receive_all(void *arg)
{
	SSL *ssl = sessions[(intptr_t)arg];
	char *data = malloc((size_t)size);
	while (SSL_read(ssl, data, size) > 0)
		;
	free(data);
	tls_end(ssl);
	return NULL;
}

static pthread_t threads[MAX_CONNECTIONS];

static void start_threads(void *(*work)(void *))
{
	for (int i = 0; i < n_connections; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i))
			die("pthread_create");
}

static void join_threads(void)
{
	for (int i = 0; i < n_connections; i++)
		pthread_join(threads[i], NULL);
}

static void server(int listener)
{
	SSL_CTX *ctx = tls_server_ctx();
	printf("server pid=%d\n", (int)getpid());
	fflush(stdout);
	for (int i = 0; i < n_connections; i++)
		sessions[i] = tls_session(ctx, tls_accept(listener), 1);
	start_threads(receive_all);
	join_threads();
}

static void client(uint16_t port)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	SSL_CTX *ctx = tls_client_ctx();
	for (int i = 0; i < n_connections; i++)
		sessions[i] = tls_session(ctx, tls_connect("127.0.0.1", port), 0);
	start_threads(send_all);
	printf("client pid=%d\n", (int)getpid());
	fflush(stdout);
	if (count) {
		join_threads();
		return;
	}
	for (;;) {
		fflush(stdout);
		int signo;
		if (sigwait(&set, &signo))
			die("sigwait");
		printf("sent");
		for (int i = 0; i < n_connections; i++)
			printf(" %lu", atomic_load(&sent[i]));
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	if (argc != 6)
		die("usage: load PREFIX CONNECTIONS BYTES RATE COUNT");
	prefix = argv[1];
	n_connections = atoi(argv[2]);
	size = atoi(argv[3]);
	rate = atoi(argv[4]);
	count = strtoul(argv[5], NULL, 10);
	if (n_connections < 1 || n_connections > MAX_CONNECTIONS || size < 64 + (int)strlen(prefix))
		die("load of %d connections with %d bytes", n_connections, size);
	return tls_pair("127.0.0.1", server, client);
}
