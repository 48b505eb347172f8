/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the OpenSSL module probes: in libraries assembled from data/methods.S, one for each rule,
 * and in real builds of OpenSSL and BoringSSL, which fetch-builds.sh fetches. A build whose
 * build-id is recorded here must give exactly the addresses that symbols or an independent
 * analysis of that file gave; a newer one must give what its own code confirms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "fetched.h"
#include "../../plugins/openssl/locate.h"
#include "services.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct ecap_elf *const elf = &ecap_elf_service;
static struct openssl_location location;
static char dir[64];

static int locate(struct ecap_elf_file *file, int exact)
{
	memset(&location, 0xa5, sizeof(location));
	return openssl_locate(elf, file, exact, &location);
}

static struct ecap_elf_file *open_path(const char *path)
{
	struct ecap_elf_file *file = NULL;

	if (elf->open(path, &file) != 0)
		fail_msg("%s", ecap_err_text());
	return file;
}

/* 0 when there is none. */
static uint64_t symbol(struct ecap_elf_file *file, const char *name)
{
	struct ecap_elf_symbol s = { .struct_size = sizeof(s) };

	return elf->symbol(file, name, &s) == 0 ? s.addr : 0;
}

static const struct openssl_probe *probe_of(enum openssl_role role, int quic)
{
	for (uint32_t i = 0; i < location.n_probes; i++)
		if (location.probes[i].role == role && location.probes[i].quic == quic)
			return &location.probes[i];
	return NULL;
}

static uint32_t count_of(enum openssl_role role)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < location.n_probes; i++)
		n += location.probes[i].role == role;
	return n;
}

/* --- one library for each rule ---------------------------------------------------------- */

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/openssl-locate-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static struct ecap_elf_file *assemble(const char *flags)
{
	const char *cc = getenv("CC");
	char command[1024], path[96];

	snprintf(path, sizeof(path), "%s/built", dir);
	snprintf(command, sizeof(command),
		 "%s -nostdlib %s -Wl,-e,0 '%s/tests/unit/data/methods.S' -o '%s'",
		 cc && *cc ? cc : "cc", flags, top_srcdir(), path);
	if (system(command) != 0)
		fail_msg("%s", command);

	struct ecap_elf_file *file = open_path(path);

	unlink(path);
	return file;
}

struct expected {
	enum openssl_role role;
	enum openssl_result result;
	int quic;
	const char *function;
};

static const struct {
	const char *flags;
	enum openssl_flavour flavour;
	const char *how;
	struct expected probes[12];
} rules[] = {
	{ "-shared -DTABLES=1", OPENSSL_OPENSSL, "SSL_METHOD table (7 tables, by shape)", {
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 0, "the_read" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 0, "the_write" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_free" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_other_free" },
	} },
	{ "-shared -Wl,-z,pack-relative-relocs -DTABLES=2", OPENSSL_OPENSSL,
	  "SSL_METHOD table (9 tables, by shape)", {
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 0, "the_read" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 0, "the_write" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_free" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_other_free" },
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 1, "quic_read" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 1, "quic_write_flags" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "quic_free" },
	} },
	{ "-static -no-pie -DTABLES=1 -DTHREE", OPENSSL_OPENSSL, "SSL_METHOD table", {
		{ OPENSSL_READ, OPENSSL_RESULT_INT, 0, "the_read" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_INT, 0, "the_write" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_free" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "meth_other_free" },
	} },
	{ "-shared -DTABLES=2 -DOTHER -DEXPORTED=1", OPENSSL_OPENSSL, NULL, {
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 0, "ssl_read_internal" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 0, "ssl_write_internal" },
		{ OPENSSL_SET_FD, OPENSSL_RESULT_NONE, 0, "SSL_set_fd" },
		{ OPENSSL_SENDFILE, OPENSSL_RESULT_INT, 0, "SSL_sendfile" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "SSL_free" },
	} },
	{ "-shared -DEXPORTED=2", OPENSSL_OPENSSL, "symbol in .dynsym", {
		{ OPENSSL_READ, OPENSSL_RESULT_INT, 0, "SSL_read" },
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 0, "SSL_read_ex" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_INT, 0, "SSL_write" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 0, "SSL_write_ex" },
		{ OPENSSL_SET_FD, OPENSSL_RESULT_NONE, 0, "SSL_set_fd" },
		{ OPENSSL_SENDFILE, OPENSSL_RESULT_INT, 0, "SSL_sendfile" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "SSL_free" },
	} },
	{ "-shared -Wl,-z,noseparate-code -DTABLES=1 -DOLD -DEXPORTED=2", OPENSSL_OPENSSL,
	  "symbol in .dynsym", {
		{ OPENSSL_READ, OPENSSL_RESULT_INT, 0, "SSL_read" },
		{ OPENSSL_READ, OPENSSL_RESULT_DONE, 0, "SSL_read_ex" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_INT, 0, "SSL_write" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_DONE, 0, "SSL_write_ex" },
		{ OPENSSL_SET_FD, OPENSSL_RESULT_NONE, 0, "SSL_set_fd" },
		{ OPENSSL_SENDFILE, OPENSSL_RESULT_INT, 0, "SSL_sendfile" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "SSL_free" },
	} },
	{ "-static -DBORINGSSL", OPENSSL_BORINGSSL, "symbol in .symtab", {
		{ OPENSSL_READ, OPENSSL_RESULT_INT, 0, "SSL_read" },
		{ OPENSSL_WRITE, OPENSSL_RESULT_INT, 0, "SSL_write" },
		{ OPENSSL_SET_FD, OPENSSL_RESULT_NONE, 0, "SSL_set_fd" },
		{ OPENSSL_FREE, OPENSSL_RESULT_NONE, 0, "SSL_free" },
	} },
};

static bool has_probe(struct ecap_elf_file *file, const struct expected *e)
{
	uint64_t at = symbol(file, e->function);

	for (uint32_t i = 0; i < location.n_probes; i++) {
		const struct openssl_probe *p = &location.probes[i];

		if (p->role == e->role && p->result == e->result && p->quic == e->quic &&
		    p->site.addr - at < 8 && strcmp(p->function, e->function) == 0)
			return true;
	}
	return false;
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct ecap_elf_file *file = assemble(rules[i].flags);
		uint32_t n = 0;

		print_message("# %s\n", rules[i].flags);
		assert_int_equal(locate(file, 0), 0);
		assert_int_equal(location.flavour, rules[i].flavour);
		if (rules[i].how)
			assert_memory_equal(location.probes[0].how, rules[i].how,
					    strlen(rules[i].how));
		for (; n < ARRAY_SIZE(rules[i].probes) && rules[i].probes[n].function; n++)
			if (!has_probe(file, &rules[i].probes[n]))
				fail_msg("no probe for %s", rules[i].probes[n].function);
		assert_int_equal(location.n_probes, n);
		elf->close(file);
	}
}

/* A symbol and the tables that contradict each other: an error that names both addresses. */
static void test_contradiction(void **state)
{
	struct ecap_elf_file *file = assemble("-shared -DTABLES=1 -DWRONG");
	char table[32], sym[32];

	(void)state;
	snprintf(table, sizeof(table), "%#llx", (unsigned long long)symbol(file, "the_read"));
	snprintf(sym, sizeof(sym), "%#llx", (unsigned long long)symbol(file, "ssl3_read"));
	assert_int_equal(locate(file, 0), -EBADMSG);
	assert_int_equal(location.n_probes, 0);
	assert_non_null(strstr(location.tried, table));
	assert_non_null(strstr(location.tried, sym));
	elf->close(file);
}

static void test_nothing_there(void **state)
{
	struct ecap_elf_file *files[] = {
		assemble("-shared -s -DNONE"), assemble("-shared -s -DTABLES=1 -DOTHER"),
		open_path("/bin/true"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		for (int exact = 0; exact < 2; exact++) {
			assert_int_equal(locate(files[i], exact), -ENOENT);
			assert_int_equal(location.n_probes, 0);
			assert_non_null(strstr(location.tried, "SSL_read"));
			assert_int_equal(!strstr(location.tried, "SSL_METHOD"), exact);
		}
		elf->close(files[i]);
	}
}

static void test_exact_symbols(void **state)
{
	struct ecap_elf_file *file = assemble("-shared -DTABLES=1 -DEXPORTED=1");

	(void)state;
	assert_int_equal(locate(file, 1), 0);
	assert_int_equal(count_of(OPENSSL_READ), 2);
	assert_int_equal(count_of(OPENSSL_WRITE), 2);
	for (uint32_t i = 0; i < location.n_probes; i++) {
		const struct openssl_probe *p = &location.probes[i];
		uint64_t offset;

		assert_int_equal(p->site.addr, symbol(file, p->function));
		assert_int_equal(elf->offset(file, p->site.addr, &offset), 0);
		assert_int_equal(p->site.offset, offset);
		assert_int_equal(p->site.arg[p->done_arg], 3);
	}
	elf->close(file);
}

/* --- real builds ------------------------------------------------------------------------ */

/*
 * Sites of one build: address, the instruction, and where the pointer to the count is. The
 * kernel emulates the instruction, but for one with a * before it.
 */
struct known_site {
	uint64_t addr;
	const char *insn;
	uint8_t done;
};

static const struct known {
	const char *build_id;
	struct known_site read, write, quic_read, quic_write;
} known[] = {
#include "data/openssl_builds.inc"
};

static const struct known *find_known(struct ecap_elf_file *file)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };

	assert_int_equal(elf->info(file, &info), 0);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].build_id, info.build_id) == 0)
			return &known[i];
	return NULL;
}

static void check_site(const struct openssl_probe *p, const struct known_site *s)
{
	if (!s->addr) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_int_equal(p->site.addr, s->addr);
	int stepped = *s->insn == '*';

	assert_memory_equal(p->site.insn, s->insn + stepped, strlen(s->insn + stepped));
	assert_int_equal(p->site.emulated, !stepped);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(p->site.arg[i], i);
	if (p->result == OPENSSL_RESULT_DONE)
		assert_int_equal(p->site.arg[p->done_arg], s->done);
}

/* The function of this name, when the file says where it is, is where the probe is. */
static void check_symbol(struct ecap_elf_file *file, const char *name,
			 const struct openssl_probe *p)
{
	uint64_t at = symbol(file, name);

	assert_non_null(p);
	if (at)
		assert_in_range(p->site.addr, at, at + 24);
}

static void check_openssl(struct ecap_elf_file *file)
{
	const struct openssl_probe *read = probe_of(OPENSSL_READ, 0);
	const struct openssl_probe *write = probe_of(OPENSSL_WRITE, 0);

	assert_memory_equal(read->how, "SSL_METHOD table", 16);
	assert_true(strstr(read->how, "as the symbols") || strstr(read->how, "as SSL_read calls"));
	assert_int_equal(read->result, OPENSSL_RESULT_DONE);
	assert_int_equal(write->result, OPENSSL_RESULT_DONE);
	check_symbol(file, "ssl3_read", read);
	check_symbol(file, "ssl3_write", write);
	assert_true(count_of(OPENSSL_FREE) >= 1);
}

static void check_boringssl(struct ecap_elf_file *file)
{
	const struct openssl_probe *read = probe_of(OPENSSL_READ, 0);
	const struct openssl_probe *write = probe_of(OPENSSL_WRITE, 0);

	assert_int_equal(read->result, OPENSSL_RESULT_INT);
	assert_int_equal(write->result, OPENSSL_RESULT_INT);
	assert_int_equal(count_of(OPENSSL_READ), 1);
	assert_int_equal(count_of(OPENSSL_WRITE), 1);
	check_symbol(file, "SSL_read", read);
	check_symbol(file, "SSL_write", write);
}

static void check_file(const char *path, enum openssl_flavour flavour)
{
	struct ecap_elf_file *file = open_path(path);
	int err = locate(file, 0);

	if (err)
		fail_msg("%s: %d, %s", path, err, location.tried);

	const struct known *k = find_known(file);

	assert_int_equal(location.flavour, flavour);
	if (flavour == OPENSSL_OPENSSL)
		check_openssl(file);
	else
		check_boringssl(file);
	if (k) {
		check_site(probe_of(OPENSSL_READ, 0), &k->read);
		check_site(probe_of(OPENSSL_WRITE, 0), &k->write);
		check_site(probe_of(OPENSSL_READ, 1), &k->quic_read);
		check_site(probe_of(OPENSSL_WRITE, 1), &k->quic_write);
	} else {
		print_message("# %s: no recorded build, checked by what its code confirms\n", path);
	}

	assert_int_equal(locate(file, 1), symbol(file, "SSL_read") ? 0 : -ENOENT);
	for (uint32_t i = 0; i < location.n_probes; i++)
		assert_int_equal(location.probes[i].site.addr,
				 symbol(file, location.probes[i].function));
	elf->close(file);
}

struct build {
	const char *name;
	enum openssl_flavour flavour;
};

static void test_build(void **state)
{
	const struct build *build = *state;

	check_file(fetched_build(build->name), build->flavour);
}

/* Writes @word where the file has @addr; through RELA when that is how it gets there. */
static void patch(struct ecap_elf_file *file, const char *path, uint64_t addr, uint64_t word)
{
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };
	uint64_t at = 0;

	assert_int_equal(elf->offset(file, addr, &at), 0);
	for (uint32_t i = 0; elf->segment(file, i, &segment) == 0; i++) {
		const uint8_t *p = elf->data(file, segment.addr, segment.size);
		const uint64_t rela[] = { addr, 8 /* R_X86_64_RELATIVE */ };
		const uint8_t *found = p ? memmem(p, segment.size, rela, sizeof(rela)) : NULL;

		if (found)
			at = segment.offset + (uint64_t)(found - p) + sizeof(rela);
	}

	FILE *f = fopen(path, "r+e");

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
	assert_int_equal(fwrite(&word, sizeof(word), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

/* Finds the BIO's table, for the test that spoils it. */
struct bio_search {
	struct ecap_elf_file *file;
	uint64_t addr;
};

static int note_bio(void *arg, uint64_t addr)
{
	struct bio_search *s = arg;
	uint64_t name;
	const char *text = elf->pointer(s->file, addr + 8, &name) == 0
		? elf->data(s->file, name, 4) : NULL;

	s->addr = text && strcasecmp(text, "ssl") == 0 ? addr : 0;
	return s->addr != 0;
}

/* A build without any symbol for us: what was found by symbols must be found without. */
static void test_stripped_boringssl(void **state)
{
	const char *from = fetched_build("curl_cffi");
	struct ecap_elf_file *file = open_path(from);
	uint64_t read = symbol(file, "SSL_read"), write = symbol(file, "SSL_write"), bread = 0;
	struct bio_search bio = { .file = file };
	const uint64_t type = 0x207; /* BIO_TYPE_SSL */
	char path[96], command[1200];

	(void)state;
	elf->close(file);
	assert_true(read && write);
	snprintf(path, sizeof(path), "%s/stripped", dir);
	snprintf(command, sizeof(command), "strip -o '%s' '%s'", path, from);
	assert_int_equal(system(command), 0);
	file = bio.file = open_path(path);
	assert_int_equal(symbol(file, "SSL_read"), 0);
	assert_int_equal(locate(file, 0), 0);
	assert_int_equal(location.flavour, OPENSSL_BORINGSSL);
	check_boringssl(file);
	assert_in_range(probe_of(OPENSSL_READ, 0)->site.addr, read, read + 24);
	assert_in_range(probe_of(OPENSSL_WRITE, 0)->site.addr, write, write + 24);
	assert_non_null(strstr(location.probes[0].how, "BIO table agrees"));

	/* A BIO that calls something else: an error that names all the addresses. */
	assert_int_equal(elf->find(file, &type, sizeof(type), note_bio, &bio), 0);
	assert_int_not_equal(bio.addr, 0);
	assert_int_equal(elf->pointer(file, bio.addr + 32, &bread), 0);
	assert_int_not_equal(bread, 0);
	patch(file, path, bio.addr + 32, read);
	elf->close(file);
	file = open_path(path);
	assert_int_equal(locate(file, 0), -EBADMSG);
	assert_int_equal(location.n_probes, 0);
	snprintf(command, sizeof(command), "%#llx", (unsigned long long)write);
	assert_non_null(strstr(location.tried, command));

	/* No BIO at all. */
	patch(file, path, bio.addr, 0);
	elf->close(file);
	file = open_path(path);
	assert_int_equal(locate(file, 0), 0);
	assert_in_range(probe_of(OPENSSL_READ, 0)->site.addr, read, read + 24);
	assert_in_range(probe_of(OPENSSL_WRITE, 0)->site.addr, write, write + 24);
	assert_null(strstr(location.probes[0].how, "BIO table agrees"));
	elf->close(file);
	unlink(path);
}

/* What this machine itself has, newer than any record or not. */
static void test_installed(void **state)
{
	static const char *const paths[] = {
		"/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/lib64/libssl.so.3",
	};
	int found = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], R_OK) == 0) {
			check_file(paths[i], OPENSSL_OPENSSL);
			found++;
		}
	if (!found) {
		printf("no libssl.so.3 is installed here\n");
		fflush(stdout);
		skip();
	}
}

/* A program with OpenSSL linked in, of whatever age: many distributors' node is one. */
static void test_installed_node(void **state)
{
	static const char path[] = "/usr/bin/node";
	struct ecap_elf_file *file = NULL;

	(void)state;
	if (elf->open(path, &file) != 0 || !symbol(file, "SSL_read")) {
		elf->close(file);
		printf("no /usr/bin/node with OpenSSL linked in\n");
		fflush(stdout);
		skip();
	}
	elf->close(file);
	check_file(path, OPENSSL_OPENSSL);
}

#define BUILD(name, flavour) \
	{ name, test_build, NULL, NULL, &(struct build){ name, flavour } }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_exact_symbols),
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_installed_node),
		BUILD("debian11", OPENSSL_OPENSSL),
		BUILD("debian12", OPENSSL_OPENSSL),
		BUILD("debian13", OPENSSL_OPENSSL),
		BUILD("debian-sid", OPENSSL_OPENSSL),
		BUILD("psycopg2", OPENSSL_OPENSSL),
		BUILD("node", OPENSSL_OPENSSL),
		BUILD("android", OPENSSL_BORINGSSL),
		BUILD("android14", OPENSSL_BORINGSSL),
		BUILD("curl_cffi", OPENSSL_BORINGSSL),
		BUILD("grpcio", OPENSSL_BORINGSSL),
		BUILD("arm64-debian11", OPENSSL_OPENSSL),
		BUILD("arm64-debian12", OPENSSL_OPENSSL),
		BUILD("arm64-debian13", OPENSSL_OPENSSL),
		BUILD("arm64-debian-sid", OPENSSL_OPENSSL),
		BUILD("arm64-android", OPENSSL_BORINGSSL),
		BUILD("arm64-netty", OPENSSL_BORINGSSL),
		cmocka_unit_test(test_stripped_boringssl),
	};

	return cmocka_run_group_tests_name("openssl_locate", tests, make_dir, remove_dir);
}
