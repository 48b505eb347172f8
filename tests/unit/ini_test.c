/* SPDX-License-Identifier: Apache-2.0 */
/* Ini files: the forms of a line, what is refused and where, long lines, many keys, damage. */
#include "ini_help.h"

static void values_arrive(void **state)
{
	struct fixture *f = *state;
	struct config *global = ecap_options_config(f->global);

	assert_int_equal(load(f, "# comment\n"
				 "; comment\n"
				 "\n"
				 "[global]\n"
				 "pid = 5\n"
				 "[bash]\n"
				 "anything = goes\n"
				 "[tls]\n"
				 "  \t libssl\t=  /a b/c  \t\r\n"
				 "dir=one\n"
				 "dir : two\n"
				 "hex=on\n"
				 "model = keylog ; a comment\n"
				 "process = 0x10"), 0);
	assert_int_equal(global->number, 5);
	assert_string_equal(f->config->string, "/a b/c");
	assert_string_equal(f->config->list[0], "one");
	assert_string_equal(f->config->list[1], "two");
	assert_null(f->config->list[2]);
	assert_int_equal(f->config->flag, 1);
	assert_int_equal(f->config->choice, 1);
	assert_int_equal(f->config->number, 16);

	struct ecap_origin origin =
		ecap_options_origin(f->tls, ecap_options_by_name(f->tls, "pid"));

	assert_int_equal(origin.kind, ECAP_FROM_SECTION);
	assert_int_equal(origin.line, 14);
	assert_string_equal(origin.file, f->path);
	assert_string_equal(origin.section, "tls");
	origin = ecap_options_origin(f->global, ecap_options_by_name(f->global, "pid"));
	assert_int_equal(origin.kind, ECAP_FROM_FILE);
	assert_int_equal(origin.line, 5);
	assert_null(origin.section);
}

static void forms_of_a_line(void **state)
{
	static const struct {
		const char *text, *value; /* of libssl */
	} cases[] = {
		{ "[tls]\nlibssl=x", "x" }, { "[tls]\r\nlibssl=x\r\n", "x" },
		{ "\xef\xbb\xbf[tls]\nlibssl=x", "x" }, { "[tls] ; comment\nlibssl=x", "x" },
		{ "[tls]# comment\nlibssl=x", "x" }, { " [tls]\nlibssl=x", "x" },
		{ "[ tls ]\nlibssl=x", "x" }, { "[tls]\nlibssl=", "" }, { "[tls]\nlibssl = ", "" },
		{ "[tls]\nlibssl = ;x", "" }, { "[tls]\nlibssl =;x", ";x" },
		{ "[tls]\nlibssl = x;y", "x;y" }, { "[tls]\nlibssl = x ;y", "x" },
		{ "[tls]\nlibssl = x\t; y", "x" }, { "[tls]\nlibssl = x # y", "x # y" },
		{ "[tls]\nlibssl = a=b:c", "a=b:c" }, { "[tls]\nlibssl: a=b", "a=b" },
		{ "[tls]\nlibssl = [x]", "[x]" }, { "[tls]\nlibssl = \"x\"", "\"x\"" },
		{ "[tls]\nlibssl = \xc3\xa9", "\xc3\xa9" },
		{ "[tls]\n[bash]\n[tls]\nlibssl=x", "x" },
		{ "[tls]\n  libssl=x\n  dir=not a continuation", "x" },
		{ "", NULL }, { "\n\n\n", NULL }, { "\xef\xbb\xbf", NULL }, { "; x = y", NULL },
		{ "[tls]", NULL }, { "[bash]\nlibssl=x\nlibssl=y\nnonsense=1", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f = fresh(state);
		int err = load(f, cases[i].text);

		if (err)
			fail_msg("case %zu: %s", i, ecap_err_text());
		if (cases[i].value)
			assert_string_equal(f->config->string, cases[i].value);
		else
			assert_null(f->config->string);
	}
}

static void refused_with_the_place(void **state)
{
	static const struct {
		const char *text, *message; /* behind the path */
	} cases[] = {
		{ "[tls]\n\nlibsll = x",
		  ":3: [tls] unknown key \"libsll\"; did you mean \"libssl\"?" },
		{ "[tls]\nPROCES = 1",
		  ":2: [tls] unknown key \"PROCES\"; did you mean \"process\"?" },
		{ "[tls]\nnonsense = x", ":2: [tls] unknown key \"nonsense\"" },
		{ "[tls]\npid = -1", ":2: [tls] pid: -1 is negative" },
		{ "[tls]\n# c\nprocess = 1001",
		  ":3: [tls] pid: must be between 0 and 1000, not 1001" },
		{ "[tls]\npid = 5 # five", ":2: [tls] pid: \"5 # five\" is not a number" },
		{ "[tls]\nhex = maybe", ":2: [tls] hex: \"maybe\" is not yes or no" },
		{ "[tls]\nmodel = keylgo", ":2: [tls] model: \"keylgo\" is not one of text|keylog; "
					   "did you mean \"keylog\"?" },
		{ "[tls]\npid=1\n\npid=1\n", ":4: [tls] pid: is already set in line 2" },
		{ "[tls]\npid=1\n[bash]\n[tls]\nprocess=2\n",
		  ":5: [tls] pid: is already set in line 2" },
		{ "[tsl]\n", ":1: unknown section [tsl]; did you mean [tls]?" },
		{ "\n[other]\n", ":2: unknown section [other]" },
		{ "[]\n", ":1: unknown section []" },
		{ "[tls\npid=1", ":1: no ] in \"[tls\"" },
		{ "[tls ; x]\npid=1", ":1: no ] in \"[tls ; x]\"" },
		{ "[bash]\n[tls] pid=1", ":2: \"pid=1\" behind [tls]" },
		{ "pid = 1\n[tls]", ":1: key \"pid\" stands before the first [section]" },
		{ "[tls]\njust words", ":2: expected \"key = value\", found \"just words\"" },
		{ "[tls]\nkey ; = 1", ":2: expected \"key = value\", found \"key ; = 1\"" },
		{ "[bash]\njust words", ":2: expected \"key = value\", found \"just words\"" },
		{ "[tls]\n = 1", ":2: no key before the value" },
		{ "[tls]\n\xef\xbb\xbfpid = 1", ":2: [tls] unknown key \"\xef\xbb\xbfpid\"" },
		{ "[tls]\ndept = 1", ":2: [tls] unknown key \"dept\"; did you mean \"depth\"?" },
		{ "[tls]\ndepth = 1\ndepth = 2", ":3: [tls] depth: is already set in line 2" },
		{ "[tls]\ndebug = yes", ":2: [tls] debug: concerns the whole program, not one "
					"module; set it in [global]" },
		{ "[bash]\n[broken]\nany = 1", ":2: [broken] is broken" },
		{ "[tls]\n\033[31m = 1", ":2: [tls] unknown key \"?[31m\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f = fresh(state);

		assert_true(load(f, cases[i].text) < 0);
		assert_string_equal(error_behind_path(f), cases[i].message);
	}
}

static void sections_may_be_unnamed(void **state)
{
	struct fixture *f = *state;

	const struct ecap_ini_reader reader = { .section = find, .arg = f };

	write_file(f, "[tsl]\n", 6);
	assert_int_equal(ecap_ini_load(f->path, &reader), -EINVAL);
	assert_string_equal(error_behind_path(f), ":1: unknown section [tsl]");
}

static void nul_bytes_are_refused(void **state)
{
	static const char late[] = "[tls]\npid = 1\nlibssl = x\0y\n", utf16[] = "\xff\xfe[\0t\0l\0";

	assert_int_equal(load_bytes(*state, late, sizeof(late) - 1), -EINVAL);
	assert_string_equal(error_behind_path(*state), ":3: a NUL byte; this is not a text file");
	assert_int_equal(load_bytes(*state, utf16, sizeof(utf16) - 1), -EINVAL);
	assert_string_equal(error_behind_path(*state), ":1: a NUL byte; this is not a text file");
}

static void command_line_overrides_the_file(void **state)
{
	static char *argv[] = { "--pid", "3", "--dir", "line" };
	struct fixture *f = *state;
	int help = 0;

	assert_int_equal(f->config->number, 7);
	assert_int_equal(ecap_cli_parse(4, argv, &f->tls, 1, &help), 0);
	assert_int_equal(load(f, "[tls]\npid = 2\ndir = file\nlibssl = file\n"), 0);
	assert_int_equal(f->config->number, 3);
	assert_string_equal(f->config->list[0], "line");
	assert_null(f->config->list[1]);
	assert_string_equal(f->config->string, "file");
	/* What the command line overrides is read with the same care. */
	assert_int_equal(load(f, "[tls]\npid = x\n"), -EINVAL);
	assert_int_equal(f->config->number, 3);
}

static void lines_of_any_length(void **state)
{
	static const size_t sizes[] = { 199, 200, 201, 4096, 65536, 1 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct fixture *f = fresh(state);
		_cleanup_free_ char *text = malloc(sizes[i] * 3 + 64);
		_cleanup_free_ char *value = malloc(sizes[i] + 1);

		assert_non_null(text);
		assert_non_null(value);
		memset(value, 'v', sizes[i]);
		value[sizes[i]] = '\0';
		/* A long comment, a long value, and then an error whose line must be right. */
		sprintf(text, "[tls]\n;%s\nlibssl = %s\npid = 9\n%s = 1\n", value, value, value);
		assert_int_equal(load(f, text), -EINVAL);
		assert_string_equal(f->config->string, value);
		assert_int_equal(f->config->number, 9);
		assert_ptr_equal(strstr(error_behind_path(f), ":5: [tls] unknown key \"vvvvv"),
				 error_behind_path(f));
	}
}

static void thousands_of_keys(void **state)
{
	const uint32_t n = 20000;
	struct fixture *f = fresh(state);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("[bash]\n", out);
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "key%u = %u\n", i, i);
	fputs("[tls]\n", out);
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "dir = /plugins/%u\n", i);
	fputs("pid = x\n", out);
	fclose(out);
	assert_int_equal(load(f, text), -EINVAL);
	assert_string_equal(error_behind_path(f), ":40003: [tls] pid: \"x\" is not a number");
	assert_string_equal(f->config->list[0], "/plugins/0");
	assert_string_equal(f->config->list[n - 1], "/plugins/19999");
	assert_null(f->config->list[n]);
}

static void files_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_path(f, "/nowhere/x.ini"), -ENOENT);
	assert_string_equal(ecap_err_text(), "/nowhere/x.ini: No such file or directory");
	assert_int_equal(load_path(f, "/proc/self"), -EISDIR);
	assert_string_equal(ecap_err_text(), "/proc/self: is a directory");
	assert_int_equal(load_path(f, "/dev/null"), -EINVAL);
	assert_string_equal(ecap_err_text(), "/dev/null: is not a regular file");
}

static void fifo_does_not_hang(void **state)
{
	struct fixture *f = *state;

	write_file(f, "", 0);
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(load_path(f, f->path), -EINVAL);
	assert_string_equal(error_behind_path(f), ": is not a regular file");
}

static void unreadable_file_says_why(void **state)
{
	struct fixture *f = *state;

	write_file(f, "[tls]\n", 6);
	assert_int_equal(chmod(f->path, 0), 0);
	uid_t me = geteuid();

	if (me == 0) /* who reads every file */
		assert_int_equal(seteuid(65534), 0);
	int err = load_path(f, f->path);

	assert_int_equal(seteuid(me), 0);
	assert_int_equal(err, -EACCES);
	assert_string_equal(error_behind_path(f), ": Permission denied");
}

static void file_that_others_may_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0666 };
	struct fixture *f = *state;
	char link[sizeof(f->path) + 8];

	write_file(f, "[tls]\npid=1\n", 12);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(f->path, modes[i]), 0);
		assert_true(load_path(f, f->path) < 0);
		error_behind_path(f);
		assert_int_equal(f->config->number, 7);
	}
	/* By another name it is still that file. */
	snprintf(link, sizeof(link), "%s.link", f->path);
	assert_int_equal(symlink(f->path, link), 0);
	assert_true(load_path(f, link) < 0);
	unlink(link);
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_int_equal(load_path(f, f->path), 0);
	assert_int_equal(f->config->number, 1);
}

static uint32_t next_random(uint32_t *seed)
{
	/* xorshift32: Marsaglia, "Xorshift RNGs", 2003. */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	return *seed ^= *seed << 5;
}

/* Some bytes replaced, inserted or cut out. Returns the new length. */
static size_t mutate(char *text, size_t n, size_t max, uint32_t *seed)
{
	static const char special[] = "[]=:;# \t\r\n\0\"-0x\xef\xbb\xbf\xff";

	for (uint32_t edits = 1 + next_random(seed) % 6; edits && n; edits--) {
		size_t at = next_random(seed) % n;
		char c = special[next_random(seed) % (sizeof(special) - 1)];

		switch (next_random(seed) % 4) {
		case 0:
			text[at] = c;
			break;
		case 1:
			text[at] ^= (char)(1 << next_random(seed) % 8);
			break;
		case 2:
			memmove(text + at, text + at + 1, n - at - 1);
			n--;
			break;
		default:
			if (n < max) {
				memmove(text + at + 1, text + at, n - at);
				text[at] = c;
				n++;
			}
		}
	}
	return n;
}

/* Whatever the file holds: loaded with values in bounds, or refused with a line that it has. */
static void count_error(void *arg)
{
	struct fixture *f = arg;

	error_behind_path(f);
	f->n_errors++;
}

/* Who takes all errors gets at least the one that ends the reading otherwise. */
static void read_to_the_end(void **state, const char *text, size_t n, int err)
{
	struct fixture *f = fresh(state);
	const struct ecap_ini_reader reader = { .sections = sections, .section = find,
						.error = count_error, .arg = f };

	write_file(f, text, n);
	assert_int_equal(ecap_ini_load(f->path, &reader), err);
	assert_int_equal(f->n_errors > 0, err != 0);
}

static void mutated_files(void **state)
{
	static const char good[] = "# what to watch\n[global]\npid = 12\nhex = yes\n[tls]\n"
				   "libssl = /usr/lib/libssl.so.3 ; the usual\ndir = /a\ndir = /b\n"
				   "model: keylog\nprocess=0x1f\n[bash]\nbash = /bin/bash\n";
	uint32_t seed = 20240229, loaded = 0, refused = 0;

	for (int round = 0; round < 10000; round++) {
		char text[sizeof(good) + 16];
		size_t lines = 1, n = sizeof(good) - 1;

		memcpy(text, good, n);
		n = mutate(text, n, sizeof(text), &seed);
		for (size_t i = 0; i < n; i++)
			lines += text[i] == '\n';
		struct fixture *f = fresh(state);
		int err = load_bytes(f, text, n);

		if (err) {
			unsigned int line = 0;

			refused++;
			assert_int_equal(err, -EINVAL);
			assert_int_equal(sscanf(error_behind_path(f), ":%u: ", &line), 1);
			assert_in_range(line, 1, lines);
		} else {
			loaded++;
			assert_in_range(f->config->number, 0, 1000);
			assert_in_range(f->config->choice, 0, 1);
			assert_in_range(f->config->flag, 0, 1);
		}
		read_to_the_end(state, text, n, err);
	}
	assert_true(loaded > 100);
	assert_true(refused > 100);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(values_arrive),
		TEST(forms_of_a_line),
		TEST(refused_with_the_place),
		TEST(sections_may_be_unnamed),
		TEST(nul_bytes_are_refused),
		TEST(command_line_overrides_the_file),
		TEST(lines_of_any_length),
		TEST(thousands_of_keys),
		TEST(files_that_cannot_be_read),
		TEST(fifo_does_not_hang),
		TEST(unreadable_file_says_why),
		TEST(file_that_others_may_write_is_refused),
		TEST(mutated_files),
	};

	return cmocka_run_group_tests_name("ini", tests, find_dir, remove_dir);
}
