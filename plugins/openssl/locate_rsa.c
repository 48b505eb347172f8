/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function to which an OpenSSL client hands the premaster secret of an RSA key exchange for the
 * key log, (ssl, encrypted, length, premaster, length). What may lead to it is its label, its own
 * name or the number of its error, all of which occur elsewhere, too. It is the one if it does what
 * the key log function does: hands its arguments to the same function that writes a line, or, where
 * the compiler has made copies of that, looks whether there is a key log in the same member and
 * reads both kinds of bytes.
 */
#include "keylog.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_BYTES 32u /* RFC 8446, 4.1.2 */
#define TAG_BYTES    8u  /* of the encrypted secret, in a line: Mozilla's "NSS Key Log Format" */

#define N_ARGS       5u

#define MAX_PLACES     96u
#define MAX_CANDIDATES 64u
#define MAX_PATH       256u

/* OpenSSL 1.1.1 include/openssl/sslerr.h: SSL_F_SSL_LOG_RSA_CLIENT_KEY_EXCHANGE. */
#define ERROR_FUNCTION 499u
#define ERROR_ARG      2u /* ossl_statem_fatal(ssl, alert, function, reason, file, line) */

static const char own_name[] = "ssl_log_rsa_client_key_exchange";
static const char label[] = "RSA";
static const char source[] = "ssl_lib.c";

/* What function writes a line, (label, ssl, bytes, their number, secret, its length). */
struct writer {
	const struct openssl_keylog *keylog;
	uint64_t addr;                /* 0: the key log function has a copy of it */
	struct ecap_elf_value member; /* then: where that looks whether there is a key log */
	bool ambiguous;
};

struct search {
	const struct ecap_elf *elf;
	struct ecap_elf_file *file;
	struct writer writer;
	uint64_t places[MAX_PLACES]; /* of labels and names; then of paths */
	uint32_t n_places, n_names;
	uint64_t candidates[MAX_CANDIDATES];
	uint32_t n_candidates;
};

/* What one of them does. */
struct candidate {
	const struct writer *writer;
	bool looks, reads_tag, reads_secret; /* with a copy inside */
	bool agrees;
};

static bool is_argument(const struct ecap_elf_value *v, uint8_t arg)
{
	return v->kind == ECAP_ELF_PATH && v->arg == arg && !v->n_loads && !v->offset[0];
}

static bool is_number(const struct ecap_elf_value *v, uint32_t number)
{
	return v->kind == ECAP_ELF_CONSTANT && (uint32_t)v->number == number;
}

static bool same_path(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return a->kind == b->kind && a->arg == b->arg && a->n_loads == b->n_loads &&
	       !memcmp(a->offset, b->offset, (a->n_loads + 1u) * sizeof(a->offset[0]));
}

static bool calls(const struct ecap_elf_use *use)
{
	return (use->kind == ECAP_ELF_USE_CALL || use->kind == ECAP_ELF_USE_JUMP) && use->callee;
}

/* A pointer in what the first argument points to, but not in what holds the client random. */
static bool is_member(const struct ecap_elf_value *v, const struct ecap_elf_value *random)
{
	return v->kind == ECAP_ELF_PATH && v->arg == 0 && v->n_loads == 2 && v->width == 8 &&
	       !(random->n_loads == 1 && random->offset[0] == v->offset[0]);
}

static int on_writer(void *arg, const struct ecap_elf_use *use)
{
	struct writer *w = arg;
	const struct ecap_elf_value *v = use->arg;

	if (use->kind == ECAP_ELF_USE_LOAD && is_member(&use->result, &w->keylog->client_random)) {
		w->ambiguous |= w->member.kind && !same_path(&w->member, &use->result);
		w->member = use->result;
	}
	if (calls(use) && is_argument(&v[0], 1) && is_argument(&v[1], 0) &&
	    same_path(&v[2], &w->keylog->client_random) && is_number(&v[3], RANDOM_BYTES) &&
	    is_argument(&v[4], 2) && is_argument(&v[5], 3))
		w->addr = use->callee;
	return w->addr != 0;
}

/* Reads what an argument points to. */
static bool reads_bytes(const struct ecap_elf_use *use, uint8_t arg)
{
	return use->kind == ECAP_ELF_USE_LOAD && use->result.arg == arg && use->result.n_loads == 1;
}

/* With a copy inside, bytes of both become text. */
static int on_copy(void *arg, const struct ecap_elf_use *use)
{
	struct candidate *c = arg;

	c->looks |= use->kind == ECAP_ELF_USE_LOAD && same_path(&use->result, &c->writer->member);
	c->reads_tag |= reads_bytes(use, 1) && use->result.offset[0] < (int32_t)TAG_BYTES;
	c->reads_secret |= reads_bytes(use, 3);
	return c->agrees = c->looks && c->reads_tag && c->reads_secret;
}

static int on_candidate(void *arg, const struct ecap_elf_use *use)
{
	struct candidate *c = arg;
	const struct ecap_elf_value *v = use->arg;

	if (!c->writer->addr)
		return on_copy(arg, use);
	c->agrees = calls(use) && use->callee == c->writer->addr && is_argument(&v[1], 0) &&
		    is_argument(&v[2], 1) && is_number(&v[3], TAG_BYTES) &&
		    is_argument(&v[4], 3) && is_argument(&v[5], 4);
	return c->agrees;
}

static bool is_function(const struct search *s, uint64_t addr)
{
	struct candidate c = { .writer = &s->writer };

	if (s->elf->uses(s->file, addr, on_candidate, &c) != 0 || !c.agrees)
		return false;
	for (uint32_t i = 0; i < N_ARGS; i++)
		if (s->elf->reads_arg(s->file, addr, i) != 1)
			return false;
	return true;
}

static void add_candidate(struct search *s, uint64_t addr)
{
	for (uint32_t i = 0; i < s->n_candidates; i++)
		if (s->candidates[i] == addr)
			return;
	if (addr != s->writer.keylog->addr && s->n_candidates < MAX_CANDIDATES)
		s->candidates[s->n_candidates++] = addr;
}

static int on_place(void *arg, uint64_t addr)
{
	struct search *s = arg;

	s->places[s->n_places++] = addr;
	return s->n_places == MAX_PLACES;
}

/* The name of a source file: code takes the path that it ends. */
static int on_source(void *arg, uint64_t addr)
{
	struct search *s = arg;

	for (uint32_t i = 0; i < MAX_PATH; i++) {
		const char *before = s->elf->data(s->file, addr - 1, 1);

		if (!before || !*before)
			break;
		addr--;
	}
	return on_place(s, addr);
}

static bool is_name(const struct search *s, uint64_t target)
{
	for (uint32_t i = 0; i < s->n_names; i++)
		if (s->places[i] == target)
			return true;
	return false;
}

static int on_reference(void *arg, uint64_t insn, uint64_t target)
{
	struct ecap_elf_call call = { .struct_size = sizeof(call) };
	struct search *s = arg;
	uint64_t start, end;

	if (!is_name(s, target) &&
	    (s->elf->call(s->file, insn, &call) != 0 || !(call.known & 1u << ERROR_ARG) ||
	     (uint32_t)call.value[ERROR_ARG] != ERROR_FUNCTION))
		return 0;
	if (s->elf->function(s->file, insn, &start, &end) == 0)
		add_candidate(s, start);
	return 0;
}

static int find_candidates(struct search *s)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	int err;

	if (s->elf->symbol(s->file, own_name, &symbol) == 0) {
		add_candidate(s, symbol.addr);
		return 0;
	}
	err = s->elf->find(s->file, own_name, sizeof(own_name), on_place, s);
	if (!err && s->n_places < MAX_PLACES)
		err = s->elf->find(s->file, label, sizeof(label), on_place, s);
	s->n_names = s->n_places;
	if (!err && s->n_places < MAX_PLACES)
		err = s->elf->find(s->file, source, sizeof(source), on_source, s);
	return err ? err : s->elf->refs(s->file, s->places, s->n_places, on_reference, s);
}

static int find_writer(struct search *s)
{
	struct writer *w = &s->writer;
	int err = s->elf->uses(s->file, w->keylog->addr, on_writer, w);

	return err ? err : w->addr || (w->member.kind && !w->ambiguous) ? 0 : -ENOENT;
}

static int choose(struct search *s, struct openssl_rsa *rsa)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < s->n_candidates; i++) {
		if (!is_function(s, s->candidates[i]))
			continue;
		if (found) {
			rsa->how = "several functions might be it";
			return -ENOTUNIQ;
		}
		found = s->candidates[i];
	}
	if (!found)
		return -ENOENT;

	int err = s->elf->offset(s->file, found, &rsa->offset);

	rsa->addr = err ? 0 : found;
	rsa->how = s->writer.addr ? "writes lines as the key log function does"
				  : "looks for a key log where the key log function does";
	return err;
}

int openssl_locate_rsa(const struct ecap_elf *elf, struct ecap_elf_file *file,
		       const struct openssl_keylog *keylog, struct openssl_rsa *rsa)
{
	struct search s = { .elf = elf, .file = file, .writer = { .keylog = keylog } };
	int err = find_writer(&s);

	*rsa = (struct openssl_rsa){ .how = "the library has none, or nothing proves which" };
	if (!err)
		err = find_candidates(&s);
	return err ? err : choose(&s, rsa);
}
