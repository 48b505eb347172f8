/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets on their way into a packet file: see secrets.h. Those that tell one never wait for a
 * write: what they share with the writer is a buffer, which it exchanges for an empty one.
 */
#include "packets/secrets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "key_lines.h"
#include "util.h"

/*
 * A secret is told within a handshake, and its packets are told apart by the client's random
 * number in the first of them. So a file needs the secrets of the handshakes that are in it, and
 * those began, if they go on when the file does, a handshake's time ago at most; of connections
 * that are older a reader could decrypt nothing here, whatever we wrote.
 */
#define KEEP_S 60

/* Above it the writer stands still, and so would we, or run out of memory. */
#define MAX_TOLD ((size_t)64 << 20)

struct text {
	char *bytes;
	size_t used, size;
};

struct ecap_packet_secrets {
	pthread_mutex_t tellers; /* of @lines; held around the next one */
	struct ecap_key_lines *lines;
	pthread_mutex_t lock;    /* of @told: held for a copy of a line */
	struct text told;
	atomic_int is_told;
	/* Of the writer: */
	struct text taken;
	struct text newer, older; /* kept */
	time_t newer_since;
	size_t keep;
};

struct ecap_packet_secrets *ecap_packet_secrets_new(size_t keep_bytes)
{
	struct ecap_packet_secrets *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->lines = ecap_key_lines_new();
	if (!made->lines) {
		free(made);
		return NULL;
	}
	pthread_mutex_init(&made->tellers, NULL);
	pthread_mutex_init(&made->lock, NULL);
	made->keep = keep_bytes;
	return made;
}

static void free_text(struct text *text)
{
	if (text->bytes)
		explicit_bzero(text->bytes, text->size);
	free(text->bytes);
	*text = (struct text){ 0 };
}

void ecap_packet_secrets_free(struct ecap_packet_secrets *secrets)
{
	if (!secrets)
		return;
	free_text(&secrets->told);
	free_text(&secrets->taken);
	free_text(&secrets->newer);
	free_text(&secrets->older);
	ecap_key_lines_free(secrets->lines);
	pthread_mutex_destroy(&secrets->tellers);
	pthread_mutex_destroy(&secrets->lock);
	free(secrets);
}

static int append(struct text *text, const char *bytes, size_t len)
{
	if (len > text->size - text->used) {
		size_t size = (text->used + len) * 2;
		char *larger = realloc(text->bytes, size);

		if (!larger)
			return ecap_err(-ENOMEM, "out of memory for secrets");
		text->bytes = larger;
		text->size = size;
	}
	memcpy(text->bytes + text->used, bytes, len);
	text->used += len;
	return 0;
}

static int tell(struct ecap_packet_secrets *secrets, const char *line, size_t len)
{
	int err;

	pthread_mutex_lock(&secrets->lock);
	err = secrets->told.used + len > MAX_TOLD
		? ecap_err(-ENOBUFS, "a secret is lost: %zu bytes of them wait to be written",
			   secrets->told.used)
		: append(&secrets->told, line, len);
	pthread_mutex_unlock(&secrets->lock);
	if (!err)
		atomic_store(&secrets->is_told, 1);
	return err;
}

int ecap_packet_secrets_tell(struct ecap_packet_secrets *secrets, const char *label,
			     const void *random, const void *secret, uint32_t len)
{
	char line[ECAP_KEY_LINE_MAX];
	int size = ecap_key_line(line, label, random, secret, len), added, err = 0;

	if (size < 0)
		return size;
	/* Who is told that a line was there before relies on it as much as who told it. */
	pthread_mutex_lock(&secrets->tellers);
	added = ecap_key_lines_add(secrets->lines, line, (size_t)size);
	if (added > 0)
		err = tell(secrets, line, (size_t)size);
	pthread_mutex_unlock(&secrets->tellers);
	return err ? err : added;
}

/* Without memory nothing is kept: the file that is open has it. */
static void keep(struct ecap_packet_secrets *secrets)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (secrets->newer.used + secrets->taken.used > secrets->keep / 2 ||
	    now.tv_sec - secrets->newer_since > KEEP_S) {
		struct text old = secrets->older;

		secrets->older = secrets->newer;
		secrets->newer = old;
		secrets->newer.used = 0;
		secrets->newer_since = now.tv_sec;
	}
	if (secrets->taken.used <= secrets->keep / 2)
		append(&secrets->newer, secrets->taken.bytes, secrets->taken.used);
}

int ecap_packet_secrets_wait(const struct ecap_packet_secrets *secrets)
{
	return atomic_load_explicit(&secrets->is_told, memory_order_acquire);
}

size_t ecap_packet_secrets_take(struct ecap_packet_secrets *secrets, const char **lines)
{
	if (!ecap_packet_secrets_wait(secrets))
		return 0;
	pthread_mutex_lock(&secrets->lock);
	struct text old = secrets->taken;

	secrets->taken = secrets->told;
	secrets->told = old;
	secrets->told.used = 0;
	atomic_store(&secrets->is_told, 0);
	pthread_mutex_unlock(&secrets->lock);
	if (secrets->keep && secrets->taken.used)
		keep(secrets);
	*lines = secrets->taken.bytes;
	return secrets->taken.used;
}

size_t ecap_packet_secrets_kept(const struct ecap_packet_secrets *secrets, int part,
				const char **lines)
{
	const struct text *text = part ? &secrets->newer : &secrets->older;

	*lines = text->bytes;
	return text->used;
}
