/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service ecap.keylog/1. What was written is remembered by a hash of each line, so that a
 * secret that both ends of a connection tell on this machine stands in the file once. The memory
 * of it is bounded: two sets, of which the older is dropped when the newer is full.
 */
#include <sha2.h>
#include <string.h>

#include "err.h"
#include "services.h"
#include "sink.h"
#include "util.h"

#define MAX_LABEL  64u
#define MAX_SECRET 255u
#define SET_SLOTS  (1u << 20) /* of 16 bytes; half of them are used */

/* The beginning of the line's SHA-256: nobody finds two lines with the same. */
struct mark {
	uint64_t words[2]; /* all zero: a free slot */
};

struct set {
	struct mark *slots;
	uint32_t size, used; /* size: a power of two */
};

struct ecap_keylog_file {
	struct ecap_sink *sink;
	struct set newer, older;
};

static struct mark *slot_of(const struct set *set, const struct mark *mark)
{
	for (uint64_t i = mark->words[0];; i++) {
		struct mark *slot = &set->slots[i & (set->size - 1)];

		if ((!slot->words[0] && !slot->words[1]) || !memcmp(slot, mark, sizeof(*mark)))
			return slot;
	}
}

static int has(const struct set *set, const struct mark *mark)
{
	return set->used && !memcmp(slot_of(set, mark), mark, sizeof(*mark));
}

/* Twice the room, or the first. */
static int grow(struct set *set)
{
	struct set larger = { .size = set->size ? set->size * 2 : 1024, .used = set->used };

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return ecap_err(-ENOMEM, "out of memory for the secrets that were written");
	for (uint32_t i = 0; i < set->size; i++)
		if (set->slots[i].words[0] || set->slots[i].words[1])
			*slot_of(&larger, &set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

static int remember(struct ecap_keylog_file *file, const struct mark *mark)
{
	struct set *set = &file->newer;

	if (set->used * 2 == SET_SLOTS) {
		free(file->older.slots);
		file->older = *set;
		*set = (struct set){ 0 };
	}
	if (set->used * 2 >= set->size) {
		int err = grow(set);

		if (err)
			return err;
	}
	*slot_of(set, mark) = *mark;
	set->used++;
	return 0;
}

static struct mark mark_of(const char *line, size_t len)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct mark mark;
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)line, len);
	SHA256Final(digest, &context);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

static char *put_hex(char *out, const uint8_t *bytes, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	return out;
}

static int is_label(const char *label)
{
	size_t len = strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len && len <= MAX_LABEL && !label[len];
}

static int keylog_add(struct ecap_keylog_file *file, const char *label, const void *random,
		      const void *secret, uint32_t len)
{
	char line[MAX_LABEL + 2 * (ECAP_KEYLOG_RANDOM_BYTES + MAX_SECRET) + 4], *end = line;

	if (!is_label(label) || !len || len > MAX_SECRET)
		return ecap_err(-EINVAL, "no line of a key log: label \"%.32s\", %u bytes", label,
				len);
	end = stpcpy(end, label);
	*end++ = ' ';
	end = put_hex(end, random, ECAP_KEYLOG_RANDOM_BYTES);
	*end++ = ' ';
	end = put_hex(end, secret, len);
	*end++ = '\n';

	size_t size = (size_t)(end - line);
	struct mark mark = mark_of(line, size);

	if (has(&file->newer, &mark) || has(&file->older, &mark))
		return 0;

	int err = remember(file, &mark);
	char *room = err ? NULL : ecap_sink_reserve(file->sink, size);

	if (!room)
		return err ? err : ecap_sink_error(file->sink);
	memcpy(room, line, size);
	ecap_sink_commit(file->sink, size);
	ecap_sink_end_event(file->sink);
	err = ecap_sink_flush(file->sink);
	return err ? err : 1;
}

static void keylog_close(struct ecap_keylog_file *file)
{
	if (!file)
		return;
	ecap_sink_close(file->sink);
	free(file->newer.slots);
	free(file->older.slots);
	free(file);
}

static int keylog_open(struct ecap_instance *self, const char *path, struct ecap_keylog_file **file)
{
	struct ecap_keylog_file *made = calloc(1, sizeof(*made));

	(void)self;
	if (!made)
		return ecap_err(-ENOMEM, "out of memory for a key log");

	int err = ecap_sink_open(strcmp(path, "-") ? path : NULL, &made->sink);

	if (err) {
		free(made);
		return err;
	}
	*file = made;
	return 0;
}

const struct ecap_keylog ecap_keylog_service = {
	.struct_size = sizeof(ecap_keylog_service),
	.open = keylog_open,
	.close = keylog_close,
	.add = keylog_add,
};
