/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a packet file, as Wireshark's tools read it. */
#include "packet_file_help.h"

#include "packets/wall.h"
#include "version.h"

static struct ecap_packet_file_options options_of(const char *path)
{
	return (struct ecap_packet_file_options){
		.path = path, .hold_ns = 100 * MS, .hold_bytes = 8 << 20,
	};
}

/* Comments those that the packet's number names, and drops number 13. */
static int judge(void *arg, const struct ecap_flow *flow, uint8_t direction, char *comment,
		 size_t size)
{
	int *n = arg;

	assert_int_equal(flow->sport, 12345);
	assert_int_equal(flow->dst[3], 2);
	assert_int_equal(comment[0], 0);
	if (++*n == 13)
		return 0;
	if (direction == ECAP_DIR_SEND)
		snprintf(comment, size, "sent by no. %d", *n);
	return 1;
}

static void test_fields(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("fields.pcapng"));
	/* As Wireshark has it, section 4.3.1 of the draft. */
	static const char *const directions[] = {
		[ECAP_DIR_NONE] = "", [ECAP_DIR_RECV] = "0x00000001", [ECAP_DIR_SEND] = "0x00000002",
	};
	int judged = 0;

	(void)state;
	options.judge = judge;
	options.arg = &judged;

	const struct ecap_packet_interface lo = { .name = "lo", .filter = "udp port 12345",
						  .link_type = ETHERNET };
	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC), real = clock_ns(CLOCK_REALTIME);
	char expected[4096], *end = expected;
	uint32_t number;

	for (uint16_t i = 1; i <= 16; i++) {
		struct ecap_packet packet = packet_of(i, now + i, i);

		packet.direction = i % 3;
		/* The other interface comes while the file grows. */
		if (i == 8)
			assert_int_equal(ecap_packet_file_interface(file, &lo, &number), 0);
		if (i >= 8)
			packet.interface = number;
		if (i == 5)
			packet.captured = 44;
		add(file, &packet);
		release(file, now + i);
		if (i == 13)
			continue;
		end += sprintf(end, "0x%04x\t%u\t%s\t%u\t%u\t%s\t", i, i >= 8, i >= 8 ? "lo" : "eth0",
			       HEADERS + i, i == 5 ? 44 : HEADERS + i,
			       directions[i % 3]);
		end += i % 3 == 2 ? sprintf(end, "sent by no. %u\n", i) : sprintf(end, "\n");
	}
	assert_int_equal(number, 1);
	struct ecap_packet_file_count count = close_packets(file);

	assert_int_equal(count.packets, 15);
	assert_int_equal(count.judged_out, 1);
	assert_int_equal(count.early, 0);
	assert_string_equal(run("tshark -n -r %s -T fields -e ip.id -e frame.interface_id "
				"-e frame.interface_name -e frame.len -e frame.cap_len "
				"-e frame.packet_flags_direction -e frame.comment", options.path),
			    expected);

	/* The time of each, to the nanosecond from one to the next. */
	const char *times = run("tshark -n -r %s -T fields -e frame.time_epoch", options.path);
	uint64_t first = 0;

	for (uint16_t i = 1; i <= 16; i++) {
		char *rest;
		uint64_t ns;

		if (i == 13)
			continue;
		ns = strtoull(times, &rest, 10) * 1000000000;
		assert_int_equal(*rest, '.');
		ns += strtoull(rest + 1, &rest, 10);
		times = rest + 1;
		first = first ? first : ns;
		assert_int_equal(ns - first, i - 1);
	}
	assert_true(first - real + 100 * MS < 200 * MS);
}

static void test_about_the_file(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("about.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	const struct ecap_packet_interface wlan0 = { .name = "wlan0", .filter = "tcp or udp",
						     .link_type = ETHERNET };
	const struct ecap_packet_statistics first = { 1000, 1 }, seen = { 12345, 67 };
	uint32_t number;
	struct stat st;

	(void)state;
	assert_int_equal(ecap_packet_file_interface(file, &wlan0, &number), 0);
	ecap_packet_file_statistics(file, 0, &first);
	ecap_packet_file_statistics(file, 0, &seen);
	close_packets(file);
	assert_int_equal(stat(options.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nIDB\nISB\nISB\n");
	run("capinfos %s", options.path);
	assert_non_null(strstr(said, "Capture application: ecapture " ECAP_VERSION));
	assert_non_null(strstr(said, "Capture oper-sys:    Linux "));
	assert_non_null(strstr(said, "Name = eth0\n"));
	assert_non_null(strstr(said, "Name = wlan0\n"));
	assert_non_null(strstr(said, "Filter string = tcp or udp\n"));
	assert_non_null(strstr(said, "Time precision = nanoseconds (9)\n"));
	assert_non_null(strstr(said, "Number of stat entries = 1\n"));

	/* capinfos does not show what is in them: ifrecv and ifdrop, section 4.6 of the draft. */
	const struct {
		uint16_t code, len;
		uint32_t value[2];
	} received = { 4, 8, { 12345, 0 } }, dropped = { 5, 8, { 67, 0 } };
	const char *statistics;

	run("cat %s", options.path);
	statistics = memmem(said, 4096, &received, sizeof(received));
	assert_non_null(statistics);
	assert_memory_equal(statistics + sizeof(received), &dropped, sizeof(dropped));
}

/* Around the size from which on bytes are written from where they wait, and the largest. */
static const uint32_t sizes[] = { 0, 1, 2, 3, 1021, 1022, 1023, 1024, 1025, 4096, 65483 };

static void test_bytes(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("bytes.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint16_t id = 0;

	(void)state;
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++, id++) {
			struct ecap_packet packet = packet_of(id, now + id, sizes[i]);

			packet.direction = round % 3;
			add(file, &packet);
		}
	close_packets(file);

	char *line = (char *)run("tshark -n -r %s -o udp.check_checksum:FALSE -T fields "
				 "-e ip.id -e udp.length -e data.data | "
				 "awk '{ print $1, $2, length($3), substr($3, 1, 2), "
				 "substr($3, length($3) - 1) }'", options.path);

	for (uint16_t i = 0; i < id; i++) {
		uint32_t payload = sizes[i % ARRAY_SIZE(sizes)];
		char expected[128];
		int len = snprintf(expected, sizeof(expected), "0x%04x %u %u", i, payload + 8,
				   payload * 2);

		if (payload)
			len += snprintf(expected + len, sizeof(expected) - (size_t)len, " %02x %02x",
					(uint8_t)i, (uint8_t)(i + payload - 1));
		assert_memory_equal(line, expected, (size_t)len);
		line = strchr(line, '\n') + 1;
	}
	assert_int_equal(*line, 0);
}

/* With its tag back in its place, a packet is as it was on the wire. */
static void test_vlan(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("vlan.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	static const uint16_t protocols[] = { 0, 0x8100, 0x88a8 };

	(void)state;
	for (uint16_t i = 0; i < 6; i++) {
		struct ecap_packet packet = packet_of(i, now + i, i < 3 ? 10 : 5000);

		packet.vlan_protocol = protocols[i % 3];
		packet.vlan_tci = 5 << 13 | 1234;
		add(file, &packet);
	}
	struct ecap_packet cut = packet_of(6, now + 6, 10);

	/* Its addresses are not even there. */
	cut.vlan_protocol = 0x8100;
	cut.captured = 11;
	add(file, &cut);
	close_packets(file);
	assert_string_equal(run("tshark -n -r %s -T fields -e frame.len -e frame.cap_len "
				"-e eth.type -e vlan.id -e vlan.priority -e ieee8021ad.id "
				"-e ip.id -e udp.length", options.path),
			    "52\t52\t0x0800\t\t\t\t0x0000\t18\n"
			    "56\t56\t0x8100\t1234\t5\t\t0x0001\t18\n"
			    "56\t56\t0x88a8\t\t\t1234\t0x0002\t18\n"
			    "5042\t5042\t0x0800\t\t\t\t0x0003\t5008\n"
			    "5046\t5046\t0x8100\t1234\t5\t\t0x0004\t5008\n"
			    "5046\t5046\t0x88a8\t\t\t1234\t0x0005\t5008\n"
			    "52\t11\t\t\t\t\t\t\n");
}

/* The ids of the packets, one a line, are those that follow each other from @first on. */
static void assert_ids(const char *lines, uint16_t first, uint16_t n)
{
	char *rest = (char *)lines;

	for (uint16_t i = 0; i < n; i++, rest++)
		assert_int_equal(strtoul(rest, &rest, 16), first + i);
	assert_int_equal(*rest, 0);
}

/* Several sources, each in order, which come one batch after the other. */
static void test_order(void **state)
{
	static const uint16_t batches[] = { 1, 10, 200 };

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(batches); b++) {
		struct ecap_packet_file_options options = options_of(in_dir("order.pcapng"));
		struct ecap_packet_file *file = open_packets(&options);
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		uint16_t sources = 7, batch = batches[b];

		for (uint16_t start = 0; start < 2800; start += sources * batch) {
			for (uint16_t source = 0; source < sources; source++)
				for (uint16_t i = 0; i < batch; i++) {
					uint16_t id = start + i * sources + (sources - 1 - source);
					struct ecap_packet packet =
						packet_of(id, now + id * 100ull, id % 50);

					add(file, &packet);
				}
			release(file, now + start * 100ull + 100 * MS - 1);
		}
		close_packets(file);
		assert_ids(run("tshark -n -r %s -T fields -e ip.id", options.path), 0, 2800);
		assert_non_null(strstr(run("capinfos -o %s", options.path), "True"));
	}
}

/* More sources than the lists that packets are sorted in. */
static void test_reverse_order(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("reverse.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	(void)state;
	for (uint16_t i = 0; i < 600; i++) {
		struct ecap_packet packet = packet_of(599 - i, now + 599 - i, 1);

		add(file, &packet);
	}
	close_packets(file);
	assert_ids(run("tshark -n -r %s -T fields -e ip.id", options.path), 0, 600);
}

static void test_hold(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("hold.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	char lines[512];

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		struct ecap_packet packet = packet_of(i, now + i * 10 * MS, 1);

		add(file, &packet);
	}
	assert_int_equal(ecap_packet_file_waits(file), 1);
	release(file, now + 99 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\n");
	release(file, now + 111 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\nEPB 1\n");

	/* Told after its packet came: before it all the same, and both in one block. */
	snprintf(lines, sizeof(lines), "%s", tell(file, 1));
	strcat(lines, tell(file, 2));
	release(file, now + 120 * MS);
	assert_string_equal(blocks(options.path),
			    "SHB\nIDB\nEPB 0\nEPB 1\nDSB 176\nEPB 2\n");
	assert_int_equal(strlen(lines), 176);
	assert_non_null(memmem(run("cat %s", options.path), 4096, lines, 176));

	/* A secret alone waits for nothing. */
	tell(file, 3);
	assert_int_equal(ecap_packet_file_waits(file), 1);
	release(file, now + 122 * MS);
	assert_string_equal(blocks(options.path),
			    "SHB\nIDB\nEPB 0\nEPB 1\nDSB 176\nEPB 2\nDSB 88\n");
	release(file, now + 140 * MS);
	assert_int_equal(ecap_packet_file_waits(file), 0);
	tell(file, 4);
	struct ecap_packet_file_count count = close_packets(file);

	assert_int_equal(count.secrets, 4);
	assert_int_equal(count.packets, 4);
	assert_int_equal(count.files, 1);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\nEPB 1\nDSB 176\nEPB 2\n"
						  "DSB 88\nEPB 3\nDSB 88\nISB\n");
	assert_non_null(strstr(run("capinfos %s", options.path),
			       "Number of decryption secrets in file: 3\n"));
}

/* Without handshakes packets wait less; with the next one, for their secrets again. */
static void test_calm(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("calm.pcapng"));

	(void)state;
	options.calm_ns = 10 * MS;

	struct ecap_packet_file *file = open_packets(&options);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct ecap_packet packet = packet_of(0, now, 1);

	add(file, &packet);
	release(file, now + 9 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\n");
	release(file, now + 11 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\n");

	packet = packet_of(1, now + 20 * MS, 1);
	packet.handshake = 1;
	add(file, &packet);
	packet = packet_of(2, now + 30 * MS, 1);
	add(file, &packet);
	release(file, now + 119 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\n");
	/* The handshake's time is over: for what came after it, too. */
	release(file, now + 121 * MS);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\nEPB 1\nEPB 2\n");
	close_packets(file);
}

/* With less memory than packets that wait: all are there, in order, some before their time. */
static void test_early(void **state)
{
	static const uint32_t payloads[] = { 100, 1400, 9000, 65000 };

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(payloads); p++) {
		struct ecap_packet_file_options options = options_of(in_dir("early.pcapng"));
		uint16_t n = (uint16_t)(3000000 / (payloads[p] + 500));

		options.hold_bytes = 300000;
		struct ecap_packet_file *file = open_packets(&options);
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		for (uint16_t i = 0; i < n; i++) {
			struct ecap_packet packet = packet_of(i, now + i, payloads[p]);

			if (i == n / 2)
				tell(file, 1);
			add(file, &packet);
		}
		struct ecap_packet_file_count count = close_packets(file);

		/* Those that still had room at the end were not early. */
		assert_in_range(count.early, (uint64_t)n - 300000 / payloads[p], n - 1);
		assert_int_equal(count.packets, n);
		assert_int_equal(count.bytes, (uint64_t)n * (HEADERS + payloads[p]));
		assert_ids(run("tshark -n -r %s -T fields -e ip.id", options.path), 0, n);
	}
}

/* Nothing brings back what has left: then times go back, and it is counted. */
static void test_late(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("late.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	static const uint16_t ids[] = { 0, 10, 5, 7, 11 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct ecap_packet packet = packet_of(ids[i], 1000 + ids[i] * 100 * MS, 1);

		add(file, &packet);
		if (i == 1)
			release(file, 1000 + 1100 * MS);
	}
	assert_int_equal(close_packets(file).late, 2);
	assert_string_equal(blocks(options.path), "SHB\nIDB\nEPB 0\nEPB 10\nEPB 5\nEPB 7\n"
						  "EPB 11\nISB\n");
}

static void test_refuses_packets(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("refused.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	struct ecap_packet packet = packet_of(1, 1, 1);

	(void)state;
	packet.interface = 1;
	assert_int_equal(ecap_packet_file_add(file, &packet), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "a packet of interface 1, which the packet file has not");
	packet.interface = 0;
	packet.length--;
	assert_int_equal(ecap_packet_file_add(file, &packet), -EINVAL);
	assert_string_equal(ecap_err_text(), "no packet: 43 bytes of 42, direction 0");
	packet.length++;
	packet.direction = ECAP_DIR_SEND + 1;
	assert_int_equal(ecap_packet_file_add(file, &packet), -EINVAL);
	packet.direction = ECAP_DIR_SEND;
	add(file, &packet);
	assert_int_equal(ecap_packet_file_secret(file, "lower", packet.data, packet.data, 4),
			 -EINVAL);
	assert_int_equal(close_packets(file).packets, 1);
}

/* The clock is set by an hour while packets come; looks that take their time change nothing. */
static void test_wall(void **state)
{
	const uint64_t hour = 3600000000000ull, far = 1700000000000000000ull;
	struct ecap_wall wall = { 0 };

	(void)state;
	ecap_wall_see(&wall, 1000000, far + 1000010, 1000020);
	assert_int_equal(ecap_wall_unix_ns(&wall, 5000000), far + 5000000);
	ecap_wall_see(&wall, 2000000, far + 2000500, 2000600);
	ecap_wall_see(&wall, 3000000, far + 3000001, 3900000);
	assert_int_equal(ecap_wall_unix_ns(&wall, 5000000), far + 5000000);
	ecap_wall_see(&wall, 4000000, far - hour + 4000010, 4000020);
	assert_int_equal(ecap_wall_unix_ns(&wall, 5000000), far - hour + 5000000);
	ecap_wall_see(&wall, 5000000, far + 5000010, 5000020);
	assert_int_equal(ecap_wall_unix_ns(&wall, 5000000), far + 5000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_about_the_file),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reverse_order),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_refuses_packets),
		cmocka_unit_test(test_wall),
	};

	return cmocka_run_group_tests_name("packet_file", tests, make_dir, remove_dir);
}
