/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads perf buffers, of which each CPU has its own, in the order of time: a thread that changes its
 * CPU sends its records through two of them, and its bytes are to come in their order.
 *
 * Whatever was sent before a round over all buffers began has been seen when the round ends. What was
 * sent later waits for the next round: an earlier record may have come into a buffer that had been
 * left behind.
 */
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "reader_private.h"
#include "util.h"

/* perf_event_open(2), for PERF_SAMPLE_TIME and PERF_SAMPLE_RAW. */
struct sample {
	struct perf_event_header header;
	uint64_t time;
	uint32_t size;
	uint8_t data[];
};

struct lost {
	struct perf_event_header header;
	uint64_t id, lost;
};

struct waiting {
	uint64_t time, number; /* the second: the order of those of one time */
	size_t at;             /* in bytes */
	uint32_t len;
};

struct ecap_perf {
	struct perf_buffer *buffer;
	struct waiting *waiting;
	uint8_t *bytes;
	size_t n, room, used, size;
	uint64_t number;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* Makes room for one more, of @len bytes. */
static int make_room(struct ecap_perf *perf, uint32_t len)
{
	if (perf->n == perf->room) {
		size_t room = perf->room ? 2 * perf->room : 1024;
		void *grown = reallocarray(perf->waiting, room, sizeof(*perf->waiting));

		if (!grown)
			return -ENOMEM;
		perf->waiting = grown;
		perf->room = room;
	}
	if (perf->size - perf->used < len) {
		size_t size = 2 * (perf->size + len);
		void *grown = realloc(perf->bytes, size);

		if (!grown)
			return -ENOMEM;
		perf->bytes = grown;
		perf->size = size;
	}
	return 0;
}

static void add_sample(struct source *s, const struct sample *sample)
{
	struct ecap_perf *perf = s->perf;
	uint32_t aligned = (sample->size + 7) & ~7u;

	if (make_room(perf, aligned)) {
		s->perf_lost++;
		return;
	}
	perf->waiting[perf->n++] = (struct waiting){
		.time = sample->time, .number = perf->number++,
		.at = perf->used, .len = sample->size,
	};
	memcpy(perf->bytes + perf->used, sample->data, sample->size);
	perf->used += aligned;
}

static enum bpf_perf_event_ret on_event(void *arg, int cpu, struct perf_event_header *header)
{
	struct source *s = arg;

	(void)cpu;
	if (header->type == PERF_RECORD_SAMPLE)
		add_sample(s, (const struct sample *)header);
	else if (header->type == PERF_RECORD_LOST)
		s->perf_lost += ((const struct lost *)header)->lost;
	return LIBBPF_PERF_EVENT_CONT;
}

static int compare(const void *left, const void *right)
{
	const struct waiting *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Keeps those from the @first on, at the start of a memory of their own. */
static void keep(struct ecap_perf *perf, size_t first)
{
	struct ecap_perf kept = { .buffer = perf->buffer, .number = perf->number };

	if (first == perf->n) {
		perf->n = perf->used = 0;
		return;
	}
	for (size_t i = first; i < perf->n; i++) {
		struct waiting *w = &perf->waiting[i];
		uint32_t aligned = (w->len + 7) & ~7u;

		if (make_room(&kept, aligned)) {
			free(kept.waiting);
			free(kept.bytes);
			memmove(perf->waiting, perf->waiting + first,
				(perf->n - first) * sizeof(*perf->waiting));
			perf->n -= first; /* their bytes stay where they are */
			return;
		}
		memcpy(kept.bytes + kept.used, perf->bytes + w->at, w->len);
		w->at = kept.used;
		kept.waiting[kept.n++] = *w;
		kept.used += aligned;
	}
	free(perf->waiting);
	free(perf->bytes);
	*perf = kept;
}

void ecap_reader_consume_perf(struct source *s)
{
	struct ecap_perf *perf = s->perf;
	size_t given = 0;

	do {
		uint64_t begin = now_ns();

		perf_buffer__consume(perf->buffer);
		if (perf->n)
			qsort(perf->waiting, perf->n, sizeof(*perf->waiting), compare);
		while (given < perf->n && perf->waiting[given].time <= begin) {
			const struct waiting *w = &perf->waiting[given++];

			if (ecap_reader_on_record(s, perf->bytes + w->at, w->len))
				break;
		}
	} while (!given && perf->n);
	keep(perf, given);
}

int ecap_reader_open_perf(struct source *s, const char *name, uint32_t pages)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};

	s->perf = calloc(1, sizeof(*s->perf));
	if (!s->perf)
		return ecap_err(-ENOMEM, "out of memory");
	s->perf->buffer = perf_buffer__new_raw(s->fd, pages, &attr, on_event, s, NULL);
	if (!s->perf->buffer)
		return ecap_err(-errno, "map %s: perf buffer of %u pages: %s", name, pages,
				strerror(errno));
	return perf_buffer__epoll_fd(s->perf->buffer);
}

void ecap_reader_free_perf(struct ecap_perf *perf)
{
	if (!perf)
		return;
	perf_buffer__free(perf->buffer);
	free(perf->waiting);
	free(perf->bytes);
	free(perf);
}
