/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as roff source: whatever it holds is shown as it stands and read as no request. Only
 * what groff and mandoc both know is used (groff_char(7), mandoc_char(7)).
 */
#ifndef ECAPTURE_CORE_ROFF_H
#define ECAPTURE_CORE_ROFF_H

#include <stdio.h>

/* Text within a line, or within the quotes of a macro's argument: line breaks become blanks. */
void ecap_roff_text(FILE *out, const char *text);

/* Lines to be filled. Blank lines part paragraphs, with the request @part (".PP") between them. */
void ecap_roff_fill(FILE *out, const char *text, const char *part);

/* Lines as they stand, less what all of them are indented by. */
void ecap_roff_literal(FILE *out, const char *text);

#endif
