/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ini file asks for, with real modules in a directory that is root's up to /: the loader
 * takes no others, so all of it needs root.
 */
#define _GNU_SOURCE 1 /* nftw(3) */
#include "modules/build.h"

#include "commands/plan.h"
#include "err.h"
#include "options_internal.h"
#include "util.h"

static char ini[PATH_MAX + 16], plugins[PATH_MAX + 16], empty[PATH_MAX + 16];

struct fixture {
	struct ecap_command_line line;
	struct ecap_plan *plan;
	char errors[8192]; /* line by line, without the path of the file */
};

static int setup(void **state)
{
	char broken[PATH_MAX + 32];

	(void)state;
	if (geteuid())
		return 0;
	/* hier(7): made by the system, writable by root only */
	if (work_make("/var/lib"))
		return -1;
	snprintf(ini, sizeof(ini), "%s/x.ini", work);
	snprintf(plugins, sizeof(plugins), "%s/plugins", work);
	snprintf(empty, sizeof(empty), "%s/empty", work);
	if (mkdir(plugins, 0755) || mkdir(empty, 0755))
		return -1;
	build("plugins/full.so", "full", "-O2");
	build("plugins/small.so", "small", "-DNAME=\"small\" -DALIASES=\"little\"");
	snprintf(broken, sizeof(broken), "%s/broken.so", plugins);
	write_file(broken, "no ELF file", 11);
	return 0;
}

static struct ecap_options *common_new(void)
{
	struct ecap_options *options = NULL;
	uint32_t n;
	const struct ecap_option *rows = ecap_common_rows(&n);

	assert_int_equal(ecap_options_new("global", rows, n, sizeof(struct ecap_common_config),
					  &options), 0);
	return options;
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->line.common = common_new();
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	ecap_plan_free(f->plan);
	ecap_catalog_free(f->line.catalog);
	ecap_options_free(f->line.common);
	free(f);
	return 0;
}

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("only root can make modules that are root's\n");
	skip();
}

static void on_error(void *arg)
{
	struct fixture *f = arg;
	const char *text = ecap_err_text();
	size_t n = strlen(f->errors);

	assert_memory_equal(text, ini, strlen(ini));
	snprintf(f->errors + n, sizeof(f->errors) - n, "%s\n", text + strlen(ini));
}

/* Reads @text with the modules of @dir. */
static int plan(struct fixture *f, const char *dir, const char *text)
{
	const struct ecap_origin origin = { .kind = ECAP_FROM_COMMAND_LINE };

	need_root();

	struct ecap_options *early = common_new();

	write_file(ini, text, strlen(text));
	assert_int_equal(ecap_options_set(early, ecap_options_by_name(early, "plugin-dir"), dir,
					  origin), 0);
	if (ecap_command_find_modules(&f->line, early))
		fail_msg("%s", ecap_err_text());
	ecap_options_free(early);
	return ecap_plan_read(&f->line, ini, on_error, f, &f->plan);
}

static void from_flag(struct fixture *f, const char *name, const char *value)
{
	const struct ecap_origin origin = { .kind = ECAP_FROM_COMMAND_LINE };

	assert_int_equal(ecap_options_set(f->line.common,
					  ecap_options_by_name(f->line.common, name), value,
					  origin), 0);
}

static const struct ecap_common_config *common_of(const struct fixture *f, uint32_t i)
{
	return ecap_options_config(f->plan->modules[i].common);
}

static void enabled_modules_in_their_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[small]\nenabled = yes\n"
					  "[fill]\nfile = /\nenabled = on\n"), 0);
	assert_string_equal(f->errors, "");
	assert_int_equal(f->plan->n, 2);
	assert_int_equal(f->plan->n_enabled, 2);
	assert_string_equal(f->plan->modules[0].name, "small");
	assert_string_equal(f->plan->modules[0].entry->desc->module.name, "small");
	assert_string_equal(f->plan->modules[1].name, "fill");
	assert_string_equal(f->plan->modules[1].entry->desc->module.name, "full");
	assert_null(f->plan->modules[1].entry->handle);
}

/* A section may come before [global], and in two parts. */
static void who_counts_more(void **state)
{
	struct fixture *f = *state;

	from_flag(f, "tsize", "11");
	assert_int_equal(plan(f, plugins, "[small]\nenabled = yes\npid = 2\n"
					  "[global]\npid = 1\nuid = 7\ntsize = 12\n"
					  "[fill]\nenabled = yes\nfile = /\ntsize = 13\n"
					  "[small]\ncomm = curl\n"), 0);
	assert_string_equal(f->errors, "");
	assert_int_equal(common_of(f, 0)->pid, 2);
	assert_int_equal(common_of(f, 0)->uid, 7);
	assert_int_equal(common_of(f, 0)->tsize, 11);
	assert_string_equal(common_of(f, 0)->comm, "curl");
	assert_int_equal(common_of(f, 1)->pid, 1);
	assert_int_equal(common_of(f, 1)->uid, 7);
	assert_int_equal(common_of(f, 1)->tsize, 11);
	assert_null(common_of(f, 1)->comm);
}

static void nothing_enabled(void **state)
{
	static const char *const files[] = { "", "[global]\npid=1\n", "[small]\n",
					     "[small]\nenabled = no\n[fill]\nfile=/\n" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		end(state);
		begin(state);
		struct fixture *f = *state;

		assert_int_equal(plan(f, plugins, files[i]), -EINVAL);
		assert_null(f->plan);
		assert_string_equal(f->errors, ": no module is enabled; write \"enabled = yes\" "
					       "into the section of each that is to capture\n");
	}
}

static void all_errors_with_their_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[small]\n"
					  "enabled = yes\n"
					  "debug = yes\n"
					  "[fill]\n"
					  "enabled = perhaps\n"
					  "enabled = yes\n"
					  "number = 129\n"
					  "comm = 1234567890123456\n"
					  "[global]\n"
					  "config = /x\n"
					  "pid = none\n"
					  "[little]\n"
					  "a = b\n"
					  "[smal]\n"
					  "a = b\n"), -EINVAL);
	assert_null(f->plan);
	assert_string_equal(f->errors,
			    ":3: [small] debug: concerns the whole program, not one module; set it "
			    "in [global]\n"
			    ":5: [fill] enabled: \"perhaps\" is not yes or no\n"
			    ":6: [fill] enabled: is already set in line 5\n"
			    ":7: [fill] number: must be between 0 and 128, not 129\n"
			    ":10: [global] config: works on the command line only\n"
			    ":11: [global] pid: \"none\" is not a number\n"
			    ":12: [little] the section of this module is called [small]\n"
			    ":14: unknown section [smal]; did you mean [small]?\n");
}

/* What is wrong with the options of all is said once; a default that does not exist, too. */
static void what_is_only_known_at_the_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[global]\ncomm = 1234567890123456\n"
					  "[small]\nenabled = yes\n"
					  "[fill]\nenabled = yes\n"), -EINVAL);
	assert_string_equal(f->errors,
			    ":2: [global] comm: \"1234567890123456\" has 16 bytes; the kernel "
			    "keeps 15\n"
			    ":5: [fill] default of --file: /nonexistent/file: No such file or "
			    "directory\n");
}

static void one_recording_for_each(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[global]\nrecord = /x\n[small]\nenabled = yes\n"
					  "[fill]\nenabled = yes\nfile = /\n"), -EINVAL);
	assert_string_equal(f->errors, ":5: [fill] record: [small] records to /x already; name one "
				       "file for each\n");
}

/* A module that cannot be used matters once it is enabled. */
static void broken_modules(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[broken]\nwhat = ever\n[small]\nenabled = yes\n"), 0);
	assert_int_equal(f->plan->n_enabled, 1);
	end(state);
	begin(state);
	f = *state;
	assert_int_equal(plan(f, plugins, "[broken]\nwhat = ever\nenabled = yes\n[small]\n"
					  "enabled = yes\n"), -ENOEXEC);
	assert_memory_equal(f->errors, ":1: [broken] ", 13);
	assert_non_null(strstr(f->errors, "/plugins/broken.so: "));
}

/* The file says where modules are, unless the command line does. */
static void modules_elsewhere(void **state)
{
	struct fixture *f = *state;
	char text[PATH_MAX * 2];

	snprintf(text, sizeof(text), "[small]\nenabled = yes\n[global]\nplugin-dir = %s\n",
		 plugins);
	assert_int_equal(plan(f, empty, text), 0);
	assert_int_equal(f->plan->n_enabled, 1);
	end(state);
	begin(state);
	f = *state;
	from_flag(f, "plugin-dir", empty);
	assert_int_equal(plan(f, empty, text), -EINVAL);
	assert_string_equal(f->errors, ":1: unknown section [small]\n");
}

/* tests/unit/modules/full.c has named sections, small.c has none. */
static void named_sections(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f, plugins, "[fill.place \"here\"]\nword = of it\n"
					  "[small]\nenabled = yes\n"
					  "[fill]\nfile = /\nenabled = on\n"
					  "[fill.place \"there\"]\nat = 3\n"
					  "[broken.place \"any\"]\nwhat = ever\n"), 0);
	assert_string_equal(f->plan->modules[0].name, "fill");

	const struct ecap_named *const *list = ecap_named_list(f->plan->modules[0].named);

	assert_string_equal(list[0]->name, "here");
	assert_string_equal(list[0]->file, ini);
	assert_int_equal(list[0]->line, 1);
	assert_int_equal(*(const uint64_t *)list[0]->config, 12);
	assert_string_equal(list[1]->name, "there");
	assert_int_equal(*(const uint64_t *)list[1]->config, 3);
	assert_null(list[2]);
	assert_null(ecap_named_list(f->plan->modules[1].named)[0]);
	end(state);
	begin(state);
	f = *state;
	assert_int_equal(plan(f, plugins, "[small]\nenabled = yes\n[small.place \"here\"]\n"
					  "[fill.place \"here\"]\nwrod = 1\n[none.place \"a\"]\n"),
			 -EINVAL);
	assert_string_equal(f->errors,
			    ":3: [small.place \"here\"] is no section: module small has no named ones\n"
			    ":5: [fill.place \"here\"] unknown key \"wrod\"; did you mean \"word\"?\n"
			    ":6: unknown section [none.place \"a\"]\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(enabled_modules_in_their_order),
		TEST(who_counts_more),
		TEST(nothing_enabled),
		TEST(all_errors_with_their_place),
		TEST(what_is_only_known_at_the_end),
		TEST(one_recording_for_each),
		TEST(broken_modules),
		TEST(modules_elsewhere),
		TEST(named_sections),
	};

	return cmocka_run_group_tests_name("plan", tests, setup, work_remove);
}
