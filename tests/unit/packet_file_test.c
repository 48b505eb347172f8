/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a packet file, as Wireshark's tools read it. */
#include "packet_file_help.h"

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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_about_the_file),
	};

	return cmocka_run_group_tests_name("packet_file", tests, make_dir, remove_dir);
}
