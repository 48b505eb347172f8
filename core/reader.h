/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the maps of one instance in one thread: ring buffers and perf buffers, told apart by
 * the map's own type.
 *
 * The thread sleeps in one epoll set. A ring buffer's programs wake it only when it has asked
 * for it (struct ecap_ring_control): while records flow it looks by itself every millisecond,
 * so that a record costs the target no wake-up; once nothing came for a while it arms the
 * control page, looks once more, and blocks. A record that was reserved but not yet committed
 * at that look would be missed: therefore the first sleep after arming is short, and no sleep
 * is endless.
 *
 * A map may have a second ring for what comes while the first is full. Programs write to it as
 * long as anything waits there, so all that is in the first ring then is older: the reader looks
 * at the second, empties the first, and only then reads the second, up to where it saw it end.
 */
#ifndef ECAPTURE_CORE_READER_H
#define ECAPTURE_CORE_READER_H

#include <stdint.h>

#include <ecapture/module.h>
#include <ecapture/record.h>

struct ecap_reader;

enum ecap_draining {
	ECAP_DRAIN_WAIT,
	ECAP_DRAIN_INTERRUPT, /* what the thread waits for, by a signal */
	ECAP_DRAIN_LEAVE,     /* the thread behind */
};

/* How a drain ended. */
enum ecap_drained {
	ECAP_DRAIN_ALL,   /* everything was read */
	ECAP_DRAIN_CUT,   /* more came than the buffers hold: something still writes */
	ECAP_DRAIN_STUCK, /* the thread was left behind: the reader must not be freed */
};

/* [reader] */
struct ecap_reader_ops {
	/* One record of the map at @index; 8-byte aligned, valid until it returns. */
	void (*record)(void *arg, uint32_t index, const void *data, uint32_t len);
	/* @n records of the map were lost since the last call. */
	void (*lost)(void *arg, uint32_t index, uint64_t n);
	/* A batch is through: what was buffered should go out. */
	void (*batch)(void *arg);
	/*
	 * Nothing has come, and the thread is about to sleep. Returns for how many milliseconds it may
	 * at most, or -1: as it likes. Optional.
	 */
	int (*idle)(void *arg);
	/*
	 * Of the thread, as setpriority(2) has it, while a map's second ring is in use: until then
	 * the programs that are watched go first. 0, or not allowed: it stays as it is.
	 */
	int nice_behind;
	/*
	 * [main] The drain goes on for another ECAP_DRAIN_TICK_MS: what is to be done about it.
	 * Optional.
	 */
	enum ecap_draining (*draining)(void *arg);
	/* The thread ends inside of record() or lost(): somebody called pthread_exit(3). Optional. */
	void (*ended)(void *arg);
};

#define ECAP_DRAIN_TICK_MS 100

/* What came of a map, and what did not. */
struct ecap_reader_count {
	uint64_t records;      /* read */
	uint64_t short_records; /* below min_record */
	uint64_t lost_records; /* counted by the programs and by perf */
	uint64_t lost_bytes;
	uint64_t fault_bytes;
};

/* Opens a reader for the @n maps; @page_count: pages of each CPU's perf buffer. */
int ecap_reader_open(const struct ecap_map *maps, uint32_t n, uint32_t page_count,
		     const struct ecap_reader_ops *ops, void *arg, struct ecap_reader **reader);

/* Starts the thread. */
int ecap_reader_start(struct ecap_reader *reader);

/*
 * Once nothing writes any more: has the thread read what is left and end, and does not wait for it.
 * Harmless when not started.
 */
void ecap_reader_finish(struct ecap_reader *reader);

/* The same, and waits. */
enum ecap_drained ecap_reader_drain(struct ecap_reader *reader);

/* Of the map at @index; exact after the drain, close to it before. [any thread] */
struct ecap_reader_count ecap_reader_count(const struct ecap_reader *reader, uint32_t index);

/*
 * 1 when records lie in a ring that the thread has not done with; what comes through perf is not
 * looked at. [any thread]
 */
int ecap_reader_pending(const struct ecap_reader *reader);

void ecap_reader_free(struct ecap_reader *reader);

#endif
