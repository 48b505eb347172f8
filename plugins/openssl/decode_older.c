/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs say of connections from before the start that have no secret: once a process. */
#include "openssl.h"

static const char *const reasons[] = {
	[OPENSSL_OLDER_TLS13] = "TLS 1.3 keeps no secret that a key log could tell",
	[OPENSSL_OLDER_NO_WAY] = "the library does not show where it has their secrets",
	[OPENSSL_OLDER_UNREAD] = "what is where their secrets should be is none",
};

void openssl_end_older(struct openssl *m)
{
	pthread_mutex_lock(&m->older_lock);
	ecap_links_cut(&m->older, 0);
	pthread_mutex_unlock(&m->older_lock);
}

int openssl_decode_older(struct openssl *m, const struct openssl_record *r)
{
	if (r->type == OPENSSL_RECORD_QUIET) {
		ecap_log(m->ctx, ECAP_LOG_DEBUG, "connections from before the start are looked for "
			 "no more: %u calls have shown none", OPENSSL_OLDER_CALLS);
		openssl_end_older(m);
		return 0;
	}
	if (!r->reason || r->reason >= ECAP_COUNT(reasons))
		return -EINVAL;
	m->ctx->host->count(m->ctx->self, "connections from before the start, no secrets", 1);
	if (openssl_first_time(m, r->pid, OPENSSL_SAID_OLDER + r->reason))
		ecap_log(m->ctx, ECAP_LOG_WARN, "process %u (%.16s) has connections from before the "
			 "start, which stay encrypted: %s", r->pid, r->comm, reasons[r->reason]);
	return 0;
}
