/* SPDX-License-Identifier: Apache-2.0 */
/* What an option row says, in words: the same in help, man page, sample file and completion. */
#ifndef ECAPTURE_CORE_OPTION_TEXT_H
#define ECAPTURE_CORE_OPTION_TEXT_H

#include "options.h"

/* What stands for the value: the row's name for it, its choices where they are short, or its type. */
const char *ecap_option_metavar(const struct ecap_option *row);

/*
 * The help, and in parentheses choices, range, default and so on. @all: 1 to say also what goes
 * without saying beside a flag: choices that the metavar names, a switch that is off. To be freed;
 * NULL when out of memory.
 */
char *ecap_option_text(const struct ecap_option *row, int all);

/*
 * The value that the row has, as the user would type it, several of a list with commas; of a secret
 * only that there is one. To be freed; NULL when out of memory.
 */
char *ecap_option_value(struct ecap_options *options, const struct ecap_option *row);

/*
 * The rows of table @t that users are told of, those of a group together: not the hidden ones, nor
 * those whose name a table before @t has taken. To be freed; NULL when out of memory.
 */
const struct ecap_option **ecap_option_order(struct ecap_options *const *tables, uint32_t t,
					     uint32_t *n);
/* 1 when the rows stand under one heading. */
int ecap_option_same_group(const struct ecap_option *a, const struct ecap_option *b);
/* The letter of the short flag of a row of table @t; 0: none, or a table before @t has taken it. */
char ecap_option_letter(struct ecap_options *const *tables, uint32_t t,
			const struct ecap_option *row);

#endif
