/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules that there are: every *.so of the plugin directories, read but not run. Among
 * two modules of one name the first directory wins; a file that cannot be used stays in the
 * list with the reason, for who asks for it by name.
 */
#include "loader.h"

#include <dirent.h>
#include <string.h>

#include "err.h"
#include "module_checks.h"
#include "options.h"
#include "util.h"

#define SUFFIX ".so"

static void catalog_freep(struct ecap_catalog **catalog)
{
	ecap_catalog_free(*catalog);
}

static void entry_free(struct ecap_catalog_entry *entry)
{
	free(entry->path);
	ecap_desc_free(entry->desc);
	ecap_desc_free(entry->seen);
	free(entry->error);
	free(entry);
}

void ecap_catalog_free(struct ecap_catalog *catalog)
{
	if (!catalog)
		return;
	for (uint32_t i = 0; i < catalog->n; i++)
		entry_free(catalog->entries[i]);
	for (uint32_t i = 0; i < catalog->n_dirs; i++)
		free(catalog->dirs[i]);
	free(catalog->dirs);
	free(catalog->entries);
	free(catalog);
}

static int no_memory(void)
{
	return ecap_err(-ENOMEM, "out of memory for the list of modules");
}

/* Appends an entry for @path; NULL when there is no memory. */
static struct ecap_catalog_entry *add_entry(struct ecap_catalog *catalog, const char *path)
{
	struct ecap_catalog_entry **entries = reallocarray(catalog->entries, catalog->n + 1,
							   sizeof(*entries));

	if (!entries)
		return NULL;
	catalog->entries = entries;
	struct ecap_catalog_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entries[catalog->n++] = entry;
	entry->path = strdup(path);
	return entry->path ? entry : NULL;
}

/*
 * The i-th word by which a module can be called: command, name, aliases.
 * Returns NULL behind the last.
 */
static const char *word_at(const struct ecap_module *module, uint32_t i, size_t *len)
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

static int has_word(const struct ecap_module *module, const char *word, size_t len)
{
	size_t n;
	const char *known = word_at(module, 0, &n);

	for (uint32_t i = 0; known; known = word_at(module, ++i, &n)) {
		if (n == len && !memcmp(known, word, len))
			return 1;
	}
	return 0;
}

static int is_usable(const struct ecap_catalog_entry *entry)
{
	return entry->desc && !entry->shadowed_by && !entry->read_only;
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

		if (is_usable(other) && strcmp(other->path, path) &&
		    has_word(&other->desc->module, word, len))
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

		if (is_usable(other) && strcmp(other->path, path) &&
		    !strcmp(other->desc->module.name, module->name)) {
			*same_name = other;
			return 0;
		}
	}
	const char *word = word_at(module, 0, &len);

	for (uint32_t w = 0; word; word = word_at(module, ++w, &len)) {
		int err = check_word(catalog, path, word, len);

		if (err)
			return err;
	}
	return 0;
}

static void ignore(void *arg, enum ecap_check check, int result)
{
	(void)arg, (void)check, (void)result;
}

static int is_listed(const struct ecap_catalog *catalog, const char *path)
{
	for (uint32_t i = 0; i < catalog->n; i++) {
		if (!strcmp(catalog->entries[i]->path, path))
			return 1;
	}
	return 0;
}

/* Fills the entry by what the checks say of its file. */
static int read_entry(const struct ecap_catalog *catalog, struct ecap_catalog_entry *entry)
{
	static const struct ecap_check_report go_on = { .tell = ignore };
	struct ecap_module_file file = {
		.path = entry->path, .fd = -1, .host = { .catalog = catalog },
	};
	int err = ecap_module_checks(&file, ECAP_CHECK_FILE, ECAP_CHECK_WORDS, &go_on);

	*(err ? &entry->seen : &entry->desc) = ecap_module_file_desc(&file);
	entry->shadowed_by = file.same_name;
	ecap_module_file_end(&file);
	return err;
}

static int scan_file(struct ecap_catalog *catalog, const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	_cleanup_free_ char *given = malloc(size);

	if (!given)
		return no_memory();
	snprintf(given, size, "%s/%s", dir, name);
	_cleanup_free_ char *path = realpath(given, NULL);
	int err = 0;

	if (!path)
		err = ecap_err(-errno, "%s: cannot open it: %s", given, strerror(errno));
	else if (is_listed(catalog, path))
		return 0;

	struct ecap_catalog_entry *entry = add_entry(catalog, path ? path : given);

	if (!entry)
		return no_memory();
	entry->dir = dir;
	if (!err)
		err = read_entry(catalog, entry);
	if (!err)
		return 0;
	entry->error = strdup(ecap_err_text());
	return entry->error ? 0 : no_memory();
}

static int is_module_file(const struct dirent *file)
{
	size_t len = strlen(file->d_name);

	return file->d_name[0] != '.' && len > strlen(SUFFIX) &&
	       !strcmp(file->d_name + len - strlen(SUFFIX), SUFFIX);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int scan_dir(struct ecap_catalog *catalog, const char *dir, int given)
{
	struct dirent **files;
	int n = scandir(dir, &files, is_module_file, by_name), err = 0;

	if (n < 0) {
		if (errno == ENOENT && !given)
			return 0;
		return ecap_err(-errno, "plugin directory %s: %s", dir, strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		if (!err)
			err = scan_file(catalog, dir, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return err;
}

/* Keeps the directory's name and reads it. */
static int add_dir(struct ecap_catalog *catalog, const char *name, int given)
{
	char **dirs = reallocarray(catalog->dirs, catalog->n_dirs + 1, sizeof(*dirs));

	if (!dirs)
		return no_memory();
	catalog->dirs = dirs;
	dirs[catalog->n_dirs] = strdup(name);
	if (!dirs[catalog->n_dirs])
		return no_memory();
	return scan_dir(catalog, dirs[catalog->n_dirs++], given);
}

int ecap_catalog_scan(const char *const *dirs, uint32_t n_dirs, int dirs_given,
		      int (*is_reserved)(const char *word), struct ecap_catalog **catalog)
{
	_cleanup_(catalog_freep) struct ecap_catalog *made = calloc(1, sizeof(*made));

	if (!made)
		return no_memory();
	made->is_reserved = is_reserved;
	for (uint32_t i = 0; i < n_dirs; i++) {
		int err = add_dir(made, dirs[i], dirs_given);

		if (err)
			return err;
	}
	*catalog = TAKE_PTR(made);
	return 0;
}

static struct ecap_catalog_entry *find_exact(const struct ecap_catalog *catalog, const char *word)
{
	for (uint32_t i = 0; i < catalog->n; i++) {
		struct ecap_catalog_entry *entry = catalog->entries[i];

		if (is_usable(entry) && has_word(&entry->desc->module, word, strlen(word)))
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
		if (strlen(name) == strlen(word) + strlen(SUFFIX) &&
		    !strncmp(name, word, strlen(word)))
			return entry;
		if (entry->seen && has_word(&entry->seen->module, word, strlen(word)))
			return entry;
	}
	return NULL;
}

/* The first of the entry's words that @word is the beginning of, or NULL. */
static const char *word_from(const struct ecap_catalog_entry *entry, const char *word, size_t *len)
{
	const struct ecap_module *module = &entry->desc->module;
	const char *known = word_at(module, 0, len);

	for (uint32_t i = 0; known; known = word_at(module, ++i, len)) {
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
		const char *known = is_usable(entry) ? word_from(entry, word, &len) : NULL;

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

		if (!is_usable(catalog->entries[i]))
			continue;
		const char *word = word_at(&desc->module, 0, &len);

		for (uint32_t w = 0; word; word = word_at(&desc->module, ++w, &len)) {
			char **more = reallocarray(made, n + 2, sizeof(*more));

			if (!more)
				return no_memory();
			made = more;
			made[n + 1] = NULL;
			made[n] = strndup(word, len);
			if (!made[n++])
				return no_memory();
		}
	}
	if (!made)
		return no_memory();
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
	size_t len = strlen(word);

	return strchr(word, '/') ||
	       (len > strlen(SUFFIX) && !strcmp(word + len - strlen(SUFFIX), SUFFIX));
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
	return *path ? 0 : no_memory();
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
	struct ecap_catalog_entry *made = add_entry(catalog, path);

	if (!made)
		return no_memory();
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
