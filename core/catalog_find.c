/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a word of the user to a module: by command, name or alias, by the beginning of one, or by
 * the path of a file. A module that cannot be used is found too, to say why.
 */
#include <string.h>

#include "catalog_private.h"
#include "err.h"
#include "module_checks.h"
#include "options.h"
#include "util.h"

static struct ecap_catalog_entry *find_exact(const struct ecap_catalog *catalog, const char *word)
{
	for (uint32_t i = 0; i < catalog->n; i++) {
		struct ecap_catalog_entry *entry = catalog->entries[i];

		if (ecap_catalog_is_usable(entry) &&
		    ecap_catalog_has_word(&entry->desc->module, word, strlen(word)))
			return entry;
	}
	return NULL;
}

/* The unusable file whose name, without .so, is @word, or the module in which has that word. */
static struct ecap_catalog_entry *find_broken(const struct ecap_catalog *catalog, const char *word)
{
	for (uint32_t i = 0; i < catalog->n; i++) {
		struct ecap_catalog_entry *entry = catalog->entries[i];
		const char *name = strrchr(entry->path, '/');

		name = name ? name + 1 : entry->path;
		if (!entry->error || !*word)
			continue;
		if (strlen(name) == strlen(word) + strlen(ECAP_MODULE_SUFFIX) &&
		    !strncmp(name, word, strlen(word)))
			return entry;
		if (entry->seen && ecap_catalog_has_word(&entry->seen->module, word, strlen(word)))
			return entry;
	}
	return NULL;
}

/* The first of the entry's words that @word is the beginning of, or NULL. */
static const char *word_from(const struct ecap_catalog_entry *entry, const char *word, size_t *len)
{
	const struct ecap_module *module = &entry->desc->module;
	const char *known = ecap_catalog_word(module, 0, len);

	for (uint32_t i = 0; known; known = ecap_catalog_word(module, ++i, len)) {
		if (*len >= strlen(word) && !strncmp(known, word, strlen(word)))
			return known;
	}
	return NULL;
}

static int find_by_beginning(const struct ecap_catalog *catalog, const char *word,
			     struct ecap_catalog_entry **found)
{
	char candidates[512] = "";
	uint32_t n = 0;

	for (uint32_t i = 0; i < catalog->n; i++) {
		struct ecap_catalog_entry *entry = catalog->entries[i];
		size_t used = strlen(candidates), len;
		const char *known = ecap_catalog_is_usable(entry) ? word_from(entry, word, &len) : NULL;

		if (!known)
			continue;
		if (!n++)
			*found = entry;
		snprintf(candidates + used, sizeof(candidates) - used, "%s%.*s", used ? ", " : "",
			 (int)len, known);
	}
	if (n == 1)
		return 0;
	if (!n)
		return -ENOENT;
	return ecap_err(-ENOTUNIQ, "\"%s\" stands for several modules: %s; write more of one", word,
			candidates);
}

static void words_freep(char ***words)
{
	for (char **word = *words; word && *word; word++)
		free(*word);
	free(*words);
}

/* All words of the usable modules, NULL-ended. */
static int words_new(const struct ecap_catalog *catalog, char ***words)
{
	_cleanup_(words_freep) char **made = calloc(1, sizeof(*made));
	size_t n = 0;

	for (uint32_t i = 0; made && i < catalog->n; i++) {
		const struct ecap_desc *desc = catalog->entries[i]->desc;
		size_t len;

		if (!ecap_catalog_is_usable(catalog->entries[i]))
			continue;
		const char *word = ecap_catalog_word(&desc->module, 0, &len);

		for (uint32_t w = 0; word; word = ecap_catalog_word(&desc->module, ++w, &len)) {
			char **more = reallocarray(made, n + 2, sizeof(*more));

			if (!more)
				return ecap_catalog_no_memory();
			made = more;
			made[n + 1] = NULL;
			made[n] = strndup(word, len);
			if (!made[n++])
				return ecap_catalog_no_memory();
		}
	}
	if (!made)
		return ecap_catalog_no_memory();
	*words = TAKE_PTR(made);
	return 0;
}

static int not_found(const struct ecap_catalog *catalog, const char *word)
{
	_cleanup_(words_freep) char **words = NULL;
	int err = words_new(catalog, &words);

	if (err)
		return err;
	const char *nearest = ecap_nearest(word, (const char *const *)words);

	if (nearest)
		return ecap_err(-ENOENT, "no module \"%.64s\"; did you mean %s", word, nearest);
	return ecap_err(-ENOENT, "no module \"%.64s\"%s", word,
			*words ? "; see ecapture modules list" :
			"; no usable module was found, see --plugin-dir");
}

struct ecap_catalog_entry *ecap_catalog_find(struct ecap_catalog *catalog, const char *word)
{
	struct ecap_catalog_entry *entry = find_exact(catalog, word);

	if (entry)
		return entry;
	/* before beginnings: a refused "foo" must not quietly become "foo-audit" */
	const struct ecap_catalog_entry *broken = find_broken(catalog, word);

	if (broken) {
		ecap_err(-ENOEXEC, "%s", broken->error);
		return NULL;
	}
	int err = *word ? find_by_beginning(catalog, word, &entry) : -ENOENT;

	if (err == -ENOENT)
		not_found(catalog, word);
	return err ? NULL : entry;
}

int ecap_catalog_by_section(const struct ecap_catalog *catalog, const char *name,
			    struct ecap_catalog_entry **entry)
{
	struct ecap_catalog_entry *found = find_exact(catalog, name);

	if (found && strcmp(found->desc->module.command, name))
		return ecap_err(-EINVAL, "the section of this module is called [%s]",
				found->desc->module.command);
	if (!found)
		found = find_broken(catalog, name);
	if (!found)
		return -ENOENT;
	*entry = found;
	return 0;
}

static int is_file(const char *word)
{
	return strchr(word, '/') || ecap_catalog_has_suffix(word);
}

static int canonical(const char *word, char **path)
{
	*path = realpath(word, NULL);
	return *path ? 0 : ecap_err(-errno, "%s: cannot open it: %s", word, strerror(errno));
}

int ecap_catalog_locate(struct ecap_catalog *catalog, const char *word, char **path)
{
	if (is_file(word))
		return canonical(word, path);
	const struct ecap_catalog_entry *entry = find_exact(catalog, word);

	if (!entry)
		entry = find_broken(catalog, word);
	if (!entry)
		entry = ecap_catalog_find(catalog, word);
	if (!entry)
		return -ENOENT;
	*path = strdup(entry->path);
	return *path ? 0 : ecap_catalog_no_memory();
}

int ecap_catalog_read(struct ecap_catalog *catalog, const char *word,
		      struct ecap_catalog_entry **entry)
{
	if (!is_file(word)) {
		*entry = ecap_catalog_find(catalog, word);
		return *entry ? 0 : -ENOENT;
	}
	_cleanup_free_ char *path = NULL;
	int err = canonical(word, &path);

	if (err)
		return err;
	struct ecap_module_file file = { .path = path, .fd = -1 };
	struct ecap_catalog_entry *made = ecap_catalog_add(catalog, path);

	if (!made)
		return ecap_catalog_no_memory();
	made->read_only = 1;
	err = ecap_module_checks(&file, ECAP_CHECK_FILE, ECAP_CHECK_FILE, NULL);
	if (!err)
		err = ecap_module_checks(&file, ECAP_CHECK_ELF, ECAP_CHECK_LATER, NULL);
	if (!err) {
		made->desc = ecap_module_file_desc(&file);
		*entry = made;
	}
	ecap_module_file_end(&file);
	return err;
}
