/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": the known word nearest to a mistyped one. Distance is the optimal string
 * alignment one: insert, delete, replace and swap of neighbours cost 1 each, case costs nothing.
 */
#include <ctype.h>
#include <string.h>

#include "options_internal.h"
#include "util.h"

#define LONGEST 64 /* words beyond it are near to nothing, which bounds the work */
#define FAR     UINT32_MAX

static uint32_t min2(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static uint32_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	uint32_t rows[3][LONGEST + 1]; /* the last two rows of the matrix and the one being made */

	for (uint32_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (uint32_t i = 1; i <= na; i++) {
		uint32_t *row = rows[i % 3];
		const uint32_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (uint32_t j = 1; j <= nb; j++) {
			row[j] = min2(above[j], row[j - 1]) + 1;
			row[j] = min2(row[j], above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = min2(row[j], above2[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

/* 0 is the same word; FAR is not near. A word that begins the other is just near enough. */
static uint32_t cost(const char *word, size_t n, const char *known)
{
	size_t n_known = strlen(known);
	uint32_t limit = n / 3 > 1 ? (uint32_t)n / 3 : 1;

	if (!n_known || n_known > LONGEST)
		return FAR;
	uint32_t d = distance(word, n, known, n_known);

	/* One edit makes any letter any other: that says nothing. */
	if (d <= limit && d < n)
		return d;
	if (!strncasecmp(word, known, min2((uint32_t)n, (uint32_t)n_known)))
		return limit;
	return FAR;
}

const char *ecap_nearest(const char *word, const char *const *words)
{
	size_t n = strlen(word);
	uint32_t best = FAR;
	const char *nearest = NULL;

	if (!n || n > LONGEST)
		return NULL;
	for (; *words; words++) {
		uint32_t c = cost(word, n, *words);

		if (c < best || (c == best && c != FAR && strlen(*words) < strlen(nearest))) {
			best = c;
			nearest = *words;
		}
	}
	return nearest;
}

const char *ecap_nearest_option(const char *word, struct ecap_options *const *tables,
				uint32_t n_tables, int positional, const char *more)
{
	size_t n = 0, max = 2;

	for (uint32_t t = 0; t < n_tables; t++) {
		uint32_t n_rows;

		ecap_options_rows(tables[t], &n_rows);
		max += 2 * (size_t)n_rows;
	}
	_cleanup_free_ const char **words = calloc(max, sizeof(*words));

	if (!words)
		return NULL;
	for (uint32_t t = 0; t < n_tables; t++) {
		uint32_t n_rows;
		const struct ecap_option *row = ecap_options_rows(tables[t], &n_rows);

		for (uint32_t i = 0; i < n_rows; i++, row++) {
			if (row->flags & (ECAP_OPT_HIDDEN | ECAP_OPT_DEPRECATED) ||
			    (row->type == ECAP_OPT_REST && !positional))
				continue;
			words[n++] = row->name;
			if (row->alias)
				words[n++] = row->alias;
		}
	}
	words[n] = more;
	return ecap_nearest(word, words);
}
