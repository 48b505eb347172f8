/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages, in man(7), from the tables of options and commands and from a module's descriptor. */
#ifndef ECAPTURE_CORE_MAN_H
#define ECAPTURE_CORE_MAN_H

#include <stdio.h>

#include <ecapture/module.h>

#include "commands/command.h"

/* ecapture-COMMAND(1). @own: the module's options. @date: YYYY-MM-DD. */
void ecap_man_module(FILE *out, const struct ecap_module *module, struct ecap_options *own,
		     struct ecap_options *common, const char *date);

/* ecapture(1). -ENOMEM, with the page cut short. */
int ecap_man_program(FILE *out, const struct ecap_command *commands, uint32_t n,
		     struct ecap_options *common, const char *date);

/* Parts that both have. */
void ecap_man_head(FILE *out, const char *title, const char *source, const char *date);
void ecap_man_prose(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ecap_man_options(FILE *out, struct ecap_options *table, const char *group_request);
void ecap_man_exit_status(FILE *out);

#endif
