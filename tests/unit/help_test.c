/* SPDX-License-Identifier: Apache-2.0 */
/* --help: every column, order and word comes from the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common_options.h"
#include "options.h"
#include "util.h"

struct config {
	uint64_t u64, size, duration;
	const char *path, *rest, *secret;
	const char *const *list;
	uint32_t u32, level, choice;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static void help_says_what_the_rows_say(void **state)
{
	static const struct ecap_option table[] = {
		ROW(choice, ECAP_OPT_ENUM, "model", .short_name = 'm', .choices = "text|pcap",
		    .def = "text", .group = "Capture", .help = "what to make"),
		ROW(level, ECAP_OPT_ENUM, "level", .metavar = "L", .choices = "a|b",
		    .group = "Capture", .help = "how much"),
		ROW(u32, ECAP_OPT_U32, "hidden", .flags = ECAP_OPT_HIDDEN, .group = "Never"),
		ROW(size, ECAP_OPT_SIZE, "buffer", .min = 4096, .max = 1 << 20, .def = "64K",
		    .help = "buffer", .group = "Other"),
		ROW(path, ECAP_OPT_PATH, "elfpath", .short_name = 'e', .metavar = "FILE",
		    .flags = ECAP_OPT_REQUIRED, .group = "Capture", .help = "program"),
		ROW(duration, ECAP_OPT_DURATION,
		    "a-flag-whose-name-is-far-too-long-to-stand-beside", .group = "Other",
		    .help = "one two three four five six seven eight nine ten "
		    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"),
		ROW(secret, ECAP_OPT_STRING, "token", .def = "xyzzy", .flags = ECAP_OPT_SECRET,
		    .help = "token"),
		ROW(flag, ECAP_OPT_BOOL, "colour", .def = "yes", .help = "colours"),
		ROW(rest, ECAP_OPT_REST, "filter", .metavar = "[FILTER...]", .help = "of packets"),
	};
	static const struct ecap_option shared[] = {
		ROW(u32, ECAP_OPT_U32, "mode", .short_name = 'm', .group = "Shared",
		    .help = "mode"),
		ROW(u64, ECAP_OPT_U64, "elfpath", .group = "Shared", .help = "never reached"),
		ROW(list, ECAP_OPT_LIST, "dir", .metavar = "DIR", .group = "Shared",
		    .help = "where"),
	};
	struct ecap_options *tables[2];
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(ecap_options_new("tls", table, ARRAY_SIZE(table), sizeof(struct config),
					  &tables[0]), 0);
	assert_int_equal(ecap_options_new("global", shared, ARRAY_SIZE(shared),
					  sizeof(struct config), &tables[1]), 0);
	ecap_help_print(out, "Usage: ecapture tls", tables, 2);
	fclose(out);
	assert_string_equal(text,
		"Usage: ecapture tls\n"
		"\n"
		"Capture:\n"
		"  -m, --model text|pcap  what to make (default text)\n"
		"      --level L          how much (a|b)\n"
		"  -e, --elfpath FILE     program (required)\n"
		"\n"
		"Other:\n"
		"      --buffer SIZE      buffer (4K to 1M, default 64K)\n"
		"      --a-flag-whose-name-is-far-too-long-to-stand-beside TIME\n"
		"                         one two three four five six seven eight nine ten eleven "
		"twelve thirteen\n"
		"                         fourteen fifteen sixteen seventeen eighteen nineteen\n"
		"\n"
		"Options of tls:\n"
		"      --token TEXT       token\n"
		"      --colour           colours (default yes)\n"
		"  [FILTER...]            of packets\n"
		"\n"
		"Shared:\n"
		"      --mode N           mode\n"
		"      --dir DIR          where (repeatable)\n"
		"\n"
		"Help:\n"
		"  -h, --help             show this text\n");
	ecap_options_free(tables[0]);
	ecap_options_free(tables[1]);
}

static void common_help_fits_the_width(void **state)
{
	uint32_t n;
	const struct ecap_option *table = ecap_common_rows(&n);
	struct ecap_options *options;
	_cleanup_free_ char *text = NULL;
	size_t size, lines = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(ecap_options_new("global", table, n, sizeof(struct ecap_common_config),
					  &options), 0);
	ecap_help_print(out, "", &options, 1);
	fclose(out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
		assert_true(strlen(line) <= 100);
	assert_true(lines > 15);
	ecap_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_says_what_the_rows_say),
		cmocka_unit_test(common_help_fits_the_width),
	};

	return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
