/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages: what a descriptor says is where it belongs, and no text of it is read as roff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "man.h"
#include "roff.h"
#include "util.h"

struct config {
	uint64_t size;
	const char *path, *rest;
	uint32_t choice;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

/* What @print writes for the text; to be freed. */
static char *printed(void (*print)(FILE *out, const char *text), const char *text)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	assert_non_null(out);
	print(out, text);
	fclose(out);
	return made;
}

static void fill(FILE *out, const char *text)
{
	ecap_roff_fill(out, text, ".PP");
}

static void assert_printed(void (*print)(FILE *out, const char *text), const char *text,
			   const char *expected)
{
	_cleanup_free_ char *made = printed(print, text);

	assert_string_equal(made, expected);
}

static void text_is_shown_as_it_stands(void **state)
{
	(void)state;
	assert_printed(ecap_roff_text, "", "");
	assert_printed(ecap_roff_text, "a-b --c", "a\\-b \\-\\-c");
	assert_printed(ecap_roff_text, "\\fBx\\n(.H", "\\(rsfBx\\(rsn(.H");
	assert_printed(ecap_roff_text, "\"a\" 'b' `c` ^d ~e",
		       "\\(dqa\\(dq \\(aqb\\(aq \\(gac\\(ga \\(had \\(tie");
	assert_printed(ecap_roff_text, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82",
		       "gr\\[u00FC]\\[u00DF] \\[u1F642]");
	/* a line break in a macro's argument would end the macro */
	assert_printed(ecap_roff_text, "a\n.so x\tb", "a .so x b");
	/* controls, half a character, one that turns the direction of writing */
	assert_printed(ecap_roff_text, "\x1b[1m\x7f\xc3.\xe2\x80\xae", "?[1m??.?\?\?");
}

static void filled_text_has_no_requests(void **state)
{
	(void)state;
	assert_printed(fill, "", "");
	assert_printed(fill, " \n \t\n", "");
	assert_printed(fill, "one\ntwo", "one two\n");
	assert_printed(fill, "\n\n one\n\n\n two \n", "one\n.PP\ntwo\n");
	assert_printed(fill, ".so /etc/passwd\n\n.\n\n'br", "\\&.so /etc/passwd\n.PP\n\\&.\n.PP\n\\(aqbr\n");
	/* the break comes where the next word would go beyond column 76, as the source counts */
	assert_printed(fill,
		       "123456789 123456789 123456789 123456789 123456789 123456789 123456789 12-4 .x",
		       "123456789 123456789 123456789 123456789 123456789 123456789 123456789 12\\-4\n"
		       "\\&.x\n");
	assert_printed(fill,
		       "123456789 123456789 123456789 123456789 123456789 123456789 123456789 1234 x",
		       "123456789 123456789 123456789 123456789 123456789 123456789 123456789 1234 x\n");
}

static void literal_text_keeps_its_lines(void **state)
{
	(void)state;
	assert_printed(ecap_roff_literal, "", "");
	assert_printed(ecap_roff_literal, "  a\n    b\n\n  .c", "a\n  b\n\n\\&.c\n");
	assert_printed(ecap_roff_literal, "\n\n", "\n\n");
	assert_printed(ecap_roff_literal, "a\n  'b\n", "a\n  \\(aqb\n");
}

static const struct ecap_option table[] = {
	ROW(choice, ECAP_OPT_ENUM, "level", .short_name = 'l', .alias = "depth", .metavar = "L",
	    .choices = "a|b", .def = "b", .group = "Much", .help = "how much",
	    .doc = "As much as this.\n\nOr that."),
	ROW(flag, ECAP_OPT_BOOL, "hidden", .flags = ECAP_OPT_HIDDEN, .help = "never seen"),
	ROW(size, ECAP_OPT_SIZE, "pid", .min = 4096, .max = 1 << 20, .help = "its own"),
	ROW(path, ECAP_OPT_PATH, "elf-file", .flags = ECAP_OPT_REQUIRED, .group = "Much"),
	ROW(rest, ECAP_OPT_REST, "filter", .metavar = "[FILTER...]", .help = "of what"),
};

static const struct ecap_option shared[] = {
	ROW(size, ECAP_OPT_U64, "pid", .help = "a process"),
	ROW(flag, ECAP_OPT_BOOL, "hex", .help = "in hex"),
};

static char *page_of(const struct ecap_module *module)
{
	struct ecap_options *own, *common;
	char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	assert_non_null(out);
	assert_int_equal(ecap_options_new(module->command, module->options, module->n_options,
					  sizeof(struct config), &own), 0);
	assert_int_equal(ecap_options_new("global", shared, ARRAY_SIZE(shared),
					  sizeof(struct config), &common), 0);
	ecap_man_module(out, module, own, common, "2026-01-31");
	fclose(out);
	ecap_options_free(own);
	ecap_options_free(common);
	return page;
}

static void page_says_what_the_descriptor_says(void **state)
{
	static const struct ecap_module module = {
		.name = "deep", .command = "deep-tls", .version = "1.2", .summary = "deep things",
		.description = "First.\n\nSecond.", .targets = "libdeep.so", .examples = "  ecapture x\n",
		.license = "MIT", .author = "A. Body", .url = "https://example.org/",
		.options = table, .n_options = ARRAY_SIZE(table),
	};
	_cleanup_free_ char *page = page_of(&module);

	(void)state;
	assert_string_equal(page,
		".\\\" Made from the tables of options by \"ecapture modules man\".\n"
		".TH \"ECAPTURE\\-DEEP\\-TLS\" 1 2026-01-31 \"deep 1.2\" \"User Commands\"\n"
		".nh\n.ad l\n"
		".SH NAME\necapture\\-deep\\-tls \\- deep things\n"
		".SH SYNOPSIS\n\\fBecapture deep\\-tls\\fR \\fB\\-\\-elf\\-file\\fR \\fIPATH\\fR "
		"[\\fIOPTION\\fR...] \\fI[FILTER...]\\fR\n"
		".SH DESCRIPTION\nFirst.\n.PP\nSecond.\n.PP\nLooks into: libdeep.so.\n"
		".SH OPTIONS\n"
		".SS \"Much\"\n"
		".TP\n\\fB\\-l\\fR, \\fB\\-\\-level\\fR \\fIL\\fR\nhow much (a|b, default b)\n"
		".IP\nAs much as this.\n.IP\nOr that.\n"
		".IP\nThe same: \\fB\\-\\-depth\\fR.\n"
		".TP\n\\fB\\-\\-elf\\-file\\fR \\fIPATH\\fR\n(required)\n"
		".SS \"Other options\"\n"
		".TP\n\\fB\\-\\-pid\\fR \\fISIZE\\fR\nits own (4K to 1M)\n"
		".TP\n\\fI[FILTER...]\\fR\nof what\n"
		".SS \"Common options\"\nAs\n.BR ecapture (1)\nsays:\n"
		"\\fB\\-\\-hex\\fR.\n"
		".SH CONFIGURATION\n"
		"In the file that \\-\\-config names, the options are keys of the section\n"
		"[deep\\-tls]:\n"
		".PP\n.RS 4\n.nf\n[deep\\-tls]\n"
		"enabled = \\fIyes|no\\fR\n"
		"level = \\fIL\\fR\nelf\\-file = \\fIPATH\\fR\npid = \\fISIZE\\fR\n"
		"filter = \\fI[FILTER...]\\fR\n"
		".fi\n.RE\n.PP\n"
		"A switch is yes or no there. The common options may stand in it as well, for\n"
		"this module alone, but for those that concern the whole program.\n"
		".SH EXIT STATUS\n"
		".TP\n.B 0\nWhat was asked for was done. A capture that SIGINT or SIGTERM ended is that.\n"
		".TP\n.B 1\nIt could not be done, or not all of it.\n"
		".TP\n.B 2\nWhat was asked for makes no sense: an unknown option, a value that is\n"
		"refused, a line of the configuration.\n"
		".SH EXAMPLES\n.nf\necapture x\n.fi\n"
		".SH AUTHOR\nA. Body\n.SH LICENCE\nMIT\n"
		".SH SEE ALSO\n.BR ecapture (1)\n.PP\nhttps://example.org/\n");
}

/* Each line that begins as a request is one of ours, and each backslash one of our escapes. */
static void assert_only_ours(const char *page)
{
	static const char *const requests[] = {
		".\\\" Made", ".TH \"", ".SH ", ".SS \"", ".TP\n", ".IP\n", ".PP\n", ".RS 4\n", ".RS\n",
		".RE\n", ".nf\n", ".fi\n", ".br\n", ".nh\n", ".ad l\n", ".B ", ".BR ecapture (1)\n",
	};
	static const char *const escapes[] = { "\\\" Made", "\\(rs", "\\(dq", "\\(aq", "\\(ga",
					       "\\(ha", "\\(ti", "\\-", "\\&.", "\\[u", "\\fB",
					       "\\fI", "\\fR" };

	for (const char *p = page; *p; p++) {
		size_t ours = 0;

		assert_int_not_equal(*p, '\'');
		if (*p == '.' && (p == page || p[-1] == '\n')) {
			for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
				ours += !strncmp(p, requests[i], strlen(requests[i]));
			assert_int_equal(ours, 1);
		}
		if (*p == '\\') {
			for (ours = 0; ours < ARRAY_SIZE(escapes); ours++)
				if (!strncmp(p, escapes[ours], strlen(escapes[ours])))
					break;
			assert_true(ours < ARRAY_SIZE(escapes));
		}
	}
}

#define BAD "\n.so /etc/shadow\n'br\n\\!.ab\\n(.y\"\x1b]0;\xff\n\n.de zz\n  .zz\n"

static void hostile_texts_stay_texts(void **state)
{
	static const struct ecap_option rows[] = {
		ROW(choice, ECAP_OPT_ENUM, "choice", .choices = BAD "|x", .def = "x",
		    .group = BAD, .help = BAD, .doc = BAD, .metavar = BAD),
		ROW(flag, ECAP_OPT_BOOL, "flag", .group = "", .help = "", .doc = ""),
		ROW(rest, ECAP_OPT_REST, "rest", .def = BAD, .metavar = ".x"),
	};
	static const struct ecap_module module = {
		.name = "x", .command = "x", .version = BAD, .summary = BAD, .description = BAD,
		.targets = BAD, .examples = BAD, .license = BAD, .author = BAD, .url = BAD,
		.options = rows, .n_options = ARRAY_SIZE(rows),
	};
	_cleanup_free_ char *page = page_of(&module);

	(void)state;
	assert_only_ours(page);
}

static void program_page_has_every_command_and_option(void **state)
{
	uint32_t n_rows, n;
	const struct ecap_option *rows = ecap_common_rows(&n_rows);
	const struct ecap_command *commands = ecap_commands(&n);
	_cleanup_free_ char *page = NULL;
	struct ecap_options *common;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	(void)state;
	assert_int_equal(ecap_options_new("global", rows, n_rows,
					  sizeof(struct ecap_common_config), &common), 0);
	assert_int_equal(ecap_man_program(out, commands, n, common, "2026-01-31"), 0);
	fclose(out);
	assert_only_ours(page);
	assert_non_null(strstr(page, "\n.B \"modules list\"\n"));
	assert_non_null(strstr(page, "\n.B \"modules man [FILE|NAME]\"\n"));
	assert_non_null(strstr(page, "\n\\fB\\-p\\fR, \\fB\\-\\-pid\\fR \\fIPID\\fR\n"));
	assert_non_null(strstr(page, "\n\\fB\\-\\-on\\-error\\fR \\fIstop|continue\\fR\n"));
	ecap_options_free(common);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_shown_as_it_stands),
		cmocka_unit_test(filled_text_has_no_requests),
		cmocka_unit_test(literal_text_keeps_its_lines),
		cmocka_unit_test(page_says_what_the_descriptor_says),
		cmocka_unit_test(hostile_texts_stay_texts),
		cmocka_unit_test(program_page_has_every_command_and_option),
	};

	return cmocka_run_group_tests_name("man", tests, NULL, NULL);
}
