/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of packets that wait: its bound, and what becomes of it. */
#include "packet_file_help.h"

#include "packets/hold.h"

#define LIMIT  ((size_t)8 << 20)
#define SECOND 1000000000ull

/* Adds packets of ascending times until there is no room. Returns how many. */
static uint64_t fill(struct ecap_hold *hold, uint32_t payload)
{
	for (uint64_t n = 0;; n++) {
		struct ecap_packet packet = packet_of((uint16_t)n, n, payload);
		int full = ecap_hold_add(hold, &packet);

		assert_in_range(full, 0, 1);
		assert_true(ecap_hold_memory(hold) <= LIMIT);
		if (full)
			return n;
	}
}

/* Takes all of them, as they came. */
static void empty(struct ecap_hold *hold, uint64_t n, uint32_t payload)
{
	for (uint64_t i = 0; i < n; i++) {
		const struct ecap_held *oldest = ecap_hold_oldest(hold);

		assert_non_null(oldest);
		assert_int_equal(oldest->mono_ns, i);
		assert_int_equal(oldest->captured, HEADERS + payload);
		assert_int_equal(oldest->data[HEADERS + payload - 1], (uint8_t)(i + payload - 1));
		ecap_hold_pop(hold);
	}
	assert_null(ecap_hold_oldest(hold));
}

/* Nearly all of the memory is for packets, and it is used again, for whatever sizes. */
static void test_bound(void **state)
{
	static const uint32_t payloads[] = { 60, 1400, 65000, 900000, 1000000, 1 };
	struct ecap_hold *hold = ecap_hold_new(LIMIT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		uint64_t n = fill(hold, payloads[i]), bytes = n * (HEADERS + payloads[i]);

		if (payloads[i] > 1000 && payloads[i] < 100000)
			assert_in_range(bytes, LIMIT / 10 * 8, LIMIT);
		assert_true(n >= 4);
		empty(hold, n, payloads[i]);
		ecap_hold_reuse(hold, 0);
		assert_int_equal(fill(hold, payloads[i]), n);
		empty(hold, n, payloads[i]);
		ecap_hold_reuse(hold, 0);
	}
	ecap_hold_free(hold);
}

/* What leaves makes room for what comes: no more memory than for those that wait at a time. */
static void test_slides(void **state)
{
	struct ecap_hold *hold = ecap_hold_new(LIMIT);

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		struct ecap_packet packet = packet_of((uint16_t)i, i, 1000);

		assert_int_equal(ecap_hold_add(hold, &packet), 0);
		if (i >= 1000)
			ecap_hold_pop(hold);
		if (i % 100 == 0)
			ecap_hold_reuse(hold, i);
		assert_true(ecap_hold_memory(hold) <= LIMIT / 2);
	}
	ecap_hold_free(hold);
}

/* After a burst, but not while bursts come. */
static void test_gives_back(void **state)
{
	struct ecap_hold *hold = ecap_hold_new(LIMIT);
	uint64_t now = 100 * SECOND;

	(void)state;
	ecap_hold_reuse(hold, now);
	for (int i = 0; i < 5; i++, now += 8 * SECOND) {
		empty(hold, fill(hold, 1000), 1000);
		ecap_hold_reuse(hold, now);
		assert_true(ecap_hold_memory(hold) > LIMIT / 10 * 8);
	}
	for (int i = 0; i < 5; i++, now += 8 * SECOND)
		ecap_hold_reuse(hold, now);
	assert_true(ecap_hold_memory(hold) <= LIMIT / 4);
	ecap_hold_free(hold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_slides),
		cmocka_unit_test(test_gives_back),
	};

	return cmocka_run_group_tests_name("packet_hold", tests, NULL, NULL);
}
