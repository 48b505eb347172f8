/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the journal as the text of a file. [main] */
#ifndef ECAPTURE_CORE_PACKETS_ENTRY_H
#define ECAPTURE_CORE_PACKETS_ENTRY_H

#include "packets/journal.h"

/* The whole text, at the file's beginning. 0 or a negative errno with a text. */
int ecap_tc_entry_write(int fd, const struct ecap_tc_entry *entry);

/*
 * All but the file's name. Returns 0; 1: of another network namespace; -ENODATA: nothing was
 * written; another negative errno with a text: no entry.
 */
int ecap_tc_entry_read(int fd, struct ecap_tc_entry *entry);

const char *ecap_tc_side_name(enum ecap_tc_side side);

#endif
