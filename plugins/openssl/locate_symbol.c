/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the functions to probe by symbols: the hidden internals that OpenSSL's exported
 * functions share, where they are certain, and the exported functions.
 */
#include "locate_private.h"

#include <stdio.h>

struct named {
	const char *name;
	enum openssl_role role;
	enum openssl_result result;
};

static const struct named exported_io[] = {
	{ "SSL_read", OPENSSL_READ, OPENSSL_RESULT_INT },
	{ "SSL_write", OPENSSL_WRITE, OPENSSL_RESULT_INT },
	{ "SSL_read_ex", OPENSSL_READ, OPENSSL_RESULT_DONE },
	{ "SSL_write_ex", OPENSSL_WRITE, OPENSSL_RESULT_DONE },
	/* Returns SSL_READ_EARLY_DATA_SUCCESS, 1, exactly when it has read something. */
	{ "SSL_read_early_data", OPENSSL_READ, OPENSSL_RESULT_DONE },
	{ "SSL_write_early_data", OPENSSL_WRITE, OPENSSL_RESULT_DONE },
};

static const struct named helpers[] = {
	{ "SSL_set_fd", OPENSSL_SET_FD, OPENSSL_RESULT_NONE },
	{ "SSL_set_rfd", OPENSSL_SET_RFD, OPENSSL_RESULT_NONE },
	{ "SSL_set_wfd", OPENSSL_SET_WFD, OPENSSL_RESULT_NONE },
	{ "SSL_sendfile", OPENSSL_SENDFILE, OPENSSL_RESULT_INT },
	{ "SSL_free", OPENSSL_FREE, OPENSSL_RESULT_NONE },
};

static const char *const sources[] = {
	[ECAP_ELF_FROM_DYNSYM] = "symbol in .dynsym",
	[ECAP_ELF_FROM_SYMTAB] = "symbol in .symtab",
	[ECAP_ELF_FROM_DEBUGFILE] = "symbol in its debug file",
	[ECAP_ELF_FROM_DEBUGDATA] = "symbol in .gnu_debugdata",
};

/* Adds the function of this name; -ENOENT when there is no such symbol. */
static int add_named(struct finder *f, const struct named *n)
{
	uint32_t source;
	struct candidate c = {
		.role = n->role,
		.result = n->result,
		.addr = finder_symbol(f, n->name, &source),
		.function = n->name,
	};

	if (!c.addr)
		return -ENOENT;
	c.how = source < ECAP_COUNT(sources) ? sources[source] : "symbol";
	return finder_add(f, &c);
}

int locate_helpers(struct finder *f, bool with_free)
{
	for (uint32_t i = 0; i < ECAP_COUNT(helpers); i++) {
		int err = helpers[i].role == OPENSSL_FREE && !with_free
			? -ENOENT : add_named(f, &helpers[i]);

		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

static enum openssl_flavour flavour_of(struct finder *f)
{
	if (finder_symbol(f, "SSL_CTX_set_grease_enabled", NULL))
		return OPENSSL_BORINGSSL;
	/* The one since 1.1.1, the other in all versions and never in BoringSSL. */
	return finder_symbol(f, "SSL_read_ex", NULL) ||
	       finder_symbol(f, "SSL_CTX_set_ssl_version", NULL) ? OPENSSL_OPENSSL
								 : OPENSSL_UNKNOWN;
}

/*
 * The internal function that both @plain and @ex hand (ssl, buf, len) on to, if it takes the
 * pointer to the count as its fourth argument: since OpenSSL 3.3 ssl_write_internal() has flags
 * there and the pointer behind them.
 */
static uint64_t shared_internal(struct finder *f, const char *plain, const char *ex)
{
	uint64_t a = finder_symbol(f, plain, NULL), b = finder_symbol(f, ex, NULL), inner, other;

	if (!a || !b || f->elf->forwards(f->file, a, &inner) != 0 ||
	    f->elf->forwards(f->file, b, &other) != 0 || inner != other)
		return 0;
	if (f->elf->reads_arg(f->file, inner, 3) != 1 || f->elf->reads_arg(f->file, inner, 4) != 0)
		return 0;
	return inner;
}

static int add_internals(struct finder *f)
{
	static const struct {
		const char *plain, *ex, *name;
		enum openssl_role role;
	} rows[] = {
		{ "SSL_read", "SSL_read_ex", "ssl_read_internal", OPENSSL_READ },
		{ "SSL_write", "SSL_write_ex", "ssl_write_internal", OPENSSL_WRITE },
	};
	struct candidate c[ECAP_COUNT(rows)];

	for (uint32_t i = 0; i < ECAP_COUNT(rows); i++) {
		c[i] = (struct candidate){
			.role = rows[i].role,
			.result = OPENSSL_RESULT_DONE,
			.addr = shared_internal(f, rows[i].plain, rows[i].ex),
			.function = rows[i].name,
			.how = "internal that the exported functions share",
		};
		if (!c[i].addr) {
			finder_tried(f, "no %s that %s and %s both hand on to", rows[i].name,
				     rows[i].plain, rows[i].ex);
			return -ENOENT;
		}
	}
	for (uint32_t i = 0; i < ECAP_COUNT(rows); i++) {
		int err = finder_add(f, &c[i]);

		if (err)
			return err;
	}
	return 0;
}

static int add_exported(struct finder *f)
{
	int found = 0;

	for (uint32_t i = 0; i < ECAP_COUNT(exported_io); i++) {
		int err = add_named(f, &exported_io[i]);

		if (err && err != -ENOENT)
			return err;
		found += !err;
	}
	if (!found)
		finder_tried(f, "no symbols SSL_read, SSL_write, SSL_read_ex or SSL_write_ex in "
			     ".dynsym or .symtab");
	return found ? 0 : -ENOENT;
}

int locate_by_symbol(struct finder *f)
{
	enum openssl_flavour flavour = flavour_of(f);
	int err = -ENOENT;

	if (!f->exact && flavour == OPENSSL_OPENSSL)
		err = add_internals(f);
	if (err == -ENOENT)
		err = add_exported(f);
	if (!err)
		err = locate_helpers(f, true);
	if (!err)
		f->location->flavour = flavour;
	return err;
}
