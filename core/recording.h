/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: the raw records of a capture in a file, and back. What a module's decode() may
 * depend on stands before them, so that it makes the same events of them anywhere.
 */
#ifndef ECAPTURE_CORE_RECORDING_H
#define ECAPTURE_CORE_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include <ecapture/module.h>

#include "reader.h"

/* What stands before the records. */
struct ecap_recording_head {
	const char *module, *version; /* name and version of the module */
	const char *host;             /* version of the ecapture that recorded */
	uint16_t abi_major, abi_minor; /* of the module */
	struct ecap_context context;  /* its numbers; no pointer of it is set */
	struct ecap_common common;
	const char *options;          /* what was given to the module, for a human; "": nothing */
	const struct ecap_map *maps;  /* id, name and min_record count */
	uint32_t n_maps;
};

/* ---- writing ---- */

struct ecap_recorder;

/*
 * Makes the file (mode 0600: it holds what was encrypted) or takes one that is there, of which
 * nothing is left, and writes the head. Refused: what is no regular file, and a file that
 * another ecapture records to or replays. [main]
 */
int ecap_recorder_open(const char *path, const struct ecap_recording_head *head,
		       struct ecap_recorder **recorder);

/*
 * Adds a record, or a loss, of the map at this index of the head's list. Errors are kept; the
 * flush returns them. [reader]
 */
void ecap_recorder_record(struct ecap_recorder *recorder, uint32_t map, const void *record,
			  uint32_t len);
void ecap_recorder_lost(struct ecap_recorder *recorder, uint32_t map, uint64_t n);

/* Writes what is buffered. 0, or a negative errno with a text, which stays. [reader] */
int ecap_recorder_flush(struct ecap_recorder *recorder);

/* As ecap_sink_rescue(). */
void ecap_recorder_rescue(struct ecap_recorder *recorder);

/* As ecap_sink_written() and ecap_sink_give_up(). [any thread] */
uint64_t ecap_recorder_written(const struct ecap_recorder *recorder);
void ecap_recorder_give_up(struct ecap_recorder *recorder);

/*
 * Writes the end, with what came of each map of the head, and closes the file. Returns the first
 * error there was. NULL is allowed. [main], after the reader has ended
 */
int ecap_recorder_close(struct ecap_recorder *recorder, const struct ecap_reader_count *counts);

/* ---- reading ---- */

struct ecap_recording;

enum ecap_recording_kind { ECAP_RECORDING_END, ECAP_RECORDING_RECORD, ECAP_RECORDING_LOST };

struct ecap_recording_item {
	enum ecap_recording_kind kind;
	uint32_t map;     /* index in the head's list */
	const void *data; /* RECORD: 8-byte aligned, until the recording is freed */
	uint32_t len;
	uint64_t lost;    /* LOST */
};

/*
 * Maps a file and looks at all of it: nothing is handed out of a file that is damaged anywhere.
 * -EBADMSG with the offset in the text; -EPROTONOSUPPORT: of another major version.
 */
int ecap_recording_open(const char *path, struct ecap_recording **recording);
/* The same on memory, which is the caller's. @name: for messages. */
int ecap_recording_of_memory(const char *name, const void *data, size_t size,
			     struct ecap_recording **recording);
void ecap_recording_free(struct ecap_recording *recording);

/* Valid until the recording is freed. */
const struct ecap_recording_head *ecap_recording_head(const struct ecap_recording *recording);

/* The next record or loss; ECAP_RECORDING_END: there is no more. */
struct ecap_recording_item ecap_recording_next(struct ecap_recording *recording);

/*
 * 0, or -ENODATA when the file ends without its end, as after a capture that was killed: the text
 * says where.
 */
int ecap_recording_complete(const struct ecap_recording *recording);

/* What came of the map at @index; of a file without end, as far as it tells. */
struct ecap_reader_count ecap_recording_count(const struct ecap_recording *recording,
					      uint32_t index);

#endif
