/* SPDX-License-Identifier: Apache-2.0 */
/* Values back as text: as a user would type them. */
#include <string.h>

#include "err.h"
#include "option_text.h"
#include "options_internal.h"
#include "util.h"

static void print_text(FILE *out, const struct ecap_option *row, const void *member)
{
	const char *text = *(const char *const *)member;

	(void)row;
	fputs(text ? text : "", out);
}

static void print_list(FILE *out, const struct ecap_option *row, const void *member)
{
	const char *const *list = *(const char *const *const *)member;

	(void)row;
	for (uint32_t i = 0; list && list[i]; i++)
		fprintf(out, "%s%s", i ? ", " : "", list[i]);
}

static void print_bool(FILE *out, const struct ecap_option *row, const void *member)
{
	(void)row;
	fputs(*(const uint8_t *)member ? "yes" : "no", out);
}

static void print_enum(FILE *out, const struct ecap_option *row, const void *member)
{
	const char *choice = row->choices;

	for (uint32_t n = *(const uint32_t *)member; n; n--)
		choice += strcspn(choice, "|") + 1;
	fprintf(out, "%.*s", (int)strcspn(choice, "|"), choice);
}

static void print_u32(FILE *out, const struct ecap_option *row, const void *member)
{
	fputs(ecap_value_format(row, *(const uint32_t *)member).s, out);
}

static void print_u64(FILE *out, const struct ecap_option *row, const void *member)
{
	fputs(ecap_value_format(row, *(const uint64_t *)member).s, out);
}

static void (*const printers[])(FILE *out, const struct ecap_option *row, const void *member) = {
	[ECAP_OPT_BOOL] = print_bool,	[ECAP_OPT_U32] = print_u32,
	[ECAP_OPT_U64] = print_u64,	[ECAP_OPT_SIZE] = print_u64,
	[ECAP_OPT_DURATION] = print_u64, [ECAP_OPT_STRING] = print_text,
	[ECAP_OPT_PATH] = print_text,	[ECAP_OPT_ENUM] = print_enum,
	[ECAP_OPT_IFNAME] = print_text,	[ECAP_OPT_REST] = print_text,
	[ECAP_OPT_LIST] = print_list,
};

static char *end_text(FILE *out, char **text)
{
	if (out && !fclose(out))
		return *text;
	free(*text);
	ecap_err(-ENOMEM, "out of memory");
	return NULL;
}

char *ecap_option_value(struct ecap_options *options, const struct ecap_option *row)
{
	const unsigned char *config = ecap_options_config(options);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out && row->flags & ECAP_OPT_SECRET)
		fputs("(secret)", out);
	else if (out)
		printers[row->type](out, row, config + row->offset);
	return end_text(out, &text);
}

static void print_line(FILE *out, const struct ecap_option *row, const void *member)
{
	fprintf(out, "%s = ", row->name);
	printers[row->type](out, row, member);
	fputc('\n', out);
}

/* Each word of a list has a line of its own. */
static void print_lines(FILE *out, const struct ecap_option *row, const void *member)
{
	for (const char *const *word = *(const char *const *const *)member; *word; word++)
		fprintf(out, "%s = %s\n", row->name, *word);
}

char *ecap_options_given(struct ecap_options *options)
{
	const unsigned char *config = ecap_options_config(options);
	char *text = NULL;
	size_t size;
	uint32_t n;
	const struct ecap_option *row = ecap_options_rows(options, &n);
	FILE *out = open_memstream(&text, &size);

	for (; out && n; n--, row++)
		if (!(row->flags & ECAP_OPT_SECRET) &&
		    ecap_options_origin(options, row).kind != ECAP_FROM_DEFAULT)
			(row->type == ECAP_OPT_LIST ? print_lines : print_line)
				(out, row, config + row->offset);
	return end_text(out, &text);
}
