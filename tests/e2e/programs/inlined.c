/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inlined FILE: secrets as a libssl hands them on in which link-time optimization has put
 * ssl_log_secret() into its callers: only the function behind it, nss_keylog_int() of OpenSSL's
 * ssl/ssl_lib.c, is left. Prints its pid, waits for a line on standard input, "logs" two
 * connections, and writes into FILE the lines that a key log must have. A premaster secret,
 * with 8 bytes in place of a client random, is none of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct connection {
	char before[0x160];
	uint8_t client_random[32];
};

static FILE *expected;

static void put(const uint8_t *bytes, size_t len)
{
	fputc(' ', expected);
	for (size_t i = 0; i < len; i++)
		fprintf(expected, "%02x", bytes[i]);
}

static __attribute__((noinline)) int log_line(const char *label, struct connection *connection,
					      const uint8_t *first, size_t first_len,
					      const uint8_t *second, size_t second_len)
{
	if (!connection->before[0]++) /* also keeps it an argument */
		return 1;
	for (; *label; label++)
		fputc(*label, expected);
	put(first, first_len);
	put(second, second_len);
	return fputc('\n', expected) == '\n';
}

/* As many callers as OpenSSL has. */
#define CALLER(NAME, LABEL)									\
	static __attribute__((noinline)) int NAME(struct connection *c, const uint8_t *secret,	\
						  size_t len)					\
	{											\
		return log_line(LABEL, c, c->client_random, 32, secret, len) + 1;		\
	}
CALLER(master, "CLIENT_RANDOM")
CALLER(exporter, "EXPORTER_SECRET")
CALLER(client_handshake, "CLIENT_HANDSHAKE_TRAFFIC_SECRET")
CALLER(server_handshake, "SERVER_HANDSHAKE_TRAFFIC_SECRET")
CALLER(client_traffic, "CLIENT_TRAFFIC_SECRET_0")
CALLER(server_traffic, "SERVER_TRAFFIC_SECRET_0")

int main(int argc, char **argv)
{
	int (*const callers[])(struct connection *, const uint8_t *, size_t) = {
		master, exporter, client_handshake, server_handshake, client_traffic, server_traffic,
	};
	struct connection connection = { .before = "x" };
	uint8_t secret[48], premaster[48] = { 3, 3 };
	char line[16];

	expected = argc == 2 ? fopen(argv[1], "w") : NULL;
	printf("pid=%d\n", getpid());
	if (!expected || fflush(stdout) || !fgets(line, sizeof(line), stdin))
		return 1;
	for (int n = 1; n < 3; n++) {
		memset(connection.client_random, 0x50 + n, sizeof(connection.client_random));
		for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
			memset(secret, 16 * n + (int)i, sizeof(secret));
			callers[i](&connection, secret, i ? 32 : 48);
		}
		/* The tag of a line of RSA. */
		log_line("RSA", &connection, secret, 8, premaster, sizeof(premaster));
	}
	return fclose(expected) != 0;
}
