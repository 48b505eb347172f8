/* SPDX-License-Identifier: Apache-2.0 */
/* Several sinks on one file: events stay whole, errors are shared, and who waits can give up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "err.h"
#include "sink.h"
#include "util.h"

static char dir[] = "/tmp/ecapture-share-XXXXXX";

struct path {
	char s[128];
};

static struct path in_dir(const char *name)
{
	struct path path;

	snprintf(path.s, sizeof(path.s), "%s/%s", dir, name);
	return path;
}

static struct ecap_sink *open_sink(const char *path)
{
	struct ecap_sink *sink = NULL;

	assert_int_equal(ecap_sink_open(path, &sink), 0);
	return sink;
}

/* One event: @len times the letter, and a line's end, in pieces as a renderer makes them. */
static int put_event(struct ecap_sink *sink, char letter, size_t len)
{
	size_t left = len + 1;

	while (left) {
		size_t n = left > 48000 ? 48000 : left;
		char *out = ecap_sink_reserve(sink, n);

		if (!out)
			break;
		memset(out, letter, n);
		left -= n;
		if (!left)
			out[n - 1] = '\n';
		ecap_sink_commit(sink, n);
	}
	ecap_sink_end_event(sink);
	return left ? ecap_sink_error(sink) : 0;
}

static void test_same_file(void **state)
{
	struct path same = in_dir("same"), link = in_dir("link"), hard = in_dir("hard");
	const char *const names[] = { same.s, link.s, hard.s };
	struct ecap_sink *first = open_sink(same.s), *sink;
	char text[64] = "";

	(void)state;
	assert_int_equal(symlink(same.s, link.s), 0);
	assert_int_equal(linkat(AT_FDCWD, same.s, AT_FDCWD, hard.s, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		sink = open_sink(names[i]);
		assert_int_equal(ecap_sink_share(sink, first), 1);
		assert_int_equal(put_event(sink, 'x', 3), 0);
		assert_int_equal(ecap_sink_close(sink), 0);
	}
	sink = open_sink(in_dir("other").s);
	assert_int_equal(ecap_sink_share(sink, first), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	/* The first one's file is still open. */
	assert_int_equal(put_event(first, 'y', 3), 0);
	assert_int_equal(ecap_sink_close(first), 0);
	_cleanup_fclose_ FILE *f = fopen(link.s, "re");

	assert_int_equal(fread(text, 1, sizeof(text), f), 16);
	assert_string_equal(text, "xxx\nxxx\nxxx\nyyy\n");
}

static void test_standard_output(void **state)
{
	struct ecap_sink *a = open_sink(NULL), *b = open_sink(NULL);
	int again = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	struct ecap_sink *c = NULL;

	(void)state;
	assert_true(again >= 0);
	assert_int_equal(ecap_sink_of_fd("event sink", "again", again, &c), 0);
	assert_int_equal(ecap_sink_share(b, a), 1);
	assert_int_equal(ecap_sink_share(c, a), 1);
	assert_int_equal(ecap_sink_close(a), 0);
	assert_int_equal(ecap_sink_close(c), 0);
	assert_int_equal(ecap_sink_close(b), 0);
	assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
}

#define WRITERS 4
#define EVENTS  400

struct writer {
	struct ecap_sink *sink;
	char letter;
	uint32_t seed;
	size_t sizes[EVENTS];
	int err;
};

static uint32_t next_random(uint32_t *seed)
{
	/* xorshift32: Marsaglia, "Xorshift RNGs", 2003. */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	return *seed ^= *seed << 5;
}

/* Mostly small ones; some larger than the buffer, so that they go out in parts. */
static void *write_events(void *arg)
{
	struct writer *w = arg;

	for (size_t i = 0; i < EVENTS && !w->err; i++) {
		uint32_t kind = next_random(&w->seed) % 32;

		w->sizes[i] = next_random(&w->seed) % (kind ? kind < 8 ? 100000 : 500 : 3000000);
		w->err = put_event(w->sink, w->letter, w->sizes[i]);
		if (!w->err && next_random(&w->seed) % 16 == 0)
			w->err = ecap_sink_flush(w->sink);
	}
	if (!w->err)
		w->err = ecap_sink_flush(w->sink);
	return NULL;
}

/* Reads one line; -1 at the end, -2 when it holds more than one letter. */
static ssize_t read_event(FILE *f, char *letter)
{
	int c = getc_unlocked(f), mixed = 0;
	ssize_t n = 0;

	if (c == EOF)
		return -1;
	*letter = (char)c;
	for (; c != EOF && c != '\n'; c = getc_unlocked(f), n++)
		mixed |= c != *letter;
	return mixed || c == EOF ? -2 : n;
}

static void assert_all_whole(const char *path, const struct writer *writers)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t next[WRITERS] = { 0 };
	char letter;
	ssize_t n;

	assert_non_null(f);
	while ((n = read_event(f, &letter)) != -1) {
		assert_true(n >= 0);
		size_t w = (size_t)(letter - 'a');

		if (w >= WRITERS) /* an empty event tells nothing */
			continue;
		while (next[w] < EVENTS && !writers[w].sizes[next[w]])
			next[w]++;
		assert_true(next[w] < EVENTS);
		assert_int_equal(n, writers[w].sizes[next[w]++]);
	}
	for (size_t w = 0; w < WRITERS; w++)
		for (; next[w] < EVENTS; next[w]++)
			assert_int_equal(writers[w].sizes[next[w]], 0);
}

static void test_events_stay_whole(void **state)
{
	struct writer *writers = calloc(WRITERS, sizeof(*writers));
	pthread_t threads[WRITERS];
	struct path path = in_dir("whole");

	(void)state;
	assert_non_null(writers);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i].letter = (char)('a' + i);
		writers[i].seed = 12345 + (uint32_t)i;
		writers[i].sink = open_sink(path.s);
		if (i)
			assert_int_equal(ecap_sink_share(writers[i].sink, writers[0].sink), 1);
	}
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_events, &writers[i]), 0);
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].err, 0);
		assert_int_equal(ecap_sink_close(writers[i].sink), 0);
	}
	assert_all_whole(path.s, writers);
	free(writers);
}

static void test_error_is_shared(void **state)
{
	struct ecap_sink *a = open_sink("/dev/full"), *b = open_sink("/dev/full");
	struct ecap_sink *other = open_sink(in_dir("fine").s);

	(void)state;
	assert_int_equal(ecap_sink_share(b, a), 1);
	assert_int_equal(put_event(b, 'b', 20), 0);
	assert_int_equal(ecap_sink_error(b), 0);
	assert_int_equal(put_event(a, 'a', 10), 0);
	assert_int_equal(ecap_sink_flush(a), -ENOSPC);
	assert_int_equal(ecap_sink_error(b), -ENOSPC);
	assert_int_equal(ecap_sink_flush(b), -ENOSPC);
	assert_string_equal(ecap_err_text(),
			    "event sink /dev/full: No space left on device, 21 bytes not written");
	assert_int_equal(ecap_sink_error(other), 0);
	assert_int_equal(ecap_sink_close(a), -ENOSPC);
	assert_int_equal(ecap_sink_close(b), -ENOSPC);
	assert_int_equal(ecap_sink_close(other), 0);
}

/* What got out of an event that was cut off is the last thing in the file. */
static void test_nothing_follows_a_part(void **state)
{
	struct path path = in_dir("part");
	struct ecap_sink *a = open_sink(path.s), *b = open_sink(path.s);
	struct rlimit before, limit;
	struct stat st;

	(void)state;
	assert_int_equal(ecap_sink_share(b, a), 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1500000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int err = put_event(a, 'a', 5000000);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(put_event(b, 'b', 10), 0);
	assert_int_equal(ecap_sink_flush(b), -EFBIG);
	assert_int_equal(stat(path.s, &st), 0);
	assert_int_equal(st.st_size, 1500000);
	ecap_sink_close(a);
	ecap_sink_close(b);
}

struct stuck {
	struct ecap_sink *sink;
	char letter;
	atomic_int begun, err;
};

static void *write_and_wait(void *arg)
{
	struct stuck *s = arg;

	atomic_store(&s->begun, 1);
	atomic_store(&s->err, put_event(s->sink, s->letter, 200000) ?: ecap_sink_flush(s->sink));
	return NULL;
}

/* While one sink waits for the reader of a pipe, another one gives up; the first goes on. */
static void test_waiting_can_be_given_up(void **state)
{
	struct stuck a = { .letter = 'a' }, b = { .letter = 'b' };
	pthread_t thread_a, thread_b;
	char path[32], buf[4096];
	size_t got = 0;
	int ends[2], waiting = 0;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	a.sink = open_sink(path);
	b.sink = open_sink(path);
	assert_int_equal(ecap_sink_share(b.sink, a.sink), 1);
	close(ends[1]);
	assert_int_equal(pthread_create(&thread_a, NULL, write_and_wait, &a), 0);
	/* A write of more than the pipe holds fills it, and waits with the output in its hands. */
	while (ioctl(ends[0], FIONREAD, &waiting) || !waiting)
		usleep(1000);
	assert_int_equal(pthread_create(&thread_b, NULL, write_and_wait, &b), 0);
	while (!atomic_load(&b.begun))
		usleep(1000);
	ecap_sink_give_up(b.sink);
	pthread_join(thread_b, NULL);
	assert_int_equal(atomic_load(&b.err), -ETIMEDOUT);
	assert_int_equal(ecap_sink_error(a.sink), 0);
	for (ssize_t n; got < 200001; got += (size_t)n) {
		n = read(ends[0], buf, sizeof(buf));
		assert_true(n > 0);
		assert_null(memchr(buf, 'b', (size_t)n));
	}
	pthread_join(thread_a, NULL);
	assert_int_equal(atomic_load(&a.err), 0);
	assert_int_equal(ecap_sink_close(b.sink), -ETIMEDOUT);
	assert_int_equal(ecap_sink_close(a.sink), 0);
	assert_int_equal(read(ends[0], buf, 1), 0);
	close(ends[0]);
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
	static const char *const names[] = { "same", "link", "hard", "other", "whole", "fine",
					     "part" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(in_dir(names[i]).s);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_file),
		cmocka_unit_test(test_standard_output),
		cmocka_unit_test(test_events_stay_whole),
		cmocka_unit_test(test_error_is_shared),
		cmocka_unit_test(test_nothing_follows_a_part),
		cmocka_unit_test(test_waiting_can_be_given_up),
	};

	return cmocka_run_group_tests_name("sink_share", tests, make_dir, remove_dir);
}
