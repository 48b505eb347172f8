/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local CLIENT_TEXT SERVER_TEXT: TLS over a pair of Unix sockets, which have no addresses.
 * Prints "client|server pid=N fd=N".
 */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls.h"

static void describe(const char *who, int fd)
{
	printf("%s pid=%d fd=%d\n", who, (int)getpid(), fd);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int ends[2], status;
	if (argc != 3)
		die("usage: local CLIENT_TEXT SERVER_TEXT");
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		close(ends[1]);
		describe("client", ends[0]);
		SSL *ssl = tls_session(tls_client_ctx(), ends[0], 0);
		tls_write_text(ssl, argv[1]);
		tls_read_text(ssl, argv[2]);
		tls_end(ssl);
		return 0;
	}
	close(ends[0]);
	describe("server", ends[1]);
	SSL *ssl = tls_session(tls_server_ctx(), ends[1], 1);
	tls_read_text(ssl, argv[1]);
	tls_write_text(ssl, argv[2]);
	tls_end(ssl);
	return waitpid(pid, &status, 0) != pid || status;
}
