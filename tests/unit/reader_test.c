/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader on real maps, filled by real programs (ring.bpf.c) in every way that
 * ecapture/bpf/emit.bpf.h knows: what is sent arrives whole, once and in order, what is not is
 * counted exactly.
 */
#include "reader_help.h"

#include <pthread.h>
#include <signal.h>

static void test_delivers(void **state)
{
	static const uint32_t lens[] = { 0, 1, 7, 8, 9, 100, 4095, 16000, 0, 65535 };
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;
	uint64_t bytes = 0;

	producer_open(&p, way->variant, way->hide, 4 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 255, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint32_t seq = 0; seq < 100; seq++) {
		uint32_t len = lens[seq % ARRAY_SIZE(lens)];

		if (len > way->max_len)
			len = way->max_len;
		produce(&p, seq, payload_of(seq), len);
		bytes += len;
	}
	assert_true(wait_value(&t.records, 100, 5000));
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);
	struct ecap_map_stats stats = producer_stats(&p);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.records, 100);
	assert_int_equal(t.wrong, 0);
	assert_true(t.batches > 0);
	assert_int_equal(count.records, 100);
	assert_int_equal(count.lost_records + count.fault_bytes + count.short_records, 0);
	assert_int_equal(stats.records, 100);
	assert_int_equal(stats.bytes, bytes);
}

/* What is in the buffer when nothing writes any more comes out, started late or not. */
static void test_drains(void **state)
{
	const struct way *way = *state;

	for (uint32_t round = 0; round < 20; round++) {
		struct taken t = {};
		struct producer p;

		producer_open(&p, way->variant, way->hide, 1 << 20);
		struct ecap_reader *reader = open_reader(&p.map, 1, 64, &t);

		if (round % 2)
			assert_int_equal(ecap_reader_start(reader), 0);
		for (uint32_t seq = 0; seq < 50; seq++)
			produce(&p, seq, payload_of(seq), 300);
		if (!(round % 2))
			assert_int_equal(ecap_reader_start(reader), 0);
		ecap_reader_drain(reader);
		assert_int_equal(t.records, 50);
		assert_int_equal(t.wrong, 0);
		assert_int_equal(ecap_reader_count(reader, 0).records, 50);
		ecap_reader_drain(reader);
		assert_int_equal(t.records, 50);
		ecap_reader_free(reader);
		producer_close(&p);
	}
}

/* The module may close its maps while the reader has them: they are the reader's own. */
static void test_keeps_maps(void **state)
{
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 64, &t);

	for (uint32_t seq = 0; seq < 10; seq++)
		produce(&p, seq, payload_of(seq), 50);
	producer_close(&p);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	ecap_reader_free(reader);
	assert_int_equal(t.records, 10);
	assert_int_equal(t.wrong, 0);
}

static void test_counts_what_finds_no_room(void **state)
{
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, (uint64_t)sysconf(_SC_PAGESIZE));
	struct ecap_reader *reader = open_reader(&p.map, 1, 1, &t);

	for (uint32_t seq = 0; seq < 1000; seq++)
		produce(&p, seq, payload_of(seq), 100);
	assert_int_equal(ecap_reader_start(reader), 0);
	/* Perf says what it dropped only with the next record that finds room. */
	assert_true(wait_value(&t.records, 1, 5000));
	produce(&p, 1000, payload_of(1000), 100);
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);
	struct ecap_map_stats stats = producer_stats(&p);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	assert_in_range(t.records, 20, 200);
	assert_int_equal(t.records, count.records);
	assert_int_equal(count.records, stats.records);
	assert_int_equal(count.records + count.lost_records, 1001);
	assert_int_equal(count.lost_bytes, count.lost_records * 100);
	assert_int_equal(t.lost, count.lost_records);
}

struct thread {
	pthread_t thread;
	int program_fd, failed;
	uint64_t who;
};

#define BY_EACH 20000

static void *send_many(void *arg)
{
	struct thread *t = arg;

	for (uint64_t i = 0; i < BY_EACH; i++) {
		uint64_t seq = t->who << 32 | i;

		t->failed |= run_program(t->program_fd, seq, payload_of(seq), 500 + i % 64);
	}
	return NULL;
}

/* Several producers and a reader that cannot keep up. */
static void test_counts_under_load(void **state)
{
	const struct way *way = *state;
	struct taken t = { .slow_every = 200 };
	struct thread threads[MAX_PRODUCERS] = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 18);
	struct ecap_reader *reader = open_reader(&p.map, 1, 16, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint64_t i = 0; i < MAX_PRODUCERS; i++) {
		threads[i].program_fd = p.program_fd;
		threads[i].who = i;
		assert_int_equal(pthread_create(&threads[i].thread, NULL, send_many, &threads[i]),
				 0);
	}
	for (uint64_t i = 0; i < MAX_PRODUCERS; i++) {
		pthread_join(threads[i].thread, NULL);
		assert_false(threads[i].failed);
	}
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.records, count.records);
	assert_true(count.records > 0);
	assert_true(count.lost_records > 0);
	assert_int_equal(count.records + count.lost_records, MAX_PRODUCERS * BY_EACH);
	assert_int_equal(t.lost, count.lost_records);
	/* Perf has a buffer for each CPU: a thread that moves between two breaks the order. */
	if (!way->hide)
		assert_int_equal(t.wrong, 0);
}

/* Losses are told at most once a second, and completely at the end. */
static void test_tells_losses_once_a_second(void **state)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct taken t = {};
	struct producer p;
	uint64_t too_large = 0, small = 0, end;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, page);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	end = monotonic_ns() + 2600000000u;
	for (; monotonic_ns() < end; usleep(2000)) {
		produce(&p, too_large++, pattern, page * 2); /* than the ring */
		if (monotonic_ns() > end - 1300000000u)
			continue; /* flowing first, idle then */
		produce(&p, small, payload_of(small), 10);
		small++;
	}
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	/* The ring is small: of the small records too some may have found no room. */
	assert_true(count.lost_records >= too_large);
	assert_int_equal(count.records + count.lost_records, too_large + small);
	assert_int_equal(count.lost_bytes, too_large * page * 2 +
					   (count.lost_records - too_large) * 10);
	assert_int_equal(t.lost, count.lost_records);
	assert_in_range(t.n_lost, 3, 4);
	for (uint32_t i = 1; i + 1 < t.n_lost; i++)
		assert_true(t.lost_ns[i] - t.lost_ns[i - 1] > 900000000);
}

/* An address that is none: counted, not sent. */
static void test_counts_what_is_unreadable(void **state)
{
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 64, &t);

	produce(&p, 0, payload_of(0), 10);
	produce(&p, 1, (void *)16, 1000);
	produce(&p, 2, payload_of(2), 10);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(count.records, 2);
	assert_int_equal(count.fault_bytes, 1000);
	assert_int_equal(count.lost_records, 0);
}

/* Memory that was never touched: a program that may sleep brings it in, others count it. */
static void test_absent_pages(void **state)
{
	const struct way *way = *state;
	const size_t size = 3 * (size_t)sysconf(_SC_PAGESIZE);
	int sleeps = way->variant == RING_DYNPTR;
	uint8_t *absent = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	_cleanup_free_ uint8_t *zeros = calloc(1, size);
	struct taken t = { .expect = zeros };
	struct producer p;

	assert_ptr_not_equal(absent, MAP_FAILED);
	assert_non_null(zeros);
	producer_open(&p, way->variant, way->hide, 1 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 64, &t);

	produce(&p, 0, absent + 100, size - 200);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	munmap(absent, size);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(count.records, sleeps);
	assert_int_equal(count.fault_bytes, sleeps ? 0 : size - 200);
	assert_int_equal(count.lost_records, 0);
}

static void test_short_records(void **state)
{
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 20);
	p.map.min_record = sizeof(struct ring_record) + 50;
	struct ecap_reader *reader = open_reader(&p.map, 1, 64, &t);

	for (uint32_t seq = 0; seq < 30; seq++)
		produce(&p, seq, payload_of(seq), seq % 3 ? 50 + seq % 3 : 10);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.records, 20);
	assert_int_equal(count.records, 30);
	assert_int_equal(count.short_records, 10);
}

/* A ring buffer and a perf event array side by side. */
static void test_two_maps(void **state)
{
	struct taken t = { .index = 1 };
	struct producer ring, perf;

	(void)state;
	producer_open(&ring, RING_NONCORE, 0, 1 << 16);
	producer_open(&perf, RING_NONCORE, ECAP_FEAT_RINGBUF, 0);
	const struct ecap_map maps[] = { ring.map, perf.map };
	struct ecap_reader *reader = open_reader(maps, 2, 16, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint32_t seq = 0; seq < 20; seq++)
		produce(&perf, seq, payload_of(seq), 50);
	assert_true(wait_value(&t.records, 20, 5000));
	assert_int_equal(t.wrong, 0);
	t.index = 0;
	for (uint32_t seq = 20; seq < 30; seq++)
		produce(&ring, seq, payload_of(seq), 50);
	ecap_reader_drain(reader);
	assert_int_equal(ecap_reader_count(reader, 0).records, 10);
	assert_int_equal(ecap_reader_count(reader, 1).records, 20);
	ecap_reader_free(reader);
	producer_close(&ring);
	producer_close(&perf);
	assert_int_equal(t.wrong, 0);
}

static void refuse(const struct ecap_map *maps, uint32_t n, int err, const char *text)
{
	int fds = count_entries("/proc/self/fd");
	struct ecap_reader *reader = NULL;
	struct taken t = {};

	assert_int_equal(ecap_reader_open(maps, n, 4, &ops, &t, &reader), err);
	assert_null(reader);
	assert_string_equal(ecap_err_text(), text);
	assert_int_equal(count_entries("/proc/self/fd"), fds);
}

static void test_refuses_no_map(void **state)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct ecap_map map = { .name = "odd", .fd = fd, .control_fd = -1, .stats_fd = -1 };
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "map odd: fd %d is no BPF map", fd);
	refuse(&map, 1, -EBADF, text);
	map.fd = -1;
	refuse(&map, 1, -EBADF, "map odd: fd -1: Bad file descriptor");
	map.fd = 9999;
	refuse(&map, 1, -EBADF, "map odd: fd 9999: Bad file descriptor");
}

static void test_refuses_other_maps(void **state)
{
	struct producer p;
	char text[128];

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	struct producer other;

	producer_open(&other, RING_NONCORE, 0, 1 << 16);
	struct ecap_map maps[] = { other.map, p.map };

	maps[1].name = "odd";
	maps[1].fd = p.map.stats_fd;
	snprintf(text, sizeof(text), "map odd: neither a ring buffer nor a perf event array (type %d)",
		 BPF_MAP_TYPE_PERCPU_ARRAY);
	refuse(maps, 2, -EINVAL, text);
	maps[1].fd = p.map.fd;
	maps[1].control_fd = p.map.stats_fd;
	refuse(maps, 2, -EINVAL, "map odd: its control_fd is no array with BPF_F_MMAPABLE");
	maps[1].control_fd = p.map.fd; /* which can be mapped, but is not to be written to */
	refuse(maps, 2, -EINVAL, "map odd: its control_fd has values of 0 bytes, at least 16 are "
	       "needed; see ecapture/record.h");
	maps[1].control_fd = 0; /* none */
	maps[1].stats_fd = p.map.control_fd;
	refuse(maps, 2, -EINVAL, "map odd: its stats_fd has values of 16 bytes, at least 64 are "
	       "needed; see ecapture/record.h");
	maps[1].stats_fd = 9999;
	refuse(maps, 2, -EBADF, "map odd: stats_fd 9999: Bad file descriptor");
	maps[1].stats_fd = 0;
	maps[1].more_fd = p.map.stats_fd;
	refuse(maps, 2, -EINVAL, "map odd: its more_fd is no ring buffer");
	producer_close(&p);
	producer_close(&other);
}

/* One ring with two readers: each would get half of the records. */
static void test_refuses_twice(void **state)
{
	struct producer p, other;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	producer_open(&other, RING_NONCORE, 0, 1 << 16);
	struct ecap_map maps[] = { other.map, p.map };

	maps[1].name = "odd";
	maps[1].fd = other.map.fd;
	refuse(maps, 2, -EINVAL, "map odd: given twice to be read");
	maps[1].fd = p.map.fd;
	maps[1].more_fd = p.map.fd;
	refuse(maps, 2, -EINVAL, "map odd: given twice to be read");
	maps[1].more_fd = other.map.fd;
	refuse(maps, 2, -EINVAL, "map odd: given twice to be read");
	producer_close(&p);
	producer_close(&other);
}

static _Atomic uint64_t keep_sending;

static void *send_for_ever(void *arg)
{
	const struct producer *p = arg;

	while (atomic_load(&keep_sending))
		run_program(p->program_fd, 0, payload_of(0), 16000);
	return NULL;
}

/* A reader that is slower than what still writes to its ring: the drain ends all the same. */
static void test_endless_drain(void **state)
{
	struct taken t = { .slow_every = 1 };
	pthread_t threads[2];
	struct producer p;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	atomic_store(&keep_sending, 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_for_ever, &p), 0);
	assert_int_equal(ecap_reader_start(reader), 0);
	assert_true(wait_value(&t.records, 10, 10000));
	assert_int_equal(ecap_reader_drain(reader), ECAP_DRAIN_CUT);
	atomic_store(&keep_sending, 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	ecap_reader_free(reader);
	producer_close(&p);
}

static void on_one_record(void *arg, uint32_t index, const void *data, uint32_t len)
{
	(void)index, (void)data, (void)len;
	atomic_fetch_add(&((struct taken *)arg)->records, 1);
	while (atomic_load(&((struct taken *)arg)->wrong))
		usleep(1000);
}

static enum ecap_draining leave(void *arg)
{
	(void)arg;
	return ECAP_DRAIN_LEAVE;
}

/* A thread that does not come back is left where it is. */
static void test_stuck(void **state)
{
	static const struct ecap_reader_ops stuck_ops = {
		.record = on_one_record, .lost = on_lost, .batch = on_batch, .draining = leave,
	};
	static struct taken t; /* of the thread, which may still be there when this returns */
	struct ecap_reader *reader;
	struct producer p;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	int threads = count_entries("/proc/self/task");

	atomic_store(&t.wrong, 1);
	assert_int_equal(ecap_reader_open(&p.map, 1, 4, &stuck_ops, &t, &reader), 0);
	assert_int_equal(ecap_reader_start(reader), 0);
	produce(&p, 0, payload_of(0), 10);
	assert_true(wait_value(&t.records, 1, 5000));
	assert_int_equal(ecap_reader_drain(reader), ECAP_DRAIN_STUCK);
	assert_int_equal(ecap_reader_count(reader, 0).records, 1);
	atomic_store(&t.wrong, 0);
	assert_threads(threads); /* it comes back after all */
	ecap_reader_free(reader);
	producer_close(&p);
}

static void end_thread(void *arg, uint32_t index, const void *data, uint32_t len)
{
	(void)arg, (void)index, (void)data, (void)len;
	pthread_exit(NULL);
}

static void on_ended(void *arg)
{
	atomic_fetch_add(&((struct taken *)arg)->lost, 1);
}

static void test_thread_is_ended(void **state)
{
	static const struct ecap_reader_ops ending_ops = {
		.record = end_thread, .batch = on_batch, .ended = on_ended,
	};
	struct ecap_reader *reader;
	struct taken t = {};
	struct producer p;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	assert_int_equal(ecap_reader_open(&p.map, 1, 4, &ending_ops, &t, &reader), 0);
	assert_int_equal(ecap_reader_start(reader), 0);
	produce(&p, 0, payload_of(0), 10);
	assert_true(wait_value(&t.lost, 1, 5000));
	assert_int_equal(ecap_reader_drain(reader), ECAP_DRAIN_ALL);
	ecap_reader_free(reader);
	producer_close(&p);
}

/* Signals that are the main thread's; and the thread has a name. */
static void test_thread(void **state)
{
	char path[64], line[128];
	unsigned long long blocked = 0;
	struct taken t = {};
	struct producer p;
	struct dirent *entry;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	int before = count_entries("/proc/self/task");
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_threads(before);
	assert_int_equal(ecap_reader_start(reader), 0);
	assert_threads(before + 1);
	/* So it runs: while a thread is made, glibc blocks all signals in it. */
	produce(&p, 0, payload_of(0), 10);
	assert_true(wait_value(&t.records, 1, 5000));
	DIR *dir = opendir("/proc/self/task");

	while ((entry = readdir(dir))) {
		_cleanup_fclose_ FILE *f = NULL;
		int is_reader = 0;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", entry->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			is_reader |= !strcmp(line, "Name:\treader\n");
			if (is_reader && sscanf(line, "SigBlk: %llx", &blocked) == 1)
				break;
		}
	}
	closedir(dir);
	ecap_reader_drain(reader);
	assert_threads(before);
	ecap_reader_free(reader);
	producer_close(&p);
	/* All but faults, and the one by which the drain interrupts what the thread waits for. */
	const unsigned long long open = 1ull << (SIGUSR1 - 1) | 1ull << (SIGSEGV - 1) |
		1ull << (SIGBUS - 1) | 1ull << (SIGFPE - 1) | 1ull << (SIGILL - 1) |
		1ull << (SIGABRT - 1);

	for (int signal = 1; signal < 32; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			assert_int_equal(blocked >> (signal - 1) & 1, !(open >> (signal - 1) & 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_WAYS(test_delivers),
		ALL_WAYS(test_drains),
		ALL_WAYS(test_keeps_maps),
		ALL_WAYS(test_counts_what_finds_no_room),
		ALL_WAYS(test_counts_under_load),
		cmocka_unit_test(test_tells_losses_once_a_second),
		ALL_WAYS(test_counts_what_is_unreadable),
		ALL_WAYS(test_absent_pages),
		ALL_WAYS(test_short_records),
		cmocka_unit_test(test_two_maps),
		cmocka_unit_test(test_refuses_no_map),
		cmocka_unit_test(test_refuses_other_maps),
		cmocka_unit_test(test_refuses_twice),
		cmocka_unit_test(test_endless_drain),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_thread_is_ended),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests_name("reader", tests, setup, NULL);
}
