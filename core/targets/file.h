/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what may become a target: a regular file, without harm when it is something else. */
#ifndef ECAPTURE_CORE_TARGETS_FILE_H
#define ECAPTURE_CORE_TARGETS_FILE_H

#include <sys/stat.h>

#include "targets/keys.h"
#include "targets/maps.h"

struct ecap_file {
	int fd; /* O_RDONLY, -1: none */
	struct stat st;
	struct ecap_file_key key;
	/* What was given stands for this too; and what, given, stands for this: see file.c. */
	struct ecap_file_key stands_for, same;
};

#define ECAP_FILE_NONE ((struct ecap_file){.fd = -1})

/* -EINVAL: not a regular file. Never blocks on a FIFO and has no effect on a device. */
int ecap_file_open(const char *path, struct ecap_file *file);

/*
 * The file behind a mapping, also when it is deleted, replaced or in another mount namespace.
 * Returns 0, or a negative errno without a text: processes end at any time.
 */
int ecap_file_open_mapping(const struct ecap_mapping *mapping, struct ecap_file *file);

void ecap_file_close(struct ecap_file *file);

#endif
