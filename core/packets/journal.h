/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on interfaces and would stay when its process is killed: a file for each filter in
 * /run/ecapture/tc, written before the filter is there and removed after it. A process holds a
 * lock on its files, which the kernel takes away with it: no lock, no process, whatever its
 * number was and whoever has that now. [main]
 */
#ifndef ECAPTURE_CORE_PACKETS_JOURNAL_H
#define ECAPTURE_CORE_PACKETS_JOURNAL_H

#include <stdint.h>

#include "packets/attach.h"

#define ECAP_TC_JOURNAL "/run/ecapture/tc"

struct ecap_tc_entry {
	char file[64];       /* its name in the journal */
	uint32_t interface;
	enum ecap_tc_side side;
	uint32_t prio, handle, program_id;
	char tag[2 * 8 + 1]; /* of the program: BPF_TAG_SIZE, in hexadecimal digits */
	int made_qdisc;      /* the qdisc is there because of this process or another ecapture */
	int settled;         /* the filter is on it: neither being put there, nor being removed */
	int pid;             /* in its own pid namespace; for messages */
};

struct ecap_tc_journal {
	int dir, lock;
};

/*
 * Opens the journal, for this process alone until it is closed: whoever changes interfaces does
 * it in between. Not there: made when @make, else -ENOENT.
 */
int ecap_tc_journal_open(int make, struct ecap_tc_journal *journal);
void ecap_tc_journal_close(struct ecap_tc_journal *journal);

/* Fills in entry->file and pid. *fd holds the entry's lock, and is the caller's. */
int ecap_tc_journal_add(const struct ecap_tc_journal *journal, struct ecap_tc_entry *entry, int *fd);

/* What has changed of the entry is in entry->settled. Said when it cannot be written. */
void ecap_tc_journal_settle(int fd, struct ecap_tc_entry *entry, int settled);
void ecap_tc_journal_remove(const struct ecap_tc_journal *journal, const char *file);

/*
 * Calls @visit for each entry of this network namespace, until it returns something but 0, which
 * is returned. @lives: its process does. What cannot be read is said, and put aside.
 */
int ecap_tc_journal_each(const struct ecap_tc_journal *journal,
			 int (*visit)(void *arg, const struct ecap_tc_entry *entry, int lives),
			 void *arg);

#endif
