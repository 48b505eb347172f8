/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finding files is made of: the set of files, ld.so.cache, symbol hash tables and maps,
 * on real files and on what an attacker could put in their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "err.h"
#include "targets/cache.h"
#include "targets/file.h"
#include "targets/keys.h"
#include "targets/maps.h"
#include "targets/symbols.h"
#include "util.h"

static char dir[] = "/tmp/targets-parts.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return chdir("/") || rmdir(dir);
}

static void write_file(const char *path, const void *data, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_int_equal(write(fd, data, len), len);
}

static char *read_file(const char *path, size_t *len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_return_code(fd, errno);
	assert_int_equal(fstat(fd, &st), 0);
	char *data = malloc((size_t)st.st_size);

	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	*len = (size_t)st.st_size;
	return data;
}

static void keys_keep_each_once(void **state)
{
	struct ecap_file_keys keys = {0};

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 1; i <= 5000; i++) {
			struct ecap_file_key key = {.dev = i % 3, .ino = i / 2 + 1, .tag = i & 1};

			assert_int_equal(ecap_file_keys_add(&keys, &key), !pass);
			assert_true(ecap_file_keys_has(&keys, &key));
			key.tag = 7;
			assert_false(ecap_file_keys_has(&keys, &key));
		}
	assert_int_equal(keys.n, 5000);
	ecap_file_keys_clear(&keys);
	assert_false(ecap_file_keys_has(&keys, &(struct ecap_file_key){.ino = 1}));
}

struct listing {
	const char *pattern;
	char first[PATH_MAX]; /* that fits the pattern */
	size_t n, bytes;
};

static int list(void *arg, const char *path)
{
	struct listing *listing = arg;

	listing->n++;
	listing->bytes += strlen(path);
	if (!*listing->first && !fnmatch(listing->pattern, path, 0))
		snprintf(listing->first, sizeof(listing->first), "%s", path);
	return 0;
}

static int list_cache(const char *file, struct listing *listing)
{
	*listing = (struct listing){.pattern = "*/libc.so*"};
	return ecap_ldcache_each(file, list, listing);
}

static int end_with_7(void *arg, const char *path)
{
	(void)path;
	++*(int *)arg;
	return 7;
}

static void cache_lists_libc(void **state)
{
	struct listing listing;
	int calls = 0;

	(void)state;
	if (access(ECAP_LDCACHE_PATH, R_OK)) {
		print_message("no " ECAP_LDCACHE_PATH " on this system\n");
		skip();
	}
	assert_int_equal(list_cache(ECAP_LDCACHE_PATH, &listing), 0);
	assert_int_equal(access(listing.first, R_OK), 0);
	assert_int_equal(ecap_ldcache_each(ECAP_LDCACHE_PATH, end_with_7, &calls), 7);
	assert_int_equal(calls, 1);
}

/* Two libraries of this machine and one of another, in the format of dl-cache.h. */
static size_t make_cache(char *to, bool with_old_table)
{
	static const char strings[] = "libx.so.1\0/lib/libx.so.1\0/lib32/libx.so.1\0/lib/libc.so.6";
#ifdef __x86_64__
	const uint32_t flags = 0x0303;
#else
	const uint32_t flags = 0x0a03;
#endif
	const uint32_t values[][2] = {{flags, 10}, {0x0003, 25}, {flags, 42}};
	uint32_t n_old = 3, n = ARRAY_SIZE(values), strings_bytes = sizeof(strings);
	char *at = to;

	if (with_old_table) { /* 16 + 3 * 12 bytes, then up to a multiple of 8 */
		memcpy(at, "ld.so-1.7.0", 12);
		memcpy(at + 12, &n_old, sizeof(n_old));
		memset(at + 16, 0x55, 56 - 16);
		at += 56;
	}
	memset(at, 0, 48 + sizeof(values) / 8 * 24);
	memcpy(at, "glibc-ld.so.cache1.1", 20);
	memcpy(at + 20, &n, sizeof(n));
	memcpy(at + 24, &strings_bytes, sizeof(strings_bytes));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t value = values[i][1] + 48 + n * 24;

		memcpy(at + 48 + i * 24, &values[i][0], 4);
		memcpy(at + 48 + i * 24 + 8, &value, 4);
	}
	memcpy(at + 48 + n * 24, strings, sizeof(strings));
	return (size_t)(at - to) + 48 + n * 24 + sizeof(strings);
}

static void cache_of_both_formats(void **state)
{
	struct listing listing;
	char data[512];

	(void)state;
	for (int old = 0; old < 2; old++) {
		write_file("cache", data, make_cache(data, old));
		assert_int_equal(list_cache("cache", &listing), 0);
		assert_int_equal(listing.n, 2);
		assert_string_equal(listing.first, "/lib/libc.so.6");
		assert_int_equal(listing.bytes, strlen("/lib/libx.so.1/lib/libc.so.6"));
	}
	unlink("cache");
}

static void damaged_caches_are_refused(void **state)
{
	struct listing listing;
	char data[512];
	size_t len = make_cache(data, true), table = 56 + 48 + 3 * 24;

	(void)state;
	for (size_t cut = 0; cut < table; cut++) {
		write_file("cache", data, cut);
		assert_int_equal(list_cache("cache", &listing), -EBADMSG);
		assert_int_equal(listing.n, 0);
	}
	for (size_t cut = table; cut < len; cut++) {
		write_file("cache", data, cut);
		assert_int_equal(list_cache("cache", &listing), 0);
	}
	for (size_t i = 0; i < len; i++) {
		char damaged[sizeof(data)];

		memcpy(damaged, data, len);
		damaged[i] = (char)0xff;
		write_file("cache", damaged, len);
		assert_in_range(-list_cache("cache", &listing), 0, EBADMSG);
	}
	unlink("cache");
	assert_int_equal(list_cache("cache", &listing), -ENOENT);
	assert_int_equal(list_cache("/dev/zero", &listing), -EBADMSG);
}

static int defined(const char *path, const char *first, const char *second)
{
	const char *const names[] = {first, second, NULL};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_return_code(fd, errno);
	return ecap_symbols_defined(fd, names);
}

/* A small library with @option for the linker, false when there is no compiler. */
static bool build_library(const char *path, const char *option)
{
	static const char source[] = "int strange_one(void);\n"
		"int one(void) { return strange_one() + 1; }\nint two = 2;\n"
		"static int three(void) { return 3; }\nint (*four)(void) = three;\n";
	const char *cc = getenv("CC") ? getenv("CC") : "cc";
	char *args[] = {(char *)(uintptr_t)cc, (char[]){"-shared"}, (char[]){"-fPIC"},
			(char[]){"-nostdlib"}, (char *)(uintptr_t)option, (char[]){"-o"},
			(char *)(uintptr_t)path, (char[]){"source.c"}, NULL};
	int status = -1;
	pid_t pid;

	write_file("source.c", source, sizeof(source) - 1);
	if (!posix_spawnp(&pid, cc, NULL, NULL, args, environ))
		waitpid(pid, &status, 0);
	unlink("source.c");
	return !status;
}

static void check_library(const char *option)
{
	if (!build_library("library", option)) {
		print_message("no C compiler to build a library with %s\n", option);
		skip();
	}
	assert_int_equal(defined("library", "one", "two"), 1);
	assert_int_equal(defined("library", "two", NULL), 1);
	assert_int_equal(defined("library", NULL, NULL), 1);
	assert_int_equal(defined("library", "one", "strange_one"), 0);
	assert_int_equal(defined("library", "three", NULL), 0);
	assert_int_equal(defined("library", "on", NULL), 0);
	assert_int_equal(defined("library", "", NULL), 0);
	unlink("library");
}

static void symbols_by_gnu_hash(void **state)
{
	(void)state;
	check_library("-Wl,--hash-style=gnu");
}

static void symbols_by_sysv_hash(void **state)
{
	(void)state;
	check_library("-Wl,--hash-style=sysv");
}

static void every_symbol_of_libc_is_found(void **state)
{
	struct listing listing;

	(void)state;
	if (list_cache(ECAP_LDCACHE_PATH, &listing) || !*listing.first) {
		print_message("no libc.so in " ECAP_LDCACHE_PATH "\n");
		skip();
	}
	static const char *const names[] = {
		"malloc", "free", "printf", "open", "close", "read", "write", "dlopen", "strlen",
		"memcpy", "qsort", "fork", "execve", "environ", "stdout", "gnu_get_libc_version",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char absent[64];

		snprintf(absent, sizeof(absent), "%s_not", names[i]);
		assert_int_equal(defined(listing.first, names[i], NULL), 1);
		assert_int_equal(defined(listing.first, names[i], absent), 0);
	}
}

/* Whatever the file holds, the answer is an answer, and comes soon. */
static void damaged_programs_do_no_harm(void **state)
{
	size_t len;
	_cleanup_free_ char *data = NULL;
	int answers[3] = {0};

	(void)state;
	if (!build_library("library", "-Wl,--hash-style=both")) {
		print_message("no C compiler to build a library\n");
		skip();
	}
	data = read_file("library", &len);
	_cleanup_close_ int fd = open("library", O_RDWR | O_CLOEXEC);

	for (size_t at = 0; at < 4096 && at < len; at++)
		for (int value = 0; value < 256; value += 51) {
			char byte = (char)value;
			int r;

			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
			r = defined("library", "one", "two");
			assert_true(r == 0 || r == 1 || r == -ENOEXEC);
			answers[r < 0 ? 2 : r]++;
			assert_int_equal(pwrite(fd, data + at, 1, (off_t)at), 1);
		}
	assert_true(answers[0] && answers[1] && answers[2]);
	for (size_t cut = len; cut--; cut = cut > 4096 ? cut / 2 : cut) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		assert_true(defined("library", "one", "two") <= 1);
	}
	assert_int_equal(defined("library", "one", "two"), -ENOEXEC);
	unlink("library");
}

struct wanted {
	uint64_t ino;
	struct ecap_mapping mapping;
	char path[PATH_MAX];
	int n;
};

static int remember(void *arg, const struct ecap_mapping *mapping)
{
	struct wanted *wanted = arg;

	if (mapping->ino != wanted->ino)
		return 0;
	wanted->n++;
	wanted->mapping = *mapping;
	snprintf(wanted->path, sizeof(wanted->path), "%s", mapping->path);
	return 0;
}

static void read_own_maps(int (*way)(struct ecap_maps_reader *), struct wanted *wanted)
{
	_cleanup_free_ char *buffer = malloc(ECAP_MAPS_BUFFER);
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct ecap_maps_reader reader = {
		.pid = (uint32_t)getpid(),
		.fd = fd,
		.buffer = buffer,
		.cb = remember,
		.arg = wanted,
	};
	int r = way(&reader);

	if (r == -ENOTTY) /* the query, before Linux 6.11 */
		r = ecap_maps_read(&reader);
	assert_int_equal(r, 0);
}

/* Maps a new file of this name and looks for it in our own maps. */
static void check_way(int (*way)(struct ecap_maps_reader *), const char *name, bool deleted)
{
	static const char page[4096] = "x";
	char path[PATH_MAX];
	struct wanted wanted = {0};
	struct stat st;

	write_file(name, page, sizeof(page));
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	void *code = mmap(NULL, sizeof(page), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	void *plain = mmap(NULL, sizeof(page), PROT_READ, MAP_PRIVATE, fd, 0);

	assert_true(code != MAP_FAILED && plain != MAP_FAILED);
	assert_int_equal(fstat(fd, &st), 0);
	if (deleted)
		unlink(name);
	wanted.ino = st.st_ino;
	read_own_maps(way, &wanted);
	assert_int_equal(wanted.n, 1);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_string_equal(wanted.path, path);
	assert_int_equal(wanted.mapping.deleted, deleted);
	assert_int_equal(wanted.mapping.pid, getpid());
	assert_int_equal(wanted.mapping.start, (uintptr_t)code);
	assert_int_equal(wanted.mapping.end, (uintptr_t)code + sizeof(page));

	struct ecap_file file = ECAP_FILE_NONE;

	wanted.mapping.path = wanted.path;
	assert_int_equal(ecap_file_open_mapping(&wanted.mapping, &file), 0);
	assert_int_equal(file.st.st_ino, st.st_ino);
	ecap_file_close(&file);
	munmap(code, sizeof(page));
	munmap(plain, sizeof(page));
	unlink(name);
}

static void check_name(const char *name, bool deleted)
{
	check_way(ecap_maps_query, name, deleted);
	check_way(ecap_maps_read, name, deleted);
}

static void maps_show_any_name(void **state)
{
	char longest[NAME_MAX + 1];

	(void)state;
	if (geteuid()) {
		print_message("only root may open /proc/PID/map_files\n");
		skip();
	}
	memset(longest, '\n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	check_name("plain", false);
	check_name("plain", true);
	check_name("with space and\ttab", false);
	check_name("line\nend", false);
	check_name("back\\slash", true);
	check_name(longest, false);
	check_name("not (deleted) at all", false);
	check_name(" (deleted)", true);
}

struct account {
	char text[65536];
	size_t len;
};

static int write_down(void *arg, const struct ecap_mapping *m)
{
	struct account *account = arg;
	int n = snprintf(account->text + account->len, sizeof(account->text) - account->len,
			 "%u %x-%x %u:%u %u %u %s\n", m->pid, (unsigned)m->start, (unsigned)m->end,
			 m->major, m->minor, (unsigned)m->ino, m->deleted, m->path);

	account->len += (size_t)n;
	assert_in_range(account->len, 1, sizeof(account->text) - 1);
	return 0;
}

static void query_and_text_agree(void **state)
{
	_cleanup_free_ char *buffer = malloc(ECAP_MAPS_BUFFER);
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct account query = {0}, text = {0};
	struct ecap_maps_reader reader = {.pid = 7, .fd = fd, .buffer = buffer, .cb = write_down};

	(void)state;
	reader.arg = &query;
	if (ecap_maps_query(&reader) == -ENOTTY) {
		print_message("this kernel has no PROCMAP_QUERY (Linux 6.11)\n");
		skip();
	}
	reader.arg = &text;
	assert_int_equal(ecap_maps_read(&reader), 0);
	assert_string_equal(query.text, text.text);
	assert_true(text.len > 100);
}

static int count_calls(void *arg, const struct ecap_mapping *mapping)
{
	assert_true(mapping->ino && mapping->path[0] == '/' && mapping->start < mapping->end);
	++*(int *)arg;
	return 0;
}

static void maps_of_nobody(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(ecap_maps_each(INT32_MAX, count_calls, &calls), -ESRCH);
	assert_string_equal(ecap_err_text(), "no process 2147483647");
	assert_int_equal(calls, 0);
	assert_int_equal(ecap_maps_each((uint32_t)getpid(), count_calls, &calls), 0);
	assert_true(calls > 2); /* this program, libc, the dynamic linker */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_keep_each_once),
		cmocka_unit_test(cache_lists_libc),
		cmocka_unit_test(cache_of_both_formats),
		cmocka_unit_test(damaged_caches_are_refused),
		cmocka_unit_test(symbols_by_gnu_hash),
		cmocka_unit_test(symbols_by_sysv_hash),
		cmocka_unit_test(every_symbol_of_libc_is_found),
		cmocka_unit_test(damaged_programs_do_no_harm),
		cmocka_unit_test(maps_show_any_name),
		cmocka_unit_test(query_and_text_agree),
		cmocka_unit_test(maps_of_nobody),
	};

	return cmocka_run_group_tests_name("targets_parts", tests, make_dir, remove_dir);
}
