/* SPDX-License-Identifier: Apache-2.0 */
/* The words of modules, by which they are called, and whether they are free. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog_private.h"
#include "err.h"

int ecap_catalog_has_suffix(const char *name)
{
	size_t len = strlen(name), n = strlen(ECAP_MODULE_SUFFIX);

	return len > n && !strcmp(name + len - n, ECAP_MODULE_SUFFIX);
}

const char *ecap_catalog_word(const struct ecap_module *module, uint32_t i, size_t *len)
{
	const char *alias = module->aliases;

	if (i < 2) {
		const char *word = i ? module->name : module->command;

		word = word ? word : ""; /* of one that is not usable */
		*len = strlen(word);
		return word;
	}
	for (i -= 2; alias && i; i--) {
		alias += strcspn(alias, ",");
		alias = *alias ? alias + 1 : NULL;
	}
	if (alias)
		*len = strcspn(alias, ",");
	return alias;
}

int ecap_catalog_has_word(const struct ecap_module *module, const char *word, size_t len)
{
	size_t n;
	const char *known = ecap_catalog_word(module, 0, &n);

	for (uint32_t i = 0; known; known = ecap_catalog_word(module, ++i, &n)) {
		if (n == len && !memcmp(known, word, len))
			return 1;
	}
	return 0;
}

/* A word of the module that is not free, as an error. */
static int check_word(const struct ecap_catalog *catalog, const char *path, const char *word,
		      size_t len)
{
	char text[64];

	/* as long as a name may be: see ecap_desc_check_names() */
	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	if (catalog->is_reserved && catalog->is_reserved(text))
		return ecap_err(-EEXIST, "refused: \"%s\" is a command of ecapture itself, and the "
				"module could not be reached by it; give the module another word",
				text);
	for (uint32_t i = 0; i < catalog->n; i++) {
		const struct ecap_catalog_entry *other = catalog->entries[i];

		if (ecap_catalog_is_usable(other) && strcmp(other->path, path) &&
		    ecap_catalog_has_word(&other->desc->module, word, len))
			return ecap_err(-EEXIST, "refused: \"%s\" already stands for module %s of "
					"%s; remove one of the files", text,
					other->desc->module.name, other->path);
	}
	return 0;
}

int ecap_catalog_check_words(const struct ecap_catalog *catalog, const char *path,
			     const struct ecap_module *module,
			     const struct ecap_catalog_entry **same_name)
{
	size_t len;

	*same_name = NULL;
	for (uint32_t i = 0; i < catalog->n; i++) {
		const struct ecap_catalog_entry *other = catalog->entries[i];

		if (ecap_catalog_is_usable(other) && strcmp(other->path, path) &&
		    !strcmp(other->desc->module.name, module->name)) {
			*same_name = other;
			return 0;
		}
	}
	const char *word = ecap_catalog_word(module, 0, &len);

	for (uint32_t w = 0; word; word = ecap_catalog_word(module, ++w, &len)) {
		int err = check_word(catalog, path, word, len);

		if (err)
			return err;
	}
	return 0;
}
