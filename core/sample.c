/* SPDX-License-Identifier: Apache-2.0 */
/* A sample ini file from option tables. */
#include "sample.h"

#include <string.h>

#include "option_text.h"
#include "options_internal.h"
#include "util.h"

#define WIDTH 100 /* columns of a comment */

static const char *const blanks = " \t\n\v\f\r";

void ecap_sample_comment(FILE *out, const char *text)
{
	size_t column = 0; /* 0: at the beginning of a line */

	while (*text) {
		size_t skip = strspn(text, blanks), n = strcspn(text + skip, blanks), breaks = 0;

		for (size_t i = 0; i < skip; i++)
			breaks += text[i] == '\n';
		text += skip;
		if (!n)
			break;
		if (column && (breaks > 1 || column + 1 + n > WIDTH)) {
			fputs(breaks > 1 ? "\n#\n" : "\n", out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s %.*s", column ? "" : "#", (int)n, text);
		text += n;
	}
	fputs(column ? "\n" : "", out);
}

/* Whether an ini file gives the text back as it is: see core/ini.c. */
static int can_be_said(const char *text)
{
	size_t len = strlen(text);

	if (*text == ';' || strpbrk(text, "\n\r") || (len && strchr(blanks, text[0])) ||
	    (len && strchr(blanks, text[len - 1])))
		return 0;
	for (const char *p = strchr(text, ';'); p; p = strchr(p + 1, ';'))
		if (strchr(blanks, p[-1]))
			return 0;
	return 1;
}

/* The first choice that a file can name, in @value; 0 when there is none. */
static int find_choice(const struct ecap_option *row, char *value, size_t size)
{
	for (const char *choice = row->choices; *choice;) {
		size_t n = strcspn(choice, "|");

		if (n && n < size) {
			snprintf(value, size, "%.*s", (int)n, choice);
			if (can_be_said(value))
				return 1;
		}
		choice += n + (choice[n] == '|');
	}
	return 0;
}

static const char *path_example(const struct ecap_option *row)
{
	int directory = row->metavar && !strcmp(row->metavar, "DIR");

	if (row->flags & ECAP_OPT_MUST_EXIST)
		return directory ? "/" : "/dev/null";
	return directory ? "/path/to/directory" : "/path/to/file";
}

static const char *text_example(const struct ecap_option *row)
{
	const char *metavar = ecap_option_metavar(row);
	int is_path = !strcmp(metavar, "FILE") || !strcmp(metavar, "DIR");

	if (row->type == ECAP_OPT_LIST && is_path)
		return path_example(row);
	return can_be_said(metavar) ? metavar : "text";
}

/* Something that the row takes, when it has no default, or one that no file can name. */
static int find_example(const struct ecap_option *row, char *value, size_t size)
{
	uint64_t low, high;

	switch (row->type) {
	case ECAP_OPT_BOOL:
		snprintf(value, size, "no");
		return 1;
	case ECAP_OPT_ENUM:
		return find_choice(row, value, size);
	case ECAP_OPT_PATH:
		snprintf(value, size, "%s", path_example(row));
		return 1;
	case ECAP_OPT_IFNAME:
		snprintf(value, size, "lo");
		return 1;
	default:
		break;
	}
	if (ecap_value_is_number(row->type)) {
		ecap_value_bounds(row, &low, &high);
		snprintf(value, size, "%s", ecap_value_format(row, low).s);
	} else {
		snprintf(value, size, "%s", text_example(row));
	}
	return 1;
}

static void print_option(FILE *out, const struct ecap_option *row)
{
	_cleanup_free_ char *text = ecap_option_text(row, 1);
	char example[256];

	fputc('\n', out);
	if (text)
		ecap_sample_comment(out, text);
	if (row->def && !(row->flags & ECAP_OPT_SECRET) && can_be_said(row->def))
		fprintf(out, ";%s = %s\n", row->name, row->def);
	else if (find_example(row, example, sizeof(example)))
		fprintf(out, ";%s = %s\n", row->name, example);
}

static void print_group(FILE *out, const char *group)
{
	_cleanup_free_ char *text = ecap_join("-- ", group, " --");

	fputc('\n', out);
	if (text)
		ecap_sample_comment(out, text);
}

void ecap_sample_rows(FILE *out, struct ecap_options *const *tables, uint32_t t)
{
	uint32_t n;
	_cleanup_free_ const struct ecap_option **rows = ecap_option_order(tables, t, &n);
	const struct ecap_option *last = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (rows[i]->flags & ECAP_OPT_NO_FILE)
			continue;
		if (rows[i]->group && (!last || !ecap_option_same_group(last, rows[i])))
			print_group(out, rows[i]->group);
		last = rows[i];
		print_option(out, rows[i]);
	}
}
