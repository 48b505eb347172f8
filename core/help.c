/* SPDX-License-Identifier: Apache-2.0 */
/* The help of option tables: groups under headings, two columns. */
#include <string.h>

#include "option_text.h"
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

/* "  -p, --pid PID", to be freed; NULL when out of memory. */
static char *flags_of(const struct help *h, uint32_t t, const struct ecap_option *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (row->type == ECAP_OPT_REST) {
		fprintf(out, "  %s", ecap_option_metavar(row));
	} else {
		char letter = ecap_option_letter(h->tables, t, row);

		if (letter)
			fprintf(out, "  -%c, ", letter);
		else
			print_blanks(out, 6);
		fprintf(out, "--%s", row->name);
		if (row->type != ECAP_OPT_BOOL)
			fprintf(out, " %s", ecap_option_metavar(row));
	}
	fclose(out);
	return text;
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
	_cleanup_free_ char *text = ecap_option_text(row, 0);

	if (flags && text)
		print_line(h, flags, text);
}

static void print_table(const struct help *h, uint32_t t)
{
	uint32_t n;
	_cleanup_free_ const struct ecap_option **rows = ecap_option_order(h->tables, t, &n);

	for (uint32_t i = 0; i < n; i++) {
		if (!i || !ecap_option_same_group(rows[i - 1], rows[i])) {
			if (rows[i]->group)
				fprintf(h->out, "\n%s:\n", rows[i]->group);
			else
				fprintf(h->out, "\nOptions of %s:\n",
					ecap_options_section(h->tables[t]));
		}
		print_row(h, t, rows[i]);
	}
}

/* The widest flags that are not too wide make the column. */
static size_t measure(const struct help *h)
{
	size_t left = strlen("  -h, --help");

	for (uint32_t t = 0; t < h->n_tables; t++) {
		uint32_t n;
		_cleanup_free_ const struct ecap_option **rows =
			ecap_option_order(h->tables, t, &n);

		for (uint32_t i = 0; i < n; i++) {
			_cleanup_free_ char *flags = flags_of(h, t, rows[i]);
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
