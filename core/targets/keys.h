/* SPDX-License-Identifier: Apache-2.0 */
/* A set of file identities, to look at each file once. */
#ifndef ECAPTURE_CORE_TARGETS_KEYS_H
#define ECAPTURE_CORE_TARGETS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @ino is never 0. @tag tells apart what device and inode number alone cannot, else 0. */
struct ecap_file_key {
	uint64_t dev, ino, tag;
};

/* Zeroed is empty. */
struct ecap_file_keys {
	struct ecap_file_key *slots;
	size_t n_slots, n;
};

bool ecap_file_keys_has(const struct ecap_file_keys *keys, const struct ecap_file_key *key);
/* Returns 1 when it was not there yet, 0 when it was, or -ENOMEM. */
int ecap_file_keys_add(struct ecap_file_keys *keys, const struct ecap_file_key *key);
/* Empty again, without memory. */
void ecap_file_keys_clear(struct ecap_file_keys *keys);

#endif
