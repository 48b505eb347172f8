/* SPDX-License-Identifier: Apache-2.0 */
/* What a user gave, back as text: the lines of an ini file that would say the same. */
#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "util.h"

static void print_text(FILE *out, const struct ecap_option *row, const void *member)
{
	fprintf(out, "%s = %s\n", row->name, *(const char *const *)member);
}

static void print_list(FILE *out, const struct ecap_option *row, const void *member)
{
	for (const char *const *word = *(const char *const *const *)member; *word; word++)
		print_text(out, row, word);
}

static void print_bool(FILE *out, const struct ecap_option *row, const void *member)
{
	fprintf(out, "%s = %s\n", row->name, *(const uint8_t *)member ? "yes" : "no");
}

static void print_enum(FILE *out, const struct ecap_option *row, const void *member)
{
	const char *choice = row->choices;

	for (uint32_t n = *(const uint32_t *)member; n; n--)
		choice += strcspn(choice, "|") + 1;
	fprintf(out, "%s = %.*s\n", row->name, (int)strcspn(choice, "|"), choice);
}

static void print_u32(FILE *out, const struct ecap_option *row, const void *member)
{
	fprintf(out, "%s = %s\n", row->name,
		ecap_value_format(row, *(const uint32_t *)member).s);
}

static void print_u64(FILE *out, const struct ecap_option *row, const void *member)
{
	fprintf(out, "%s = %s\n", row->name,
		ecap_value_format(row, *(const uint64_t *)member).s);
}

static void (*const printers[])(FILE *out, const struct ecap_option *row, const void *member) = {
	[ECAP_OPT_BOOL] = print_bool,	[ECAP_OPT_U32] = print_u32,
	[ECAP_OPT_U64] = print_u64,	[ECAP_OPT_SIZE] = print_u64,
	[ECAP_OPT_DURATION] = print_u64, [ECAP_OPT_STRING] = print_text,
	[ECAP_OPT_PATH] = print_text,	[ECAP_OPT_ENUM] = print_enum,
	[ECAP_OPT_IFNAME] = print_text,	[ECAP_OPT_REST] = print_text,
	[ECAP_OPT_LIST] = print_list,
};

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
			printers[row->type](out, row, config + row->offset);
	if (!out || fclose(out)) {
		free(text);
		ecap_err(-ENOMEM, "out of memory");
		return NULL;
	}
	return text;
}
