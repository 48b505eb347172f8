/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and offsets that a user gives for one build: see builds.h. */
#include "builds.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "locate_private.h"

#define MAX_OFFSET 0xfffffull /* no struct of the libraries is as long */

#define BUILD(MEMBER, TYPE, NAME, ...) \
	ECAP_OPT(struct openssl_build, MEMBER, TYPE, NAME, __VA_ARGS__)

const struct ecap_option openssl_build_options[OPENSSL_N_BUILD_OPTIONS] = {
	BUILD(keylog_function, ECAP_OPT_STRING, "keylog-function", .metavar = "FUNCTION",
	      .help = "the one with (ssl, label, secret, length): address in the file, or symbol"),
	BUILD(client_random, ECAP_OPT_STRING, "client-random", .metavar = "OFFSETS",
	      .help = "from ssl to its 32 bytes; 0x10,0xe8: a pointer is read at the first"),
	BUILD(read_function, ECAP_OPT_STRING, "read-function", .metavar = "FUNCTION",
	      .help = "the one that receives, with (ssl, buffer, size): address or symbol"),
	BUILD(write_function, ECAP_OPT_STRING, "write-function", .metavar = "FUNCTION",
	      .help = "the one that sends, the same"),
	BUILD(result, ECAP_OPT_ENUM, "result", .choices = "returned|done", .def = "returned",
	      .help = "how both tell how much it was: they return it, or set *done, the fourth argument"),
};

/* Where the text of an error goes. */
struct reason {
	const struct ecap_named *named;
	char *text;
	size_t size;
};

/* "FILE:LINE: [tls.build "ID"] key: ..." */
static int __attribute__((format(printf, 3, 4))) refuse(const struct reason *r, const char *key,
							const char *fmt, ...)
{
	int n = snprintf(r->text, r->size, "%s:%u: [tls.build \"%s\"] %s: ", r->named->file,
			 r->named->line, r->named->name, key);
	va_list ap;

	if (n < 0 || (size_t)n >= r->size)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(r->text + n, r->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* A number from here on, and what stands behind it. */
static bool number_at(const char *text, uint64_t *number, const char **end)
{
	char *behind;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &behind, 0);
	*end = behind;
	return !errno;
}

/* As struct ecap_elf_value has a path: the numbers, with commas between them. */
static int parse_path(const struct reason *r, const char *text, struct ecap_elf_value *path)
{
	*path = (struct ecap_elf_value){ .kind = ECAP_ELF_PATH };
	for (uint32_t i = 0;; i++) {
		uint64_t offset;

		if (i > ECAP_ELF_MAX_LOADS)
			return refuse(r, "client-random", "more than %u offsets",
				      ECAP_ELF_MAX_LOADS + 1);
		if (!number_at(text, &offset, &text) || offset > MAX_OFFSET)
			return refuse(r, "client-random", "expected are offsets below %#llx, with "
				      "commas between them", MAX_OFFSET + 1);
		path->offset[i] = (int32_t)offset;
		path->n_loads = (uint8_t)i;
		text += strspn(text, " ");
		if (!*text)
			return 0;
		text += *text == ',';
		text += strspn(text, " ");
	}
}

static int check_build(const struct reason *r)
{
	const struct openssl_build *b = r->named->config;
	struct ecap_elf_value path;

	if (r->named->name[strspn(r->named->name, "0123456789abcdef")])
		return refuse(r, "its name", "is no build-id, which has the digits 0-9 and a-f: "
			      "ecapture modules probe FILE shows it");
	if (!b->keylog_function != !b->client_random)
		return refuse(r, b->client_random ? "client-random" : "keylog-function",
			      "works together with %s only",
			      b->client_random ? "keylog-function" : "client-random");
	if (!b->read_function != !b->write_function)
		return refuse(r, b->read_function ? "read-function" : "write-function",
			      "works together with %s only",
			      b->read_function ? "write-function" : "read-function");
	return b->client_random ? parse_path(r, b->client_random, &path) : 0;
}

int openssl_check_builds(const struct ecap_context *ctx)
{
	for (const struct ecap_named *const *named = ctx->named; *named; named++) {
		char text[1024];
		const struct reason r = { *named, text, sizeof(text) };

		if (check_build(&r))
			return ecap_fail(ctx, -EINVAL, "%s", text);
	}
	return 0;
}

/* The section of the file, NULL when there is none. */
static const struct ecap_named *section_of(const struct ecap_context *ctx, const struct ecap_elf *elf,
					   struct ecap_elf_file *file)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };

	if (elf->info(file, &info) || !*info.build_id)
		return NULL;
	for (const struct ecap_named *const *named = ctx->named; *named; named++)
		if (!strcmp((*named)->name, info.build_id))
			return *named;
	return NULL;
}

/* Where a function is, which must look like one. */
static int resolve(struct finder *f, const struct reason *r, const char *key, const char *text,
		   uint64_t *addr)
{
	const char *end = text;
	uint64_t start, behind;
	bool number = isdigit((unsigned char)*text);

	if (number && (!number_at(text, addr, &end) || *end))
		return refuse(r, key, "%s is neither a number nor a symbol", text);
	if (!number)
		*addr = finder_symbol(f, text, NULL);
	if (!number && !*addr)
		return refuse(r, key, "the file has no function %s", text);
	if (!finder_is_code(f, *addr))
		return refuse(r, key, "%#llx is not in code of the file",
			      (unsigned long long)*addr);
	if (!f->elf->function(f->file, *addr, &start, &behind) && start != *addr)
		return refuse(r, key, "%#llx is inside of the function at %#llx",
			      (unsigned long long)*addr, (unsigned long long)start);
	return 0;
}

static int add(struct finder *f, const struct reason *r, enum openssl_role role, const char *key,
	       const char *text)
{
	const struct openssl_build *b = r->named->config;
	char how[160];
	struct candidate c = {
		.role = role, .how = how, .function = text,
		.result = b->result ? OPENSSL_RESULT_DONE : OPENSSL_RESULT_INT,
	};
	int err = resolve(f, r, key, text, &c.addr);

	if (err)
		return err;
	snprintf(how, sizeof(how), "given by %s:%u", r->named->file, r->named->line);
	err = finder_add(f, &c);
	return err ? refuse(r, key, "there is no place for a probe") : 0;
}

/* The ways say what they looked for, but not what kept them from looking. */
static int explain(int err, char *tried, size_t size)
{
	if (err && !*tried)
		snprintf(tried, size, "%s", err == -E2BIG ? "that takes far more work than in any "
			 "known library, and was given up" : strerror(-err));
	return err;
}

int openssl_find_text(const struct ecap_context *ctx, struct ecap_elf_file *file,
		      int exact_symbols, struct openssl_location *location)
{
	const struct ecap_elf *elf = ecap_elf(ctx);
	const struct ecap_named *named = section_of(ctx, elf, file);
	const struct openssl_build *b = named ? named->config : NULL;
	struct finder f = { .elf = elf, .file = file, .exact = exact_symbols };
	int err;

	if (!b || !b->read_function)
		return explain(openssl_locate(elf, file, exact_symbols, location),
			       location->tried, sizeof(location->tried));
	memset(location, 0, sizeof(*location));
	f.location = location;
	finder_segments(&f);

	const struct reason r = { named, location->tried, sizeof(location->tried) };

	err = add(&f, &r, OPENSSL_READ, "read-function", b->read_function);
	if (!err)
		err = add(&f, &r, OPENSSL_WRITE, "write-function", b->write_function);
	return err ? err : locate_helpers(&f, true);
}

/* A wrong way would make keys of other connections, or of none. */
static int check_client_random(const struct ecap_context *ctx, struct finder *f,
			       const struct reason *r, const struct openssl_keylog *keylog)
{
	const struct openssl_build *b = r->named->config;
	int differs = openssl_check_client_random(f->elf, f->file, keylog);

	if (differs < 0)
		return refuse(r, "client-random", "SSL_get_client_random of the file takes it from "
			      "elsewhere than %s", b->client_random);
	if (differs)
		ecap_log(ctx, ECAP_LOG_WARN, "%s:%u: [tls.build \"%s\"] client-random: the code at "
			 "%#llx seems to take it from elsewhere than %s", r->named->file,
			 r->named->line, r->named->name, (unsigned long long)keylog->addr,
			 b->client_random);
	return 0;
}

static int given_keys(struct finder *f, const struct reason *r, struct openssl_keylog *keylog)
{
	const struct openssl_build *b = r->named->config;
	int err = resolve(f, r, "keylog-function", b->keylog_function, &keylog->addr);

	keylog->given = 1;
	if (!err)
		err = parse_path(r, b->client_random, &keylog->client_random);
	if (!err && f->elf->offset(f->file, keylog->addr, &keylog->offset))
		err = refuse(r, "keylog-function", "%#llx is not in the file",
			     (unsigned long long)keylog->addr);
	if (!err)
		snprintf(keylog->how, sizeof(keylog->how), "given by %s:%u; client random too",
			 r->named->file, r->named->line);
	return err;
}

int openssl_find_keys(const struct ecap_context *ctx, struct ecap_elf_file *file,
		      struct openssl_keylogs *keylogs)
{
	const struct ecap_elf *elf = ecap_elf(ctx);
	const struct ecap_named *named = section_of(ctx, elf, file);
	const struct openssl_build *b = named ? named->config : NULL;
	struct finder f = { .elf = elf, .file = file };
	const struct reason r = { named, keylogs->tried, sizeof(keylogs->tried) };
	int err;

	if (!b || !b->keylog_function)
		return explain(openssl_locate_keylog(elf, file, keylogs), keylogs->tried,
			       sizeof(keylogs->tried));
	memset(keylogs, 0, sizeof(*keylogs));
	finder_segments(&f);
	err = given_keys(&f, &r, &keylogs->list[0]);
	if (!err)
		err = check_client_random(ctx, &f, &r, &keylogs->list[0]);
	keylogs->n = !err;
	return err;
}
