/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the functions to probe, one way after the other: see locate.h. */
#include "locate_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint32_t done_arg_of(const struct candidate *c)
{
	return c->done_arg ? c->done_arg : 3;
}

/* Arguments that the probe of each role looks at: all but SSL_sendfile's size and flags. */
static uint32_t args_of(const struct candidate *c)
{
	switch (c->role) {
	case OPENSSL_READ:
	case OPENSSL_WRITE:
		return c->result == OPENSSL_RESULT_DONE ? done_arg_of(c) + 1 : 3;
	case OPENSSL_FREE:
		return 1;
	default:
		return 2;
	}
}

void finder_tried(struct finder *f, const char *fmt, ...)
{
	char *tried = f->location->tried;
	size_t used = strlen(tried), room = sizeof(f->location->tried);
	va_list ap;

	if (used)
		used += (size_t)snprintf(tried + used, room - used, "; ");
	if (used >= room)
		return;
	va_start(ap, fmt);
	vsnprintf(tried + used, room - used, fmt, ap);
	va_end(ap);
}

/* The file's header and eight or more program headers, elf(5): small numbers are no addresses. */
#define ELF_HEADERS 0x200u

static bool holds_code_at(const struct ecap_elf_segment *s, uint64_t addr)
{
	uint64_t before = s->offset == 0 ? ELF_HEADERS : 0;

	return (s->flags & ECAP_ELF_X) && addr >= s->addr && addr - s->addr < s->size &&
	       addr - s->addr >= before;
}

bool finder_is_code(const struct finder *f, uint64_t addr)
{
	for (uint32_t i = 0; i < f->n_segments; i++)
		if (holds_code_at(&f->segments[i], addr))
			return true;
	return false;
}

uint64_t finder_symbol(struct finder *f, const char *name, uint32_t *source)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (f->elf->symbol(f->file, name, &symbol) != 0 || !finder_is_code(f, symbol.addr))
		return 0;
	if (source)
		*source = symbol.source;
	return symbol.addr;
}

/*
 * The site at the function's very first instruction. The service names the best site only;
 * when that is another one, the first instruction is one that the kernel must single-step.
 */
static int site_at_start(struct finder *f, uint64_t addr, struct ecap_site *site)
{
	if (site->addr == addr)
		return 0;
	site->addr = addr;
	site->emulated = 0;
	for (uint8_t i = 0; i < sizeof(site->arg); i++)
		site->arg[i] = i;
	snprintf(site->insn, sizeof(site->insn), "first instruction");
	return f->elf->offset(f->file, addr, &site->offset);
}

int finder_add(struct finder *f, const struct candidate *c)
{
	struct openssl_location *l = f->location;
	const char *name = f->elf->symbol_name(f->file, c->addr);
	struct openssl_probe probe = {
		.role = c->role,
		.result = c->result,
		.done_arg = done_arg_of(c),
		.quic = c->quic,
		.site = { .struct_size = sizeof(probe.site) },
	};

	for (uint32_t i = 0; i < l->n_probes; i++)
		if (l->probes[i].role == c->role && f->added[i] == c->addr)
			return 0;
	if (l->n_probes == OPENSSL_MAX_PROBES) {
		finder_tried(f, "%s left out: more than %d functions", c->function,
			     OPENSSL_MAX_PROBES);
		return 0;
	}

	int err = f->elf->site(f->file, c->addr, args_of(c), &probe.site);

	if (!err && f->exact)
		err = site_at_start(f, c->addr, &probe.site);
	if (err) {
		finder_tried(f, "%s: no place for a probe at %#llx", c->function,
			     (unsigned long long)c->addr);
		return err;
	}
	snprintf(probe.function, sizeof(probe.function), "%s", name ? name : c->function);
	snprintf(probe.how, sizeof(probe.how), "%s", c->how);
	f->added[l->n_probes] = c->addr;
	l->probes[l->n_probes++] = probe;
	return 0;
}

void finder_segments(struct finder *f)
{
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };

	f->data_in_code = true;
	while (f->n_segments < MAX_SEGMENTS &&
	       f->elf->segment(f->file, f->n_segments, &segment) == 0) {
		if (!(segment.flags & (ECAP_ELF_W | ECAP_ELF_X)))
			f->data_in_code = false;
		f->segments[f->n_segments++] = segment;
	}
}

static bool has_both(const struct openssl_location *l)
{
	bool reads = false, writes = false;

	for (uint32_t i = 0; i < l->n_probes; i++) {
		reads |= l->probes[i].role == OPENSSL_READ;
		writes |= l->probes[i].role == OPENSSL_WRITE;
	}
	return reads && writes;
}

int openssl_locate(const struct ecap_elf *elf, struct ecap_elf_file *file, int exact_symbols,
		   struct openssl_location *location)
{
	static int (*const ways[])(struct finder *f) = {
		locate_by_method, locate_by_symbol, locate_boringssl,
	};
	struct finder f = { .elf = elf, .file = file, .exact = exact_symbols };

	f.location = location;
	memset(location, 0, sizeof(*location));
	finder_segments(&f);
	for (uint32_t i = 0; i < ECAP_COUNT(ways); i++) {
		if (exact_symbols && ways[i] != locate_by_symbol)
			continue;

		int err = ways[i](&f);

		if (!err && has_both(location))
			return 0;
		location->n_probes = 0;
		if (err && err != -ENOENT)
			return err;
	}
	return -ENOENT;
}
