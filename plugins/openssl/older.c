/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key log mode: connections from before the start. What reads and writes is probed until nothing
 * of that kind has been seen for a while; the programs look into each connection once. From TLS
 * 1.2 and older comes a line like the handshake's own, good for any packets that were recorded
 * with their handshake. TLS 1.3 has none to give, see bpf/openssl_older.bpf.h: that is told.
 */
#include "openssl.h"
#include "session.h"

static struct openssl_key_site way(const struct ecap_elf_value *v)
{
	struct openssl_key_site site = { .n_loads = v->n_loads };

	memcpy(site.offset, v->offset, sizeof(site.offset));
	return site;
}

static void describe(const struct openssl_session *found, struct openssl_older_site *site)
{
	site->in_init = way(&found->in_init);
	site->in_init_width = found->in_init.width;
	site->version = way(&found->version);
	site->version_width = found->version.width;
	site->session = way(&found->session);
	site->length = found->length.offset[0];
	site->length_width = found->length.width;
	site->secret = found->secret.offset[0];
	site->complete = 1;
}

/* Tells the programs where a file's connections have what. */
static int add_site(struct openssl *m, const struct ecap_target *target,
		    struct ecap_elf_file *file, const struct openssl_keylogs *keylogs, uint64_t key)
{
	struct openssl_older_site site = { .complete = 0 };
	int map = ecap_bpf_map_fd(m->ctx, m->object, "older_sites");
	struct openssl_session found;

	if (map < 0)
		return map;
	site.client_random = way(&keylogs->list[0].client_random);
	/* Which of several libraries has a connection, its object does not say. */
	if (keylogs->n > 1)
		snprintf(found.tried, sizeof(found.tried), "it holds several libraries");
	else if (!openssl_locate_session(m->elf, file, &keylogs->list[0].client_random, &found))
		describe(&found, &site);
	if (!site.complete)
		ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: no secrets of connections from before the "
			 "start: %s", target->shown, found.tried);
	if (bpf_map_update_elem(map, &key, &site, BPF_ANY))
		return ecap_fail(m->ctx, -errno, "map older_sites: %s", strerror(errno));
	return 0;
}

static int attach_calls(struct openssl *m, const char *path, const struct ecap_point *points,
			uint32_t n)
{
	int err;

	if (openssl_has_session(m))
		return ecap_bpf_probes(m->ctx, m->object, OPENSSL_OLDER, ECAP_AT_SESSION, path,
				       points, n, &m->older);
	err = ecap_bpf_probes(m->ctx, m->object, "older_return", ECAP_AT_RETURN, path, points, n,
			      &m->older);
	return err ? err : ecap_bpf_probes(m->ctx, m->object, "older_entry", ECAP_AT_ENTRY, path,
					   points, n, &m->older);
}

/* Reads and writes but those of QUIC, whose objects are not those that secrets come by with. */
static uint32_t choose_points(const struct openssl_location *location, uint64_t key,
			      struct ecap_point *points)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < location->n_probes; i++) {
		const struct openssl_probe *probe = &location->probes[i];

		if ((probe->role != OPENSSL_READ && probe->role != OPENSSL_WRITE) || probe->quic)
			continue;
		points[n].offset = probe->site.offset;
		points[n++].cookie = OPENSSL_OLDER_COOKIE(openssl_cookie_of(probe), key);
	}
	return n;
}

int openssl_attach_older(struct openssl *m, const struct ecap_target *target,
			 struct ecap_elf_file *file, const struct openssl_keylogs *keylogs,
			 uint64_t key)
{
	struct ecap_point points[OPENSSL_MAX_PROBES] = { { .offset = 0 } };
	struct openssl_location location;
	uint32_t before;
	int err;

	/* What is mapped from now on has no connections yet. */
	if (target->how == ECAP_TARGET_WATCHED || !openssl_has_older(m))
		return 0;
	if (keylogs->list[0].inner) {
		ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: connections from before the start are not "
			 "seen: no code shows where the client random is", target->shown);
		return 0;
	}
	memset(&location, 0, sizeof(location));
	if (openssl_find_text(m->ctx, file, m->config->exact_symbols, &location)) {
		ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: connections from before the start are not "
			 "seen: %s", target->shown, location.tried);
		return 0;
	}
	err = add_site(m, target, file, keylogs, key);
	if (err)
		return err;
	pthread_mutex_lock(&m->older_lock);
	before = m->older.n;
	err = attach_calls(m, target->path, points, choose_points(&location, key, points));
	if (err)
		ecap_links_cut(&m->older, before);
	pthread_mutex_unlock(&m->older_lock);
	return err;
}
