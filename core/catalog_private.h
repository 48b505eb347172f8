/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalogue share and nobody else needs. */
#ifndef ECAPTURE_CORE_CATALOG_PRIVATE_H
#define ECAPTURE_CORE_CATALOG_PRIVATE_H

#include <stddef.h>

#include "loader.h"

#define ECAP_MODULE_SUFFIX ".so"

/* Appends an entry for @path; NULL when there is no memory. */
struct ecap_catalog_entry *ecap_catalog_add(struct ecap_catalog *catalog, const char *path);

/* -ENOMEM, with the text. */
int ecap_catalog_no_memory(void);

/* Whether its module can be called by its words. */
static inline int ecap_catalog_is_usable(const struct ecap_catalog_entry *entry)
{
	return entry->desc && !entry->shadowed_by && !entry->read_only;
}

/*
 * The i-th word by which a module can be called: command, name, aliases. NULL behind the last.
 */
const char *ecap_catalog_word(const struct ecap_module *module, uint32_t i, size_t *len);
int ecap_catalog_has_word(const struct ecap_module *module, const char *word, size_t len);

/* Whether it is the name of a module's file. */
int ecap_catalog_has_suffix(const char *name);

#endif
