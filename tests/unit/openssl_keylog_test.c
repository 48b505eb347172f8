/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key log function and the client random's place in real builds of OpenSSL and BoringSSL,
 * which fetch-builds.sh fetches: by symbols where the file has them, and where the private headers
 * of that version have the member.
 */
#include "fetched.h"

#include <errno.h>
#include <unistd.h>

#include "err.h"
#include "../../plugins/openssl/keylog.h"
#include "services.h"

static const struct ecap_elf *const elf = &ecap_elf_service;
static struct openssl_keylogs keylogs;

/*
 * Offsets of s3 and client_random: OpenSSL 1.1.1 reaches s3 by a pointer, 3.0 has it inside. One
 * of 0: not looked up, as the build is of no fixed version.
 */
static const struct build {
	const char *name;
	uint8_t n_loads;
	int32_t offset[2];
	int has_getter, is_openssl;
} builds[] = {
	{ "debian11", 1, { 0xa8, 0xb8 }, 1, 1 },
	{ "debian12", 0, { 0x160, 0 }, 1, 1 },
	{ "debian13", 0, { 0x188, 0 }, 1, 1 },
	{ "debian-sid", 0, { 0, 0 }, 1, 1 },
	{ "android", 1, { 0x30, 0x30 }, 1, 0 },
	{ "psycopg2", 0, { 0, 0 }, 1, 1 },
	{ "curl_cffi", 1, { 0, 0 }, 1, 0 },
	{ "grpcio", 1, { 0, 0 }, 0, 0 },
	{ "node", 0, { 0, 0 }, 1, 1 },
	{ "android14", 1, { 0, 0 }, 1, 0 },
	{ "node16", 1, { 0xa8, 0xb8 }, 1, 1 },
	{ "node24", 0, { 0, 0 }, 1, 1 }, /* reads the client random as vectors */
	{ "arm64-debian11", 1, { 0xa8, 0xb8 }, 1, 1 },
	{ "arm64-debian12", 0, { 0x160, 0 }, 1, 1 },
	{ "arm64-debian13", 0, { 0x188, 0 }, 1, 1 },
	{ "arm64-debian-sid", 0, { 0, 0 }, 1, 1 },
	{ "arm64-android", 1, { 0x30, 0x30 }, 1, 0 },
	{ "arm64-netty", 1, { 0x30, 0x30 }, 1, 0 },
};

static struct ecap_elf_file *open_path(const char *path)
{
	struct ecap_elf_file *file = NULL;

	if (elf->open(path, &file) != 0)
		fail_msg("%s", ecap_err_text());
	return file;
}

static int on_place(void *arg, uint64_t addr)
{
	uint16_t *mark = arg;

	if (OPENSSL_LABEL_MARK(addr) == *mark)
		*mark = 0;
	return 0;
}

/* The mark is that of a place where the label's text is. */
static void check_label(struct ecap_elf_file *file, uint32_t i, uint16_t mark)
{
	if (!mark)
		return;
	elf->find(file, openssl_labels[i], (uint32_t)strlen(openssl_labels[i]) + 1, on_place,
		  &mark);
	assert_int_equal(mark, 0);
}

/* What has a function for premaster secrets of RSA has it without any symbol, too. */
static void check_rsa(struct ecap_elf_file *file, const char *path, int is_openssl)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	const char *copy = fetched_nameless(path);
	struct ecap_elf_file *nameless = open_path(copy);
	struct openssl_rsa found, again;
	uint64_t offset = 0;

	unlink(copy);
	assert_int_equal(openssl_locate_rsa(elf, file, &keylogs.list[0], &found),
			 is_openssl ? 0 : -ENOENT);
	assert_int_equal(openssl_locate_rsa(elf, nameless, &keylogs.list[0], &again),
			 is_openssl ? 0 : -ENOENT);
	assert_int_equal(again.addr, found.addr);
	elf->close(nameless);
	if (!is_openssl)
		return;
	assert_int_equal(elf->offset(file, found.addr, &offset), 0);
	assert_int_equal(found.offset, offset);
	if (elf->symbol(file, "ssl_log_rsa_client_key_exchange", &symbol) == 0)
		assert_int_equal(found.addr, symbol.addr);
}

static void test_build(void **state)
{
	const struct build *build = *state;
	const char *path = fetched_build(build->name);
	struct ecap_elf_file *file = open_path(path);
	const struct openssl_keylog *keylog = &keylogs.list[0];
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (openssl_locate_keylog(elf, file, &keylogs) != 0)
		fail_msg("%s: %s", build->name, keylogs.tried);
	assert_int_equal(keylogs.n, 1);
	assert_true(keylog->n_labels >= 6);
	assert_int_equal(keylog->client_random.kind, ECAP_ELF_PATH);
	assert_int_equal(keylog->client_random.arg, 0);
	assert_int_equal(keylog->client_random.n_loads, build->n_loads);
	for (int i = 0; i <= build->n_loads && build->offset[i]; i++)
		assert_int_equal(keylog->client_random.offset[i], build->offset[i]);
	assert_int_equal(strstr(keylog->how, "SSL_get_client_random") != NULL, build->has_getter);
	if (elf->symbol(file, "ssl_log_secret", &symbol) == 0)
		assert_int_equal(keylog->addr, symbol.addr);
	const char *name = elf->symbol_name(file, keylog->addr); /* in C++ it is a longer one */
	uint64_t offset = 0;

	assert_true(!name || strstr(name, "ssl_log_secret"));

	assert_int_equal(elf->offset(file, keylog->addr, &offset), 0);
	assert_int_equal(keylog->offset, offset);
	for (uint32_t i = 0; i < OPENSSL_N_LABELS; i++)
		check_label(file, i, keylog->labels[i]);
	check_rsa(file, path, build->is_openssl);
	elf->close(file);
}

/*
 * A function that differs in one number from the one that is meant: it logs 9 bytes of what was
 * encrypted; or, with a copy inside of what writes a line, looks for a key log elsewhere.
 */
static const struct other {
	const char *name;
	uint32_t size;
	unsigned char is[5], becomes[5];
} others[] = {
	{ "debian12", 5, { 0xb9, 8, 0, 0, 0 }, { 0xb9, 9, 0, 0, 0 } }, /* mov ecx, 8 */
	{ "psycopg2", 4, { 0xf8, 3, 0, 0 }, { 0xf0, 3, 0, 0 } },       /* cmp [reg + 0x3f8], 0 */
};

static void patch(const char *path, const struct other *other, uint64_t from, uint64_t size)
{
	unsigned char code[0x1000];
	FILE *f = fopen(path, "r+e");
	uint32_t patched = 0;

	assert_non_null(f);
	assert_in_range(size, 1, sizeof(code));
	assert_int_equal(fseek(f, (long)from, SEEK_SET), 0);
	assert_int_equal(fread(code, size, 1, f), 1);
	for (uint64_t i = 0; i + other->size <= size; i++) {
		if (memcmp(code + i, other->is, other->size))
			continue;
		memcpy(code + i, other->becomes, other->size);
		patched++;
	}
	assert_int_not_equal(patched, 0);
	assert_int_equal(fseek(f, (long)from, SEEK_SET), 0);
	assert_int_equal(fwrite(code, size, 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static void test_other_function(void **state)
{
	const struct other *other = *state;
	const char *path = fetched_nameless(fetched_build(other->name));
	struct ecap_elf_file *file = open_path(path);
	struct openssl_rsa found;
	uint64_t start, end;

	assert_int_equal(openssl_locate_keylog(elf, file, &keylogs), 0);
	assert_int_equal(openssl_locate_rsa(elf, file, &keylogs.list[0], &found), 0);
	assert_int_equal(elf->function(file, found.addr, &start, &end), 0);
	elf->close(file);
	patch(path, other, found.offset, end - start);
	file = open_path(path);
	unlink(path);
	assert_int_equal(openssl_locate_rsa(elf, file, &keylogs.list[0], &found), -ENOENT);
	assert_int_equal(found.addr, 0);
	elf->close(file);
}

static void test_other_libraries(void **state)
{
	static const char *const paths[] = { "/lib/x86_64-linux-gnu/libc.so.6", "/bin/bash",
					     "/usr/lib/x86_64-linux-gnu/libcrypto.so.3" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (access(paths[i], R_OK))
			continue;
		struct ecap_elf_file *file = open_path(paths[i]);

		assert_int_equal(openssl_locate_keylog(elf, file, &keylogs), -ENOENT);
		assert_string_equal(keylogs.tried, "no label of a key log leads to a function");
		elf->close(file);
	}
}

#define BUILD(i) { "test_build", test_build, NULL, NULL, (void *)(uintptr_t)&builds[i] }
#define OTHER(i) { "test_other_function", test_other_function, NULL, NULL, (void *)(uintptr_t)&others[i] }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD(0), BUILD(1), BUILD(2), BUILD(3), BUILD(4), BUILD(5), BUILD(6), BUILD(7),
		BUILD(8), BUILD(9), BUILD(10), BUILD(11), BUILD(12), BUILD(13), BUILD(14),
		BUILD(15), BUILD(16), BUILD(17),
		OTHER(0), OTHER(1),
		cmocka_unit_test(test_other_libraries),
	};

	return cmocka_run_group_tests_name("openssl_keylog", tests, NULL, NULL);
}
