/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets on their way into a packet file: told by any thread, taken by the one that writes, and
 * of the last ones kept what packets may still need when another file begins.
 */
#ifndef ECAPTURE_CORE_PACKETS_SECRETS_H
#define ECAPTURE_CORE_PACKETS_SECRETS_H

#include <stddef.h>
#include <stdint.h>

struct ecap_packet_secrets;

/* @keep_bytes: 0 when none are to be kept. NULL: out of memory. */
struct ecap_packet_secrets *ecap_packet_secrets_new(size_t keep_bytes);
/* NULL is allowed. */
void ecap_packet_secrets_free(struct ecap_packet_secrets *secrets);

/* [any thread] As ecap_packet_file_secret(). */
int ecap_packet_secrets_tell(struct ecap_packet_secrets *secrets, const char *label,
			     const void *random, const void *secret, uint32_t len);

/* What was told since the last call: key log lines, until the next call. Returns their size. */
size_t ecap_packet_secrets_take(struct ecap_packet_secrets *secrets, const char **lines);

/* 1 when something was told since then. */
int ecap_packet_secrets_wait(const struct ecap_packet_secrets *secrets);

/* Lines that were taken in the last minute or two, in two parts. Returns the size of the part. */
size_t ecap_packet_secrets_kept(const struct ecap_packet_secrets *secrets, int part,
				const char **lines);

#endif
