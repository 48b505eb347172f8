/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines against two tables: a module's and the shared one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "options.h"
#include "util.h"

struct module_config {
	const char *libssl, *filter;
	uint32_t model;
	uint32_t mapsize; /* also in the shared table: the first table takes it */
	uint8_t exact;
};

struct global_config {
	uint64_t pid;
	const char *comm;
	const char *const *dirs;
	uint32_t mapsize;
	uint8_t hex, debug;
};

#define MODULE(MEMBER, TYPE, NAME, ...) \
	ECAP_OPT(struct module_config, MEMBER, TYPE, NAME, __VA_ARGS__)
#define GLOBAL(MEMBER, TYPE, NAME, ...) \
	ECAP_OPT(struct global_config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option module_rows[] = {
	MODULE(libssl, ECAP_OPT_STRING, "libssl"),
	MODULE(model, ECAP_OPT_ENUM, "model", .short_name = 'm', .choices = "text|keylog"),
	MODULE(exact, ECAP_OPT_BOOL, "exact-symbols", .short_name = 'x'),
	MODULE(mapsize, ECAP_OPT_U32, "mapsize"),
	MODULE(filter, ECAP_OPT_REST, "filter", .short_name = 'F'), /* last: see without_filter() */
};

static const struct ecap_option global_rows[] = {
	GLOBAL(pid, ECAP_OPT_U64, "pid", .alias = "process", .short_name = 'p'),
	GLOBAL(comm, ECAP_OPT_STRING, "comm", .short_name = 'c'),
	GLOBAL(dirs, ECAP_OPT_LIST, "plugin-dir"),
	GLOBAL(mapsize, ECAP_OPT_U32, "mapsize"),
	GLOBAL(hex, ECAP_OPT_BOOL, "hex"),
	GLOBAL(debug, ECAP_OPT_BOOL, "debug", .short_name = 'd'),
};

struct fixture {
	struct ecap_options *tables[2];
	struct module_config *module;
	struct global_config *global;
	int help;
};

static void begin(struct fixture *f, uint32_t n_module_rows)
{
	assert_int_equal(ecap_options_new("tls", module_rows, n_module_rows,
					  sizeof(struct module_config), &f->tables[0]), 0);
	assert_int_equal(ecap_options_new("global", global_rows, ARRAY_SIZE(global_rows),
					  sizeof(struct global_config), &f->tables[1]), 0);
	f->module = ecap_options_config(f->tables[0]);
	f->global = ecap_options_config(f->tables[1]);
	f->help = 0;
}

static void end(struct fixture *f)
{
	ecap_options_free(f->tables[0]);
	ecap_options_free(f->tables[1]);
}

/* Splits @line at single blanks; "''" stands for an empty word. */
static int parse(struct fixture *f, const char *line)
{
	_cleanup_free_ char *copy = strdup(line);
	char *argv[32], *rest = copy;
	int argc = 0;

	for (char *word; *line && (word = strsep(&rest, " "));) {
		assert_true(argc < 32);
		argv[argc++] = strcmp(word, "''") ? word : word + 2;
	}
	return ecap_cli_parse(argc, argv, f->tables, 2, &f->help);
}

static void check_pid(const struct fixture *f) { assert_int_equal(f->global->pid, 5); }

static void check_flags(const struct fixture *f)
{
	check_pid(f);
	assert_int_equal(f->global->debug, 1);
	assert_int_equal(f->module->exact, 1);
	assert_int_equal(f->global->hex, 0);
}

static void check_filter(const struct fixture *f)
{
	assert_string_equal(f->module->filter, "tcp port 443");
	check_pid(f);
}

static void check_model(const struct fixture *f) { assert_int_equal(f->module->model, 1); }
static void check_hex(const struct fixture *f) { assert_int_equal(f->global->hex, 1); }
static void check_no_hex(const struct fixture *f) { assert_int_equal(f->global->hex, 0); }
static void check_dash(const struct fixture *f) { assert_string_equal(f->global->comm, "-"); }
static void check_bash(const struct fixture *f) { assert_string_equal(f->global->comm, "-bash"); }
static void check_empty(const struct fixture *f) { assert_string_equal(f->global->comm, ""); }

static void check_dashed(const struct fixture *f)
{
	assert_string_equal(f->global->comm, "--pid=3");
}

static void check_dirs(const struct fixture *f)
{
	assert_string_equal(f->global->dirs[0], "a");
	assert_string_equal(f->global->dirs[1], "b");
	assert_null(f->global->dirs[2]);
}

static void check_first_table(const struct fixture *f)
{
	assert_int_equal(f->module->mapsize, 7);
	assert_int_equal(f->global->mapsize, 0);
}

static void check_flag_as_word(const struct fixture *f)
{
	assert_string_equal(f->module->filter, "host x --pid 9 -d -- -h");
	check_pid(f);
	assert_int_equal(f->global->debug, 0);
}

static void good_lines(void **state)
{
	static const struct {
		const char *line;
		void (*check)(const struct fixture *f);
	} cases[] = {
		{ "--pid 5", check_pid }, { "--pid=5", check_pid }, { "-p 5", check_pid },
		{ "-p5", check_pid }, { "-p=5", check_pid }, { "--process 5", check_pid },
		{ "--pid 3 --pid 5", check_pid }, { "--pid 0x5", check_pid },
		{ "-dxp5", check_flags }, { "-xdp 5", check_flags },
		{ "-d --exact-symbols -p=5 --hex=false", check_flags },
		{ "--pid 5 tcp port 443", check_filter }, { "tcp port 443 --pid 5", check_filter },
		{ "tcp --pid 5 port 443", check_filter }, { "tcp port -p5 -- 443", check_filter },
		{ "-m keylog", check_model }, { "--model=keylog", check_model },
		{ "--hex", check_hex }, { "--hex=yes", check_hex }, { "--hex=no --hex", check_hex },
		{ "--hex --hex=off", check_no_hex }, { "", check_no_hex },
		{ "--comm -", check_dash }, { "--comm -bash", check_bash },
		{ "-c-bash", check_bash }, { "--comm=--pid=3", check_dashed },
		{ "--comm=", check_empty }, { "--comm ''", check_empty }, { "-c=", check_empty },
		{ "--plugin-dir a --plugin-dir=b", check_dirs },
		{ "--mapsize 7", check_first_table },
		{ "-p5 host x -- --pid 9 -d -- -h", check_flag_as_word },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		begin(&f, ARRAY_SIZE(module_rows));
		if (parse(&f, cases[i].line))
			fail_msg("%s: %s", cases[i].line, ecap_err_text());
		cases[i].check(&f);
		assert_int_equal(f.help, 0);
		end(&f);
	}
}

static void bad_lines(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--pid -1", "--pid: -1 is negative" },
		{ "-p -1", "--pid: -1 is negative" },
		{ "-p-1", "--pid: -1 is negative" },
		{ "--pid=-1", "--pid: -1 is negative" },
		{ "--pid", "--pid needs a value" },
		{ "-dp", "--pid needs a value" },
		{ "--pid --hex", "--pid needs a value; if it is --hex, write --pid=--hex" },
		{ "--comm -d", "--comm needs a value; if it is -d, write --comm=-d" },
		{ "-c --", "--comm needs a value; if it is --, write --comm=--" },
		{ "--pid -h", "--pid needs a value; if it is -h, write --pid=-h" },
		{ "--pid=", "--pid: \"\" is not a number" },
		{ "--pid ''", "--pid: \"\" is not a number" },
		{ "-p x", "--pid: \"x\" is not a number" },
		{ "--libsll", "unknown option --libsll; did you mean --libssl?" },
		{ "--libsll=/x/y", "unknown option --libsll; did you mean --libssl?" },
		{ "--mode keylog", "unknown option --mode; did you mean --model?" },
		{ "--he", "unknown option --he; did you mean --hex?" },
		{ "--hepl", "unknown option --hepl; did you mean --help?" },
		{ "--help=x", "--help takes no value" },
		{ "--", NULL },
		{ "--=", "unknown option --" },
		{ "--filter x", "unknown option --filter" },
		{ "--quite-another", "unknown option --quite-another" },
		{ "-z", "unknown option -z" },
		{ "-F x", "unknown option -F" },
		{ "-libssl x", "unknown option -libssl; did you mean --libssl?" },
		{ "-dz", "unknown option -z in -dz" },
		{ "--model pcap", "--model: \"pcap\" is not one of text|keylog" },
		{ "--hex=2", "--hex: \"2\" is not yes or no" },
		{ "-x=maybe", "--exact-symbols: \"maybe\" is not yes or no" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		begin(&f, ARRAY_SIZE(module_rows));
		int err = parse(&f, cases[i].line);

		if (err != (cases[i].message ? -EINVAL : 0))
			fail_msg("%s: %d", cases[i].line, err);
		if (cases[i].message)
			assert_string_equal(ecap_err_text(), cases[i].message);
		end(&f);
	}
}

static void words_without_a_filter_are_refused(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "foo", "unexpected word \"foo\"" },
		{ "pid 5", "unexpected word \"pid\"; did you mean --pid?" },
		{ "--hex false", "unexpected word \"false\"" },
		{ "-- --pid", "unexpected word \"--pid\"" },
		{ "-", "unexpected word \"-\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		begin(&f, ARRAY_SIZE(module_rows) - 1);
		assert_int_equal(parse(&f, cases[i].line), -EINVAL);
		assert_string_equal(ecap_err_text(), cases[i].message);
		end(&f);
	}
}

static void help_ends_the_parsing(void **state)
{
	static const char *const lines[] = { "--help", "-h", "-dh", "--pid 5 --help --bogus",
					     "-h -z", "a word --help" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct fixture f;

		begin(&f, ARRAY_SIZE(module_rows));
		assert_int_equal(parse(&f, lines[i]), 0);
		assert_int_equal(f.help, 1);
		end(&f);
	}
}

static void failure_leaves_help_alone(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, ARRAY_SIZE(module_rows));
	f.help = 42;
	assert_int_equal(parse(&f, "--bogus --help"), -EINVAL);
	assert_int_equal(f.help, 42);
	end(&f);
}

static void long_words(void **state)
{
	size_t size = 1 << 20;
	_cleanup_free_ char *word = malloc(size);
	char *argv[] = { "--comm", word };
	char *flag[] = { word };
	struct fixture f;

	(void)state;
	assert_non_null(word);
	memset(word, 'x', size);
	word[size - 1] = '\0';
	begin(&f, ARRAY_SIZE(module_rows));
	assert_int_equal(ecap_cli_parse(2, argv, f.tables, 2, &f.help), 0);
	assert_int_equal(strlen(f.global->comm), size - 1);
	word[0] = word[1] = '-';
	assert_int_equal(ecap_cli_parse(1, flag, f.tables, 2, &f.help), -EINVAL);
	assert_true(strlen(ecap_err_text()) < 100);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(words_without_a_filter_are_refused),
		cmocka_unit_test(help_ends_the_parsing),
		cmocka_unit_test(failure_leaves_help_alone),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
