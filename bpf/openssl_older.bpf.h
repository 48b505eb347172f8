/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connections that were there before the capture: data moves through them, and no secret of theirs
 * came by. The master secret of TLS 1.2 and older is still in the session. What TLS 1.3 keeps
 * are the secrets in use, which key updates may have replaced: no line of a key log says which.
 */
#ifndef OPENSSL_OLDER_BPF_H
#define OPENSSL_OLDER_BPF_H

#include "openssl_conns.bpf.h"
#include "openssl_keys.bpf.h"

/* By openssl_key_place's key. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OPENSSL_MAX_KEY_SITES);
	__type(key, __u64);
	__type(value, struct openssl_older_site);
} older_sites SEC(".maps");

/* Calls for known connections since the last one that was not. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} calls_for_known SEC(".maps");

static __always_inline void count_known(struct pt_regs *ctx)
{
	__u32 zero = 0;
	__u64 *calls = bpf_map_lookup_elem(&calls_for_known, &zero);

	if (!calls || ++*calls != OPENSSL_OLDER_CALLS)
		return;

	struct openssl_record record = { .fd = -1, .type = OPENSSL_RECORD_QUIET };

	ecap_emit(ctx, &record, sizeof(record), NULL, 0);
}

static __always_inline void count_unknown(void)
{
	__u32 zero = 0;
	__u64 *calls = bpf_map_lookup_elem(&calls_for_known, &zero);

	if (calls)
		*calls = 0;
}

/* A number of @width bytes, 1 to 8. */
static __always_inline long read_number(__u64 *number, __u32 width, __u64 from)
{
	*number = 0;
	return read_user(number, ((width - 1) & 7) + 1, from);
}

static __always_inline int has_master_secret(__u64 version)
{
	return (version >= 0x300 && version <= 0x303) || /* SSL 3.0 to TLS 1.2: RFC 5246, A.1 */
	       version == 0xfeff || version == 0xfefd;   /* DTLS 1.0, 1.2: RFC 6347, 4.1 */
}

static __always_inline int is_tls13(__u64 version)
{
	return version == 0x304 || version == 0xfefc; /* RFC 8446, 4.2.1; RFC 9147, 5.3 */
}

/*
 * Fills in the secret. Returns 0, an OPENSSL_OLDER_*, or -1 in a handshake: client random and
 * session may belong to different ones then, and its own line is to come.
 */
static __always_inline int read_older(const struct openssl_older_site *site, __u64 ssl,
				      struct openssl_key_record *record)
{
	__u64 number, at;

	if (!site->complete)
		return OPENSSL_OLDER_NO_WAY;
	if (follow(&site->in_init, ssl, &at) || read_number(&number, site->in_init_width, at))
		return OPENSSL_OLDER_UNREAD;
	if (number)
		return -1;
	if (follow(&site->version, ssl, &at) || read_number(&number, site->version_width, at))
		return OPENSSL_OLDER_UNREAD;
	if (is_tls13(number))
		return OPENSSL_OLDER_TLS13;
	if (!has_master_secret(number) || follow(&site->session, ssl, &at) ||
	    read_user(&at, sizeof(at), at) || !at ||
	    read_number(&number, site->length_width, at + (__s64)site->length) ||
	    number != OPENSSL_MASTER_BYTES ||
	    read_user(record->secret, OPENSSL_MASTER_BYTES, at + (__s64)site->secret) ||
	    follow(&site->client_random, ssl, &at) ||
	    read_user(record->client_random, OPENSSL_RANDOM_BYTES, at))
		return OPENSSL_OLDER_UNREAD;
	return 0;
}

static __always_inline int is_random_known(const struct openssl_older_site *site, __u64 ssl)
{
	struct random_key key;
	__u64 at;

	return !follow(&site->client_random, ssl, &at) && !read_user(&key, sizeof(key), at) &&
	       bpf_map_lookup_elem(&known_randoms, &key) != NULL;
}

/* Data moved through a connection that is not known. */
static __always_inline void tell_older(struct pt_regs *ctx, __u64 ssl)
{
	struct openssl_key_record record = { .record = { .fd = -1 } };
	__u64 key = bpf_get_attach_cookie(ctx) >> 24;
	struct openssl_older_site *site = bpf_map_lookup_elem(&older_sites, &key);
	int reason;

	if (!site)
		return;
	if (is_random_known(site, ssl)) {
		set_known(ssl);
		return;
	}
	reason = read_older(site, ssl, &record);
	if (reason < 0)
		return;
	set_known(ssl);
	count_unknown();
	ecap_fill_task(&record.record);
	if (reason) {
		record.record.type = OPENSSL_RECORD_OLDER;
		record.record.reason = reason;
		ecap_emit(ctx, &record, sizeof(record.record), NULL, 0);
		return;
	}
	record.record.type = OPENSSL_RECORD_KEY;
	record.record.reason = 1;
	record.record.len = sizeof(record) - sizeof(record.record);
	record.secret_len = OPENSSL_MASTER_BYTES;
	record.site = (__u32)key;
	ecap_emit(ctx, &record, sizeof(record), NULL, 0);
}

#endif
