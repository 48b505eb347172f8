/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader's thread (reader.c) and its opening (reader_open.c) share. */
#ifndef ECAPTURE_CORE_READER_PRIVATE_H
#define ECAPTURE_CORE_READER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "reader.h"

struct ecap_perf;

struct source {
	struct ecap_reader *reader;
	uint32_t index, min_record;
	int fd, more_fd, control_fd, stats_fd;
	uint32_t id, more_id; /* the kernel's numbers of the first two; 0: none */
	struct ring_buffer *ring, *more;
	/* Positions in the two rings, or NULL. */
	const unsigned long *ring_read, *ring_written, *more_read, *more_written;
	unsigned long more_end; /* where its reading ends for now */
	struct ecap_perf *perf;
	struct ecap_ring_control *control;
	uint8_t *per_cpu;       /* room for one lookup of struct ecap_map_stats */
	uint32_t stats_size;    /* of the module's struct */
	uint64_t perf_lost, reported;
	_Atomic uint64_t records, short_records, lost_records, lost_bytes, fault_bytes;
};

struct ecap_reader {
	const struct ecap_reader_ops *ops;
	void *arg;
	struct source *sources;
	uint32_t n;
	int n_cpus, epoll_fd, stop_fd;
	pthread_t thread;
	int started;
	int nice;            /* when it is not behind */
	int behind;
	uint64_t lost_checked_ns;
	uint64_t capacity;   /* bytes that the buffers hold */
	atomic_int draining; /* set by the main thread */
	uint64_t drained;    /* bytes since then */
	int cut;             /* more than could be */
};

/* Callbacks for libbpf; their argument is a struct source. */
int ecap_reader_on_record(void *source, void *data, size_t len);
int ecap_reader_on_more_record(void *source, void *data, size_t len);

/* [main] Perf buffers on the source's fd, of so many pages for each CPU. Returns an fd to wait for. */
int ecap_reader_open_perf(struct source *s, const char *name, uint32_t pages);
void ecap_reader_free_perf(struct ecap_perf *perf);

/* [reader] Gives out what is in the source's perf buffers, but for what must wait for the next time. */
void ecap_reader_consume_perf(struct source *s);

#endif
