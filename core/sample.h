/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample ini file from option tables: every option stands in it, commented out, with its
 * default or, where there is none to show, a value that is valid. What are words are comments
 * with "#", options are commented out with ";": without the latter the file is still valid.
 */
#ifndef ECAPTURE_CORE_SAMPLE_H
#define ECAPTURE_CORE_SAMPLE_H

#include <stdio.h>

#include "options.h"

/* Words of the program or a module as comment lines; blank lines part paragraphs. */
void ecap_sample_comment(FILE *out, const char *text);

/* The options of table @t that a file can name, group by group; see ecap_option_order(). */
void ecap_sample_rows(FILE *out, struct ecap_options *const *tables, uint32_t t);

#endif
