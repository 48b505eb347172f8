/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of key logs, and which there were already: see key_lines.h. */
#include "key_lines.h"

#include <sha2.h>
#include <string.h>

#include "err.h"
#include "util.h"

#define SET_SLOTS (1u << 20) /* of 16 bytes; half of them are used */

/* The beginning of the line's SHA-256: nobody finds two lines with the same. */
struct mark {
	uint64_t words[2]; /* all zero: a free slot */
};

struct set {
	struct mark *slots;
	uint32_t size, used; /* size: a power of two */
};

struct ecap_key_lines {
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

static int remember(struct ecap_key_lines *lines, const struct mark *mark)
{
	struct set *set = &lines->newer;

	if (set->used * 2 == SET_SLOTS) {
		free(lines->older.slots);
		lines->older = *set;
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

	return len && len <= ECAP_KEY_LABEL_MAX && !label[len];
}

/* Mozilla's "NSS Key Log Format": RSA, and the first bytes of the encrypted premaster secret. */
static uint32_t random_bytes(const char *label)
{
	return strcmp(label, "RSA") ? ECAP_KEYLOG_RANDOM_BYTES : ECAP_KEYLOG_RSA_BYTES;
}

int ecap_key_line(char *line, const char *label, const void *random, const void *secret, uint32_t len)
{
	char *end = line;

	if (!is_label(label) || !len || len > ECAP_KEY_SECRET_MAX)
		return ecap_err(-EINVAL, "no line of a key log: label \"%.32s\", %u bytes", label,
				len);
	end = stpcpy(end, label);
	*end++ = ' ';
	end = put_hex(end, random, random_bytes(label));
	*end++ = ' ';
	end = put_hex(end, secret, len);
	*end++ = '\n';
	return (int)(end - line);
}

struct ecap_key_lines *ecap_key_lines_new(void)
{
	return calloc(1, sizeof(struct ecap_key_lines));
}

int ecap_key_lines_add(struct ecap_key_lines *lines, const char *line, size_t len)
{
	struct mark mark = mark_of(line, len);

	if (has(&lines->newer, &mark) || has(&lines->older, &mark))
		return 0;

	int err = remember(lines, &mark);

	return err ? err : 1;
}

void ecap_key_lines_free(struct ecap_key_lines *lines)
{
	if (!lines)
		return;
	free(lines->newer.slots);
	free(lines->older.slots);
	free(lines);
}
