/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OpenSSL module finds by names, or beside them, in real builds (fetch-builds.sh), it finds
 * where they have been taken away, too: at the same places.
 */
#include "fetched.h"

#include <errno.h>
#include <unistd.h>

#include "err.h"
#include "../../plugins/openssl/locate.h"
#include "services.h"

static const struct ecap_elf *const elf = &ecap_elf_service;

static struct ecap_elf_file *open_path(const char *path)
{
	struct ecap_elf_file *file = NULL;

	if (elf->open(path, &file) != 0)
		fail_msg("%s", ecap_err_text());
	return file;
}

static void locate(struct ecap_elf_file *file, struct openssl_location *location)
{
	if (openssl_locate(elf, file, 0, location) != 0)
		fail_msg("%s", location->tried);
}

static uint32_t count_at(const struct openssl_location *location, const struct openssl_probe *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < location->n_probes; i++)
		n += location->probes[i].role == p->role &&
		     location->probes[i].site.addr == p->site.addr;
	return n;
}

static void test_build(void **state)
{
	const char *from = fetched_build(*state);
	struct openssl_location named, nameless;
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_file *file = open_path(from);

	locate(file, &named);
	elf->close(file);

	const char *path = fetched_nameless(from);

	file = open_path(path);
	unlink(path);
	assert_int_equal(elf->symbol(file, "SSL_read", &symbol), -ENOENT);
	locate(file, &nameless);
	assert_int_equal(nameless.flavour, named.flavour);
	for (uint32_t i = 0; i < nameless.n_probes; i++)
		assert_int_equal(count_at(&named, &nameless.probes[i]), 1);
	elf->close(file);
}

#define BUILD(name) { "test_build_" name, test_build, NULL, NULL, (void *)(uintptr_t)name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD("debian12"), BUILD("netty"), BUILD("arm64-debian11"),
		BUILD("arm64-debian12"), BUILD("arm64-debian13"), BUILD("arm64-debian-sid"),
		BUILD("arm64-netty"),
	};

	return cmocka_run_group_tests_name("openssl_nameless", tests, NULL, NULL);
}
