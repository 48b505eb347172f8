/* SPDX-License-Identifier: Apache-2.0 */
/* The help of option tables: groups under headings, two columns, all that a row says. */
#include <string.h>

#include "options_internal.h"
#include "util.h"

#define WIDTH    100 /* columns of the whole */
#define LEFT_MAX 34  /* flags that are wider have the text below them */

struct help {
	FILE *out;
	struct ecap_options *const *tables;
	uint32_t n_tables;
	size_t left; /* width of the column of flags */
};

/* Columns that UTF-8 text takes, leaving aside wide and combining characters. */
static size_t columns(const char *text, size_t n)
{
	size_t wide = 0;

	for (size_t i = 0; i < n; i++)
		wide += ((unsigned char)text[i] & 0xc0) != 0x80;
	return wide;
}

static void print_blanks(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

/* Prints @text from column @at on, and its further lines from column @indent. */
static void print_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
	int first = 1;

	for (;;) {
		text += strspn(text, " ");
		size_t n = strcspn(text, " "), wide = columns(text, n);

		if (!n)
			break;
		if (!first && at + 1 + wide > WIDTH) {
			fputc('\n', out);
			print_blanks(out, indent);
			at = indent;
			first = 1;
		}
		at += wide + !first;
		fprintf(out, "%s%.*s", first ? "" : " ", (int)n, text);
		first = 0;
		text += n;
	}
	fputc('\n', out);
}

/* Choices stand in the place of the value when the row has no name for it and they are short. */
static int choices_as_metavar(const struct ecap_option *row)
{
	return row->type == ECAP_OPT_ENUM && !row->metavar && strlen(row->choices) <= 24;
}

static const char *metavar(const struct ecap_option *row)
{
	if (row->metavar)
		return row->metavar;
	return choices_as_metavar(row) ? row->choices : ecap_value_metavar(row->type);
}

/* Whether a table before @t takes the flag: then this one never gets it. */
static int taken(const struct help *h, uint32_t t, const char *name, char letter)
{
	for (uint32_t i = 0; i < t; i++)
		if (name ? ecap_options_by_name(h->tables[i], name) :
			   ecap_options_by_short(h->tables[i], letter))
			return 1;
	return 0;
}

static int shown(const struct help *h, uint32_t t, const struct ecap_option *row)
{
	return !(row->flags & ECAP_OPT_HIDDEN) &&
	       (row->type == ECAP_OPT_REST || !taken(h, t, row->name, 0));
}

/* "  -p, --pid PID", to be freed; NULL when out of memory. */
static char *flags_of(const struct help *h, uint32_t t, const struct ecap_option *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (row->type == ECAP_OPT_REST) {
		fprintf(out, "  %s", metavar(row));
	} else {
		if (row->short_name && !taken(h, t, NULL, row->short_name))
			fprintf(out, "  -%c, ", row->short_name);
		else
			print_blanks(out, 6);
		fprintf(out, "--%s", row->name);
		if (row->type != ECAP_OPT_BOOL)
			fprintf(out, " %s", metavar(row));
	}
	fclose(out);
	return text;
}

static int default_is_shown(const struct ecap_option *row)
{
	struct ecap_value value = { 0 };

	if (!row->def || !*row->def || row->flags & ECAP_OPT_SECRET)
		return 0;
	return row->type != ECAP_OPT_BOOL || (!ecap_value_parse(row, row->def, &value) &&
					      value.number);
}

/* What the row says of its values, as " (a, b)". */
static void print_facts(FILE *out, const struct ecap_option *row)
{
	const char *before = " (";

	if (row->type == ECAP_OPT_ENUM && !choices_as_metavar(row)) {
		fprintf(out, "%s%s", before, row->choices);
		before = ", ";
	}
	if (ecap_value_bounded(row)) {
		fprintf(out, "%s%s to %s", before,
			ecap_value_format(row, row->min > 0 ? (uint64_t)row->min : 0).s,
			ecap_value_format(row, (uint64_t)row->max).s);
		before = ", ";
	}
	if (default_is_shown(row)) {
		fprintf(out, "%sdefault %s", before, row->def);
		before = ", ";
	}
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = { { ECAP_OPT_REQUIRED, "required" }, { ECAP_OPT_DEPRECATED, "deprecated" } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (row->flags & words[i].flag) {
			fprintf(out, "%s%s", before, words[i].word);
			before = ", ";
		}
	}
	if (row->type == ECAP_OPT_LIST) {
		fprintf(out, "%srepeatable", before);
		before = ", ";
	}
	if (*before == ',')
		fputc(')', out);
}

static void print_line(const struct help *h, const char *flags, const char *text)
{
	size_t wide = columns(flags, strlen(flags));

	fputs(flags, h->out);
	if (wide > h->left) {
		fputc('\n', h->out);
		wide = 0;
	}
	print_blanks(h->out, h->left + 2 - wide);
	print_wrapped(h->out, text, h->left + 2, h->left + 2);
}

static void print_row(const struct help *h, uint32_t t, const struct ecap_option *row)
{
	_cleanup_free_ char *flags = flags_of(h, t, row);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	fputs(row->help ? row->help : "", out);
	print_facts(out, row);
	fclose(out);
	if (flags && text)
		print_line(h, flags, text);
}

static int same_group(const struct ecap_option *a, const struct ecap_option *b)
{
	return a->group && b->group ? !strcmp(a->group, b->group) : a->group == b->group;
}

static void print_table(const struct help *h, uint32_t t)
{
	uint32_t n;
	const struct ecap_option *rows = ecap_options_rows(h->tables[t], &n);

	for (uint32_t i = 0; i < n; i++) {
		int begun = !shown(h, t, &rows[i]);

		for (uint32_t j = 0; j < i && !begun; j++)
			begun = shown(h, t, &rows[j]) && same_group(&rows[i], &rows[j]);
		if (begun)
			continue;
		if (rows[i].group)
			fprintf(h->out, "\n%s:\n", rows[i].group);
		else
			fprintf(h->out, "\nOptions of %s:\n", ecap_options_section(h->tables[t]));
		for (uint32_t j = i; j < n; j++)
			if (shown(h, t, &rows[j]) && same_group(&rows[i], &rows[j]))
				print_row(h, t, &rows[j]);
	}
}

/* The widest flags that are not too wide make the column. */
static size_t measure(const struct help *h)
{
	size_t left = strlen("  -h, --help");

	for (uint32_t t = 0; t < h->n_tables; t++) {
		uint32_t n;
		const struct ecap_option *row = ecap_options_rows(h->tables[t], &n);

		for (; n; n--, row++) {
			_cleanup_free_ char *flags = shown(h, t, row) ? flags_of(h, t, row) : NULL;
			size_t wide = flags ? columns(flags, strlen(flags)) : 0;

			if (wide > left && wide <= LEFT_MAX)
				left = wide;
		}
	}
	return left;
}

void ecap_help_print(FILE *out, const char *head, struct ecap_options *const *tables,
		     uint32_t n_tables)
{
	struct help h = { .out = out, .tables = tables, .n_tables = n_tables };
	size_t n = strlen(head);

	h.left = measure(&h);
	fprintf(out, "%s%s", head, n && head[n - 1] != '\n' ? "\n" : "");
	for (uint32_t t = 0; t < n_tables; t++)
		print_table(&h, t);
	fputs("\nHelp:\n", out);
	print_line(&h, "  -h, --help", "show this text");
}
