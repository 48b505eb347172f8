/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules that there are: every *.so of the plugin directories, read but not run. Among
 * two modules of one name the first directory wins; a file that cannot be used stays in the
 * list with the reason, for who asks for it by name.
 */
#include <dirent.h>
#include <string.h>

#include "catalog_private.h"
#include "err.h"
#include "module_checks.h"
#include "util.h"

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

int ecap_catalog_no_memory(void)
{
	return ecap_err(-ENOMEM, "out of memory for the list of modules");
}

struct ecap_catalog_entry *ecap_catalog_add(struct ecap_catalog *catalog, const char *path)
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
		return ecap_catalog_no_memory();
	snprintf(given, size, "%s/%s", dir, name);
	_cleanup_free_ char *path = realpath(given, NULL);
	int err = 0;

	if (!path)
		err = ecap_err(-errno, "%s: cannot open it: %s", given, strerror(errno));
	else if (is_listed(catalog, path))
		return 0;

	struct ecap_catalog_entry *entry = ecap_catalog_add(catalog, path ? path : given);

	if (!entry)
		return ecap_catalog_no_memory();
	entry->dir = dir;
	if (!err)
		err = read_entry(catalog, entry);
	if (!err)
		return 0;
	entry->error = strdup(ecap_err_text());
	return entry->error ? 0 : ecap_catalog_no_memory();
}

static int is_module_file(const struct dirent *file)
{
	return file->d_name[0] != '.' && ecap_catalog_has_suffix(file->d_name);
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
		return ecap_catalog_no_memory();
	catalog->dirs = dirs;
	dirs[catalog->n_dirs] = strdup(name);
	if (!dirs[catalog->n_dirs])
		return ecap_catalog_no_memory();
	return scan_dir(catalog, dirs[catalog->n_dirs++], given);
}

int ecap_catalog_scan(const char *const *dirs, uint32_t n_dirs, int dirs_given,
		      int (*is_reserved)(const char *word), struct ecap_catalog **catalog)
{
	_cleanup_(catalog_freep) struct ecap_catalog *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_catalog_no_memory();
	made->is_reserved = is_reserved;
	for (uint32_t i = 0; i < n_dirs; i++) {
		int err = add_dir(made, dirs[i], dirs_given);

		if (err)
			return err;
	}
	*catalog = TAKE_PTR(made);
	return 0;
}
