/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map with two rings, a small one and a large one for what comes while that is full: what one
 * thread sends comes in its order, however often it goes from one to the other.
 */
#include "reader_help.h"

#include <sys/resource.h>

#define LEN 1000

static void open_rings(struct producer *p, int variant, uint64_t ring_bytes)
{
	producer_open(p, variant, 0, ring_bytes);
	assert_true(p->map.more_fd > 0);
}

/* Nobody reads: the small ring is full after a megabyte, the rest is in the large one. */
static void fills_both(int variant)
{
	struct taken t = {};
	struct producer p;

	open_rings(&p, variant, 8 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	for (uint32_t seq = 0; seq < 4000; seq++)
		produce(&p, seq, payload_of(seq), LEN);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	assert_int_equal(t.records, 4000);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.lost, 0);
	ecap_reader_free(reader);
	producer_close(&p);
}

/* A slow reader: producers go over to the large ring and come back, many times. */
static void goes_to_and_fro(int variant)
{
	struct taken t = { .slow_every = 500 };
	struct producer p;
	uint32_t seq = 0;

	open_rings(&p, variant, 8 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (int burst = 0; burst < 20; burst++) {
		for (int i = 0; i < 3000; i++, seq++)
			produce(&p, seq, payload_of(seq), LEN);
		/* Half of the bursts find the rings empty, the others not. */
		if (burst % 2)
			assert_true(wait_value(&t.records, seq, 10000));
	}
	ecap_reader_drain(reader);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.records + t.lost, seq);
	assert_int_equal(t.lost, 0);
	ecap_reader_free(reader);
	producer_close(&p);
}

/* Both are full: what finds no room is counted, and what did comes. */
static void counts_what_is_lost(int variant)
{
	struct taken t = {};
	struct producer p;

	open_rings(&p, variant, (uint64_t)sysconf(_SC_PAGESIZE));
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	for (uint32_t seq = 0; seq < 1000; seq++)
		produce(&p, seq, payload_of(seq), 100);
	assert_int_equal(ecap_reader_start(reader), 0);
	ecap_reader_drain(reader);
	assert_int_equal(t.wrong, 0);
	assert_in_range(t.records, 40, 80);
	assert_int_equal(t.records + t.lost, 1000);
	ecap_reader_free(reader);
	producer_close(&p);
}

/* The first record wakes a reader that sleeps, in whichever ring it is. */
static void wakes(int variant)
{
	struct taken t = {};
	struct producer p;

	open_rings(&p, variant, 8 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 0, &t);

	assert_int_equal(ecap_reader_start(reader), 0);
	for (uint32_t seq = 0; seq < 20; seq++) {
		usleep(20000); /* long enough to arm itself */
		produce(&p, seq, payload_of(seq), 64);
		assert_true(wait_value(&t.records, seq + 1, 5000));
	}
	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.wrong, 0);
}

#define HURRIED (-3)

struct priorities {
	_Atomic uint64_t records;
	_Atomic int last, in_a_hurry;
};

static void note_priority(void *arg, uint32_t index, const void *data, uint32_t len)
{
	struct priorities *seen = arg;

	(void)index, (void)data, (void)len;
	atomic_store(&seen->last, getpriority(PRIO_PROCESS, 0));
	atomic_fetch_add(&seen->in_a_hurry, seen->last == HURRIED);
	atomic_fetch_add(&seen->records, 1);
}

static void ignore_lost(void *arg, uint32_t index, uint64_t n)
{
	(void)arg, (void)index, (void)n;
}

static void ignore_batch(void *arg)
{
	(void)arg;
}

/* It goes before others only while it has fallen behind. */
static void hurries(int variant)
{
	static const struct ecap_reader_ops hurried = {
		.record = note_priority, .lost = ignore_lost, .batch = ignore_batch,
		.nice_behind = HURRIED,
	};
	struct priorities seen = {};
	struct ecap_reader *reader;
	struct producer p;

	open_rings(&p, variant, 8 << 20);
	for (uint32_t seq = 0; seq < 4000; seq++)
		produce(&p, seq, payload_of(seq), LEN);
	assert_int_equal(ecap_reader_open(&p.map, 1, 0, &hurried, &seen, &reader), 0);
	assert_int_equal(ecap_reader_start(reader), 0);
	assert_true(wait_value(&seen.records, 4000, 5000));
	assert_int_equal(seen.in_a_hurry, 4000);
	usleep(20000); /* the round in which all was read is over */
	produce(&p, 4000, payload_of(0), LEN);
	assert_true(wait_value(&seen.records, 4001, 5000));
	assert_int_equal(seen.last, getpriority(PRIO_PROCESS, 0));
	ecap_reader_free(reader);
	producer_close(&p);
}

#define BOTH(name)									\
	static void test_##name(void **state) { (void)state; name(RING_OVERFLOW); }	\
	static void test_##name##_scratch(void **state)					\
	{										\
		(void)state;								\
		name(RING_OVERFLOW_SCRATCH);						\
	}

BOTH(fills_both)
BOTH(goes_to_and_fro)
BOTH(counts_what_is_lost)
BOTH(wakes)
BOTH(hurries)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_both),
		cmocka_unit_test(test_fills_both_scratch),
		cmocka_unit_test(test_goes_to_and_fro),
		cmocka_unit_test(test_goes_to_and_fro_scratch),
		cmocka_unit_test(test_counts_what_is_lost),
		cmocka_unit_test(test_counts_what_is_lost_scratch),
		cmocka_unit_test(test_wakes),
		cmocka_unit_test(test_wakes_scratch),
		cmocka_unit_test(test_hurries),
		cmocka_unit_test(test_hurries_scratch),
	};

	return cmocka_run_group_tests_name("overflow", tests, setup, NULL);
}
