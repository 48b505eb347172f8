/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ini file asks for: the modules that it enables, each with its options. "ecapture run"
 * carries it out, "ecapture config check" only shows it. [main]
 */
#ifndef ECAPTURE_CORE_COMMANDS_PLAN_H
#define ECAPTURE_CORE_COMMANDS_PLAN_H

#include "commands/command.h"

/* A module that has a section in the file. */
struct ecap_planned {
	struct ecap_catalog_entry *entry;
	char *name;                   /* of the section */
	uint32_t line;                /* where it begins */
	struct ecap_options *section; /* struct ecap_section_config */
	struct ecap_options *own;     /* the module's options; NULL: it cannot be used */
	struct ecap_named_set *named; /* its named sections; NULL: it cannot be used */
	struct ecap_options *common;  /* with what [global] and the command line say */
};

struct ecap_plan {
	const char *path;
	struct ecap_planned *modules; /* in the order of the file, enabled or not */
	uint32_t n, n_enabled;
};

/*
 * Reads the file, whose @path the caller keeps as long as line->common, into that and the plan;
 * looks for modules where the file says. Every error is handed to @error (its text is ecap_err_text()), and
 * the first one returned: all can be told at once. No module and no BPF is loaded, and no right is
 * needed but to read the files.
 */
int ecap_plan_read(struct ecap_command_line *line, const char *path, void (*error)(void *arg),
		   void *arg, struct ecap_plan **plan);
void ecap_plan_free(struct ecap_plan *plan);

int ecap_planned_enabled(const struct ecap_planned *planned);

/* The file that is read when none is named. */
const char *ecap_plan_usual_path(void);

#endif
