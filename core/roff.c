/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as roff source. */
#include "roff.h"

#include <string.h>

#include "utf8.h"
#include "util.h"

#define LINE 76 /* bytes of a line that fill() writes; mandoc(1) frowns on more than 80 */

/*
 * Characters that roff acts on, or shows as others than those that were meant: a "-" that is to
 * be copied is "\-", quotes are straight. "\-" groups of words do not break, which flags want.
 */
static const char *escape_of(char c)
{
	static const struct {
		char c;
		const char *escape;
	} escapes[] = {
		{ '\\', "\\(rs" }, { '-', "\\-" },   { '"', "\\(dq" }, { '\'', "\\(aq" },
		{ '`', "\\(ga" },  { '^', "\\(ha" }, { '~', "\\(ti" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		if (escapes[i].c == c)
			return escapes[i].escape;
	return NULL;
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One character; returns its bytes. What would act on a terminal, or is no UTF-8, is a "?". */
static size_t put_char(FILE *out, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	const char *escape = escape_of(*text);
	size_t n = ecap_utf8_shown(p, p + len);

	if (is_blank(*text)) {
		fputc(' ', out);
		return 1;
	}
	if (escape)
		fputs(escape, out);
	else if (!n)
		fputc('?', out);
	else if (n == 1)
		fputc(*text, out);
	else
		fprintf(out, "\\[u%04X]", (unsigned int)ecap_utf8_decode(p, n));
	return n ? n : 1;
}

static void put_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;)
		i += put_char(out, text + i, len - i);
}

void ecap_roff_text(FILE *out, const char *text)
{
	put_text(out, text, strlen(text));
}

/* Bytes of source that the text becomes, but for escapes of UTF-8. */
static size_t source_size(const char *text, size_t len)
{
	size_t size = len;

	for (size_t i = 0; i < len; i++)
		size += escape_of(text[i]) ? strlen(escape_of(text[i])) - 1 : 0;
	return size;
}

/* A line that begins with "." would be a request; that "'" would be one too put_char() sees to. */
static void put_line_start(FILE *out, const char *text)
{
	if (*text == '.')
		fputs("\\&", out);
}

/* Blanks and line breaks at @text; *@breaks: how many of the latter. */
static size_t skip_blanks(const char *text, int *breaks)
{
	size_t n = 0;

	for (*breaks = 0; is_blank(text[n]); n++)
		*breaks += text[n] == '\n';
	return n;
}

void ecap_roff_fill(FILE *out, const char *text, const char *part)
{
	size_t column = 0; /* 0: nothing yet */
	int breaks;

	for (text += skip_blanks(text, &breaks); *text; text += skip_blanks(text, &breaks)) {
		size_t n = strcspn(text, " \t\n\v\f\r");
		size_t size = source_size(text, n);
		int goes_on = column && breaks < 2 && column + size <= LINE;

		if (column && breaks > 1)
			fprintf(out, "\n%s", part);
		if (column)
			fputc(goes_on ? ' ' : '\n', out);
		if (!goes_on) {
			put_line_start(out, text);
			column = 0;
		}
		put_text(out, text, n);
		column += size + 1;
		text += n;
	}
	if (column)
		fputc('\n', out);
}

/* Columns that every line but empty ones begins with in blanks; a tab is one column here. */
static size_t common_indent(const char *text)
{
	size_t least = SIZE_MAX;

	while (*text) {
		size_t indent = strspn(text, " \t"), n = strcspn(text, "\n");

		if (indent < n && indent < least)
			least = indent;
		text += n + (text[n] == '\n');
	}
	return least == SIZE_MAX ? 0 : least;
}

void ecap_roff_literal(FILE *out, const char *text)
{
	size_t indent = common_indent(text);

	while (*text) {
		size_t n = strcspn(text, "\n"), skip = indent < n ? indent : n;

		put_line_start(out, text + skip);
		put_text(out, text + skip, n - skip);
		fputc('\n', out);
		text += n + (text[n] == '\n');
	}
}
