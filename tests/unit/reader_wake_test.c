/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the reader sleeps and wakes: programs wake it when the control page says so and at no other
 * time, and a record that comes while it sleeps does not wait.
 */
#include "reader_help.h"

#include <sys/epoll.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RINGS(test_wakes_only_when_asked),
		ALL_WAYS(test_wakes_reader),
		cmocka_unit_test(test_flow_wakes_nobody),
	};

	return cmocka_run_group_tests_name("reader_wake", tests, setup, NULL);
}
