/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The getters SSL_in_init(), SSL_version(), SSL_get_session() and SSL_SESSION_get_master_key() read
 * what they are named for: their code shows from where. OpenSSL has it all in the connection
 * object; BoringSSL has the handshake, and the session of the last one, in others behind it.
 */
#include "session.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_VALUES 16u

/* What a getter's code reads, returns and passes on; each once. */
struct shown {
	struct ecap_elf_value read[MAX_VALUES], returned[MAX_VALUES], passed[MAX_VALUES];
	uint32_t n_read, n_returned, n_passed;
};

struct search {
	const struct ecap_elf *elf;
	struct ecap_elf_file *file;
	const struct ecap_elf_value *client_random;
	struct openssl_session *found;
};

static bool same_way(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return a->n_loads == b->n_loads && a->width == b->width &&
	       !memcmp(a->offset, b->offset, (a->n_loads + 1u) * sizeof(a->offset[0]));
}

static void keep(struct ecap_elf_value *list, uint32_t *n, const struct ecap_elf_value *v)
{
	for (uint32_t i = 0; i < *n; i++)
		if (same_way(&list[i], v))
			return;
	if (v->kind == ECAP_ELF_PATH && v->arg == 0 && *n < MAX_VALUES)
		list[(*n)++] = *v;
}

/* To where a value is read, from what is there. */
static struct ecap_elf_value place_of(const struct ecap_elf_value *value)
{
	struct ecap_elf_value place = *value;

	place.offset[place.n_loads--] = 0;
	return place;
}

static void keep_place(struct ecap_elf_value *list, uint32_t *n, const struct ecap_elf_value *v)
{
	/* What is added to a value is no getter's doing. */
	if (v->kind != ECAP_ELF_PATH || !v->n_loads || v->offset[v->n_loads])
		return;

	struct ecap_elf_value place = place_of(v);

	keep(list, n, &place);
}

static int on_use(void *arg, const struct ecap_elf_use *use)
{
	struct shown *shown = arg;

	if (use->kind == ECAP_ELF_USE_LOAD)
		keep_place(shown->read, &shown->n_read, &use->result);
	else if (use->kind == ECAP_ELF_USE_RETURN)
		keep_place(shown->returned, &shown->n_returned, &use->result);
	else
		keep(shown->passed, &shown->n_passed, &use->arg[1]);
	return 0;
}

/* The only one that @fits, or NULL. */
static const struct ecap_elf_value *only(const struct search *s, const struct ecap_elf_value *list,
					 uint32_t n, bool (*fits)(const struct search *s,
								  const struct ecap_elf_value *v))
{
	const struct ecap_elf_value *found = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (!fits(s, &list[i]))
			continue;
		if (found)
			return NULL;
		found = &list[i];
	}
	return found;
}

/* OpenSSL: an int of the connection. */
static bool is_flag(const struct search *s, const struct ecap_elf_value *v)
{
	(void)s;
	return !v->n_loads && v->width == sizeof(int);
}

/* The same as the client random's, but for the last step. */
static bool is_beside_random(const struct search *s, const struct ecap_elf_value *v)
{
	const struct ecap_elf_value *random = s->client_random;

	return v->n_loads == 1 && random->n_loads == 1 && v->offset[0] == random->offset[0] &&
	       v->width == sizeof(void *);
}

static bool is_version(const struct search *s, const struct ecap_elf_value *v)
{
	(void)s;
	return v->width == sizeof(int) || v->width == sizeof(uint16_t);
}

static bool is_pointer(const struct search *s, const struct ecap_elf_value *v)
{
	(void)s;
	return v->width == sizeof(void *);
}

static bool is_in_session(const struct search *s, const struct ecap_elf_value *v)
{
	(void)s;
	return !v->n_loads && v->offset[0] > 0;
}

/* BoringSSL: the handshake, beside the client random; none when it is over. */
static const struct ecap_elf_value *in_init(const struct search *s, const struct shown *shown)
{
	const struct ecap_elf_value *v = only(s, shown->returned, shown->n_returned, is_flag);

	return v ? v : only(s, shown->read, shown->n_read, is_beside_random);
}

static const struct ecap_elf_value *version(const struct search *s, const struct shown *shown)
{
	return only(s, shown->returned, shown->n_returned, is_version);
}

/* BoringSSL: the one that the last handshake has established, beside the client random. */
static const struct ecap_elf_value *session(const struct search *s, const struct shown *shown)
{
	const struct ecap_elf_value *v = only(s, shown->returned, shown->n_returned,
					      is_beside_random);

	return v ? v : only(s, shown->returned, shown->n_returned, is_pointer);
}

static const struct ecap_elf_value *length(const struct search *s, const struct shown *shown)
{
	return only(s, shown->returned, shown->n_returned, is_in_session);
}

static bool is_read(const struct shown *shown, int32_t offset, uint8_t width)
{
	for (uint32_t i = 0; i < shown->n_read; i++)
		if (!shown->read[i].n_loads && shown->read[i].offset[0] == offset &&
		    shown->read[i].width == width)
			return true;
	return false;
}

/* Passed to memcpy(); or copied in place, which begins in each width that the length may ask for. */
static const struct ecap_elf_value *secret(const struct search *s, const struct shown *shown)
{
	if (shown->n_passed)
		return only(s, shown->passed, shown->n_passed, is_in_session);
	for (uint32_t i = 0; i < shown->n_read; i++)
		if (is_in_session(s, &shown->read[i]) && shown->read[i].width == 8 &&
		    is_read(shown, shown->read[i].offset[0], 4) &&
		    is_read(shown, shown->read[i].offset[0], 1))
			return &shown->read[i];
	return NULL;
}

static int look_into(struct search *s, const char *getter, struct ecap_elf_value *to,
		     const struct ecap_elf_value *(*choose)(const struct search *s,
							    const struct shown *shown))
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	const struct ecap_elf_value *chosen = NULL;
	struct shown shown = { .n_read = 0 };

	if (s->elf->symbol(s->file, getter, &symbol)) {
		snprintf(s->found->tried, sizeof(s->found->tried), "no symbol %s", getter);
		return -ENOENT;
	}
	if (!s->elf->uses(s->file, symbol.addr, on_use, &shown))
		chosen = choose(s, &shown);
	if (!chosen) {
		snprintf(s->found->tried, sizeof(s->found->tried), "%s at %#llx does not show where "
			 "it takes it from", getter, (unsigned long long)symbol.addr);
		return -EBADMSG;
	}
	*to = *chosen;
	return 0;
}

int openssl_locate_session(const struct ecap_elf *elf, struct ecap_elf_file *file,
			   const struct ecap_elf_value *client_random,
			   struct openssl_session *found)
{
	struct search s = {
		.elf = elf, .file = file, .client_random = client_random, .found = found,
	};
	int err;

	memset(found, 0, sizeof(*found));
	err = look_into(&s, "SSL_in_init", &found->in_init, in_init);
	if (!err)
		err = look_into(&s, "SSL_version", &found->version, version);
	if (!err)
		err = look_into(&s, "SSL_get_session", &found->session, session);
	if (!err)
		err = look_into(&s, "SSL_SESSION_get_master_key", &found->length, length);
	if (!err)
		err = look_into(&s, "SSL_SESSION_get_master_key", &found->secret, secret);
	return err;
}
