/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader on real maps, filled by real programs (ring.bpf.c) in every way that
 * ecapture/bpf/emit.bpf.h knows: what is sent arrives whole, once and in order, what is not is
 * counted exactly, and the reader sleeps and wakes as the control page says.
 */
#include "ring.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "reader.h"

static const struct way {
	int variant;
	uint64_t hide;
	uint32_t max_len;
} ways[] = {
	{ RING_NONCORE, 0, 16383 },
	{ RING_STORAGE, 0, 16383 },
	{ RING_DYNPTR, 0, 65535 },
	{ RING_NONCORE, ECAP_FEAT_RINGBUF, 16383 },
	{ RING_STORAGE, ECAP_FEAT_RINGBUF, 16383 },
};

#define MAX_PRODUCERS 4
#define LOST_CALLS    64

/* What came, written by the reader thread. A seq holds its producer's number above bit 32. */
struct taken {
	_Atomic uint64_t records, wrong, lost, batches, at_ns;
	uint64_t next[MAX_PRODUCERS]; /* each producer's own order */
	uint64_t lost_ns[LOST_CALLS];
	uint32_t n_lost, slow_every;
	const uint8_t *expect;        /* payload of all records, instead of the pattern's */
	uint32_t index;               /* the map that records must come from */
};

/* Payloads are pieces of it; which one depends on the seq. */
static uint8_t pattern[65536 + 256];

static const uint8_t *payload_of(uint64_t seq)
{
	return pattern + seq % 251;
}

static void on_record(void *arg, uint32_t index, const void *data, uint32_t len)
{
	struct taken *t = arg;
	const struct ring_record *r = data;
	uint32_t who = (uint32_t)(r->seq >> 32) % MAX_PRODUCERS;
	const uint8_t *expect = t->expect ? t->expect : payload_of(r->seq);

	/* Perf pads samples to 8 bytes. */
	if ((uintptr_t)data % 8 || index != t->index || len < sizeof(*r) + r->len ||
	    len > sizeof(*r) + r->len + 7 || (uint32_t)r->seq < t->next[who] ||
	    memcmp(r + 1, expect, r->len))
		atomic_fetch_add(&t->wrong, 1);
	t->next[who] = (uint32_t)r->seq + 1;
	atomic_store(&t->at_ns, monotonic_ns());
	if (t->slow_every && atomic_load(&t->records) % t->slow_every == 0)
		usleep(1000);
	atomic_fetch_add(&t->records, 1);
}

static void on_lost(void *arg, uint32_t index, uint64_t n)
{
	struct taken *t = arg;

	if (index != t->index || !n || t->n_lost == LOST_CALLS)
		atomic_fetch_add(&t->wrong, 1);
	else
		t->lost_ns[t->n_lost++] = monotonic_ns();
	atomic_fetch_add(&t->lost, n);
}

static void on_batch(void *arg)
{
	atomic_fetch_add(&((struct taken *)arg)->batches, 1);
}

static const struct ecap_reader_ops ops = {
	.record = on_record, .lost = on_lost, .batch = on_batch,
};

static struct ecap_reader *open_reader(const struct ecap_map *maps, uint32_t n, uint32_t pages,
				       struct taken *t)
{
	struct ecap_reader *reader = NULL;

	if (ecap_reader_open(maps, n, pages, &ops, t, &reader))
		fail_msg("%s", ecap_err_text());
	return reader;
}

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
	uint64_t sent = 0, end;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, page);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	end = monotonic_ns() + 2600000000u;
	for (; monotonic_ns() < end; usleep(2000)) {
		produce(&p, sent++, pattern, page * 2); /* larger than the ring */
		if (monotonic_ns() < end - 1300000000u)
			produce(&p, sent, payload_of(sent), 10); /* flowing first, idle then */
	}
	ecap_reader_drain(reader);
	struct ecap_reader_count count = ecap_reader_count(reader, 0);

	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(count.lost_records, sent);
	assert_int_equal(count.lost_bytes, sent * page * 2);
	assert_int_equal(t.lost, sent);
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

/* 1 when the ring's fd tells of a wake-up within @ms; edge-triggered, as the reader waits. */
static int woken(int epoll_fd, int ms)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, ms);
}

static uint32_t armed(const struct producer *p)
{
	return __atomic_load_n(&p->control->armed, __ATOMIC_SEQ_CST);
}

/* The programs' side of struct ecap_ring_control. */
static void test_wakes_only_when_asked(void **state)
{
	const struct way *way = *state;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	_cleanup_close_ int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 16);
	assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p.map.fd, &event), 0);
	p.control->armed = ECAP_WAKE_NEVER;
	for (uint32_t i = 0; i < 5; i++)
		produce(&p, i, pattern, 84);
	assert_int_equal(woken(epoll_fd, 50), 0);

	p.control->armed = ECAP_WAKE_ANY;
	produce(&p, 5, pattern, 84);
	assert_int_equal(woken(epoll_fd, 5000), 1);
	assert_int_equal(armed(&p), ECAP_WAKE_NEVER);
	produce(&p, 6, pattern, 84);
	assert_int_equal(woken(epoll_fd, 50), 0);

	/*
	 * A record takes 112 bytes here: 8 of the ring's own, 16, 84, and 4 to align. Its own
	 * room counts in the dynptr way, which takes it before it asks.
	 */
	p.control->wake_bytes = 18 * 112;
	p.control->armed = ECAP_WAKE_FULL;
	for (uint32_t i = 7; i < 17; i++)
		produce(&p, i, pattern, 84);
	assert_int_equal(armed(&p), ECAP_WAKE_FULL);
	assert_int_equal(woken(epoll_fd, 50), 0);
	produce(&p, 17, pattern, 84);
	produce(&p, 18, pattern, 84);
	assert_int_equal(armed(&p), ECAP_WAKE_NEVER);
	assert_int_equal(woken(epoll_fd, 5000), 1);
	producer_close(&p);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

#define ROUNDS 15

/*
 * A record that comes while the reader sleeps wakes it. It would look by itself 250 ms after it
 * fell asleep, which it does some milliseconds after the last record.
 */
static void test_wakes_reader(void **state)
{
	const struct way *way = *state;
	uint64_t took[ROUNDS];
	struct taken t = {};
	struct producer p;

	producer_open(&p, way->variant, way->hide, 1 << 16);
	struct ecap_reader *reader = open_reader(&p.map, 1, 16, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint32_t seq = 0; seq < ROUNDS; seq++) {
		usleep(20000);
		for (int ms = 0; !way->hide && armed(&p) != ECAP_WAKE_ANY && ms < 300; ms++)
			usleep(1000);
		uint64_t before = monotonic_ns();

		produce(&p, seq, payload_of(seq), 20);
		assert_true(wait_value(&t.records, seq + 1, 5000));
		took[seq] = t.at_ns - before;
	}
	ecap_reader_drain(reader);
	ecap_reader_free(reader);
	producer_close(&p);
	qsort(took, ROUNDS, sizeof(took[0]), by_value);
	assert_true(took[ROUNDS / 2] < 100000000);
	assert_int_equal(t.wrong, 0);
}

/* While records flow no record wakes the reader: it looks by itself. */
static void test_flow_wakes_nobody(void **state)
{
	struct taken t = {};
	struct producer p;
	uint32_t armed_any = 0, seq = 0;

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint64_t end = monotonic_ns() + 200000000; monotonic_ns() < end; seq++) {
		produce(&p, seq, payload_of(seq), 20);
		armed_any += armed(&p) == ECAP_WAKE_ANY;
	}
	ecap_reader_drain(reader);
	assert_int_equal(p.control->wake_bytes, (1 << 20) / 4);
	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.records + t.lost, seq);
	/* At the start, and when this thread was off the CPU for long. */
	assert_true(armed_any < seq / 10);
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
	refuse(&map, 1, -EBADF, "map odd: fd -1 is no BPF map");
	map.fd = 9999;
	refuse(&map, 1, -EBADF, "dup: Bad file descriptor");
}

static void test_refuses_other_maps(void **state)
{
	struct producer p;
	char text[128];

	(void)state;
	producer_open(&p, RING_NONCORE, 0, 1 << 16);
	struct ecap_map maps[] = { p.map, p.map };

	maps[1].name = "odd";
	maps[1].fd = p.map.stats_fd;
	snprintf(text, sizeof(text), "map odd: neither a ring buffer nor a perf event array (type %d)",
		 BPF_MAP_TYPE_PERCPU_ARRAY);
	refuse(maps, 2, -EINVAL, text);
	maps[1].fd = p.map.fd;
	maps[1].control_fd = p.map.stats_fd; /* cannot be mapped */
	/* The kernel's own ENOTSUPP: include/linux/errno.h. */
	refuse(maps, 2, -524, "map odd: control page: Unknown error 524");
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
	for (int signal = 1; signal < 32; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			assert_true(blocked >> (signal - 1) & 1);
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 31 + (i >> 8));
	libbpf_set_print(NULL);
	return 0;
}

#define BY_WAY(test, way, index) { .name = #test " " way, .test_func = test, \
				   .initial_state = (void *)&ways[index] }
#define RINGS(test) BY_WAY(test, "ring", 0), BY_WAY(test, "ring, task storage", 1), \
		    BY_WAY(test, "ring, dynptr", 2)
#define ALL_WAYS(test) RINGS(test), BY_WAY(test, "perf", 3), BY_WAY(test, "perf, task storage", 4)

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
		RINGS(test_wakes_only_when_asked),
		ALL_WAYS(test_wakes_reader),
		cmocka_unit_test(test_flow_wakes_nobody),
		cmocka_unit_test(test_refuses_no_map),
		cmocka_unit_test(test_refuses_other_maps),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests_name("reader", tests, setup, NULL);
}
