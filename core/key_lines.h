/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of key logs (NSS key log format, RFC 9850), and which there were already. These are
 * remembered by a hash, so that a secret that both ends of a connection tell on this machine is
 * one line. The memory of it is bounded: two sets, of which the older is dropped when the newer
 * is full. One thread at a time.
 */
#ifndef ECAPTURE_CORE_KEY_LINES_H
#define ECAPTURE_CORE_KEY_LINES_H

#include <ecapture/service/keylog.h>

#define ECAP_KEY_LABEL_MAX  64u
#define ECAP_KEY_SECRET_MAX 255u
#define ECAP_KEY_LINE_MAX \
	(ECAP_KEY_LABEL_MAX + 2 * (ECAP_KEYLOG_RANDOM_BYTES + ECAP_KEY_SECRET_MAX) + 4)

/*
 * Makes "LABEL RANDOM SECRET\n" in @line, which has room for ECAP_KEY_LINE_MAX; no NUL. Returns
 * its length, or -EINVAL with a text.
 */
int ecap_key_line(char *line, const char *label, const void *random, const void *secret,
		  uint32_t len);

struct ecap_key_lines;

/* NULL: out of memory. */
struct ecap_key_lines *ecap_key_lines_new(void);
/* 1 when there was no such line, 0 when there was, or -ENOMEM with a text. */
int ecap_key_lines_add(struct ecap_key_lines *lines, const char *line, size_t len);
/* NULL is allowed. */
void ecap_key_lines_free(struct ecap_key_lines *lines);

#endif
