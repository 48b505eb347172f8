/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds OpenSSL's SSL_METHOD tables by their shape. All I/O of OpenSSL, by SSL_read(),
 * SSL_read_ex(), early data or a BIO, goes through the read and write functions in these
 * tables; being called through pointers they are never inlined.
 *
 * struct ssl_method_st (OpenSSL, ssl/ssl_local.h): int version, unsigned flags, uint64_t mask,
 * then pointers to functions:
 *   1.1.0 to 3.1: new clear free accept connect read peek write ...
 *   3.2 on:       new free reset init clear deinit accept connect read peek write ...
 * Before 1.1.0 a function stands where the mask is now, and SSL_read() of the table for any version
 * goes on to that of another: such tables are left to the symbols.
 */
#include "locate_private.h"

#include <stdio.h>
#include <string.h>

#define N_COLUMNS  12u  /* all of them are functions in tables for TLS and DTLS */
#define MAX_TABLES 64u
#define MIN_TABLES 3u
#define HEADER     16u  /* version, flags, mask */
#define MASK       8u
#define MAX_FLAGS  16u  /* SSL_METHOD_NO_FIPS 1 and SSL_METHOD_NO_SUITEB 2 are known */

/* OSSL_QUIC_ANY_VERSION, OpenSSL include/internal/quic_ssl.h. */
#define QUIC_VERSION 0xfffffu

/* OpenSSL include/openssl/{tls1,dtls1,prov_ssl}.h, ssl/ssl_local.h: *_VERSION. */
static const uint32_t versions[] = {
	0x10000, 0x300, 0x301, 0x302, 0x303, 0x304, /* TLS: any, 3.0 to 1.3 */
	0x1ffff, 0xfeff, 0xfefd, 0x100,             /* DTLS: any, 1.0, 1.2, Cisco's */
	QUIC_VERSION,
};

struct table {
	uint64_t addr;
	uint32_t version;
	uint64_t column[N_COLUMNS];
	bool is_code[N_COLUMNS];
};

/* Which column is which; the free column is 0, where no layout has it, when it is not known. */
struct layout {
	uint32_t accept, read, write, free;
};

struct tables {
	struct finder *f;
	struct table items[MAX_TABLES];
	uint32_t n;
	uint64_t family;      /* first column of the tables that the layout was read from */
	struct layout layout;
	char how[72];
};

static bool is_version(uint64_t word, uint32_t *version)
{
	/* Most words are 0, addresses or text: they end here. */
	if (word >> 32 >= MAX_FLAGS || (uint32_t)word < 0x100 || (uint32_t)word > QUIC_VERSION)
		return false;
	for (uint32_t i = 0; i < ECAP_COUNT(versions); i++)
		if ((uint32_t)word == versions[i]) {
			*version = versions[i];
			return true;
		}
	return false;
}

static bool read_table(struct finder *f, uint64_t addr, uint32_t version, struct table *t)
{
	bool quic = version == QUIC_VERSION;
	uint64_t mask;

	/* A mask is one bit at most, SSL_OP_NO_TLSv1_2 say: which may be an address as well. */
	if (f->elf->pointer(f->file, addr + MASK, &mask) == 0 && (mask & (mask - 1)) &&
	    finder_is_code(f, mask))
		return false;
	*t = (struct table){ .addr = addr, .version = version };
	for (uint32_t i = 0; i < N_COLUMNS; i++) {
		if (f->elf->pointer(f->file, addr + HEADER + UINT64_C(8) * i, &t->column[i]) != 0)
			return false;
		t->is_code[i] = finder_is_code(f, t->column[i]);
		/* A table for QUIC leaves some functions out. */
		if (!t->is_code[i] && (!quic || i == 0 || t->column[i]))
			return false;
	}
	return true;
}

static void scan_segment(struct tables *all, const struct ecap_elf_segment *s)
{
	uint64_t start = (s->addr + 7) & ~UINT64_C(7), skipped = start - s->addr;
	uint64_t size = s->size > skipped ? s->size - skipped : 0;
	const uint8_t *p = all->f->elf->data(all->f->file, start, size);

	for (uint64_t i = 0; p && i + HEADER <= size && all->n < MAX_TABLES; i += 8) {
		uint64_t word;
		uint32_t version;

		memcpy(&word, p + i, sizeof(word));
		if (is_version(word, &version) &&
		    read_table(all->f, start + i, version, &all->items[all->n]))
			all->n++;
	}
}

static void scan(struct tables *all)
{
	const struct finder *f = all->f;

	for (uint32_t i = 0; i < f->n_segments; i++)
		if (f->data_in_code || !(f->segments[i].flags & ECAP_ELF_X))
			scan_segment(all, &f->segments[i]);
}

static uint32_t family_size(const struct tables *all, uint64_t first)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < all->n; i++)
		n += all->items[i].version != QUIC_VERSION && all->items[i].column[0] == first;
	return n;
}

/*
 * True when @k and @k + 1 are accept and connect: both differ among the tables, and one
 * function, for what a table cannot do, stands in both.
 */
static bool is_accept_connect(const struct tables *all, uint32_t k)
{
	bool varies[2] = { false, false }, shared = false;
	const struct table *first = NULL;

	for (uint32_t i = 0; i < all->n; i++) {
		const struct table *t = &all->items[i];

		if (t->version == QUIC_VERSION || t->column[0] != all->family)
			continue;
		first = first ? first : t;
		varies[0] |= t->column[k] != first->column[k];
		varies[1] |= t->column[k + 1] != first->column[k + 1];
		for (uint32_t j = 0; j < all->n; j++)
			shared |= all->items[j].column[0] == all->family &&
				  all->items[j].column[k + 1] == t->column[k];
	}
	return varies[0] && varies[1] && shared;
}

static bool read_layout(struct tables *all)
{
	uint32_t largest = 0;

	for (uint32_t i = 0; i < all->n; i++) {
		uint32_t size = family_size(all, all->items[i].column[0]);

		if (size > largest) {
			largest = size;
			all->family = all->items[i].column[0];
		}
	}
	if (largest < MIN_TABLES)
		return false;
	for (uint32_t k = 1; k + 4 < N_COLUMNS; k++) {
		if (!is_accept_connect(all, k))
			continue;
		all->layout = (struct layout){ .accept = k, .read = k + 2, .write = k + 4 };
		if (k == 3)
			all->layout.free = 2;
		else if (k == 6)
			all->layout.free = 1;
		return true;
	}
	return false;
}

/* True when the table has a function in common with one of the family, in the same column. */
static bool belongs(const struct tables *all, const struct table *t)
{
	const struct layout *l = &all->layout;

	if (!t->is_code[l->read] || !t->is_code[l->write] ||
	    t->column[l->read] == t->column[l->write])
		return false;
	for (uint32_t i = 0; i < all->n; i++) {
		const struct table *other = &all->items[i];

		if (other->version == QUIC_VERSION || other->column[0] != all->family)
			continue;
		for (uint32_t k = 0; k < N_COLUMNS; k++)
			if (t->is_code[k] && t->column[k] == other->column[k])
				return true;
	}
	return false;
}

static const char *name_of(const struct table *t, enum openssl_role role, bool in_family)
{
	if (t->version == QUIC_VERSION)
		return role == OPENSSL_READ ? "ossl_quic_read" :
		       role == OPENSSL_WRITE ? "ossl_quic_write" : "ossl_quic_free";
	if (!in_family)
		return role == OPENSSL_READ ? "dtls1_read" :
		       role == OPENSSL_WRITE ? "dtls1_write" : "dtls1_free";
	return role == OPENSSL_READ ? "ssl3_read" :
	       role == OPENSSL_WRITE ? "ssl3_write" : "ssl_free";
}

/*
 * Since 3.3 the table's QUIC write only adds flags before its last argument and goes on to
 * ossl_quic_write_flags(ssl, buf, len, flags, *done), which SSL_write_ex() calls by itself
 * (OpenSSL ssl/quic/quic_impl.c): that is where every write passes.
 */
static void follow_quic_write(struct finder *f, struct candidate *c)
{
	uint64_t behind;

	if (f->elf->forwards(f->file, c->addr, &behind) ||
	    f->elf->reads_arg(f->file, behind, 4) != 1)
		return;
	c->addr = behind;
	c->function = "ossl_quic_write_flags";
	c->done_arg = 4;
}

static int add_function(struct tables *all, const struct table *t, enum openssl_role role,
			uint32_t column)
{
	struct candidate c = {
		.role = role,
		.quic = role != OPENSSL_FREE && t->version == QUIC_VERSION,
		.addr = t->column[column],
		.function = name_of(t, role, t->column[0] == all->family),
		.how = all->how,
	};

	/* Until 1.1.0 the count is the return value, and there is no fourth argument. */
	if (role != OPENSSL_FREE) {
		int done = all->f->elf->reads_arg(all->f->file, c.addr, 3);

		if (done < 0)
			return done;
		c.result = done ? OPENSSL_RESULT_DONE : OPENSSL_RESULT_INT;
		if (c.quic && role == OPENSSL_WRITE)
			follow_quic_write(all->f, &c);
	}
	return finder_add(all->f, &c);
}

static int add_table(struct tables *all, const struct table *t)
{
	const struct layout *l = &all->layout;
	int err = add_function(all, t, OPENSSL_READ, l->read);

	if (!err)
		err = add_function(all, t, OPENSSL_WRITE, l->write);
	if (!err && l->free && t->is_code[l->free])
		err = add_function(all, t, OPENSSL_FREE, l->free);
	return err;
}

/* A symbol of the name that the family's function has must be where the tables point. */
static int compare_symbol(struct tables *all, const char *name, uint32_t column)
{
	uint64_t symbol = finder_symbol(all->f, name, NULL);

	if (!symbol)
		return 0;
	for (uint32_t i = 0; i < all->n; i++)
		if (all->items[i].column[0] == all->family &&
		    all->items[i].column[column] != symbol) {
			finder_tried(all->f, "the SSL_METHOD table at %#llx has %#llx where the "
				     "symbol %s is %#llx", (unsigned long long)all->items[i].addr,
				     (unsigned long long)all->items[i].column[column], name,
				     (unsigned long long)symbol);
			return -EBADMSG;
		}
	return 1;
}

/* A search for code that reads a function from the table: @offset is the column's place. */
struct column_search {
	int32_t offset;
	bool found;
};

/* The table's address is in the connection object, which is the first argument. */
static int on_use(void *arg, const struct ecap_elf_use *use)
{
	struct column_search *s = arg;
	const struct ecap_elf_value *v = &use->result;

	s->found |= use->kind == ECAP_ELF_USE_LOAD && v->arg == 0 && v->n_loads >= 2 &&
		    v->width == 8 && v->offset[v->n_loads - 1] == s->offset;
	return s->found;
}

static bool uses_column(struct finder *f, uint64_t addr, uint32_t offset)
{
	struct column_search s = { .offset = (int32_t)offset };

	return addr && f->elf->uses(f->file, addr, on_use, &s) == 0 && s.found;
}

/* The second opinion on the columns: what @name, or the function behind it, calls through. */
static bool is_called_by(struct finder *f, const char *name, uint32_t column)
{
	uint64_t outer = finder_symbol(f, name, NULL), inner = 0;
	uint32_t offset = HEADER + 8 * column;

	if (!outer || uses_column(f, outer, offset))
		return outer != 0;
	return f->elf->forwards(f->file, outer, &inner) == 0 && uses_column(f, inner, offset);
}

/* Says in @all->how what else than the tables' shape speaks for the columns. */
static int verify(struct tables *all)
{
	const struct layout *l = &all->layout;
	int read = compare_symbol(all, "ssl3_read", l->read);
	int write = compare_symbol(all, "ssl3_write", l->write);
	const char *also = "by shape";

	if (read < 0 || write < 0)
		return read < 0 ? read : write;
	if (read && write)
		also = "as the symbols";
	else if (is_called_by(all->f, "SSL_read", l->read) &&
		 is_called_by(all->f, "SSL_write", l->write))
		also = "as SSL_read calls";
	snprintf(all->how, sizeof(all->how), "SSL_METHOD table (%u tables, %s)", all->n, also);
	return 0;
}

int locate_by_method(struct finder *f)
{
	struct tables all = { .f = f };

	scan(&all);
	if (!read_layout(&all)) {
		finder_tried(f, "no SSL_METHOD tables in data (%u that look like one)", all.n);
		return -ENOENT;
	}
	for (uint32_t i = 0; i < all.n;) {
		if (belongs(&all, &all.items[i]))
			i++;
		else
			all.items[i] = all.items[--all.n];
	}

	int err = verify(&all);

	/* The family first: its functions are the ones that matter when there is no more room. */
	for (int family = 1; family >= 0; family--)
		for (uint32_t i = 0; i < all.n && !err; i++)
			if ((all.items[i].column[0] == all.family) == family)
				err = add_table(&all, &all.items[i]);
	if (err)
		return err;
	f->location->flavour = OPENSSL_OPENSSL;
	return locate_helpers(f, false);
}
