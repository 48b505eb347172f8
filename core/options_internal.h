/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the option engine share and nobody else needs: values by type, and words
 * of the user in messages.
 */
#ifndef ECAPTURE_CORE_OPTIONS_INTERNAL_H
#define ECAPTURE_CORE_OPTIONS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* For the core's own rows: a descriptor with an unknown flag is refused. */
#define ECAP_OPT_NO_FILE (1u << 31) /* refused in a file */
#define ECAP_OPT_PROGRAM (1u << 30) /* concerns the whole program: refused in a module's section */

/* A parsed value: one of the two members, by the type of the row. */
struct ecap_value {
	uint64_t number; /* numbers, BOOL, the index of an ENUM */
	char *text;      /* words; whoever holds the value frees it */
};

/* Size of the config member that a type fills, or 0 when there is no such type. */
size_t ecap_value_size(uint16_t type);
/* What help calls a value whose row does not say. */
const char *ecap_value_metavar(uint16_t type);
int ecap_value_is_number(uint16_t type);
/* True when the row is a number with bounds. */
int ecap_value_bounded(const struct ecap_option *row);
/* The least and the largest number of the row, its own or that of its type. */
void ecap_value_bounds(const struct ecap_option *row, uint64_t *low, uint64_t *high);
/*
 * The i-th unit that may stand behind a number, and what it stands for; the first is "", for a
 * number alone. NULL behind the last.
 */
const char *ecap_value_unit(uint16_t type, uint32_t i, uint64_t *factor);

/* -EINVAL and so on with the reason; the caller puts the place before it. */
int ecap_value_parse(const struct ecap_option *row, const char *text, struct ecap_value *value);
/* Puts a number or a word that somebody keeps into the member at @member. */
void ecap_value_store(const struct ecap_option *row, const struct ecap_value *value, void *member);
/* Puts where the row's value came from before the error text; returns @err. */
int ecap_options_refuse(const struct ecap_options *options, const struct ecap_option *row, int err);
/* Whether the file of a MUST_EXIST path is there. */
int ecap_value_exists(const char *path);

/* A number as the user would type it ("64K", "10ms"), or any short text. */
struct ecap_shown {
	char s[80];
};
struct ecap_shown ecap_value_format(const struct ecap_option *row, uint64_t number);

/* Words of the user for a message: cut when long, control characters as '?', in @quote or 0. */
struct ecap_shown ecap_show(const char *text, char quote);

/* A new text of the three, or NULL with an error text. */
char *ecap_join(const char *a, const char *b, const char *c);

/*
 * The name nearest to @word among the tables' options that help shows, with @more (or NULL);
 * NULL when none is near. @positional: whether ECAP_OPT_REST rows count.
 */
const char *ecap_nearest_option(const char *word, struct ecap_options *const *tables,
				uint32_t n_tables, int positional, const char *more);

#endif
