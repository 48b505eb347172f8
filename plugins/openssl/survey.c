/* SPDX-License-Identifier: Apache-2.0 */
/* What can be captured in a file, and how each place was found: "ecapture modules probe". */
#include "openssl.h"
#include "session.h"

#include <ctype.h>

#define MAX_VERSION 64u

/* What a probe of each role is for. */
static const char *const what[] = {
	[OPENSSL_READ] = "plaintext received", [OPENSSL_WRITE] = "plaintext sent",
	[OPENSSL_SENDFILE] = "file sent", [OPENSSL_FREE] = "end of a connection",
	[OPENSSL_SET_FD] = "socket", [OPENSSL_SET_RFD] = "socket to receive",
	[OPENSSL_SET_WFD] = "socket to send",
};

static const char *const libraries[] = {
	[OPENSSL_UNKNOWN] = "OpenSSL or BoringSSL", [OPENSSL_OPENSSL] = "OpenSSL",
	[OPENSSL_BORINGSSL] = "BoringSSL",
};

struct survey {
	const struct ecap_context *ctx;
	const struct ecap_elf *elf;
	struct ecap_elf_file *file;
	char version[MAX_VERSION];
};

static int tell(const struct survey *s, uint16_t kind, const char *about, const char *text)
{
	const struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = kind, .what = about, .text = text,
	};

	return s->ctx->host->finding(s->ctx->self, &finding);
}

/*
 * OPENSSL_VERSION_TEXT, OpenSSL include/openssl/opensslv.h.in: "OpenSSL 3.0.19 27 Jan 2026". A
 * program may hold others, which end otherwise: of the headers that a wrapper was built with.
 */
static int on_version(void *arg, uint64_t addr)
{
	struct survey *s = arg;
	char text[MAX_VERSION];
	size_t n = 0;

	for (const char *byte; n + 1 < sizeof(text); n++) {
		byte = s->elf->data(s->file, addr + n, 1);
		if (!byte || !isprint((unsigned char)*byte))
			break;
		text[n] = *byte;
	}
	text[n] = 0;
	if (n < 20 || !isdigit((unsigned char)text[8]) || text[n - 5] != ' ' ||
	    strspn(text + n - 4, "0123456789") != 4)
		return 0;
	memcpy(s->version, text, sizeof(text));
	return 1;
}

static int tell_text(const struct survey *s, const struct openssl_location *found)
{
	int err = tell(s, ECAP_FINDING_FACT, "library", libraries[found->flavour]);

	for (uint32_t i = 0; i < found->n_probes && !err; i++) {
		const struct openssl_probe *probe = &found->probes[i];
		char about[48];
		const struct ecap_finding finding = {
			.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE,
			.emulated = probe->site.emulated, .what = about, .text = probe->how,
			.function = probe->function, .insn = probe->site.insn,
			.addr = probe->site.addr, .offset = probe->site.offset,
		};

		snprintf(about, sizeof(about), "%s%s", what[probe->role],
			 probe->quic ? " by QUIC" : "");
		err = s->ctx->host->finding(s->ctx->self, &finding);
	}
	return err;
}

/* Who looks into libcrypto wants to know where to look. */
static const char *hint(const struct survey *s)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (s->elf->symbol(s->file, "EVP_EncryptInit_ex", &symbol) ||
	    !s->elf->symbol(s->file, "SSL_new", &symbol))
		return "";
	return "the file has cryptography, as libcrypto has it; TLS is in the libssl that uses it: ";
}

static int survey_text(const struct survey *s)
{
	const struct openssl_config *config = s->ctx->config;
	struct openssl_location found = { .n_probes = 0 };
	char why[sizeof(found.tried) + 128];

	if (!openssl_find_text(s->ctx, s->file, config->exact_symbols, &found))
		return tell_text(s, &found);
	snprintf(why, sizeof(why), "%s%s", hint(s), found.tried);
	return tell(s, ECAP_FINDING_MISSING, "plaintext", why);
}

/* "client random at 0x10,0xe8": each is added to what was there at the last. */
static void describe(const struct openssl_keylog *found, char *text, size_t size)
{
	const struct ecap_elf_value *random = &found->client_random;
	int used = snprintf(text, size, found->inner ? "%s" : "%s, at ", found->how);

	for (uint32_t i = 0; !found->inner && i <= random->n_loads && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, "%s%#x", i ? "," : "",
				 (unsigned int)random->offset[i]);
}

static int tell_keys(const struct survey *s, const struct openssl_keylog *found)
{
	struct ecap_site site = { .struct_size = sizeof(site) };
	char how[256];
	struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE, .what = "keys",
		.text = how, .function = s->elf->symbol_name(s->file, found->addr),
		.insn = "first instruction", .addr = found->addr, .offset = found->offset,
	};

	describe(found, how, sizeof(how));
	/* Secrets are rare: the probe is on the first instruction, whatever that is. */
	if (!s->elf->site(s->file, found->addr, 4, &site) && site.addr == found->addr) {
		finding.insn = site.insn;
		finding.emulated = site.emulated;
	}
	return s->ctx->host->finding(s->ctx->self, &finding);
}

/* Those that OpenSSL logs beside the master secrets that they lead to. */
static int tell_rsa(const struct survey *s, const struct openssl_keylog *keylog)
{
	struct openssl_rsa found;

	if (openssl_locate_rsa(s->elf, s->file, keylog, &found))
		return 0;

	const struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE,
		.what = "premaster secrets of RSA", .text = found.how,
		.function = s->elf->symbol_name(s->file, found.addr),
		.insn = "first instruction", .addr = found.addr, .offset = found.offset,
	};

	return s->ctx->host->finding(s->ctx->self, &finding);
}

/* Of a connection that is there already, TLS 1.3 has no secret to give: bpf/openssl_older.bpf.h. */
static int survey_older(const struct survey *s, const struct openssl_keylogs *keys)
{
	static const char what_is_there[] = "keys of connections from before the start";
	struct openssl_session found;

	if (keys->n > 1)
		return tell(s, ECAP_FINDING_MISSING, what_is_there, "the file holds several libraries");
	if (keys->list[0].inner)
		return tell(s, ECAP_FINDING_MISSING, what_is_there, "no code shows where the client "
			    "random is");
	if (openssl_locate_session(s->elf, s->file, &keys->list[0].client_random, &found))
		return tell(s, ECAP_FINDING_MISSING, what_is_there, found.tried);
	return tell(s, ECAP_FINDING_FACT, "before_the_start",
		    "master secrets of TLS 1.2 and older, from the connection's session as its "
		    "getters read it");
}

static int survey_keys(const struct survey *s)
{
	struct openssl_keylogs found;
	int err = openssl_find_keys(s->ctx, s->file, &found);

	if (err)
		return tell(s, ECAP_FINDING_MISSING, "keys", found.tried);
	for (uint32_t i = 0; i < found.n && !err; i++)
		err = tell_keys(s, &found.list[i]);
	for (uint32_t i = 0; i < found.n && !err; i++)
		err = tell_rsa(s, &found.list[i]);
	return err ? err : survey_older(s, &found);
}

int openssl_survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	static const char begins[] = "OpenSSL ";
	struct survey s = { .ctx = ctx, .elf = ecap_elf(ctx) };
	int err = openssl_check_builds(ctx);

	if (err)
		return err;
	err = s.elf->open(target->path, &s.file);
	if (err)
		return ecap_fail(ctx, err, "%s: no ELF file that can be read", target->shown);
	err = s.elf->find(s.file, begins, sizeof(begins) - 1, on_version, &s);
	if (!err && *s.version)
		err = tell(&s, ECAP_FINDING_FACT, "version", s.version);
	if (!err)
		err = survey_text(&s);
	if (!err)
		err = survey_keys(&s);
	s.elf->close(s.file);
	return err;
}
