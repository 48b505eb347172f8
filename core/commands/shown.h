/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands print of module files: their texts may be anybody's, so nothing in them reaches
 * the terminal that would act on it, be it in text or in JSON. [main]
 */
#ifndef ECAPTURE_CORE_COMMANDS_SHOWN_H
#define ECAPTURE_CORE_COMMANDS_SHOWN_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* The text on one line, \xNN for what acts on a terminal; freed by the caller. NULL: no memory. */
char *ecap_shown_line(const char *text);

/* Prints a text of several lines, each behind @indent blanks, and ends the last. */
void ecap_shown_lines(FILE *out, const char *text, uint32_t indent);

/* The text as a JSON string, U+FFFD for what is not UTF-8, and for DEL; JSON's null when there is no text. */
json_t *ecap_shown_json(const char *text);

/* Prints the value on standard output, and frees it. */
int ecap_shown_print_json(json_t *value);

/* At the end of a command: whether all of it could be written. */
int ecap_shown_end(void);

/* Rows of cells, each column as wide as its widest cell; one without any cell is left out. */
struct ecap_columns;

/* @headings: @n of them, kept by the caller; NULL: none are printed. */
struct ecap_columns *ecap_columns_new(const char *const *headings, uint32_t n);
void ecap_columns_free(struct ecap_columns *columns);

/* Adds a row of as many cells as there are columns; NULL or "": shown as "-". */
void ecap_columns_add(struct ecap_columns *columns, const char *const *cells);
/* Adds a line that stands below the last row by itself. */
void ecap_columns_note(struct ecap_columns *columns, const char *text);

/* Returns -ENOMEM when memory ran out at any time. */
int ecap_columns_print(const struct ecap_columns *columns, FILE *out, uint32_t indent);

#endif
