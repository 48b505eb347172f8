/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where real builds of OpenSSL and BoringSSL (fetch-builds.sh) have the session and its secret: by
 * the private headers of that version, and within one family.
 */
#include "fetched.h"

#include <errno.h>

#include "err.h"
#include "../../plugins/openssl/keylog.h"
#include "../../plugins/openssl/session.h"
#include "services.h"

static const struct ecap_elf *const elf = &ecap_elf_service;

#define ANY (-1) /* not looked up: the build is of no fixed version */

/* The last offset of each way. */
static const struct build {
	const char *name;
	uint8_t n_loads; /* to the handshake's state */
	int32_t in_init, version, session, length, secret;
	uint8_t length_width;
} builds[] = {
	{ "debian11", 0, 0x64, 0, 0x510, 8, 0x50, 8 },
	{ "debian12", 0, 0x64, 0, 0x918, 8, 0x50, 8 },
	{ "debian13", 0, 0xb4, 0x48, 0x900, 8, 0x50, 8 },
	{ "debian-sid", 0, ANY, 0x48, ANY, 8, 0x50, 8 },
	{ "psycopg2", 0, ANY, 0x48, ANY, 8, 0x50, 8 },
	{ "node", 0, ANY, ANY, ANY, 8, 0x50, 8 },
	{ "node12", 0, ANY, 0, ANY, 8, 0x50, 8 },
	{ "node18", 0, ANY, 0, ANY, 8, 0x50, 8 },
	{ "cryptography", 0, ANY, ANY, ANY, 8, 0x50, 8 },
	{ "android", 1, 0x110, 0x10, 0x1c8, 0xc, 0x10, 4 },
	{ "curl_cffi", 1, ANY, ANY, ANY, ANY, ANY, 1 },
	{ "netty", 1, 0x118, 0xd0, 0x1d0, 0x3a, 0xa, 1 },
	{ "arm64-debian11", 0, 0x64, 0, 0x510, 8, 0x50, 8 },
	{ "arm64-debian12", 0, 0x64, 0, 0x918, 8, 0x50, 8 },
	{ "arm64-debian13", 0, 0xb4, 0x48, 0x900, 8, 0x50, 8 },
	{ "arm64-debian-sid", 0, ANY, 0x48, ANY, 8, 0x50, 8 },
	{ "arm64-android", 1, 0x110, 0x10, 0x1c8, 0xc, 0x10, 4 },
	{ "arm64-netty", 1, 0x118, 0xd0, 0x1d0, 0x3a, 0xa, 1 },
};

static void check(const char *what, const struct ecap_elf_value *v, uint8_t n_loads, int32_t last)
{
	if (v->kind != ECAP_ELF_PATH || v->n_loads != n_loads)
		fail_msg("%s: kind %u, %u loads", what, v->kind, v->n_loads);
	if (last != ANY && v->offset[n_loads] != last)
		fail_msg("%s: at %#x", what, (unsigned int)v->offset[n_loads]);
}

static struct ecap_elf_file *open_build(const char *name, struct openssl_keylogs *keylogs)
{
	struct ecap_elf_file *file = NULL;

	if (elf->open(fetched_build(name), &file) != 0)
		fail_msg("%s", ecap_err_text());
	if (openssl_locate_keylog(elf, file, keylogs) != 0)
		fail_msg("%s: %s", name, keylogs->tried);
	return file;
}

static void test_build(void **state)
{
	const struct build *build = *state;
	struct openssl_keylogs keylogs;
	struct openssl_session found;
	struct ecap_elf_file *file = open_build(build->name, &keylogs);

	if (openssl_locate_session(elf, file, &keylogs.list[0].client_random, &found) != 0)
		fail_msg("%s: %s", build->name, found.tried);
	check("in_init", &found.in_init, build->n_loads, build->in_init);
	check("version", &found.version, found.version.n_loads, build->version);
	check("session", &found.session, build->n_loads, build->session);
	check("length", &found.length, 0, build->length);
	check("secret", &found.secret, 0, build->secret);
	assert_int_equal(found.session.width, 8);
	assert_int_equal(found.in_init.width, build->n_loads ? 8 : 4);
	assert_int_equal(found.version.width, build->n_loads ? 2 : 4);
	assert_int_equal(found.length.width, build->length_width);
	elf->close(file);
}

static void test_without_getters(void **state)
{
	struct openssl_keylogs keylogs;
	struct openssl_session found;
	struct ecap_elf_file *file = open_build("grpcio", &keylogs);

	(void)state;
	assert_int_equal(openssl_locate_session(elf, file, &keylogs.list[0].client_random, &found),
			 -ENOENT);
	assert_string_equal(found.tried, "no symbol SSL_in_init");
	elf->close(file);
}

#define BUILD(i) { "test_build", test_build, NULL, NULL, (void *)(uintptr_t)&builds[i] }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD(0), BUILD(1), BUILD(2), BUILD(3), BUILD(4), BUILD(5), BUILD(6), BUILD(7),
		BUILD(8), BUILD(9), BUILD(10), BUILD(11), BUILD(12), BUILD(13), BUILD(14),
		BUILD(15), BUILD(16), BUILD(17),
		cmocka_unit_test(test_without_getters),
	};

	return cmocka_run_group_tests_name("openssl_session", tests, NULL, NULL);
}
