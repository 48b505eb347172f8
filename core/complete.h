/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in place of a word of a command line, for the completion of shells. */
#ifndef ECAPTURE_CORE_COMPLETE_H
#define ECAPTURE_CORE_COMPLETE_H

#include <stdio.h>

#include "commands/command.h"

/*
 * Prints "words", "files" or "directories" (of the file system, beside the words), then a line
 * "WORD<tab>what it is" for each word that begins with @current. Of a flag "--name=value" it is
 * the value alone.
 * @line: with the words before @current as its arguments, and not parsed otherwise.
 * -ENOMEM; what is not known has no words.
 */
int ecap_complete(FILE *out, struct ecap_command_line *line, const char *current);

#endif
