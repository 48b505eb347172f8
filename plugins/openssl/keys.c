/* SPDX-License-Identifier: Apache-2.0 */
/* Key log mode: puts the probes on the key log functions of one file. */
#include "openssl.h"

static uint64_t key_of(const struct openssl *m, const struct openssl_keylog *found)
{
	if (openssl_has_cookies(m))
		return m->n_key_places + 1;
	return OPENSSL_KEY_SITE(found->addr);
}

static struct openssl_key_site site_of(const struct openssl_keylog *found)
{
	struct openssl_key_site site = { .inner = (uint32_t)found->inner,
					 .n_loads = found->client_random.n_loads };

	memcpy(site.offset, found->client_random.offset, sizeof(site.offset));
	return site;
}

/* Tells the programs. Without cookies, two functions may look the same to them. */
static int add_place(struct openssl *m, const struct openssl_keylog *found, uint64_t *key)
{
	struct openssl_key_place place = { .key = key_of(m, found),
					   .site = site_of(found),
					   .given = found->given };
	int map = ecap_bpf_map_fd(m->ctx, m->object, "key_sites");

	for (uint32_t i = 0; i < m->n_key_places; i++)
		if (m->key_places[i].key == place.key &&
		    memcmp(&m->key_places[i].site, &place.site, sizeof(place.site)))
			return ecap_fail(m->ctx, -EEXIST, "its address ends as that of another "
					 "library's function, and this kernel has no attach cookies");
	if (map < 0)
		return map;
	if (m->n_key_places == OPENSSL_MAX_KEY_SITES)
		return ecap_fail(m->ctx, -ENOSPC, "more than %u files", OPENSSL_MAX_KEY_SITES);

	struct openssl_key_place *grown =
		realloc(m->key_places, (m->n_key_places + 1) * sizeof(*grown));

	if (!grown)
		return ecap_fail(m->ctx, -ENOMEM, "out of memory");
	m->key_places = grown;
	memcpy(place.labels, found->labels, sizeof(place.labels));
	m->key_places[m->n_key_places++] = place;
	*key = place.key;
	if (bpf_map_update_elem(map, &place.key, &place.site, BPF_ANY))
		return ecap_fail(m->ctx, -errno, "map key_sites: %s", strerror(errno));
	return 0;
}

static int attach_key_function(struct openssl *m, const struct ecap_target *target,
			       const struct openssl_keylog *found)
{
	struct ecap_point point = { .offset = found->offset };
	int err = add_place(m, found, &point.cookie);

	if (err)
		return err;
	ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: key log function at 0x%llx (file offset 0x%llx), "
		 "found by %s", target->shown, (unsigned long long)found->addr,
		 (unsigned long long)found->offset, found->how);
	return ecap_bpf_probes(m->ctx, m->object, OPENSSL_KEYS, ECAP_AT_ENTRY, target->path, &point,
			       1, &m->links);
}

/* They lead to what the other function gets, too: a file without is no less captured. */
static uint32_t attach_rsa(struct openssl *m, const struct ecap_target *target,
			   struct ecap_elf_file *file, const struct openssl_keylog *keylog)
{
	struct openssl_rsa found;
	int err = openssl_locate_rsa(m->elf, file, keylog, &found);
	struct ecap_point point = { .offset = found.offset };

	if (!err)
		err = ecap_bpf_probes(m->ctx, m->object, OPENSSL_RSA, ECAP_AT_ENTRY, target->path,
				      &point, 1, &m->links);
	if (err) {
		ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: no premaster secrets of RSA key exchanges: %s",
			 target->shown, found.addr ? strerror(-err) : found.how);
		return 0;
	}
	ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: function for premaster secrets of RSA key exchanges "
		 "at 0x%llx (file offset 0x%llx): it %s", target->shown,
		 (unsigned long long)found.addr, (unsigned long long)found.offset, found.how);
	return 1;
}

int openssl_attach_keys(struct openssl *m, const struct ecap_target *target,
			struct ecap_elf_file *file)
{
	uint32_t before = m->links.n, n_rsa = 0;
	struct openssl_keylogs found;
	int err = openssl_find_keys(m->ctx, file, &found);

	if (err)
		return openssl_refuse(m, target, err, found.tried);
	for (uint32_t i = 0; i < found.n && !err; i++)
		err = attach_key_function(m, target, &found.list[i]);
	if (!err)
		err = openssl_attach_older(m, target, file, &found,
					   m->key_places[m->n_key_places - 1].key);
	if (err) {
		ecap_links_cut(&m->links, before);
		return err;
	}
	for (uint32_t i = 0; i < found.n; i++)
		n_rsa += attach_rsa(m, target, file, &found.list[i]);
	m->n_files++;
	ecap_log(m->ctx, ECAP_LOG_INFO, "%s: keys, %u probes", target->shown, found.n + n_rsa);
	return 0;
}
