/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a new module, from the template of the SDK: its files with another name in
 * them, and in their names.
 */
#ifndef ECAPTURE_CORE_PROJECT_H
#define ECAPTURE_CORE_PROJECT_H

#include <stdint.h>

/* The name that the module of the template has. */
#define ECAP_PROJECT_TEMPLATE "mymodule"

/* What was made. */
struct ecap_project {
	char **files; /* paths, in the order of their names */
	uint32_t n;
};

/*
 * Copies every file of @template to @directory, which is made when it is not there, and must be
 * empty when it is. Nothing is left of a project that fails.
 */
int ecap_project_make(const char *template, const char *name, const char *directory,
		      struct ecap_project *project);
void ecap_project_end(struct ecap_project *project);

#endif
