/* SPDX-License-Identifier: Apache-2.0 */
/* The man page of a module: what its descriptor and its option rows say. */
#include "man.h"

#include <stdarg.h>
#include <string.h>

#include "option_text.h"
#include "options_internal.h"
#include "roff.h"
#include "util.h"

void ecap_man_head(FILE *out, const char *title, const char *source, const char *date)
{
	fputs(".\\\" Made from the tables of options by \"ecapture modules man\".\n.TH \"", out);
	for (const char *c = title; *c; c++) {
		char upper[] = { (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c), '\0' };

		ecap_roff_text(out, upper);
	}
	fprintf(out, "\" 1 %s \"", date);
	ecap_roff_text(out, source);
	/* Names are not to be broken, and without that lines are not to be filled with blanks. */
	fputs("\" \"User Commands\"\n.nh\n.ad l\n", out);
}

void ecap_man_prose(FILE *out, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		ecap_roff_fill(out, text, ".PP");
	va_end(ap);
}

static void print_styled(FILE *out, char style, const char *before, const char *text)
{
	fprintf(out, "\\f%c", style);
	ecap_roff_text(out, before);
	ecap_roff_text(out, text);
	fputs("\\fR", out);
}

/* "-p, --pid PID" */
static void print_flags(FILE *out, const struct ecap_option *row)
{
	const char letter[] = { row->short_name, '\0' };

	if (row->type != ECAP_OPT_REST) {
		if (row->short_name) {
			print_styled(out, 'B', "-", letter);
			fputs(", ", out);
		}
		print_styled(out, 'B', "--", row->name);
		if (row->type == ECAP_OPT_BOOL)
			return;
		fputc(' ', out);
	}
	print_styled(out, 'I', "", ecap_option_metavar(row));
}

static void print_option(FILE *out, const struct ecap_option *row)
{
	_cleanup_free_ char *text = ecap_option_text(row, 0);

	fputs(".TP\n", out);
	print_flags(out, row);
	fputc('\n', out);
	if (text && *text)
		ecap_roff_fill(out, text, ".IP");
	if (row->doc) {
		fputs(".IP\n", out);
		ecap_roff_fill(out, row->doc, ".IP");
	}
	if (row->alias) {
		fputs(".IP\nThe same: ", out);
		print_styled(out, 'B', "--", row->alias);
		fputs(".\n", out);
	}
}

void ecap_man_options(FILE *out, struct ecap_options *table, const char *group_request)
{
	uint32_t n;
	_cleanup_free_ const struct ecap_option **rows = ecap_option_order(&table, 0, &n);

	for (uint32_t i = 0; i < n; i++) {
		const char *group = rows[i]->group;

		if (group_request && (i ? !ecap_option_same_group(rows[i - 1], rows[i]) : !!group)) {
			fprintf(out, "%s \"", group_request);
			ecap_roff_text(out, group && *group ? group : "Other options");
			fputs("\"\n", out);
		}
		print_option(out, rows[i]);
	}
}

void ecap_man_exit_status(FILE *out)
{
	static const struct {
		int code;
		const char *meaning;
	} codes[] = {
		{ 0, "What was asked for was done. A capture that SIGINT or SIGTERM ended is that." },
		{ ECAP_EXIT_FAILURE, "It could not be done, or not all of it." },
		{ ECAP_EXIT_USAGE, "What was asked for makes no sense: an unknown option, a value "
				   "that is refused, a line of the configuration." },
	};

	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		fprintf(out, ".TP\n.B %d\n", codes[i].code);
		ecap_roff_fill(out, codes[i].meaning, ".IP");
	}
}

/* .SH with a text of the module below it, if it says one. */
static void print_text_section(FILE *out, const char *title, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(out, ".SH %s\n", title);
	ecap_roff_fill(out, text, ".PP");
}

/* What must or may stand behind "ecapture COMMAND". */
static void print_synopsis(FILE *out, const struct ecap_module *module,
			   const struct ecap_option *const *rows, uint32_t n)
{
	fputs(".SH SYNOPSIS\n", out);
	print_styled(out, 'B', "ecapture ", module->command);
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i]->flags & ECAP_OPT_REQUIRED && rows[i]->type != ECAP_OPT_REST) {
			fputc(' ', out);
			print_flags(out, rows[i]);
		}
	}
	fputs(" [\\fIOPTION\\fR...]", out);
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i]->type == ECAP_OPT_REST) {
			fputc(' ', out);
			print_flags(out, rows[i]);
		}
	}
	fputc('\n', out);
}

/* The options of the program, but those whose names the module has taken. */
static void print_common(FILE *out, struct ecap_options *const *tables)
{
	uint32_t n;
	_cleanup_free_ const struct ecap_option **rows = ecap_option_order(tables, 1, &n);

	fputs(".SS \"Common options\"\nAs\n.BR ecapture (1)\nsays:\n", out);
	for (uint32_t i = 0; i < n; i++) {
		print_styled(out, 'B', "--", rows[i]->name);
		fputs(i + 1 < n ? ",\n" : ".\n", out);
	}
}

static void print_key(FILE *out, const struct ecap_option *row)
{
	ecap_roff_text(out, row->name);
	fputs(" = ", out);
	print_styled(out, 'I', "", ecap_option_metavar(row));
	fputc('\n', out);
}

static void print_keys(FILE *out, const struct ecap_option *const *rows, uint32_t n,
		       const char *section)
{
	uint32_t n_common;
	const struct ecap_option *common = ecap_section_rows(&n_common);

	fputs(".SH CONFIGURATION\n", out);
	ecap_man_prose(out, "In the file that --config names, the options are keys of the section "
			"[%s]:", section);
	fputs(".PP\n.RS 4\n.nf\n[", out);
	ecap_roff_text(out, section);
	fputs("]\n", out);
	for (uint32_t i = 0; i < n_common; i++)
		print_key(out, &common[i]);
	for (uint32_t i = 0; i < n; i++)
		print_key(out, rows[i]);
	fputs(".fi\n.RE\n.PP\n", out);
	ecap_man_prose(out, "A switch is yes or no there. The common options may stand in it as well, "
			"for this module alone, but for those that concern the whole program.");
}

/* Its named sections: they have no flags, so they are shown as in the file. */
static void print_named(FILE *out, const struct ecap_module *module)
{
	if (!module->named)
		return;
	fputs(".SH FURTHER SECTIONS\n", out);
	ecap_man_prose(out, "The file may have any number of sections [%s.%s \"NAME\"]%s%s. Their keys:",
			module->command, module->named, module->named_help ? ": " : "",
			module->named_help ? module->named_help : "");
	for (uint32_t i = 0; i < module->n_named_options; i++) {
		const struct ecap_option *row = &module->named_options[i];
		_cleanup_free_ char *text = ecap_option_text(row, 1);

		fputs(".TP\n", out);
		print_key(out, row);
		if (text && *text)
			ecap_roff_fill(out, text, ".IP");
		if (row->doc) {
			fputs(".IP\n", out);
			ecap_roff_fill(out, row->doc, ".IP");
		}
	}
}

static void print_origin(FILE *out, const struct ecap_module *module)
{
	print_text_section(out, "AUTHOR", module->author);
	print_text_section(out, "LICENCE", module->license);
	fputs(".SH SEE ALSO\n.BR ecapture (1)\n", out);
	if (module->url && *module->url) {
		fputs(".PP\n", out);
		ecap_roff_fill(out, module->url, ".PP");
	}
}

static void print_description(FILE *out, const struct ecap_module *module)
{
	int described = module->description && *module->description;

	fputs(".SH DESCRIPTION\n", out);
	ecap_roff_fill(out, described ? module->description : module->summary, ".PP");
	if (module->targets && *module->targets) {
		fputs(".PP\n", out);
		ecap_man_prose(out, "Looks into: %s.", module->targets);
	}
}

void ecap_man_module(FILE *out, const struct ecap_module *module, struct ecap_options *own,
		     struct ecap_options *common, const char *date)
{
	char title[80], source[120];
	uint32_t n;
	_cleanup_free_ const struct ecap_option **rows = ecap_option_order(&own, 0, &n);

	snprintf(title, sizeof(title), "ecapture-%s", module->command);
	snprintf(source, sizeof(source), "%s %s", module->name, module->version);
	ecap_man_head(out, title, source, date);
	fputs(".SH NAME\n", out);
	ecap_man_prose(out, "%s - %s", title, module->summary);
	print_synopsis(out, module, rows, n);
	print_description(out, module);
	fputs(".SH OPTIONS\n", out);
	ecap_man_options(out, own, ".SS");
	print_common(out, (struct ecap_options *[]){ own, common });
	print_keys(out, rows, n, module->command);
	print_named(out, module);
	ecap_man_exit_status(out);
	if (module->examples && *module->examples) {
		fputs(".SH EXAMPLES\n.nf\n", out);
		ecap_roff_literal(out, module->examples);
		fputs(".fi\n", out);
	}
	print_origin(out, module);
}
