/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registers hold in terms of a function's arguments: in the getters of data/getters.S, and
 * in those of real libraries, whose members are where their headers of that version have them.
 */
#include "fetched.h"

#include <errno.h>
#include <unistd.h>

#include "uses_text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct ecap_elf *const elf = &ecap_elf_service;
static char dir[64], path[96];
static struct ecap_elf_file *file;

static int open_getters(void **state)
{
	const char *cc = getenv("CC");
	char command[512];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/elf-origin-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/getters", dir);
	snprintf(command, sizeof(command), "%s -nostdlib -shared '%s/tests/unit/data/getters.S' "
		 "-o '%s'", cc && *cc ? cc : "cc", top_srcdir(), path);
	return system(command) || elf->open(path, &file);
}

static int close_getters(void **state)
{
	(void)state;
	elf->close(file);
	unlink(path);
	return rmdir(dir);
}

static uint64_t address(struct ecap_elf_file *in, const char *name)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (elf->symbol(in, name, &symbol) != 0)
		fail_msg("%s", ecap_err_text());
	return symbol.addr;
}

static const struct {
	const char *function, *uses;
} expected[] = {
	{ "member", "load [a0+0x50]+0:8\nreturn [a0+0x50]+0:8" },
	{ "number", "load [a0+0x10]+0:2\nreturn [a0+0x10]+0:2" },
	{ "behind_two", "load [a1+0x8]+0:8\nload [[a1+0x8]-0x10]+0:8\n"
			"return [[a1+0x8]-0x10]+0x30:8" },
	{ "array", "load [a0+0xa8]+0:8\ncall copy 0=a1+0 1=[a0+0xa8]+0xb8:8 2=0x20\nreturn 0" },
	{ "array_at_the_end", "jump copy 1=0x20 2=a0+0x160 3=a0+0x160" },
	{ "pushed_number", "jump copy 2=a0+0x160 3=0x20" },
	{ "traps", "load [a0+0x8]+0:4\nreturn [a0+0x8]+0:4" },
	{ "kept", "call copy\nload [a0+0x18]+0:8\nreturn [a0+0x18]+0:8" },
	{ "given_away", "call copy\nreturn ?" },
	{ "calls_member", "load [a0+0x8]+0:8\nload [[a0+0x8]+0x38]+0:8\njump ?" },
	{ "either", "load [a0+0x8]+0:8\nreturn [a0+0x8]+0:8\nload [a0+0x10]+0:8\n"
		    "return [a0+0x10]+0:8" },
	{ "same_either_way", "return a0+0x8" },
	{ "kept_by_frame", "call copy\nload [a0+0x8]+0:8\nreturn [a0+0x8]+0:8" },
	{ "kept_by_stack", "call copy\nload [a0+0x10]+0:1\nreturn a1+0x4" },
	{ "kept_and_spoiled", "return ?" },
	{ "kept_in_part", "return ?" },
	{ "kept_and_gone", "return ?" },
	{ "one_or_the_other", "return ?" },
	{ "from_a_call", "call copy\nreturn ?" },
	{ "too_deep", "load [a0+0]+0:8\nload [[a0+0]+0]+0:8\nload [[[a0+0]+0]+0]+0:8\nreturn ?" },
	{ "scaled", "return ?" },
	{ "of_the_thread", "return ?" },
};

static void test_getters(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct text text = { .file = file };

		assert_int_equal(elf->uses(file, address(file, expected[i].function), on_use,
					   &text), 0);
		if (strcmp(text.s, expected[i].uses))
			fail_msg("%s:\n%s\nwhere this is expected:\n%s", expected[i].function,
				 text.s, expected[i].uses);
	}
}

/* The first element, whatever the index. */
static void test_indexed(void **state)
{
	struct text text = { .file = file };

	(void)state;
	assert_int_equal(elf->uses(file, address(file, "indexed"), on_use, &text), 0);
	assert_non_null(strstr(text.s, "load [a0+0x188]+0:1"));
	assert_null(strstr(text.s, "return a"));
}

static void test_ends(void **state)
{
	struct text text = { .file = file };

	(void)state;
	assert_int_equal(elf->uses(file, address(file, "endless"), on_use, &text), 0);
	assert_in_range(text.n, 2, 5000);
	assert_int_equal(elf->uses(file, UINT64_MAX - 5, on_use, &text), -ENOENT);
}

static int on_fail(void *arg, const struct ecap_elf_use *use)
{
	(void)use;
	return ++*(int *)arg == 2 ? -EREMOTE : 0;
}

static void test_stops(void **state)
{
	int n = 0;

	(void)state;
	assert_int_equal(elf->uses(file, address(file, "behind_two"), on_fail, &n), -EREMOTE);
	assert_int_equal(n, 2);
}

/* Offsets as the private headers of these versions have them. */
static const struct {
	const char *build, *function, *returns;
} members[] = {
	{ "debian11", "SSL_get_session", "return [a0+0x510]+0:8" },
	{ "debian11", "SSL_version", "return [a0+0]+0:4" },
	{ "debian12", "SSL_get_session", "return [a0+0x918]+0:8" },
	{ "debian12", "SSL_get_rbio", "return [a0+0x10]+0:8" },
	{ "debian12", "SSL_SESSION_get_master_key", "call ? 0=a1+0 1=a0+0x50" },
	{ "android", "SSL_get_rbio", "return [a0+0x18]+0:8" },
	{ "android", "SSL_get_client_random", "call ? 0=a1+0 1=[a0+0x30]+0x30:8" },
};

static void test_members(void **state)
{
	const char *build = *state;
	struct ecap_elf_file *library = NULL;

	if (elf->open(fetched_build(build), &library))
		fail_msg("%s", ecap_err_text());
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct text text = { .file = library };

		if (strcmp(members[i].build, build))
			continue;
		assert_int_equal(elf->uses(library, address(library, members[i].function), on_use,
					   &text), 0);
		if (!strstr(text.s, members[i].returns))
			fail_msg("%s: %s:\n%s\nhas no %s", build, members[i].function, text.s,
				 members[i].returns);
	}
	elf->close(library);
}

#define BUILD(name) { "test_members_" name, test_members, NULL, NULL, (void *)(uintptr_t)name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_indexed),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_stops),
		BUILD("debian11"), BUILD("debian12"), BUILD("android"),
	};

	return cmocka_run_group_tests_name("elf_origin", tests, open_getters, close_getters);
}
