/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What packet files are written to. Each is made anew, and only root's to read: besides the
 * packets it holds what decrypts them.
 */
#ifndef ECAPTURE_CORE_PACKETS_OUTPUT_H
#define ECAPTURE_CORE_PACKETS_OUTPUT_H

#include "sink.h"

/*
 * @path: "-" for standard output; a FIFO, whose reader is waited for; another device; or a file,
 * emptied when it was there. Returns 0 or a negative errno with a text.
 */
int ecap_packet_output_open(const char *path, struct ecap_sink **sink);

/*
 * The next of numbered files, as dumpcap names them: *number is raised, and NAME.pcapng becomes
 * NAME_00001_20260131235959.pcapng. None that is there is touched: nobody named these.
 */
int ecap_packet_output_next(const char *path, uint32_t *number, struct ecap_sink **sink);

/*
 * A full disk cuts a block, which readers take for damage: shortens the file to its whole ones. One
 * begins at @from.
 */
void ecap_packet_output_mend(int fd, uint64_t from);

/* -EINVAL with a text when @path cannot be the name of numbered files. */
int ecap_packet_output_check_numbered(const char *path);

#endif
