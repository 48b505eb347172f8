/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash set of file identities: open addressing with linear probing, at most half full. An
 * empty slot has inode number 0, which no file has.
 */
#include "targets/keys.h"

#include <errno.h>

#include "err.h"
#include "util.h"

#define FIRST_SLOTS 256 /* a power of two, as every later size */

/* The finalizer of MurmurHash3 (Austin Appleby, public domain) over the three words. */
static uint64_t hash(const struct ecap_file_key *key)
{
	uint64_t h = key->ino ^ (key->dev << 40 | key->dev >> 24) ^ key->tag;

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* The slot that has @key, or the empty one where it belongs. There always is an empty one. */
static struct ecap_file_key *slot_of(struct ecap_file_key *slots, size_t n_slots,
				     const struct ecap_file_key *key)
{
	size_t i = hash(key) & (n_slots - 1);

	while (slots[i].ino && (slots[i].ino != key->ino || slots[i].dev != key->dev ||
				slots[i].tag != key->tag))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

bool ecap_file_keys_has(const struct ecap_file_keys *keys, const struct ecap_file_key *key)
{
	return keys->n_slots && slot_of(keys->slots, keys->n_slots, key)->ino;
}

static int grow(struct ecap_file_keys *keys)
{
	size_t n_slots = keys->n_slots ? keys->n_slots * 2 : FIRST_SLOTS;
	struct ecap_file_key *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return ecap_err(-ENOMEM, "memory for %zu files", n_slots);
	for (size_t i = 0; i < keys->n_slots; i++)
		if (keys->slots[i].ino)
			*slot_of(slots, n_slots, &keys->slots[i]) = keys->slots[i];
	free(keys->slots);
	keys->slots = slots;
	keys->n_slots = n_slots;
	return 0;
}

int ecap_file_keys_add(struct ecap_file_keys *keys, const struct ecap_file_key *key)
{
	if (keys->n * 2 >= keys->n_slots) {
		int r = grow(keys);

		if (r)
			return r;
	}
	struct ecap_file_key *slot = slot_of(keys->slots, keys->n_slots, key);

	if (slot->ino)
		return 0;
	*slot = *key;
	keys->n++;
	return 1;
}

void ecap_file_keys_clear(struct ecap_file_keys *keys)
{
	free(keys->slots);
	*keys = (struct ecap_file_keys){0};
}
