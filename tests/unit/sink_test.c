/* SPDX-License-Identifier: Apache-2.0 */
/* The sink on files, pipes and devices: everything once and in order, and errors that stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "err.h"
#include "sink.h"
#include "util.h"

static char dir[] = "/tmp/ecapture-sink-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct ecap_sink *open_sink(const char *path)
{
	struct ecap_sink *sink = NULL;

	assert_int_equal(ecap_sink_open(path, &sink), 0);
	return sink;
}

/* @len bytes that tell where they belong. */
static int put(struct ecap_sink *sink, size_t *at, size_t len)
{
	char *out = ecap_sink_reserve(sink, len);

	if (!out)
		return ecap_sink_error(sink);
	for (size_t i = 0; i < len; i++, (*at)++)
		out[i] = (char)(*at % 251);
	ecap_sink_commit(sink, len);
	return 0;
}

/* The same, left where they are. */
static int refer(struct ecap_sink *sink, size_t *at, size_t len)
{
	static char bytes[251 + 10000];
	const char *data = bytes + *at % 251;

	assert_true(len <= 10000);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	*at += len;
	return ecap_sink_refer(sink, data, len);
}

static void assert_holds(const char *path, size_t len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(getc(f), i % 251);
	assert_int_equal(getc(f), EOF);
}

static void test_makes_private_file(void **state)
{
	mode_t before = umask(0);
	struct ecap_sink *sink = open_sink(in_dir("private"));
	struct stat st;

	(void)state;
	umask(before);
	assert_int_equal(stat(in_dir("private"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(ecap_sink_is_terminal(sink));
	assert_int_equal(ecap_sink_close(sink), 0);
}

static void test_appends(void **state)
{
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct ecap_sink *sink = open_sink(in_dir("appended"));

		assert_int_equal(put(sink, &at, 1000), 0);
		assert_int_equal(ecap_sink_close(sink), 0);
	}
	assert_holds(in_dir("appended"), 3000);
}

static void test_follows_link(void **state)
{
	char target[128];
	size_t at = 0;

	(void)state;
	snprintf(target, sizeof(target), "%s", in_dir("target"));
	assert_int_equal(symlink(target, in_dir("link")), 0);
	struct ecap_sink *sink = open_sink(in_dir("link"));

	assert_int_equal(put(sink, &at, 10), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	assert_holds(target, 10);
}

static void test_refuses(void **state)
{
	struct ecap_sink *sink = NULL;
	char text[256];

	(void)state;
	assert_int_equal(ecap_sink_open(dir, &sink), -EISDIR);
	snprintf(text, sizeof(text), "event sink %s: Is a directory", dir);
	assert_string_equal(ecap_err_text(), text);
	assert_int_equal(ecap_sink_open(in_dir("none/file"), &sink), -ENOENT);
	assert_null(sink);
	assert_int_equal(ecap_sink_close(NULL), 0);
}

/* Sizes around the buffer's, also larger than it. */
static void test_any_size(void **state)
{
	static const size_t sizes[] = { 1, 0, 1000, 1048575, 1048576, 1, 1048577, 7, 5000000, 12 };
	struct ecap_sink *sink = open_sink(in_dir("sizes"));
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(put(sink, &at, sizes[i]), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	assert_holds(in_dir("sizes"), at);
}

static void test_commits_less_than_reserved(void **state)
{
	struct ecap_sink *sink = open_sink(in_dir("less"));
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		assert_non_null(ecap_sink_reserve(sink, 500000));
		assert_int_equal(put(sink, &at, 1000), 0);
	}
	assert_int_equal(ecap_sink_close(sink), 0);
	assert_holds(in_dir("less"), 3000000);
}

static void assert_stopped(struct ecap_sink *sink, int err, const char *text)
{
	for (int i = 0; i < 3; i++) {
		ecap_err(-EINVAL, "something else");
		assert_int_equal(ecap_sink_flush(sink), err);
		assert_string_equal(ecap_err_text(), text);
		ecap_err(-EINVAL, "something else");
		assert_null(ecap_sink_reserve(sink, 1));
		assert_string_equal(ecap_err_text(), text);
		assert_int_equal(ecap_sink_error(sink), err);
	}
}

/* Of an event that got into the buffer in part, nothing. */
static void test_rescue(void **state)
{
	struct ecap_sink *sink = open_sink(in_dir("rescued"));
	size_t at = 0;

	(void)state;
	assert_int_equal(put(sink, &at, 1000), 0);
	ecap_sink_end_event(sink);
	assert_int_equal(put(sink, &at, 500), 0);
	ecap_sink_rescue(sink);
	assert_holds(in_dir("rescued"), 1000);
	ecap_sink_rescue(sink);
	assert_int_equal(ecap_sink_close(sink), 0);
	assert_holds(in_dir("rescued"), 1000);
}

/* More of them than there is room for, with and without bytes between them; and none at all. */
static void test_refers(void **state)
{
	struct ecap_sink *sink = open_sink(in_dir("referred"));
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(refer(sink, &at, i % 7 ? 5000 + i : 0), 0);
		if (i % 3)
			assert_int_equal(put(sink, &at, i), 0);
	}
	assert_int_equal(ecap_sink_flush(sink), 0);
	assert_holds(in_dir("referred"), at);
	assert_int_equal(ecap_sink_written(sink), at);
	assert_int_equal(ecap_sink_close(sink), 0);
}

/* What belongs to an event that is not whole stays away, bytes elsewhere too. */
static void test_rescues_references(void **state)
{
	struct ecap_sink *sink = open_sink(in_dir("rescued"));
	size_t at = 0, whole;

	(void)state;
	unlink(in_dir("rescued"));
	assert_int_equal(ecap_sink_close(sink), 0);
	sink = open_sink(in_dir("rescued"));
	assert_int_equal(put(sink, &at, 10), 0);
	assert_int_equal(refer(sink, &at, 5000), 0);
	assert_int_equal(put(sink, &at, 10), 0);
	ecap_sink_end_event(sink);
	whole = at;
	assert_int_equal(refer(sink, &at, 5000), 0);
	assert_int_equal(put(sink, &at, 10), 0);
	ecap_sink_rescue(sink);
	assert_holds(in_dir("rescued"), whole);
	assert_int_equal(ecap_sink_close(sink), 0);
	assert_holds(in_dir("rescued"), whole);
}

/* What nobody can see any more is as lost as what was not written. */
static void test_removed(void **state)
{
	char text[256];

	(void)state;
	for (size_t at = 0, times = 0; times < 2; times++) {
		struct ecap_sink *sink = open_sink(in_dir("removed"));

		assert_int_equal(put(sink, &at, 10 * times), 0);
		assert_int_equal(unlink(in_dir("removed")), 0);
		assert_int_equal(ecap_sink_close(sink), times ? -ENOENT : 0);
	}
	snprintf(text, sizeof(text), "event sink %s: somebody removed it while it was written, with "
		 "all that was in it", in_dir("removed"));
	assert_string_equal(ecap_err_text(), text);
}

static void test_references_disk_full(void **state)
{
	struct ecap_sink *sink = open_sink("/dev/full");
	size_t at = 0;

	(void)state;
	assert_int_equal(put(sink, &at, 100), 0);
	assert_int_equal(refer(sink, &at, 5000), 0);
	assert_int_equal(ecap_sink_flush(sink), -ENOSPC);
	assert_string_equal(ecap_err_text(), "event sink /dev/full: No space left on device, "
					     "5100 bytes not written");
	assert_int_equal(refer(sink, &at, 5000), -ENOSPC);
	assert_int_equal(ecap_sink_close(sink), -ENOSPC);
}

static void test_disk_full(void **state)
{
	static const char text[] =
		"event sink /dev/full: No space left on device, 100 bytes not written";
	struct ecap_sink *sink = open_sink("/dev/full");
	size_t at = 0;

	(void)state;
	assert_int_equal(put(sink, &at, 100), 0);
	assert_int_equal(ecap_sink_error(sink), 0);
	assert_int_equal(ecap_sink_flush(sink), -ENOSPC);
	assert_string_equal(ecap_err_text(), text);
	assert_stopped(sink, -ENOSPC, text);
	assert_int_equal(ecap_sink_close(sink), -ENOSPC);
	assert_string_equal(ecap_err_text(), text);
}

static void test_disk_full_when_buffer_is(void **state)
{
	struct ecap_sink *sink = open_sink("/dev/full");
	size_t at = 0;
	int err = 0;

	(void)state;
	for (int i = 0; i < 3000 && !err; i++)
		err = put(sink, &at, 1000);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(at, 1048000);
	assert_int_equal(ecap_sink_close(sink), -ENOSPC);
}

/* The kernel takes a part of the write: that part stays once, and nothing follows it. */
static void test_file_limit(void **state)
{
	struct rlimit before, limit;
	char text[256];
	size_t at = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct ecap_sink *sink = open_sink(in_dir("limited"));

	limit = before;
	limit.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(put(sink, &at, 1500), 0);
	int err = ecap_sink_flush(sink);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err, -EFBIG);
	snprintf(text, sizeof(text), "event sink %s: File too large, 500 bytes not written",
		 in_dir("limited"));
	assert_stopped(sink, -EFBIG, text);
	assert_int_equal(ecap_sink_close(sink), -EFBIG);
	assert_holds(in_dir("limited"), 1000);
}

/* Puts @fd in the place of standard output; returns the old one. */
static int take_stdout(int fd)
{
	fflush(stdout);
	int old = dup(STDOUT_FILENO);

	assert_true(old >= 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	return old;
}

static void give_stdout_back(int old)
{
	dup2(old, STDOUT_FILENO);
	close(old);
}

static void test_reader_gone(void **state)
{
	int ends[2];
	size_t at = 0;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	int old = take_stdout(ends[1]);
	struct ecap_sink *sink = NULL;
	int opened = ecap_sink_open(NULL, &sink);
	int put_err = put(sink, &at, 10), err = ecap_sink_flush(sink);

	give_stdout_back(old);
	close(ends[1]);
	assert_int_equal(opened, 0);
	assert_int_equal(put_err, 0);
	assert_int_equal(err, -EPIPE);
	assert_stopped(sink, -EPIPE,
		       "event sink standard output: Broken pipe, 10 bytes not written");
	assert_int_equal(ecap_sink_close(sink), -EPIPE);
	assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
}

struct slow_reader {
	int fd;
	size_t got, wrong;
};

static void *read_slowly(void *arg)
{
	struct slow_reader *reader = arg;
	unsigned char buf[3000];
	ssize_t n;

	usleep(30000); /* so long the pipe is full, and signals come meanwhile */
	while ((n = read(reader->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++, reader->got++)
			reader->wrong += buf[i] != reader->got % 251;
		if (reader->got % 16 == 0)
			usleep(200);
	}
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Signals that interrupt the writer, which the pipe makes wait or refuses. */
static void write_through_pipe(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm }, old_action;
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct slow_reader reader = { 0 };
	int ends[2], err = 0;
	pthread_t thread;
	sigset_t alarm_set;
	size_t at = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
	reader.fd = ends[0];
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	/* The reader's thread does not take the signals. */
	pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarm_set, NULL);
	sigaction(SIGALRM, &action, &old_action);
	int old = take_stdout(ends[1]);

	close(ends[1]);
	struct ecap_sink *sink = open_sink(NULL);

	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 300 && !err; i++)
		err = (i % 3 ? put : refer)(sink, &at, 9000 + (size_t)i);
	int closed = ecap_sink_close(sink);

	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old_action, NULL);
	give_stdout_back(old);
	pthread_join(thread, NULL);
	close(ends[0]);
	assert_int_equal(err, 0);
	assert_int_equal(closed, 0);
	assert_int_equal(reader.got, at);
	assert_int_equal(reader.wrong, 0);
}

static void test_slow_reader(void **state)
{
	(void)state;
	write_through_pipe(0);
}

static void test_slow_reader_nonblocking(void **state)
{
	(void)state;
	write_through_pipe(O_NONBLOCK);
}

static void test_terminal(void **state)
{
	_cleanup_close_ int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0;
	unsigned int number;
	char path[64];

	(void)state;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &number)) {
		print_message("no pseudo terminals here: %s\n", strerror(errno));
		skip();
	}
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	struct ecap_sink *sink = open_sink(path);

	assert_true(ecap_sink_is_terminal(sink));
	assert_int_equal(ecap_sink_close(sink), 0);
}

static int make_dir(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "private", "appended", "link", "target", "sizes",
					     "less", "limited", "rescued", "referred" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(in_dir(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_private_file),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_follows_link),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_commits_less_than_reserved),
		cmocka_unit_test(test_rescue),
		cmocka_unit_test(test_refers),
		cmocka_unit_test(test_rescues_references),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_references_disk_full),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_disk_full_when_buffer_is),
		cmocka_unit_test(test_file_limit),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_slow_reader_nonblocking),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests_name("sink", tests, make_dir, remove_dir);
}
