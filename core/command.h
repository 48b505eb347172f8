/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: what main() dispatches to, and what they share. */
#ifndef ECAPTURE_CORE_COMMAND_H
#define ECAPTURE_CORE_COMMAND_H

#include <stdint.h>

#include "common_options.h"
#include "loader.h"
#include "options.h"

/* Exit codes of the program. */
#define ECAP_EXIT_FAILURE 1 /* it could not do what was asked */
#define ECAP_EXIT_USAGE   2 /* what was asked makes no sense */

/* What the command line says before the word of the command is looked at. */
struct ecap_command_line {
	int argc;            /* without the program's name */
	char **argv;         /* flags before the command, then what follows it */
	const char *command; /* the first word that is no flag, or NULL */
	struct ecap_options *common;
	struct ecap_catalog *catalog;
};

/* Takes the first word that is no flag, nor a flag's value, out of the arguments; NULL: none. */
const char *ecap_command_word(struct ecap_command_line *line);

/* Captures with the module. Returns the exit code. */
int ecap_command_capture(struct ecap_command_line *line, struct ecap_catalog_entry *entry);

/* ecapture modules list. Returns the exit code. */
int ecap_command_modules(struct ecap_command_line *line);

/* Prints the error text that is kept as one line of the log; returns @exit_code. */
int ecap_command_fail(const char *component, int exit_code);

#endif
