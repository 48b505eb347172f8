/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader's thread (reader.c) and its opening (reader_open.c) share. */
#ifndef ECAPTURE_CORE_READER_PRIVATE_H
#define ECAPTURE_CORE_READER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "reader.h"

struct source {
	struct ecap_reader *reader;
	uint32_t index, min_record;
	int fd, more_fd, control_fd, stats_fd;
	uint32_t id, more_id; /* the kernel's numbers of the first two; 0: none */
	struct ring_buffer *ring, *more;
	/* Positions in the two rings, or NULL. */
	const unsigned long *ring_read, *ring_written, *more_read, *more_written;
	unsigned long more_end; /* where its reading ends for now */
	struct perf_buffer *perf;
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
void ecap_reader_on_perf_record(void *source, int cpu, void *data, uint32_t len);
void ecap_reader_on_perf_lost(void *source, int cpu, unsigned long long n);

#endif
