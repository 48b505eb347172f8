/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs on interfaces, in a network namespace of the test's own: a program that counts packets
 * by way of a map, and datagrams on lo, of which nobody else sends any.
 */
#include "packets_help.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <sys/socket.h>

#include "packets/attach_private.h"

#define LO 1u /* LOOPBACK_IFINDEX of net/flow.h in the kernel: lo of each namespace */

static int map_fd[2], program_fd[2]; /* by side */

/* Adds one to entry 0 of its map; TC_ACT_UNSPEC, -1: go on with the next program. */
static int load_counter(int map)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1, .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "count", "Apache-2.0", insns,
			     ARRAY_SIZE(insns), NULL);
}

static int set_up(void **state)
{
	own_network(state);
	for (int side = 0; side < 2 && !*why_not; side++) {
		map_fd[side] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "count", 4, 8, 1, NULL);
		program_fd[side] = map_fd[side] < 0 ? -1 : load_counter(map_fd[side]);
		if (program_fd[side] < 0)
			snprintf(why_not, sizeof(why_not), "no BPF programs: %s", strerror(errno));
	}
	return 0;
}

/* The packets that the side's program has seen since the last call. */
static uint64_t counted(enum ecap_tc_side side)
{
	uint64_t count = 0, none = 0;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd[side], &key, &count), 0);
	assert_int_equal(bpf_map_update_elem(map_fd[side], &key, &none, BPF_ANY), 0);
	return count;
}

/* Sends datagrams over lo and takes them: by then they have passed both sides. */
static void send_datagrams(uint32_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 0;

	assert_return_code(fd, errno);
	assert_return_code(bind(fd, (struct sockaddr *)&to, len), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&to, &len), errno);
	for (; n; n--) {
		assert_int_equal(sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, len), 1);
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
	}
}

static void attach_all(struct ecap_tc_link *links[2], const struct ecap_tc_method *method)
{
	for (int side = 0; side < 2; side++) {
		int err = ecap_tc_attach_by(method, program_fd[side], LO, side, &links[side]);

		if (err == -EOPNOTSUPP) {
			print_message("%s\n", ecap_err_text());
			skip();
		}
		if (err)
			fail_msg("%s", ecap_err_text());
	}
}

static void count_by(const struct ecap_tc_method *method)
{
	struct ecap_tc_link *links[2];

	attach_all(links, method);
	send_datagrams(7);
	assert_int_equal(counted(ECAP_TC_INGRESS), 7);
	assert_int_equal(counted(ECAP_TC_EGRESS), 7);
	ecap_tc_detach(links[ECAP_TC_INGRESS]);
	send_datagrams(3);
	assert_int_equal(counted(ECAP_TC_INGRESS), 0);
	assert_int_equal(counted(ECAP_TC_EGRESS), 3);
	ecap_tc_detach(links[ECAP_TC_EGRESS]);
	send_datagrams(2);
	assert_int_equal(counted(ECAP_TC_EGRESS), 0);
}

/* Files in the journal, but for the lock. */
static int entries(void)
{
	DIR *dir = opendir(ECAP_TC_JOURNAL);
	int n = 0;

	for (const struct dirent *at; dir && (at = readdir(dir));)
		n += at->d_name[0] != '.' && strcmp(at->d_name, "lock") != 0;
	if (dir)
		closedir(dir);
	return n;
}

static void tcx(void **state)
{
	(void)state;
	need_network();
	count_by(&ecap_tcx);
}

static void clsact(void **state)
{
	(void)state;
	need_network();
	count_by(&ecap_clsact);
	run("tc qdisc show dev lo");
	assert_null(strstr(said, "clsact"));
	assert_int_equal(entries(), 0);
}

static void no_interface(void **state)
{
	struct ecap_tc_link *link = NULL;

	(void)state;
	need_network();
	assert_int_equal(ecap_tc_attach(program_fd[0], 4242, ECAP_TC_INGRESS, &link), -ENODEV);
	assert_non_null(strstr(ecap_err_text(), "packets into interface ? (index 4242): "));
	assert_null(link);
	ecap_tc_detach(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcx),
		cmocka_unit_test(clsact),
		cmocka_unit_test(no_interface),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
