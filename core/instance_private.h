/* SPDX-License-Identifier: Apache-2.0 */
/* What instance.c (life cycle) and host.c (the module's view of the host) share. */
#ifndef ECAPTURE_CORE_INSTANCE_PRIVATE_H
#define ECAPTURE_CORE_INSTANCE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "crumb.h"
#include "instance.h"
#include "log_budget.h"
#include "reader.h"
#include "recording.h"

/* Counters that a module may name: more are dropped with a line in the log. */
#define ECAP_MAX_COUNTERS 32

/* What the host keeps of a map, also when the module and the reader are gone. */
struct ecap_map_result {
	char name[48];
	uint64_t decoded; /* records handed to decode() [reader] */
	struct ecap_reader_count count;
};

struct ecap_counter {
	char name[48];
	uint64_t value;
};

/* What became of the records, in the reader thread. */
struct ecap_tally {
	_Atomic uint64_t events;   /* written */
	_Atomic uint64_t bytes;    /* payload bytes of those */
	_Atomic uint64_t damaged;  /* refused by decode() or dispatch() */
};

/* How far it is in its life: instance.h. */
enum ecap_life {
	ECAP_LIFE_NEW, ECAP_LIFE_INITED, ECAP_LIFE_LOADED, ECAP_LIFE_READING, ECAP_LIFE_STARTED,
	ECAP_LIFE_STOPPING, ECAP_LIFE_DRAINED, ECAP_LIFE_CLOSED,
};

const char *ecap_life_name(int life);

enum ecap_halt {
	ECAP_HALT_NONE,
	ECAP_HALT_EVENTS, /* nothing more is decoded or taken */
	ECAP_HALT_LEFT,   /* the reader's thread is left behind, and may touch nothing */
};

struct ecap_instance {
	struct ecap_instance *kept;   /* the next of those that are freed */
	struct ecap_instance_options options;
	char name[33], title[128];    /* the module's command; "module 'foo' 0.3.1" */
	struct ecap_context context;
	void *state;                  /* of the module */
	uint32_t steps;               /* how many steps of the life cycle have succeeded */
	int undo_error;               /* the first error of undoing them */
	char undo_text[1024];
	atomic_int life;              /* enum ecap_life */
	struct ecap_map *maps;        /* our copy, so that what was checked stays as it is */
	uint32_t n_maps;
	struct ecap_reader *reader;
	struct ecap_recorder *recorder; /* NULL: nothing is recorded */
	struct ecap_renderer *renderer;
	struct ecap_target_set *targets;
	struct ecap_tally tally;
	struct ecap_sink *_Atomic serving; /* what a service writes to for the module [reader] */
	uint64_t drained_to;          /* bytes that the sink had written at the last look */
	uint64_t drained_records;     /* that had been read at the last look */
	uint64_t still_since_ms;      /* when one of the two had moved; 0: nobody has looked */
	int wrong_option;             /* what failed is a value that the user gave */
	int left_behind;              /* a call that has not returned may still use the state */
	struct ecap_crumb reading;    /* of the reader's calls [reader] */
	struct ecap_map_result *results; /* by map; n_results of them */
	uint32_t n_results;
	uint32_t n_findings;          /* of a survey */

	int stop_fd;                  /* eventfd: readable once the instance is to stop */
	atomic_int error;
	atomic_int halted;            /* enum ecap_halt */
	_Atomic uint64_t broken;      /* rules, by the module */
	struct ecap_log_budget log_budget;
	pthread_mutex_t lock;         /* guards what is below */
	char error_text[1024], first_broken[512];
	struct ecap_counter counters[ECAP_MAX_COUNTERS];
	uint32_t n_counters;
	int counters_full;
};

/* A step of the life cycle, and what undoes it (or NULL). */
struct ecap_step {
	const char *name;
	int (*run)(struct ecap_instance *self);
	int (*undo)(struct ecap_instance *self);
	enum ecap_life life, undone; /* after the one, and the other where that changes it */
};

/*
 * Writes out what the sinks have buffered, for a reader that does no more: it has crashed, or is left
 * behind. Async-signal-safe.
 */
void ecap_instance_rescue(struct ecap_instance *instance);

/* In instance_recording.c: opens and ends the file of options.record. */
int ecap_instance_open_recorder(struct ecap_instance *instance);
int ecap_instance_close_recorder(struct ecap_instance *instance);
/* The maps of the recording in the place of the module's, and its records in that of the reader's. */
int ecap_instance_recorded_maps(struct ecap_instance *instance);
int ecap_instance_replay(struct ecap_instance *instance);

/* In instance_survey.c: what the host's finding() does in a [main] call. */
int ecap_instance_finding(struct ecap_instance *instance, const struct ecap_finding *finding);

/* The table that every module gets. */
extern const struct ecap_host ecap_host_table;

/* What the reader of an instance calls. */
extern const struct ecap_reader_ops ecap_instance_reader_ops;

/* For how long neither records nor what is written of them have moved. */
uint64_t ecap_instance_still_ms(struct ecap_instance *instance);

/* One record of the map at @map_index: decoded, and its event sent where it is to go. [reader] */
void ecap_instance_record(struct ecap_instance *instance, uint32_t map_index, const void *rec,
			  uint32_t len);

/*
 * Takes over a list of maps, checked but for its fds. @rows: the module's, at its own distance
 * (map_size). Returns 0 or a negative errno with a text. In instance_maps.c. [main]
 */
int ecap_instance_take_maps(struct ecap_instance *instance, const void *rows, uint32_t n);

/* Sends an event where it is to go, if it is what it should be. [reader] */
int ecap_instance_route(struct ecap_instance *instance, struct ecap_event *event);

/* Keeps the first error with its text and asks the main thread to stop. [any thread] */
void ecap_instance_abort(struct ecap_instance *instance, int err, const char *text);

#endif
