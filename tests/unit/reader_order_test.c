/* SPDX-License-Identifier: Apache-2.0 */
/* The reader on a thread that changes its CPU: perf buffers are one for each CPU. */
#include "reader_help.h"

#include <sched.h>

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* A thread's records are in order though it changes its CPU: before the reader starts, and later. */
static void test_changes_cpu(void **state)
{
	const struct way *way = *state;
	struct taken t = {};
	struct producer p;
	cpu_set_t before;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (!CPU_ISSET(0, &before) || !CPU_ISSET(1, &before))
		skip();
	producer_open(&p, way->variant, way->hide, 4 << 20);
	struct ecap_reader *reader = open_reader(&p.map, 1, 255, &t);

	for (uint32_t seq = 0; seq < 2000; seq++) {
		if (seq == 100)
			assert_int_equal(ecap_reader_start(reader), 0);
		run_on(!(seq % 2));
		produce(&p, seq, payload_of(seq), 50);
	}
	sched_setaffinity(0, sizeof(before), &before);
	ecap_reader_drain(reader);
	ecap_reader_free(reader);
	producer_close(&p);
	assert_int_equal(t.records, 2000);
	assert_int_equal(t.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_WAYS(test_changes_cpu),
	};

	return cmocka_run_group_tests_name("reader_order", tests, setup, NULL);
}
