/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: what may stand for a word, in every place of a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "complete.h"
#include "util.h"

struct config {
	const char *path, *log, *rest;
	const char *const *list, *const *interfaces;
	uint32_t choice, pid;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option rows[] = {
	ROW(choice, ECAP_OPT_ENUM, "choice", .short_name = 'c', .alias = "colour",
	    .choices = "red||a b|new\nline|t\tab|\xc3\xbc|red", .help = "a\tcolour\nof two"),
	ROW(path, ECAP_OPT_PATH, "file", .short_name = 'f', .metavar = "FILE"),
	ROW(log, ECAP_OPT_STRING, "log", .metavar = "FILE"),
	ROW(list, ECAP_OPT_LIST, "dirs", .metavar = "DIR"),
	ROW(interfaces, ECAP_OPT_LIST, "ifname", .short_name = 'i', .metavar = "IFACE"),
	ROW(flag, ECAP_OPT_BOOL, "on", .short_name = 'n'),
	ROW(pid, ECAP_OPT_U32, "pid", .short_name = 'p', .flags = ECAP_OPT_HIDDEN),
	ROW(rest, ECAP_OPT_REST, "words", .metavar = "WORDS"),
};

static struct ecap_desc vendor = {
	.module = { .name = "vendor", .command = "ven-dor", .aliases = "acme,v_2",
		    .summary = "a module", .options = rows, .n_options = ARRAY_SIZE(rows),
		    .config_size = sizeof(struct config) },
};
static struct ecap_desc other = {
	.module = { .name = "other", .command = "other", .summary = "without options" },
};
static struct ecap_catalog_entry entries[] = {
	{ .path = (char *)"/v.so", .desc = &vendor },
	{ .path = (char *)"/bad.so", .error = (char *)"bad" },
	{ .path = (char *)"/w.so", .desc = &vendor, .shadowed_by = &entries[0] },
	{ .path = (char *)"/o.so", .desc = &other },
};
static struct ecap_catalog catalog = {
	.entries = (struct ecap_catalog_entry *[]){ &entries[0], &entries[1], &entries[2],
						    &entries[3] },
	.n = ARRAY_SIZE(entries),
};

/* The answer for @current behind the blank-separated @before, to be freed. */
static char *answer(const char *before, const char *current)
{
	_cleanup_free_ char *copy = strdup(before);
	char *answer = NULL, *argv[16] = { NULL }, *rest = copy, *word;
	struct ecap_command_line line = { .argv = argv, .catalog = &catalog };
	uint32_t n;
	const struct ecap_option *common = ecap_common_rows(&n);
	size_t size;
	FILE *out = open_memstream(&answer, &size);

	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[line.argc++] = word;
	assert_int_equal(ecap_options_new("global", common, n, sizeof(struct ecap_common_config),
					  &line.common), 0);
	assert_int_equal(ecap_complete(out, &line, current), 0);
	fclose(out);
	ecap_options_free(line.common);
	return answer;
}

static void assert_answer(const char *before, const char *current, const char *expected)
{
	_cleanup_free_ char *got = answer(before, current);

	if (strcmp(got, expected))
		fail_msg("\"%s\" and \"%s\": %s", before, current, got);
}

static void assert_holds(const char *before, const char *current, const char *line, int holds)
{
	_cleanup_free_ char *got = answer(before, current);

	if ((strstr(got, line) != NULL) != holds)
		fail_msg("\"%s\" and \"%s\": %s", before, current, got);
}

static void interfaces_and_texts(void **state)
{
	(void)state;
	assert_answer("ven-dor -i", "lo", "words\nlo\tnetwork interface\n");
	assert_answer("ven-dor -i lo --ifname", "lo", "words\nlo\tnetwork interface\n");
	assert_answer("ven-dor --log", "x", "files\n");
}

static void modules_and_commands(void **state)
{
	(void)state;
	assert_answer("", "ven", "words\nven-dor\ta module\n");
	assert_answer("", "v", "words\nven-dor\ta module\nv_2\ta module\n");
	assert_answer("", "oth", "words\nother\twithout options\n");
	assert_answer("", "nothing", "words\n");
	assert_holds("", "", "\nmodules\t", 1);
	assert_holds("", "", "\nhelp\t", 1);
	assert_holds("", "-", "\n--version\t", 1);
	assert_holds("ven-dor", "-", "\n--version\t", 0);
	assert_holds("modules", "", "\nlist\t", 1);
	assert_holds("modules", "", "\nven-dor\t", 0);
	assert_answer("modules schema", "a", "files\nacme\ta module\n");
	assert_answer("modules schema acme", "a", "words\n");
	assert_answer("modules nothing", "", "words\n");
	assert_answer("bad", "--", "words\n");
}

static void flags(void **state)
{
	(void)state;
	assert_answer("acme", "--ch", "words\n--choice\ta colour of two\n");
	assert_answer("ven", "--dir", "words\n--dirs\t\n");
	assert_holds("acme", "--", "\n--hex\t", 1);
	/* hidden, and it hides the one of all modules */
	assert_holds("acme", "--", "\n--pid\t", 0);
	assert_holds("other", "--", "\n--pid\t", 1);
	assert_holds("acme", "--", "\n--words\t", 0);
	assert_holds("acme -- ", "--", "\n--hex\t", 0);
	assert_holds("--hex acme", "--o", "\n--on\t", 1);
	/* no word can stand there, but flags can */
	assert_holds("other", "", "\n--hex\t", 1);
	assert_holds("acme", "", "\n--hex\t", 0);
}

static void values(void **state)
{
	static const char *const colours = "words\nred\t\na b\t\n\xc3\xbc\t\nred\t\n";

	(void)state;
	assert_answer("acme --choice", "", colours);
	assert_answer("acme --colour", "", colours);
	assert_answer("acme -c", "", colours);
	assert_answer("acme", "--choice=", colours);
	assert_answer("acme -n --choice", "r", "words\nred\t\nred\t\n");
	assert_answer("acme --choice red --choice", "a", "words\na b\t\n");
	assert_answer("acme --choice=red", "", "words\n");
	assert_answer("acme --file --choice --choice", "a", "words\na b\t\n");
	assert_answer("acme", "--nothing=", "words\n");
	assert_answer("acme", "--=", "words\n");
	assert_answer("acme --file", "", "files\n");
	assert_answer("acme", "--file=x", "files\n");
	assert_answer("acme --dirs", "", "directories\n");
	assert_answer("--plugin-dir", "", "directories\n");
	assert_answer("acme --on", "", "words\n");
	assert_answer("acme", "--on=", "words\nyes\t\nno\t\n");
	assert_answer("--output", "", "words\ntext\t\njson\t\n");
	assert_answer("other --output", "j", "words\njson\t\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_and_commands),
		cmocka_unit_test(interfaces_and_texts),
		cmocka_unit_test(flags),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
