/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of ini files: several tables behind one, and errors that do not end the reading. */
#include "ini_help.h"

/* A key goes to the first table of the section that knows it, and to no other. */
static void several_tables(void **state)
{
	struct fixture *f = *state;
	const struct more *more = ecap_options_config(f->more);

	assert_int_equal(load(f, "[tls]\npid = 3\ndepth = 4\n"), 0);
	assert_int_equal(f->config->number, 3);
	assert_int_equal(more->pid, 0);
	assert_int_equal(more->depth, 4);
	assert_int_equal(ecap_options_origin(f->more, ecap_options_by_name(f->more, "depth")).line,
			 3);
}

struct errors {
	struct fixture *f;
	char text[4096]; /* what stood behind the path, line by line */
};

static void on_error(void *arg)
{
	struct errors *errors = arg;
	size_t n = strlen(errors->text);

	snprintf(errors->text + n, sizeof(errors->text) - n, "%s\n",
		 ecap_err_text() + strlen(errors->f->path));
}

static int find_for_errors(void *arg, const char *name, struct ecap_ini_section *section)
{
	return find(((struct errors *)arg)->f, name, section);
}

/* Who wants all errors gets them, each once, and all that is right still arrives. */
static void reading_goes_on_behind_errors(void **state)
{
	struct fixture *f = fresh(state);
	struct errors errors = { .f = f };
	const struct ecap_ini_reader reader = {
		.sections = sections, .section = find_for_errors, .error = on_error, .arg = &errors,
	};
	static const char text[] = "early = 1\n"
				   "[tsl]\n"
				   "pid = of a section that is unknown\n"
				   "[tls]\n"
				   "pid = x\n"
				   "libssl = /a\n"
				   "[broken]\n"
				   "any = thing\n"
				   "[tls\n"
				   "depth = 7\n"
				   "[tls]\n"
				   "depth = 10\n"
				   "just words\n"
				   "model = keylog\n";

	write_file(f, text, sizeof(text) - 1);
	assert_int_equal(ecap_ini_load(f->path, &reader), -EINVAL);
	assert_string_equal(errors.text,
			    ":1: key \"early\" stands before the first [section]\n"
			    ":2: unknown section [tsl]; did you mean [tls]?\n"
			    ":5: [tls] pid: \"x\" is not a number\n"
			    ":7: [broken] is broken\n"
			    ":9: no ] in \"[tls\"\n"
			    ":12: [tls] depth: must be between 0 and 9, not 10\n"
			    ":13: expected \"key = value\", found \"just words\"\n");
	assert_string_equal(f->config->string, "/a");
	assert_int_equal(f->config->choice, 1);
	assert_int_equal(((struct more *)ecap_options_config(f->more))->depth, 0);

	errors.text[0] = '\0';
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(ecap_ini_load(f->path, &reader), -ENOENT);
	assert_string_equal(errors.text, ": No such file or directory\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(several_tables),
		TEST(reading_goes_on_behind_errors),
	};

	return cmocka_run_group_tests_name("ini_sections", tests, find_dir, remove_dir);
}
