/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the BPF programs become events; bytes that no buffer shows are counted and told. */
#include "openssl.h"

static const struct {
	const char *counter, *text;
} unseen[] = {
	[OPENSSL_UNSEEN_SENDFILE] = { "bytes sent by SSL_sendfile, not shown",
		"sends files by SSL_sendfile: the kernel encrypts them, no buffer shows them" },
	[OPENSSL_UNSEEN_KTLS] = { "bytes moved by kernel TLS, not shown",
		"moves data by kernel TLS outside the library: no buffer shows it" },
};

int openssl_first_time(struct openssl *m, uint32_t pid, uint32_t reason)
{
	for (uint32_t i = 0; i < m->n_said; i++)
		if (m->said[i].pid == pid && m->said[i].reason == reason)
			return 0;
	if (m->n_said == OPENSSL_SAID_MAX)
		return 0;
	m->said[m->n_said].pid = pid;
	m->said[m->n_said++].reason = reason;
	return 1;
}

static int tell_unseen(struct openssl *m, const struct openssl_record *r)
{
	if (!r->reason || r->reason >= ECAP_COUNT(unseen))
		return -EINVAL;
	m->ctx->host->count(m->ctx->self, unseen[r->reason].counter, r->total);
	if (openssl_first_time(m, r->pid, r->reason))
		ecap_log(m->ctx, ECAP_LOG_WARN, "process %u (%.16s) %s; counted in the summary",
			 r->pid, r->comm, unseen[r->reason].text);
	return 0;
}

int openssl_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		   struct ecap_event *ev)
{
	const struct openssl_record *r = rec;

	(void)map_id;
	if (len < sizeof(*r) || len - sizeof(*r) < r->len)
		return -EINVAL;
	if (r->type == OPENSSL_RECORD_UNSEEN)
		return tell_unseen(state, r);
	if (r->type == OPENSSL_RECORD_KEY)
		return len < sizeof(struct openssl_key_record)
			? -EINVAL : openssl_decode_key(state, rec);
	if (r->type == OPENSSL_RECORD_OLDER || r->type == OPENSSL_RECORD_QUIET)
		return openssl_decode_older(state, r);
	if (r->type != OPENSSL_RECORD_DATA)
		return -EINVAL;
	ev->dest = ECAP_DEST_PROCESSOR;
	ev->kind = "data";
	ev->direction = r->direction;
	ev->flags = ECAP_EVENT_F_PAYLOAD;
	ecap_event_task(ev, r);
	ev->fd = r->fd;
	ev->conn = r->conn;
	ev->tuple = r->tuple;
	ev->payload = r + 1;
	ev->payload_len = r->len;
	ev->offset = r->offset;
	ev->total = r->total;
	return 1;
}
