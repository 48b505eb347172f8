/* SPDX-License-Identifier: Apache-2.0 */
/* Named sections of an ini file: which names are taken, what the module gets, what is refused. */
#include "ini_help.h"

#include "named.h"

struct offsets {
	uint64_t number;
	const char *text;
};

static const struct ecap_option named_rows[] = {
	ECAP_OPT(struct offsets, number, ECAP_OPT_U64, "some-number", .def = "7"),
	ECAP_OPT(struct offsets, text, ECAP_OPT_STRING, "text", .flags = ECAP_OPT_REQUIRED,
		 .help = "any text"),
};

static const struct ecap_module module = {
	.name = "openssl", .command = "tls", .named = "build", .named_options = named_rows,
	.n_named_options = ARRAY_SIZE(named_rows), .named_size = sizeof(struct offsets),
};

static int on_section(void *arg, const char *name, struct ecap_ini_section *section)
{
	return strcmp(name, "tls") ? ecap_named_section(arg, "a file", name, section) : 1;
}

static int load_named(struct fixture *f, struct ecap_named_set *set, const char *text)
{
	const struct ecap_ini_reader reader = { .section = on_section, .arg = set };

	write_file(f, text, strlen(text));
	return ecap_ini_load(f->path, &reader);
}

static void test_taken(void **state)
{
	struct fixture *f = fresh(state);
	_cleanup_(ecap_named_freep) struct ecap_named_set *set = NULL;

	assert_int_equal(ecap_named_new(&module, &set), 0);
	assert_null(ecap_named_list(set)[0]);
	assert_int_equal(load_named(f, set,
				    "[tls]\n"
				    "[tls.build \"0a1b\"]\n"
				    "text = one\n"
				    "some-number = 0x10\n"
				    "[tls.build   \"with = odd [ things\"]\n"
				    "text = two\n"), 0);

	const struct ecap_named *const *list = ecap_named_list(set);
	const struct offsets *one = list[0]->config, *two = list[1]->config;

	assert_null(list[2]);
	assert_string_equal(list[0]->name, "0a1b");
	assert_string_equal(list[0]->file, "a file");
	assert_int_equal(list[0]->line, 2);
	assert_int_equal(list[0]->struct_size, sizeof(**list));
	assert_string_equal(one->text, "one");
	assert_int_equal(one->number, 16);
	assert_string_equal(list[1]->name, "with = odd [ things");
	assert_int_equal(list[1]->line, 5);
	assert_string_equal(two->text, "two");
	assert_int_equal(two->number, 7);
	assert_int_equal(ecap_named_finish(set), 0);
	assert_string_equal(ecap_options_section(ecap_named_options(set, 0)), "tls.build \"0a1b\"");
	assert_null(ecap_named_options(set, 2));
}

/* One that is named twice is one section, and what stands in it twice is told. */
static void test_twice(void **state)
{
	struct fixture *f = fresh(state);
	_cleanup_(ecap_named_freep) struct ecap_named_set *set = NULL;

	assert_int_equal(ecap_named_new(&module, &set), 0);
	assert_int_equal(load_named(f, set, "[tls.build \"a\"]\ntext = one\n[tls.build \"a\"]\n"
				    "some-number = 3\n"), 0);
	assert_null(ecap_named_list(set)[1]);
	assert_int_equal(((const struct offsets *)ecap_named_list(set)[0]->config)->number, 3);
	assert_int_equal(load_named(f, set, "[tls.build \"a\"]\ntext = two\n[tls.build \"a\"]\n"
				    "text = three\n"), -EINVAL);
	assert_non_null(strstr(error_behind_path(f), "text"));
}

static void refused(void **state, const char *text, const char *why)
{
	struct fixture *f = fresh(state);
	_cleanup_(ecap_named_freep) struct ecap_named_set *set = NULL;

	assert_int_equal(ecap_named_new(&module, &set), 0);
	assert_int_equal(load_named(f, set, text), -EINVAL);
	assert_string_equal(error_behind_path(f), why);
}

static void test_refused(void **state)
{
	static const char *const forms[] = { "tls.build", "tls.build 0a1b", "tls.build \"\"",
					     "tls.build \"a", "tls.build \"a\"b", "tls.biuld \"a\"",
					     "tls.build \"a\" \"b\"", "tls.", "tls.\"a\"" };
	char text[128], why[160];

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		snprintf(text, sizeof(text), "[%s]\n", forms[i]);
		snprintf(why, sizeof(why), ":1: [%s] is no section; did you mean [tls.build \"NAME\"]?",
			 forms[i]);
		refused(state, text, why);
	}
	refused(state, "[tls.build \"a\"]\nsome-numbre = 3\n",
		":2: [tls.build \"a\"] unknown key \"some-numbre\"; did you mean \"some-number\"?");
	refused(state, "[tls.build \"a\"]\n\nsome-number = many\n",
		":3: [tls.build \"a\"] some-number: \"many\" is not a number");
	refused(state, "[bash.build \"a\"]\n", ":1: unknown section [bash.build \"a\"]");
}

static void test_missing(void **state)
{
	struct fixture *f = fresh(state);
	_cleanup_(ecap_named_freep) struct ecap_named_set *set = NULL;

	assert_int_equal(ecap_named_new(&module, &set), 0);
	assert_int_equal(load_named(f, set, "\n[tls.build \"a\"]\n"), 0);
	assert_int_equal(ecap_named_finish(set), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "a file:2: [tls.build \"a\"]: --text is missing: any text");
}

/* Of a module that has none. */
static void test_none(void **state)
{
	struct fixture *f = fresh(state);
	struct ecap_module plain = { .name = "bash", .command = "tls" };
	_cleanup_(ecap_named_freep) struct ecap_named_set *set = NULL;

	assert_int_equal(ecap_named_new(&plain, &set), 0);
	assert_int_equal(load_named(f, set, "[tls.build \"a\"]\n"), -EINVAL);
	assert_string_equal(error_behind_path(f), ":1: [tls.build \"a\"] is no section: module bash has "
			    "no named ones");
}

static void test_command(void **state)
{
	(void)state;
	assert_int_equal(ecap_named_command("tls.build \"a\""), 3);
	assert_int_equal(ecap_named_command("tls"), 0);
	assert_int_equal(ecap_named_command("tls \"a.b\""), 0);
	assert_int_equal(ecap_named_command(".x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, find_dir, remove_dir);
}
