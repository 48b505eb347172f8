/* SPDX-License-Identifier: Apache-2.0 */
/* The key log: its lines, each once, at once, in files and pipes; and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "services.h"

static const struct ecap_keylog *const keylog = &ecap_keylog_service;
static char dir[] = "/tmp/ecapture-keylog-XXXXXX", path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/keys", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct ecap_keylog_file *open_keys(void)
{
	struct ecap_keylog_file *file = NULL;

	if (keylog->open(NULL, path, &file) != 0)
		fail_msg("%s", ecap_err_text());
	return file;
}

static const char *content(void)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "re");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	fclose(file);
	return text;
}

static const uint8_t random_bytes[32] = { 0x01, 0xab, 0xff, [31] = 0x10 };
static const uint8_t secret[48] = { 0xfe, [47] = 0x0f };

#define RANDOM_TEXT "01abff00000000000000000000000000000000000000000000000000" "00000010"

static void test_lines(void **state)
{
	struct ecap_keylog_file *file = open_keys();
	struct stat st;

	(void)state;
	/* A line is there before anything is closed. */
	assert_int_equal(keylog->add(file, "SERVER_TRAFFIC_SECRET_0", random_bytes, secret, 3), 1);
	assert_string_equal(content(), "SERVER_TRAFFIC_SECRET_0 " RANDOM_TEXT " fe0000\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* The same again, and each part different for itself. */
	assert_int_equal(keylog->add(file, "SERVER_TRAFFIC_SECRET_0", random_bytes, secret, 3), 0);
	assert_int_equal(keylog->add(file, "CLIENT_TRAFFIC_SECRET_0", random_bytes, secret, 3), 1);
	assert_int_equal(keylog->add(file, "SERVER_TRAFFIC_SECRET_0", secret, secret, 3), 1);
	assert_int_equal(keylog->add(file, "SERVER_TRAFFIC_SECRET_0", random_bytes, secret, 4), 1);
	assert_int_equal(keylog->add(file, "CLIENT_RANDOM", random_bytes, secret, 48), 1);
	assert_int_equal(strlen(strrchr(content(), ' ')), 1 + 96 + 1);
	/* Mozilla's "NSS Key Log Format": RSA, and 8 bytes of what was encrypted. */
	assert_int_equal(keylog->add(file, "RSA", random_bytes, secret, 48), 1);
	assert_non_null(strstr(content(), "\nRSA 01abff0000000000 fe00"));
	assert_int_equal(keylog->add(file, "RSA", random_bytes, secret, 48), 0);
	keylog->close(file);

	/* What was there stays. */
	file = open_keys();
	assert_int_equal(keylog->add(file, "A", random_bytes, secret, 1), 1);
	keylog->close(file);
	assert_non_null(strstr(content(), "\nA " RANDOM_TEXT " fe\n"));
	assert_int_equal(strncmp(content(), "SERVER_TRAFFIC_SECRET_0 ", 24), 0);
	keylog->close(NULL);
}

static void test_refuses(void **state)
{
	struct ecap_keylog_file *untouched = (struct ecap_keylog_file *)state, *none = untouched;
	struct ecap_keylog_file *file = open_keys();
	char before[1 << 16];

	snprintf(before, sizeof(before), "%s", content());
	assert_int_equal(keylog->add(file, "", random_bytes, secret, 1), -EINVAL);
	assert_int_equal(keylog->add(file, "A B", random_bytes, secret, 1), -EINVAL);
	assert_int_equal(keylog->add(file, "A\nB", random_bytes, secret, 1), -EINVAL);
	assert_int_equal(keylog->add(file, "lower", random_bytes, secret, 1), -EINVAL);
	assert_int_equal(keylog->add(file, "A", random_bytes, secret, 0), -EINVAL);
	assert_int_equal(keylog->add(file, "A", random_bytes, secret, 256), -EINVAL);
	assert_string_equal(content(), before);
	keylog->close(file);
	assert_int_equal(keylog->open(NULL, dir, &none), -EISDIR);
	assert_ptr_equal(none, untouched);
	assert_non_null(strstr(ecap_err_text(), dir));
}

static void test_full(void **state)
{
	struct ecap_keylog_file *file = NULL;

	(void)state;
	assert_int_equal(keylog->open(NULL, "/dev/full", &file), 0);
	assert_int_equal(keylog->add(file, "A", random_bytes, secret, 1), -ENOSPC);
	assert_non_null(strstr(ecap_err_text(), "/dev/full"));
	keylog->close(file);
}

/* The same file by two names is one log; another file is not. */
static void test_shared(void **state)
{
	struct ecap_keylog_file *file = open_keys(), *again = NULL, *other = NULL;
	char name[96], before[1 << 16];

	(void)state;
	snprintf(name, sizeof(name), "%s/../%s/keys", dir, strrchr(dir, '/') + 1);
	assert_int_equal(keylog->open(NULL, name, &again), 0);
	assert_int_equal(keylog->open(NULL, "/dev/null", &other), 0);
	assert_int_equal(keylog->add(file, "SHARED", random_bytes, secret, 1), 1);
	assert_int_equal(keylog->add(again, "SHARED", random_bytes, secret, 1), 0);
	assert_int_equal(keylog->add(other, "SHARED", random_bytes, secret, 1), 1);
	keylog->close(other);
	keylog->close(file);
	snprintf(before, sizeof(before), "%s", content());
	assert_int_equal(keylog->add(again, "SHARED", random_bytes, secret, 1), 0);
	assert_string_equal(content(), before);
	assert_int_equal(keylog->add(again, "SHARED", random_bytes, secret, 2), 1);
	keylog->close(again);
	assert_non_null(strstr(content(), "\nSHARED " RANDOM_TEXT " fe00\n"));
}

#define N_WRITERS 4
#define N_LINES   2000

static void *write_lines(void *arg)
{
	uint8_t random[32] = { 0 };
	intptr_t written = 0;

	for (uint32_t i = 0; i < N_LINES; i++) {
		memcpy(random, &i, sizeof(i));
		written += keylog->add(arg, "THREADS", random, secret, 48) == 1;
	}
	return (void *)written;
}

static void test_threads(void **state)
{
	struct ecap_keylog_file *files[N_WRITERS];
	pthread_t threads[N_WRITERS];
	intptr_t written = 0;

	(void)state;
	unlink(path);
	for (int i = 0; i < N_WRITERS; i++)
		files[i] = open_keys();
	for (int i = 0; i < N_WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, files[i]), 0);
	for (int i = 0; i < N_WRITERS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		keylog->close(files[i]);
		written += (intptr_t)result;
	}
	assert_int_equal(written, N_LINES);

	FILE *file = fopen(path, "re");
	char line[256];
	int n = 0;

	assert_non_null(file);
	for (; fgets(line, sizeof(line), file); n++) {
		assert_int_equal(strlen(line), 7 + 1 + 64 + 1 + 96 + 1);
		assert_memory_equal(line, "THREADS ", 8);
	}
	fclose(file);
	assert_int_equal(n, N_LINES);
}

/* More lines than are remembered: each of the last ones still once. */
static void test_many(void **state)
{
	enum { MANY = 1200000, LAST = 500000 };
	struct ecap_keylog_file *file = NULL;
	uint8_t random[32] = { 0 };

	(void)state;
	assert_int_equal(keylog->open(NULL, "/dev/null", &file), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		memcpy(random, &i, sizeof(i));
		if (keylog->add(file, "A", random, secret, 32) != 1)
			fail_msg("line %u was taken for an older one", i);
	}
	for (uint32_t i = MANY - LAST; i < MANY; i += 7) {
		memcpy(random, &i, sizeof(i));
		if (keylog->add(file, "A", random, secret, 32) != 0)
			fail_msg("line %u was forgotten", i);
	}
	keylog->close(file);
}

/* A full disk had cut the last line: the next one does not go on where that ends. */
static void test_after_a_part(void **state)
{
	struct ecap_keylog_file *file;

	(void)state;
	assert_int_equal(truncate(path, 10), 0);
	file = open_keys();
	assert_int_equal(keylog->add(file, "PART", random_bytes, secret, 1), 1);
	keylog->close(file);
	assert_string_equal(content() + 10, "\nPART " RANDOM_TEXT " fe\n");
	file = open_keys();
	assert_int_equal(keylog->add(file, "WHOLE", random_bytes, secret, 1), 1);
	keylog->close(file);
	assert_non_null(strstr(content(), " fe\nWHOLE " RANDOM_TEXT " fe\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_after_a_part),
	};

	return cmocka_run_group_tests_name("keylog", tests, make_dir, remove_dir);
}
