/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds SSL_read() and SSL_write() of a BoringSSL without symbols, as programs have it linked in:
 * by the errors that its functions raise, which name the source file, the line and the reason.
 * The table of the BIO that speaks TLS, which calls both, is the second opinion.
 */
#include "locate_private.h"

#include <string.h>

#define MAX_SITES   512u
#define MAX_STRINGS 16u
#define MAX_PATH    200u
#define MAX_READERS 4u

/* BoringSSL include/openssl/err.h: ERR_LIB_SSL, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED. */
#define LIBRARY_SSL 16u
#define NOT_CALLED  66u
/* BoringSSL include/openssl/ssl.h: SSL_R_*. */
#define BAD_LENGTH     111u
#define TYPE_NOT_SET   134u
#define UNINITIALIZED  226u

/* BoringSSL include/openssl/bio.h: BIO_TYPE_SSL, a filter. */
#define BIO_TYPE UINT64_C(0x207)

/* ERR_put_error(library, 0, reason, file, line) in a function. */
struct error_site {
	uint64_t function, end;
	uint32_t reason, line;
};

struct search {
	struct finder *f;
	uint64_t strings[MAX_STRINGS];
	uint32_t n_strings;
	struct error_site sites[MAX_SITES];
	uint32_t n_sites;
	uint64_t bio_write, bio_read; /* 0: there is no such table */
};

/* Notes the name's place and where the path that it ends starts: code may take either. */
static int note_string(void *arg, uint64_t addr)
{
	struct search *s = arg;
	uint64_t start = addr;

	for (uint32_t i = 0; i < MAX_PATH; i++) {
		const unsigned char *before = s->f->elf->data(s->f->file, start - 1, 1);

		if (!before || *before < 0x20 || *before > 0x7e)
			break;
		start--;
	}
	if (s->n_strings + 2 > MAX_STRINGS)
		return 1;
	s->strings[s->n_strings++] = addr;
	if (start != addr)
		s->strings[s->n_strings++] = start;
	return 0;
}

static int note_site(void *arg, uint64_t insn, uint64_t target)
{
	enum { LIBRARY = 1, REASON = 4, LINE = 16 };
	struct search *s = arg;
	struct ecap_elf_call call = { .struct_size = sizeof(call) };
	struct error_site *site = &s->sites[s->n_sites];

	(void)target;
	if (s->f->elf->call(s->f->file, insn, &call) != 0 ||
	    (call.known & (LIBRARY | REASON | LINE)) != (LIBRARY | REASON | LINE) ||
	    call.value[0] != LIBRARY_SSL ||
	    s->f->elf->function(s->f->file, insn, &site->function, &site->end) != 0)
		return 0;
	site->reason = (uint32_t)call.value[2];
	site->line = (uint32_t)call.value[4];
	return ++s->n_sites == MAX_SITES;
}

static uint64_t code_pointer(struct finder *f, uint64_t addr)
{
	uint64_t value;

	return f->elf->pointer(f->file, addr, &value) == 0 && finder_is_code(f, value) ? value : 0;
}

/*
 * struct bio_method_st, BoringSSL include/openssl/bio.h: { type, "ssl", write, read, ... }; in
 * newer ones a member that is 0 stands between the two.
 */
static int note_bio(void *arg, uint64_t addr)
{
	struct search *s = arg;
	const struct ecap_elf *elf = s->f->elf;
	uint64_t name;

	if (addr % 8 || elf->pointer(s->f->file, addr + 8, &name) != 0)
		return 0;

	const char *text = elf->data(s->f->file, name, 4);
	uint64_t write = code_pointer(s->f, addr + 16), read = code_pointer(s->f, addr + 24);

	if (!read)
		read = code_pointer(s->f, addr + 32);
	if (!text || !write || !read ||
	    (memcmp(text, "ssl", 4) != 0 && memcmp(text, "SSL", 4) != 0))
		return 0;
	s->bio_write = write;
	s->bio_read = read;
	return 1;
}

static uint32_t count_sites(const struct search *s, uint64_t function, uint32_t reason)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_sites; i++)
		n += s->sites[i].function == function && (!reason || s->sites[i].reason == reason);
	return n;
}

/* SSL_write() is the only function that knows all three reasons. 0: there is none, or several. */
static uint64_t find_write(const struct search *s)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < s->n_sites; i++) {
		uint64_t function = s->sites[i].function;

		if (!count_sites(s, function, NOT_CALLED) ||
		    !count_sites(s, function, BAD_LENGTH) ||
		    !count_sites(s, function, UNINITIALIZED))
			continue;
		if (found && found != function)
			return 0;
		found = function;
	}
	return found;
}

/*
 * SSL_peek() raises one error, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, above SSL_write() in the file
 * and below SSL_do_handshake(), the one with TYPE_NOT_SET. SSL_read() calls it or, more often,
 * holds a copy of it, with the same line.
 */
static uint32_t find_readers(const struct search *s, uint64_t write, struct error_site *readers)
{
	uint32_t above = 0, below = UINT32_MAX, line = 0, n = 0;

	for (uint32_t i = 0; i < s->n_sites; i++) {
		const struct error_site *e = &s->sites[i];

		if (e->reason == TYPE_NOT_SET && e->line > above)
			above = e->line;
		if (e->function == write && e->line < below)
			below = e->line;
	}
	for (uint32_t i = 0; i < s->n_sites; i++) {
		const struct error_site *e = &s->sites[i];

		if (e->reason != NOT_CALLED || e->line <= above || e->line >= below ||
		    count_sites(s, e->function, 0) != 1 || e->line < line)
			continue;
		n = e->line > line ? 0 : n;
		line = e->line;
		if (n < MAX_READERS)
			readers[n] = *e;
		n++;
	}
	return n <= MAX_READERS ? n : 0;
}

/* True when @function is one of @readers or hands its arguments on to one, as SSL_read() does. */
static bool is_reader(struct finder *f, uint64_t function, const struct error_site *readers,
		      uint32_t n)
{
	uint64_t inner;

	for (uint32_t i = 0; i < n; i++)
		if (readers[i].function == function)
			return true;
	if (f->elf->forwards(f->file, function, &inner) != 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (readers[i].function == inner)
			return true;
	return false;
}

/* A search for the one function that another calls of those that are wanted. */
struct call_search {
	struct finder *f;
	uint64_t wanted;                  /* 0: one of @readers */
	const struct error_site *readers;
	uint32_t n;
	uint64_t found;
	bool several;
};

static int on_use(void *arg, const struct ecap_elf_use *use)
{
	struct call_search *s = arg;

	if (!use->callee || use->callee == s->found ||
	    !(s->n ? is_reader(s->f, use->callee, s->readers, s->n) : use->callee == s->wanted))
		return 0;
	s->several = s->found != 0;
	s->found = use->callee;
	return s->several;
}

/* The reader that @bio calls, or @wanted when there are no readers; 0: none or several. */
static uint64_t called_by(struct finder *f, uint64_t bio, uint64_t wanted,
			  const struct error_site *readers, uint32_t n)
{
	struct call_search s = { .f = f, .wanted = wanted, .readers = readers, .n = n };

	return f->elf->uses(f->file, bio, on_use, &s) == 0 && !s.several ? s.found : 0;
}

/* Without the BIO's table: of SSL_peek() and SSL_read() with its copy inside, the longer one. */
static uint64_t longer_reader(const struct error_site *readers, uint32_t n)
{
	if (n != 2)
		return 0;

	uint64_t size[2] = {
		readers[0].end - readers[0].function, readers[1].end - readers[1].function,
	};

	if (size[0] == size[1])
		return 0;
	return readers[size[0] > size[1] ? 0 : 1].function;
}

static int add(struct finder *f, enum openssl_role role, uint64_t addr, const char *function,
	       const char *how)
{
	struct candidate c = {
		.role = role, .result = OPENSSL_RESULT_INT, .addr = addr, .function = function,
		.how = how,
	};

	return finder_add(f, &c);
}

static int decide(struct search *s)
{
	struct error_site readers[MAX_READERS];
	uint64_t write = find_write(s);
	uint32_t n = write ? find_readers(s, write, readers) : 0;
	const char *how = "BoringSSL's error sites";

	if (!n) {
		finder_tried(s->f, "%u errors raised in ssl_lib.cc name no SSL_read and SSL_write",
			     s->n_sites);
		return -ENOENT;
	}

	uint64_t read = s->bio_read ? called_by(s->f, s->bio_read, 0, readers, n)
				    : longer_reader(readers, n);

	if (s->bio_read)
		how = "BoringSSL's error sites, BIO table agrees";
	if (!read || (s->bio_write && !called_by(s->f, s->bio_write, write, NULL, 0))) {
		finder_tried(s->f, "BoringSSL's errors name %#llx and %#llx as SSL_read and "
			     "SSL_write; the BIO that calls them, %#llx and %#llx, does not confirm it",
			     (unsigned long long)readers[0].function, (unsigned long long)write,
			     (unsigned long long)s->bio_read, (unsigned long long)s->bio_write);
		return -EBADMSG;
	}

	int err = add(s->f, OPENSSL_READ, read, "SSL_read", how);

	return err ? err : add(s->f, OPENSSL_WRITE, write, "SSL_write", how);
}

int locate_boringssl(struct finder *f)
{
	static const uint64_t type = BIO_TYPE;
	struct search s = { .f = f };
	int err = f->elf->find(f->file, "ssl_lib.cc", sizeof("ssl_lib.cc"), note_string, &s);

	if (!err && !s.n_strings) {
		finder_tried(f, "no BoringSSL: nothing names ssl_lib.cc");
		return -ENOENT;
	}
	if (!err)
		err = f->elf->refs(f->file, s.strings, s.n_strings, note_site, &s);
	if (!err)
		err = f->elf->find(f->file, &type, sizeof(type), note_bio, &s);
	if (!err)
		err = decide(&s);
	if (err)
		return err;
	f->location->flavour = OPENSSL_BORINGSSL;
	return locate_helpers(f, true);
}
