/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module's named sections of an ini file, [COMMAND.WORD "NAME"], where WORD is the descriptor's
 * and each section fills a config struct of its own. [main]
 */
#ifndef ECAPTURE_CORE_NAMED_H
#define ECAPTURE_CORE_NAMED_H

#include <ecapture/module.h>

#include "options.h"

struct ecap_named_set;

/* @module, as read from its file, outlives the set. */
int ecap_named_new(const struct ecap_module *module, struct ecap_named_set **set);
/* NULL is allowed. */
void ecap_named_free(struct ecap_named_set *set);

static inline void ecap_named_freep(struct ecap_named_set **set)
{
	ecap_named_free(*set);
}

/* How long COMMAND is when @section, as it stands in the brackets, has that form; else 0. */
size_t ecap_named_command(const char *section);

/*
 * Fills *section, with the table of the section's own, when its name is one of these; the same
 * name twice is one section. @file, kept by the caller: where it is read from. Returns 1, 0 when it is no
 * named section of this module's, or a negative errno with a text.
 */
int ecap_named_section(struct ecap_named_set *set, const char *file, const char *name,
		       struct ecap_ini_section *section);

/* Required values that are missing: -EINVAL with the name. */
int ecap_named_finish(struct ecap_named_set *set);

/* As the context of a module has them; they live as long as the set. */
const struct ecap_named *const *ecap_named_list(const struct ecap_named_set *set);
/* The options of the @index-th, and how its section is called; NULL when there are fewer. */
struct ecap_options *ecap_named_options(const struct ecap_named_set *set, uint32_t index);

#endif
