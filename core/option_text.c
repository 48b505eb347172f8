/* SPDX-License-Identifier: Apache-2.0 */
/* What an option row says, in words. */
#include "option_text.h"

#include <string.h>

#include "options_internal.h"
#include "util.h"

/* Choices stand in the place of the value when the row has no name for it and they are short. */
static int choices_as_metavar(const struct ecap_option *row)
{
	return row->type == ECAP_OPT_ENUM && !row->metavar && strlen(row->choices) <= 24;
}

const char *ecap_option_metavar(const struct ecap_option *row)
{
	if (row->metavar)
		return row->metavar;
	return choices_as_metavar(row) ? row->choices : ecap_value_metavar(row->type);
}

/* What a row without a default has: its member is zero then. NULL: that is no value of it. */
static const char *zero_of(const struct ecap_option *row)
{
	uint64_t low, high;

	if (row->type == ECAP_OPT_BOOL)
		return "no";
	if (row->type == ECAP_OPT_ENUM)
		return row->choices;
	if (!ecap_value_is_number(row->type))
		return NULL;
	ecap_value_bounds(row, &low, &high);
	return low ? NULL : "0";
}

/*
 * The default as the user would type it; NULL when there is none to show. @all: also one that
 * goes without saying, a switch that is off and numbers that are 0.
 */
static const char *default_of(const struct ecap_option *row, int all)
{
	struct ecap_value value = { 0 };

	if (row->flags & ECAP_OPT_SECRET)
		return NULL;
	if (!row->def)
		return all ? zero_of(row) : NULL;
	if (!all && row->type == ECAP_OPT_BOOL &&
	    (ecap_value_parse(row, row->def, &value) || !value.number))
		return NULL;
	return *row->def ? row->def : NULL;
}

/* What the row says of its values, as " (a, b)". */
static void print_facts(FILE *out, const struct ecap_option *row, int all)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = { { ECAP_OPT_REQUIRED, "required" }, { ECAP_OPT_DEPRECATED, "deprecated" } };
	const char *before = " (", *def = default_of(row, all);

	if (row->type == ECAP_OPT_ENUM && (all || !choices_as_metavar(row))) {
		fprintf(out, "%s%s", before, row->choices);
		before = ", ";
	}
	if (ecap_value_bounded(row)) {
		uint64_t low, high;

		ecap_value_bounds(row, &low, &high);
		fprintf(out, "%s%s to %s", before, ecap_value_format(row, low).s,
			ecap_value_format(row, high).s);
		before = ", ";
	}
	if (def) {
		/* The first choice alone, where it is the list of them. */
		int n = (int)(def == row->choices ? strcspn(def, "|") : strlen(def));

		fprintf(out, "%sdefault %.*s", before, n, def);
		before = ", ";
	}
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

char *ecap_option_text(const struct ecap_option *row, int all)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(row->help ? row->help : "", out);
	print_facts(out, row, all);
	fclose(out);
	return text;
}

/* Whether a table before @t takes the flag: then this one never gets it. */
static int taken(struct ecap_options *const *tables, uint32_t t, const char *name, char letter)
{
	for (uint32_t i = 0; i < t; i++)
		if (name ? ecap_options_by_name(tables[i], name) :
			   ecap_options_by_short(tables[i], letter))
			return 1;
	return 0;
}

char ecap_option_letter(struct ecap_options *const *tables, uint32_t t,
			const struct ecap_option *row)
{
	return taken(tables, t, NULL, row->short_name) ? 0 : row->short_name;
}

int ecap_option_same_group(const struct ecap_option *a, const struct ecap_option *b)
{
	return a->group && b->group ? !strcmp(a->group, b->group) : a->group == b->group;
}

static int shown(struct ecap_options *const *tables, uint32_t t, const struct ecap_option *row)
{
	return !(row->flags & ECAP_OPT_HIDDEN) &&
	       (row->type == ECAP_OPT_REST || !taken(tables, t, row->name, 0));
}

/* Whether the list has a row of this group already. */
static int begun(const struct ecap_option **list, uint32_t n, const struct ecap_option *row)
{
	for (uint32_t i = 0; i < n; i++)
		if (ecap_option_same_group(list[i], row))
			return 1;
	return 0;
}

const struct ecap_option **ecap_option_order(struct ecap_options *const *tables, uint32_t t,
					     uint32_t *n)
{
	uint32_t n_rows, used = 0;
	const struct ecap_option *rows = ecap_options_rows(tables[t], &n_rows);
	const struct ecap_option **list = calloc(n_rows + 1u, sizeof(*list));

	for (uint32_t i = 0; list && i < n_rows; i++) {
		if (!shown(tables, t, &rows[i]) || begun(list, used, &rows[i]))
			continue;
		for (uint32_t j = i; j < n_rows; j++)
			if (shown(tables, t, &rows[j]) &&
			    ecap_option_same_group(&rows[i], &rows[j]))
				list[used++] = &rows[j];
	}
	*n = used;
	return list;
}
