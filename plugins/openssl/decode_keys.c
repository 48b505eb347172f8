/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets go into the key log; they are no events. */
#include "openssl.h"

/* By its address, where the text itself could not be read. */
static const char *label_by_address(const struct openssl *m, const struct openssl_key_record *r)
{
	const char *label = NULL;

	for (uint32_t i = 0; i < m->n_key_places; i++) {
		if (m->key_places[i].key != r->site)
			continue;
		for (uint32_t k = 0; k < OPENSSL_N_LABELS; k++) {
			if (m->key_places[i].labels[k] != OPENSSL_LABEL_MARK(r->label_addr))
				continue;
			if (label)
				return NULL;
			label = openssl_labels[k];
		}
	}
	return label;
}

/* Of 32 random bytes, this many are 0 once in 10^12 times; of pointers and numbers, most are. */
#define MAX_ZEROS 7u

/* 1 when a way that a user gave leads to something else than a client random. */
static int leads_astray(const struct openssl *m, const struct openssl_key_record *r)
{
	uint32_t n_zeros = 0, given = 0;

	for (uint32_t i = 0; i < m->n_key_places; i++)
		given |= m->key_places[i].given && m->key_places[i].key == r->site;
	/* A master secret from before the start was found otherwise; a tag is no client random. */
	if (!given || r->record.reason || !strcmp(r->label, OPENSSL_RSA_LABEL))
		return 0;
	for (uint32_t i = 0; i < sizeof(r->client_random); i++)
		n_zeros += !r->client_random[i];
	return n_zeros > MAX_ZEROS;
}

/* To wherever secrets go: 1 when it is news to one of them, 0 when not, or an error. */
static int add(const struct openssl *m, const char *label, const struct openssl_key_record *r)
{
	int to_packets = 0, to_keys = 0;

	if (m->packets)
		to_packets = m->pcapng->secret(m->packets, label, r->client_random, r->secret,
					       r->secret_len);
	if (m->keys && to_packets >= 0)
		to_keys = m->keylog->add(m->keys, label, r->client_random, r->secret, r->secret_len);
	return to_packets < 0 ? to_packets : to_keys < 0 ? to_keys : to_packets || to_keys;
}

int openssl_decode_key(struct openssl *m, const struct openssl_key_record *r)
{
	const char *label = *r->label ? r->label : label_by_address(m, r);
	int added;

	if (r->record.reason)
		label = openssl_labels[OPENSSL_CLIENT_RANDOM];

	if (!openssl_wants_keys(m) || !label || r->secret_len > sizeof(r->secret) ||
	    !memchr(r->label, 0, sizeof(r->label)))
		return -EINVAL;
	if (leads_astray(m, r)) {
		m->ctx->host->count(m->ctx->self, "secrets without a client random", 1);
		if (openssl_first_time(m, r->record.pid, OPENSSL_SAID_ASTRAY))
			ecap_log(m->ctx, ECAP_LOG_WARN, "process %u (%.*s): no key is written: what "
				 "client-random of [tls.build] leads to is none", r->record.pid,
				 (int)sizeof(r->record.comm), r->record.comm);
		return 0;
	}
	added = add(m, label, r);
	/* A label that is none is the process's doing: others must not lose their keys by it. */
	if (added == -EINVAL)
		return added;
	if (added < 0) {
		m->ctx->host->abort(m->ctx->self, added);
		return 0;
	}
	if (added && r->record.reason)
		m->ctx->host->count(m->ctx->self, "secrets from before the start", 1);
	m->ctx->host->count(m->ctx->self, added ? "secrets written" : "secrets told again", 1);
	return 0;
}
