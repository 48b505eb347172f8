/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns: all rows are kept until it is known how wide each column must be. */
#include <string.h>

#include "commands/shown.h"
#include "err.h"
#include "util.h"

#define GAP 2 /* blanks between columns */

struct row {
	char **cells; /* of a row: NULL for a cell without text */
	char *note;   /* of a line by itself */
};

struct ecap_columns {
	const char *const *headings;
	uint32_t n, n_rows;
	struct row *rows;
	int failed; /* memory has run out */
};

struct ecap_columns *ecap_columns_new(const char *const *headings, uint32_t n)
{
	struct ecap_columns *made = calloc(1, sizeof(*made));

	if (made) {
		made->headings = headings;
		made->n = n;
	}
	return made;
}

void ecap_columns_free(struct ecap_columns *columns)
{
	if (!columns)
		return;
	for (uint32_t i = 0; i < columns->n_rows; i++) {
		for (uint32_t c = 0; columns->rows[i].cells && c < columns->n; c++)
			free(columns->rows[i].cells[c]);
		free(columns->rows[i].cells);
		free(columns->rows[i].note);
	}
	free(columns->rows);
	free(columns);
}

static struct row *add_row(struct ecap_columns *columns)
{
	struct row *rows = columns ? reallocarray(columns->rows, columns->n_rows + 1,
						  sizeof(*rows)) : NULL;

	if (!rows) {
		if (columns)
			columns->failed = 1;
		return NULL;
	}
	columns->rows = rows;
	rows[columns->n_rows] = (struct row){ 0 };
	return &rows[columns->n_rows++];
}

void ecap_columns_add(struct ecap_columns *columns, const char *const *cells)
{
	struct row *row = add_row(columns);

	if (!row)
		return;
	row->cells = calloc(columns->n, sizeof(*row->cells));
	columns->failed |= !row->cells;
	for (uint32_t c = 0; row->cells && c < columns->n; c++) {
		if (!cells[c] || !*cells[c])
			continue;
		row->cells[c] = ecap_shown_line(cells[c]);
		columns->failed |= !row->cells[c];
	}
}

void ecap_columns_note(struct ecap_columns *columns, const char *text)
{
	struct row *row = add_row(columns);

	if (!row)
		return;
	row->note = ecap_shown_line(text);
	columns->failed |= !row->note;
}

/* Characters, leaving aside wide and combining ones. */
static size_t width_of(const char *text)
{
	size_t wide = 0;

	for (; *text; text++)
		wide += ((unsigned char)*text & 0xc0) != 0x80;
	return wide;
}

/* 0 for a column that no row has a cell in. */
static size_t column_width(const struct ecap_columns *columns, uint32_t c)
{
	size_t widest = 0;

	for (uint32_t i = 0; i < columns->n_rows; i++) {
		const char *cell = columns->rows[i].cells ? columns->rows[i].cells[c] : NULL;
		size_t wide = cell ? width_of(cell) : 0;

		widest = wide > widest ? wide : widest;
	}
	size_t heading = widest && columns->headings ? width_of(columns->headings[c]) : 0;

	return heading > widest ? heading : widest;
}

static void print_row(const struct ecap_columns *columns, const char *const *cells,
		      const size_t *widths, FILE *out, uint32_t indent)
{
	size_t blanks = indent;

	for (uint32_t c = 0; c < columns->n; c++) {
		const char *cell = cells[c] ? cells[c] : "-";

		if (!widths[c])
			continue;
		fprintf(out, "%*s%s", (int)blanks, "", cell);
		blanks = widths[c] - width_of(cell) + GAP;
	}
	fputc('\n', out);
}

int ecap_columns_print(const struct ecap_columns *columns, FILE *out, uint32_t indent)
{
	_cleanup_free_ size_t *widths = columns ? calloc(columns->n + 1u, sizeof(*widths)) : NULL;

	if (!widths || columns->failed)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t c = 0; c < columns->n; c++)
		widths[c] = column_width(columns, c);
	if (columns->headings && columns->n_rows)
		print_row(columns, columns->headings, widths, out, indent);
	for (uint32_t i = 0; i < columns->n_rows; i++) {
		const struct row *row = &columns->rows[i];

		if (row->note)
			fprintf(out, "%*s%s\n", (int)indent + 4, "", row->note);
		else
			print_row(columns, (const char *const *)row->cells, widths, out, indent);
	}
	return 0;
}
