/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the reader: every way that records can go, payloads that tell their number, and
 * callbacks that check what comes.
 */
#ifndef TESTS_UNIT_READER_HELP_H
#define TESTS_UNIT_READER_HELP_H

#include "ring.h"

#include <fcntl.h>
#include <string.h>
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

static inline const uint8_t *payload_of(uint64_t seq)
{
	return pattern + seq % 251;
}

static inline void on_record(void *arg, uint32_t index, const void *data, uint32_t len)
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

static inline void on_lost(void *arg, uint32_t index, uint64_t n)
{
	struct taken *t = arg;

	if (index != t->index || !n || t->n_lost == LOST_CALLS)
		atomic_fetch_add(&t->wrong, 1);
	else
		t->lost_ns[t->n_lost++] = monotonic_ns();
	atomic_fetch_add(&t->lost, n);
}

static inline void on_batch(void *arg)
{
	atomic_fetch_add(&((struct taken *)arg)->batches, 1);
}

static const struct ecap_reader_ops ops = {
	.record = on_record, .lost = on_lost, .batch = on_batch,
};

static inline struct ecap_reader *open_reader(const struct ecap_map *maps, uint32_t n,
					      uint32_t pages, struct taken *t)
{
	struct ecap_reader *reader = NULL;

	if (ecap_reader_open(maps, n, pages, &ops, t, &reader))
		fail_msg("%s", ecap_err_text());
	return reader;
}

static inline int setup(void **state)
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

#endif
