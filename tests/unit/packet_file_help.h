/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of packet files: packets to put in, and readers that are not ours. */
#ifndef TESTS_UNIT_PACKET_FILE_HELP_H
#define TESTS_UNIT_PACKET_FILE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ecapture/event.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "err.h"
#include "packets/file.h"
#include "util.h"

#define MS       1000000ull
#define HEADERS  42 /* of Ethernet, IPv4 and UDP */
#define ETHERNET 1  /* LINKTYPE_ETHERNET: www.tcpdump.org/linktypes.html */

static char dir[] = "/tmp/ecapture-packets-XXXXXX";
static char said[1 << 20]; /* what the last program wrote */

static inline int make_dir(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return mkdtemp(dir) ? 0 : -1;
}

static inline const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Runs a shell's command with @path for its %s; returns its output. */
static inline const char *run(const char *format, const char *path)
{
	char command[1024];

	snprintf(command, sizeof(command), format, path);
	FILE *out = popen(command, "re");

	assert_non_null(out);
	said[fread(said, 1, sizeof(said) - 1, out)] = 0;
	if (pclose(out))
		fail_msg("%s: %s", command, said);
	return said;
}

static inline int remove_dir(void **state)
{
	(void)state;
	run("rm -rf %s", dir);
	return 0;
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A UDP packet over IPv4 in Ethernet, whose IP id is @id, and which tells where its bytes belong. */
static inline struct ecap_packet packet_of(uint16_t id, uint64_t mono_ns, uint32_t payload)
{
	static uint8_t bytes[1 << 20];
	static const uint8_t headers[HEADERS] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
		0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x30, 0x39, 0x30, 0x3a, 0, 0, 0, 0,
	};
	uint16_t udp = (uint16_t)(payload + 8), ip = (uint16_t)(udp + 20);

	assert_true(payload <= sizeof(bytes) - HEADERS);
	memcpy(bytes, headers, HEADERS);
	bytes[16] = (uint8_t)(ip >> 8);
	bytes[17] = (uint8_t)ip;
	bytes[18] = (uint8_t)(id >> 8);
	bytes[19] = (uint8_t)id;
	bytes[38] = (uint8_t)(udp >> 8);
	bytes[39] = (uint8_t)udp;
	for (uint32_t i = 0; i < payload; i++)
		bytes[HEADERS + i] = (uint8_t)(id + i);
	return (struct ecap_packet){
		.mono_ns = mono_ns, .captured = HEADERS + payload, .length = HEADERS + payload,
		.data = bytes,
		.flow = { .family = 4, .protocol = 17, .sport = 12345, .dport = 12346,
			  .src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 } },
	};
}

/* On an interface "eth0" of number 0. */
static inline struct ecap_packet_file *open_packets(const struct ecap_packet_file_options *options)
{
	const struct ecap_packet_interface eth0 = { .name = "eth0", .link_type = ETHERNET };
	struct ecap_packet_file *file = NULL;
	uint32_t number = 99;

	if (ecap_packet_file_open(options, &file) ||
	    ecap_packet_file_interface(file, &eth0, &number))
		fail_msg("%s", ecap_err_text());
	assert_int_equal(number, 0);
	return file;
}

static inline void add(struct ecap_packet_file *file, const struct ecap_packet *packet)
{
	if (ecap_packet_file_add(file, packet))
		fail_msg("%s", ecap_err_text());
}

static inline void release(struct ecap_packet_file *file, uint64_t now)
{
	if (ecap_packet_file_release(file, now))
		fail_msg("%s", ecap_err_text());
}

static inline struct ecap_packet_file_count close_packets(struct ecap_packet_file *file)
{
	struct ecap_packet_file_count count;

	if (ecap_packet_file_close(file, &count))
		fail_msg("%s", ecap_err_text());
	return count;
}

/* A secret of its own for each @n. Returns its line. */
static inline const char *tell(struct ecap_packet_file *file, uint32_t n)
{
	static char line[256];
	uint8_t random[32] = { 0 }, secret[4] = { 0xab };
	int len;

	memcpy(random, &n, sizeof(n));
	if (ecap_packet_file_secret(file, "CLIENT_RANDOM", random, secret, sizeof(secret)) != 1)
		fail_msg("%s", ecap_err_text());
	len = snprintf(line, sizeof(line), "CLIENT_RANDOM ");
	for (size_t i = 0; i < sizeof(random); i++)
		len += snprintf(line + len, 3, "%02x", random[i]);
	snprintf(line + len, sizeof(line) - (size_t)len, " ab000000\n");
	return line;
}

/*
 * The file's blocks, one a line, as they stand there: "SHB", "IDB", "EPB id", "DSB bytes", "ISB".
 * "cut" where the last is not whole; fails where one is wrong.
 */
static inline const char *blocks(const char *path)
{
	static const char *const names[] = { [1] = "IDB", [5] = "ISB", [6] = "EPB", [10] = "DSB" };
	static char out[1 << 20];
	_cleanup_free_ uint8_t *data = malloc((size_t)64 << 20);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t size, at = 0, len = 0;

	assert_non_null(data);
	assert_non_null(f);
	size = fread(data, 1, (size_t)64 << 20, f);
	out[0] = 0;
	while (at < size) {
		uint32_t words[10] = { 0 };

		memcpy(words, data + at, size - at < sizeof(words) ? size - at : sizeof(words));
		if (size - at < 12 || words[1] > size - at) {
			len += (size_t)snprintf(out + len, sizeof(out) - len, "cut\n");
			break;
		}
		assert_true(words[1] >= 12 && words[1] % 4 == 0);
		assert_memory_equal(&words[1], data + at + words[1] - 4, 4);
		if (words[0] == 0x0a0d0d0a)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "SHB\n");
		else if (words[0] == 6)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "EPB %u\n",
						data[at + 28 + 18] * 256u + data[at + 28 + 19]);
		else if (words[0] == 10)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "DSB %u\n", words[3]);
		else
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s\n",
						words[0] < ARRAY_SIZE(names) && names[words[0]]
							? names[words[0]] : "?");
		at += words[1];
		assert_true(len < sizeof(out) - 64);
	}
	return out;
}

#endif
