/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a process has mapped executable, by /proc/PID/maps. */
#ifndef ECAPTURE_CORE_TARGETS_MAPS_H
#define ECAPTURE_CORE_TARGETS_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct ecap_mapping {
	uint32_t pid;
	uint32_t major, minor;
	bool deleted;
	uint64_t start, end;
	uint64_t ino, generation; /* generation of the inode number, 0: not known */
	const char *path;         /* as the process sees it, without " (deleted)" */
};

/* Cuts off the " (deleted)" that the kernel puts after unlinked paths; true when it was there. */
bool ecap_maps_cut_deleted(char *path);

/*
 * Calls @cb for each executable mapping of a file, often several for one file. @cb: not 0 ends
 * it and is returned. -ESRCH: no such process, or it ended meanwhile.
 */
int ecap_maps_each(uint32_t pid, int (*cb)(void *arg, const struct ecap_mapping *mapping),
		   void *arg);

/* The same for every process but this one; processes that end or refuse are passed over. */
int ecap_maps_each_process(int (*cb)(void *arg, const struct ecap_mapping *mapping), void *arg);

/* Below are the two ways to read the maps, which tell the same; for maps.c and its test. */

/* The longest line: numbers, padding, and a path of line ends only, each of four bytes. */
#define ECAP_MAPS_BUFFER (4 * PATH_MAX + 256 + 16384)

struct ecap_maps_reader {
	uint32_t pid;
	int fd;       /* of /proc/PID/maps */
	char *buffer; /* of ECAP_MAPS_BUFFER bytes */
	int (*cb)(void *arg, const struct ecap_mapping *mapping);
	void *arg;
	int outcome; /* what @cb returned last */
};

/*
 * Both return 0, also when @cb ended it, or a negative errno without a text. -ENOTTY: this
 * kernel has no such query.
 */
int ecap_maps_query(struct ecap_maps_reader *reader);
int ecap_maps_read(struct ecap_maps_reader *reader);

#endif
