/* SPDX-License-Identifier: Apache-2.0 */
/* Where packet files begin and end: what they are written to, numbered ones, and every kind of end. */
#include "packet_file_help.h"

#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct ecap_packet_file_options options_of(const char *path)
{
	return (struct ecap_packet_file_options){
		.path = path, .hold_ns = 0, .hold_bytes = 1 << 20,
	};
}

static void add_one(struct ecap_packet_file *file, uint16_t id, uint64_t mono_ns, uint32_t payload)
{
	struct ecap_packet packet = packet_of(id, mono_ns, payload);

	add(file, &packet);
}

/* What an older run left is emptied, whose mode was another; a link is followed. */
static void test_makes_anew(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("anew.pcapng"));
	_cleanup_free_ char *target = strdup(in_dir("target.pcapng"));
	struct ecap_packet_file *file, *other;
	struct stat st;

	(void)state;
	run("head -c 100000 /dev/zero > %s", target);
	assert_int_equal(chmod(target, 0644), 0);
	options.path = in_dir("anew.pcapng");
	assert_int_equal(symlink(target, options.path), 0);
	file = open_packets(&options);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(blocks(target), "SHB\n");

	/* Two that write to it would spoil it. */
	assert_int_equal(ecap_packet_file_open(&options, &other), -EBUSY);
	assert_non_null(strstr(ecap_err_text(), "anew.pcapng: in use, an ecapture writes to it"));
	add_one(file, 1, 1, 1);
	close_packets(file);
	assert_string_equal(blocks(target), "SHB\nIDB\nEPB 1\nISB\n");
}

static void test_refuses_paths(void **state)
{
	struct ecap_packet_file_options options = options_of("/nowhere/file.pcapng");
	struct ecap_packet_file *file;

	(void)state;
	assert_int_equal(ecap_packet_file_open(&options, &file), -ENOENT);
	assert_string_equal(ecap_err_text(),
			    "packet file /nowhere/file.pcapng: No such file or directory");
	options.path = dir;
	assert_int_equal(ecap_packet_file_open(&options, &file), -EISDIR);

	/* Not the names of numbered files. */
	options.rotate_ns = 1;
	options.path = "-";
	assert_int_equal(ecap_packet_file_open(&options, &file), -EINVAL);
	assert_string_equal(ecap_err_text(), "packet file -: not the name of a file, so there is "
					     "no next one to begin: leave the size and the time "
					     "of files away");
	options.path = in_dir("numbered_fifo");
	assert_int_equal(mkfifo(options.path, 0600), 0);
	assert_int_equal(ecap_packet_file_open(&options, &file), -EINVAL);
}

/* The blocks of all numbered files; how many they are. */
static size_t numbered(const char *pattern, glob_t *found)
{
	assert_int_equal(glob(in_dir(pattern), 0, NULL, found), 0);
	return found->gl_pathc;
}

#define NAME_STAMP "_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]"

static void test_rotates_by_size(void **state)
{
	_cleanup_free_ char *path = strdup(in_dir("size.d.pcapng"));
	struct ecap_packet_file_options options = options_of(path);
	struct ecap_packet_file *file;
	uint16_t id = 0;
	size_t n;
	glob_t found;

	(void)state;
	options.rotate_bytes = 100000;
	file = open_packets(&options);
	for (uint16_t i = 0; i < 600; i++) {
		if (i % 100 == 0)
			tell(file, i);
		add_one(file, i, 1000 + i, 1200);
		release(file, 1000 + i);
	}
	struct ecap_packet_file_count count = close_packets(file);

	n = numbered("size.d_*.pcapng", &found);
	assert_in_range(n, 8, 10);
	assert_int_equal(count.files, n);
	assert_int_equal(count.secrets, 6);
	for (size_t i = 0; i < n; i++) {
		char pattern[128];
		struct stat st;
		glob_t same;

		snprintf(pattern, sizeof(pattern), "size.d_%05zu" NAME_STAMP ".pcapng", i + 1);
		assert_int_equal(numbered(pattern, &same), 1);
		globfree(&same);
		assert_int_equal(stat(found.gl_pathv[i], &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_in_range(st.st_size, i + 1 < n ? 84000 : 1000, 100000);

		/* Complete in itself, with the secrets of before, and each packet in one of them. */
		const char *line = blocks(found.gl_pathv[i]);

		assert_memory_equal(line, "SHB\nIDB\nDSB ", 12);
		run("capinfos %s", found.gl_pathv[i]);
		for (line = strstr(line, "EPB "); !memcmp(line, "EPB ", 4) || !memcmp(line, "DSB", 3);
		     line = strchr(line, '\n') + 1)
			if (*line == 'E')
				assert_int_equal(strtoul(line + 4, NULL, 10), id++);
		assert_string_equal(line, "ISB\n");
	}
	assert_int_equal(id, 600);
	assert_non_null(strstr(run("capinfos %s", found.gl_pathv[n - 1]),
			       "Number of stat entries = 1\n"));
	globfree(&found);
	assert_int_equal(access(path, F_OK), -1);
}

/* By the packets' times, and what stands in the way of a number is left alone. */
static void test_rotates_by_time(void **state)
{
	_cleanup_free_ char *path = strdup(in_dir("time"));
	struct ecap_packet_file_options options = options_of(path);
	char command[256];
	glob_t found;

	(void)state;
	/* The names of the next minute. */
	snprintf(command, sizeof(command), "for s in $(seq 0 60); do ln -s %s/untouched "
		 "%%s_00002_$(date -d \"+$s seconds\" +%%%%Y%%%%m%%%%d%%%%H%%%%M%%%%S); done", dir);
	run(command, path);
	options.rotate_ns = 10 * MS;
	struct ecap_packet_file *file = open_packets(&options);

	for (uint16_t i = 0; i < 25; i++)
		add_one(file, i, 1000 + i * MS, 1);
	release(file, 1000 + 30 * MS);
	assert_int_equal(close_packets(file).files, 3);
	assert_int_equal(access(in_dir("untouched"), F_OK), -1);
	assert_int_equal(numbered("time_00001" NAME_STAMP, &found), 1);
	assert_non_null(strstr(blocks(found.gl_pathv[0]), "EPB 8\nEPB 9\nISB\n"));
	globfree(&found);
	assert_int_equal(numbered("time_00003" NAME_STAMP, &found), 1);
	assert_memory_equal(blocks(found.gl_pathv[0]), "SHB\nIDB\nEPB 10\n", 15);
	globfree(&found);
	assert_int_equal(numbered("time_00004" NAME_STAMP, &found), 1);
	assert_string_equal(blocks(found.gl_pathv[0]),
			    "SHB\nIDB\nEPB 20\nEPB 21\nEPB 22\nEPB 23\nEPB 24\nISB\n");
	globfree(&found);
}

/* All that is called after an error returns that error, with its text. */
static void assert_ended(struct ecap_packet_file *file, int err, const char *text,
			 struct ecap_packet_file_count *count)
{
	struct ecap_packet packet = packet_of(1, 1, 1);
	const struct ecap_packet_interface lo = { .name = "lo", .link_type = ETHERNET };
	uint32_t number;

	assert_int_equal(ecap_packet_file_add(file, &packet), err);
	assert_non_null(strstr(ecap_err_text(), text));
	assert_int_equal(ecap_packet_file_release(file, 1ull << 60), err);
	assert_non_null(strstr(ecap_err_text(), text));
	assert_int_equal(ecap_packet_file_interface(file, &lo, &number), err);
	assert_int_equal(ecap_packet_file_secret(file, "A", packet.data, packet.data, 4), err);
	ecap_err(-EIO, "another error of this thread");
	assert_int_equal(ecap_packet_file_close(file, count), err);
	assert_non_null(strstr(ecap_err_text(), text));
}

static void test_disk_full(void **state)
{
	struct ecap_packet_file_options options = options_of("/dev/full");
	struct ecap_packet_file *file;

	(void)state;
	assert_int_equal(ecap_packet_file_open(&options, &file), -ENOSPC);
	assert_memory_equal(ecap_err_text(), "packet file /dev/full: No space left on device, ", 48);
}

/* What fits is there: whole blocks before the one that did not. */
static void test_file_limit(void **state)
{
	static const uint32_t payloads[] = { 100, 9000 };
	struct ecap_packet_file_options options = options_of(in_dir("limited.pcapng"));
	struct rlimit before, limit;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 50001;
	for (size_t p = 0; p < ARRAY_SIZE(payloads); p++) {
		struct ecap_packet_file *file = open_packets(&options);
		struct ecap_packet_file_count count;
		uint16_t i = 0;
		int err = 0;

		setrlimit(RLIMIT_FSIZE, &limit);
		for (; !err && i < 2000; i++) {
			add_one(file, i, i, payloads[p]);
			err = ecap_packet_file_release(file, i);
		}
		assert_ended(file, -EFBIG, "limited.pcapng: File too large, ", &count);
		setrlimit(RLIMIT_FSIZE, &before);
		assert_int_equal(err, -EFBIG);
		assert_int_equal(count.packets, i - 1);

		struct stat st;
		char last[64];

		assert_int_equal(stat(options.path, &st), 0);
		assert_in_range(st.st_size, 50000 - payloads[p], 50000);
		snprintf(last, sizeof(last), "EPB %u\n", i - 2);
		const char *found = blocks(options.path);

		assert_true(strlen(found) > strlen(last));
		assert_string_equal(found + strlen(found) - strlen(last), last);
	}
}

/* The next of numbered files cannot be made: that before is complete. */
static void test_next_fails(void **state)
{
	_cleanup_free_ char *sub = strdup(in_dir("sub")), *path = strdup(in_dir("sub/next.pcapng"));
	struct ecap_packet_file_options options = options_of(path);
	glob_t found;

	(void)state;
	options.rotate_bytes = 10000;
	assert_int_equal(mkdir(sub, 0700), 0);
	struct ecap_packet_file *file = open_packets(&options);

	add_one(file, 1, 1, 5000);
	release(file, 1);
	run("mv %s ${TMPDIR:-/tmp}/$PPID.moved", sub);
	add_one(file, 2, 2, 5000);
	assert_int_equal(ecap_packet_file_release(file, 2), -ENOENT);
	assert_ended(file, -ENOENT, "next_00002_", NULL);
	run("mv ${TMPDIR:-/tmp}/$PPID.moved %s", sub);
	assert_int_equal(numbered("sub/next_*", &found), 1);
	assert_string_equal(blocks(found.gl_pathv[0]), "SHB\nIDB\nEPB 1\nISB\n");
	globfree(&found);
}

static const char *make_fifo(const char *name)
{
	const char *path = in_dir(name);

	assert_int_equal(mkfifo(path, 0600), 0);
	return path;
}

static void test_reader_gone(void **state)
{
	struct ecap_packet_file_options options = options_of(make_fifo("gone"));
	int fd = open(options.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct ecap_packet_file *file = open_packets(&options);

	(void)state;
	close(fd);
	add_one(file, 1, 1, 1);
	assert_int_equal(ecap_packet_file_release(file, 1), -EPIPE);
	assert_ended(file, -EPIPE, "/gone: Broken pipe, ", NULL);
}

struct stuck {
	struct ecap_packet_file *file;
	atomic_int is_done;
	int err;
};

static void *write_until_error(void *arg)
{
	struct stuck *stuck = arg;

	for (uint16_t i = 0; !stuck->err; i++) {
		struct ecap_packet packet = packet_of(i, i, 9000);

		stuck->err = ecap_packet_file_add(stuck->file, &packet);
		if (!stuck->err)
			stuck->err = ecap_packet_file_release(stuck->file, 1ull << 60 | i);
	}
	stuck->is_done = 1;
	return NULL;
}

static void on_signal(int signal)
{
	(void)signal;
}

/* A reader that does not read: who tells secrets is not kept; and it can be given up. */
static void test_stuck_reader(void **state)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	struct ecap_packet_file_options options = options_of(make_fifo("stuck"));
	_cleanup_close_ int fd = open(options.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stuck stuck = { .file = open_packets(&options) };
	uint64_t written = 0;
	pthread_t thread;

	(void)state;
	sigaction(SIGUSR1, &action, &old);
	assert_int_equal(pthread_create(&thread, NULL, write_until_error, &stuck), 0);
	do {
		written = ecap_packet_file_written(stuck.file);
		usleep(50000);
	} while (!written || written != ecap_packet_file_written(stuck.file));
	assert_false(stuck.is_done);
	for (uint32_t i = 0; i < 1000; i++)
		tell(stuck.file, i);
	assert_false(stuck.is_done);
	ecap_packet_file_give_up(stuck.file);
	while (!stuck.is_done) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(thread, NULL);
	sigaction(SIGUSR1, &old, NULL);
	assert_int_equal(stuck.err, -ETIMEDOUT);
	assert_ended(stuck.file, -ETIMEDOUT, "/stuck: its reader does not read, ", NULL);
}

/* A reader at a pipe sees packets while the file grows. */
static void test_live_reader(void **state)
{
	_cleanup_free_ char *path = strdup(make_fifo("live")), *out = strdup(in_dir("live.out"));
	struct ecap_packet_file_options options = options_of(path);
	char command[512];

	(void)state;
	snprintf(command, sizeof(command),
		 "(exec >%%s 2>&1; exec tshark -l -n -i - -T fields -e ip.id <%s) &", path);
	run(command, out);
	struct ecap_packet_file *file = open_packets(&options);

	for (uint16_t i = 0; i < 3; i++) {
		char id[32];

		snprintf(id, sizeof(id), "0x%04x\n", i);
		add_one(file, i, i, 100);
		release(file, i);
		for (int tries = 0; !strstr(run("cat %s", out), id); tries++, usleep(10000))
			assert_in_range(tries, 0, 3000);
	}
	close_packets(file);
}

/* Writes until it is killed, and tells how many packets were flushed. */
static void write_forever(const char *path, _Atomic uint32_t *flushed)
{
	struct ecap_packet_file_options options = options_of(path);
	struct ecap_packet_file *file = open_packets(&options);

	for (uint32_t i = 0;; i++) {
		add_one(file, (uint16_t)i, i, i % 5 ? i % 1500 : 30000);
		if (i % 50 == 7)
			tell(file, i);
		if (i % 64 == 63) {
			release(file, i);
			*flushed = i + 1;
		}
	}
}

static void test_killed(void **state)
{
	_Atomic uint32_t *flushed = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	_cleanup_free_ char *path = strdup(in_dir("killed.pcapng"));

	(void)state;
	assert_true(flushed != MAP_FAILED);
	for (int round = 0; round < 3; round++) {
		*flushed = 0;
		pid_t pid = fork();

		if (!pid)
			write_forever(path, flushed);
		while (*flushed < 640u * (unsigned)(1 + round))
			usleep(100);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);

		/* tshark says so when the last one is cut, and shows the others. */
		unsigned long n = strtoul(run("(tshark -n -r %s 2>/dev/null; true) | wc -l", path),
					  NULL, 10);

		assert_in_range(n, *flushed, *flushed + 640);
	}
	munmap(flushed, 4096);
}

/* A small file, cut at each byte: what is whole before it is read. */
static void test_cut_anywhere(void **state)
{
	_cleanup_free_ char *path = strdup(in_dir("whole.pcapng"));
	_cleanup_free_ char *cut = strdup(in_dir("cut.pcapng")), *whole = NULL;
	struct ecap_packet_file_options options = options_of(path);
	struct ecap_packet_file *file = open_packets(&options);
	char data[4096];
	size_t size, last = 0;

	(void)state;
	for (uint16_t i = 0; i < 3; i++) {
		tell(file, i);
		add_one(file, i, i, 11);
		release(file, i);
	}
	close_packets(file);
	whole = strdup(blocks(path));

	_cleanup_fclose_ FILE *in = fopen(path, "re");

	size = fread(data, 1, sizeof(data), in);
	assert_in_range(size, 500, sizeof(data) - 1);
	for (size_t i = 1; i <= size; i++) {
		FILE *out = fopen(cut, "we");

		assert_int_equal(fwrite(data, 1, i, out), i);
		fclose(out);

		const char *left = blocks(cut), *end = strstr(left, "cut\n");
		size_t len = end ? (size_t)(end - left) : strlen(left);

		assert_memory_equal(left, whole, len);
		assert_true(len >= last);
		/* Wireshark at each place where there is one block more, and within the next. */
		if (len > last && last) {
			size_t packets = 0;

			for (size_t at = 0; at < len; at++)
				packets += left[at] == 'E';
			assert_int_equal(strtoul(run("(tshark -n -r %s 2>/dev/null; true) | wc -l",
						     cut), NULL, 10), packets);
		}
		last = len;
	}
	assert_int_equal(last, strlen(whole));
}

struct teller {
	struct ecap_packet_file *file;
	uint32_t first, n, fresh;
	int step;
};

static void *tell_many(void *arg)
{
	struct teller *teller = arg;

	for (uint32_t i = 0; i < teller->n; i++) {
		uint32_t n = teller->first + i;
		uint8_t random[32] = { 0 };

		memcpy(random, &n, sizeof(n));
		teller->fresh += ecap_packet_file_secret(teller->file, "CLIENT_RANDOM", random,
							 random, sizeof(random)) == 1;
	}
	return NULL;
}

/* From several threads, half of them told twice, while packets and interfaces come. */
static void test_tellers(void **state)
{
	struct ecap_packet_file_options options = options_of(in_dir("told.pcapng"));
	struct ecap_packet_file *file = open_packets(&options);
	struct teller tellers[3];
	pthread_t threads[3];
	uint32_t fresh = 0, number = 0, lines = 0;

	(void)state;
	for (uint32_t t = 0; t < 3; t++) {
		tellers[t] = (struct teller){ .file = file, .first = t * 10000, .n = 20000 };
		assert_int_equal(pthread_create(&threads[t], NULL, tell_many, &tellers[t]), 0);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct ecap_packet packet = packet_of((uint16_t)i, i, i % 1000);
		const struct ecap_packet_interface more = { .name = "more", .link_type = ETHERNET };

		if (i % 1000 == 0)
			assert_int_equal(ecap_packet_file_interface(file, &more, &number), 0);
		packet.interface = number;
		add(file, &packet);
		if (i % 8 == 0)
			release(file, i);
	}
	for (uint32_t t = 0; t < 3; t++) {
		pthread_join(threads[t], NULL);
		fresh += tellers[t].fresh;
	}
	struct ecap_packet_file_count count = close_packets(file);

	assert_int_equal(fresh, 40000);
	assert_int_equal(count.secrets, 40000);
	for (const char *at = blocks(options.path); (at = strstr(at, "DSB ")); at++) {
		uint32_t len = (uint32_t)strtoul(at + 4, NULL, 10);

		assert_int_equal(len % 144, 0);
		lines += len / 144;
	}
	assert_int_equal(lines, 40000);
	assert_int_equal(strtoul(run("tshark -n -r %s | wc -l", options.path), NULL, 10), 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_anew),
		cmocka_unit_test(test_refuses_paths),
		cmocka_unit_test(test_rotates_by_size),
		cmocka_unit_test(test_rotates_by_time),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_file_limit),
		cmocka_unit_test(test_next_fails),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_stuck_reader),
		cmocka_unit_test(test_live_reader),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_tellers),
	};

	return cmocka_run_group_tests_name("packet_file_ends", tests, make_dir, remove_dir);
}
