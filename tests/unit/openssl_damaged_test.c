/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL module's locators on damaged copies of real builds: whatever such a file says, they
 * come to an end, and no place that they find is outside of what the file has as code.
 */
#include "fetched.h"

#include <errno.h>
#include <stdbool.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "err.h"
#include "../../plugins/openssl/keylog.h"
#include "../../plugins/openssl/locate.h"
#include "../../plugins/openssl/session.h"
#include "services.h"

#define COPIES 12

static const struct ecap_elf *const elf = &ecap_elf_service;
static char dir[] = "/tmp/openssl-damaged-XXXXXX", path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/damaged", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static uint8_t *read_file(const char *from, size_t *len)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;

	uint8_t *bytes = malloc(*len);

	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *len), *len);
	close(fd);
	return bytes;
}

static void write_file(const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* xorshift64: the same damage every time. */
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* The tables at both ends, which say what is where, and the words and code between them. */
static void damage(uint8_t *bytes, size_t len, uint64_t *x)
{
	uint64_t count = next_random(x) % 4 ? 1 + next_random(x) % 8 : 20000;

	while (count--) {
		uint64_t where = next_random(x) % 4, value = next_random(x);
		size_t at = where == 0 ? next_random(x) % 0x300 : where == 1 ? len - 8 -
			next_random(x) % 0x700 : next_random(x) % (len - 8);

		memcpy(bytes + at, &value, 1 + next_random(x) % 8);
	}
}

static bool is_code_at(struct ecap_elf_file *file, uint64_t addr, uint64_t offset)
{
	struct ecap_elf_segment s = { .struct_size = sizeof(s) };

	for (uint32_t i = 0; elf->segment(file, i, &s) == 0; i++)
		if (s.flags & ECAP_ELF_X && addr >= s.addr && addr - s.addr < s.size &&
		    offset >= s.offset && offset - s.offset < s.size)
			return true;
	return false;
}

static uint32_t check_text(struct ecap_elf_file *file)
{
	struct openssl_location found;

	if (openssl_locate(elf, file, 0, &found))
		return 0;
	for (uint32_t i = 0; i < found.n_probes; i++)
		assert_true(is_code_at(file, found.probes[i].site.addr,
				       found.probes[i].site.offset));
	return found.n_probes;
}

static uint32_t check_keys(struct ecap_elf_file *file)
{
	struct openssl_keylogs found;
	struct openssl_session session;
	struct openssl_rsa rsa;

	if (openssl_locate_keylog(elf, file, &found))
		return 0;
	for (uint32_t i = 0; i < found.n; i++) {
		assert_true(is_code_at(file, found.list[i].addr, found.list[i].offset));
		if (!openssl_locate_rsa(elf, file, &found.list[i], &rsa))
			assert_true(is_code_at(file, rsa.addr, rsa.offset));
	}
	openssl_locate_session(elf, file, &found.list[0].client_random, &session);
	return found.n;
}

static void test_damaged(void **state)
{
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
	uint32_t opened = 0, places = 0;
	size_t len;
	uint8_t *whole = read_file(fetched_build(*state), &len), *bytes = malloc(len);

	assert_non_null(bytes);
	for (int i = 0; i < COPIES; i++) {
		struct ecap_elf_file *file;

		memcpy(bytes, whole, len);
		damage(bytes, len, &x);
		write_file(bytes, i % 8 ? len : next_random(&x) % len);
		if (elf->open(path, &file) != 0)
			continue;
		opened++;
		places += check_text(file) + check_keys(file);
		elf->close(file);
	}
	free(bytes);
	free(whole);
	/* Or nothing was tested. */
	assert_in_range(opened, 2, COPIES);
	assert_in_range(places, 1, UINT32_MAX);
}

#define BUILD(name) \
	{ name, test_damaged, NULL, NULL, name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD("debian12"), BUILD("psycopg2"), BUILD("android"),
		BUILD("arm64-debian12"), BUILD("arm64-android"),
	};

	return cmocka_run_group_tests_name("openssl_damaged", tests, make_dir, remove_dir);
}
