/* SPDX-License-Identifier: Apache-2.0 */
/* The log: levels, one whole line an entry whoever else writes, and nothing that acts on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "log.h"
#include "util.h"

static char dir[] = "/tmp/ecapture-log-XXXXXX";
static char path[64]; /* the log, once it is opened */
static char logged[1 << 20];

/* What was written to the file since the last look. */
static const char *take(const char *from)
{
	_cleanup_close_ int fd = open(from, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, logged, sizeof(logged) - 1);

	assert_true(n >= 0);
	logged[n] = 0;
	assert_int_equal(ftruncate(fd, 0), 0);
	return logged;
}

/* Before a file is given: standard error. */
static void test_stderr(void **state)
{
	char other[80];

	(void)state;
	snprintf(other, sizeof(other), "%s/stderr", dir);
	int fd = open(other, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int before = dup(STDERR_FILENO);

	assert_true(fd >= 0 && before >= 0);
	dup2(fd, STDERR_FILENO);
	log_warn("here", "something %s", "odd");
	dup2(before, STDERR_FILENO);
	close(before);
	close(fd);
	assert_string_equal(take(other), "warning here: something odd\n");
	unlink(other);
}

static void test_refuses(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(ecap_log_open(dir), -EISDIR);
	snprintf(text, sizeof(text), "log file %s: Is a directory", dir);
	assert_string_equal(ecap_err_text(), text);
	assert_int_equal(ecap_log_open("/nowhere/at/all"), -ENOENT);
	assert_string_equal(ecap_err_text(),
			    "log file /nowhere/at/all: No such file or directory");
}

/* Private, and appended to. */
static void test_opens_file(void **state)
{
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(ecap_log_open(path), 0);
	umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	log_info("one", "first");
	assert_int_equal(ecap_log_open(path), 0);
	log_info("one", "second");
	assert_string_equal(take(path), "info one: first\ninfo one: second\n");
}

static void log_all(void)
{
	log_error("c", "%d", 1);
	log_warn("c", "%d", 2);
	log_info("c", "%d", 3);
	log_debug("c", "%d", 4);
}

static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(ecap_log_level(), ECAP_LOG_INFO);
	log_all();
	assert_string_equal(take(path), "error c: 1\nwarning c: 2\ninfo c: 3\n");
	ecap_log_set_level(ECAP_LOG_DEBUG);
	log_all();
	assert_string_equal(take(path), "error c: 1\nwarning c: 2\ninfo c: 3\ndebug c: 4\n");
	ecap_log_set_level(ECAP_LOG_ERROR);
	assert_int_equal(ecap_log_level(), ECAP_LOG_ERROR);
	log_all();
	assert_string_equal(take(path), "error c: 1\n");
	ecap_log_set_level(ECAP_LOG_INFO);
}

static void test_escapes(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "", "info c: \n" },
		{ "tab\tand ~ stay", "info c: tab\tand ~ stay\n" },
		{ "words\n    tcp porrt\n        ^", "info c: words\n    tcp porrt\n        ^\n" },
		{ "a\n   three", "info c: a\\x0a   three\n" },
		{ "a\nerror c: forged", "info c: a\\x0aerror c: forged\n" },
		{ "\x1b[31mred\x7f\x01", "info c: \\x1b[31mred\\x7f\\x01\n" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		  "info c: gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n" },
		{ "\xc2\x9b" "31m", "info c: \\xc2\\x9b31m\n" },          /* CSI of C1 */
		{ "\x9b" "31m", "info c: \\x9b31m\n" },
		{ "exe\xe2\x80\xaegpj", "info c: exe\\xe2\\x80\\xaegpj\n" }, /* U+202E */
		{ "\xff\xc3", "info c: \\xff\\xc3\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		log_info("c", "%s", cases[i].text);
		assert_string_equal(take(path), cases[i].line);
	}
}

/* Texts that are too long are cut, whatever their characters become, and end with the line. */
static void test_long(void **state)
{
	static const char bytes[] = { 'x', '\n', '\xff' };
	char text[5000], component[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		size_t width = bytes[i] == 'x' ? 1 : 4;

		memset(text, bytes[i], sizeof(text));
		text[sizeof(text) - 1] = 0;
		log_info("c", "%s", text);
		take(path);
		assert_int_equal(strlen(logged), strlen("info c: ") + 2047 * width + 1);
		assert_int_equal(logged[strlen(logged) - 1], '\n');
	}
	memset(component, 'k', sizeof(component));
	component[sizeof(component) - 1] = 0;
	log_info(component, "%s", text);
	take(path);
	assert_int_equal(strlen(logged), 95 + 2047 * 4 + 1);
	assert_memory_equal(logged + 94, "k\\xff", 5);
}

#define THREADS 4
#define LINES   500

static void *log_lines(void *arg)
{
	char text[300];

	memset(text, 'a' + (int)(intptr_t)arg, sizeof(text));
	text[sizeof(text) - 1] = 0;
	for (int i = 0; i < LINES; i++)
		log_info("c", "%s", text);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	int lines[THREADS] = {};

	(void)state;
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_lines, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	take(path);
	for (const char *p = logged; *p; p += strlen("info c: ") + 300) {
		char c = p[strlen("info c: ")];

		assert_memory_equal(p, "info c: ", strlen("info c: "));
		assert_in_range(c, 'a', 'a' + THREADS - 1);
		assert_int_equal(strspn(p + strlen("info c: "), (char[]){ c, 0 }), 299);
		assert_int_equal(p[strlen("info c: ") + 299], '\n');
		lines[c - 'a']++;
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(lines[i], LINES);
}

/* A full disk stops nobody. */
static void test_cannot_write(void **state)
{
	(void)state;
	assert_int_equal(ecap_log_open("/dev/full"), 0);
	log_error("c", "lost");
	assert_int_equal(ecap_log_open(path), 0);
	log_error("c", "kept");
	assert_string_equal(take(path), "error c: kept\n");
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_opens_file),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_cannot_write),
	};

	return cmocka_run_group_tests_name("log", tests, setup, teardown);
}
