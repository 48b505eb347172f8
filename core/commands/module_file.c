/* SPDX-License-Identifier: Apache-2.0 */
/* What an ini file says for one module; the sections of others are left to them. */
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "util.h"

/* Sections of the ini file, by the command of their module. */
struct sections {
	const struct ecap_catalog *catalog;
	const char *path, *own;
	struct ecap_options **tables; /* of our own one: three */
	struct ecap_named_set *named;
};

/* Whether another module has this section, or a named one that begins so. */
static int is_another(const struct sections *sections, const char *name)
{
	size_t len = ecap_named_command(name);
	_cleanup_free_ char *command = len ? strndup(name, len) : NULL;
	struct ecap_catalog_entry *entry;
	int err = ecap_catalog_by_section(sections->catalog, command ? command : name, &entry);

	return err == -ENOENT ? 0 : err ? err : 1;
}

static int section_of(void *arg, const char *name, struct ecap_ini_section *section)
{
	const struct sections *sections = arg;
	int known;

	if (!strcmp(name, "global"))
		return 1;
	if (!strcmp(name, sections->own)) {
		section->name = sections->own;
		section->kind = ECAP_FROM_SECTION;
		while (section->n_tables < ARRAY_SIZE(section->tables)) {
			section->tables[section->n_tables] = sections->tables[section->n_tables];
			section->n_tables++;
		}
		return 1;
	}
	known = ecap_named_section(sections->named, sections->path, name, section);
	return known ? known : is_another(sections, name);
}

int ecap_command_module_file(const char *path, const struct ecap_catalog *catalog,
			     struct ecap_options *own, struct ecap_options *common,
			     struct ecap_named_set *named)
{
	_cleanup_free_ const char **names = calloc(catalog->n + 2u, sizeof(*names));
	_cleanup_(ecap_options_freep) struct ecap_options *section = NULL;
	uint32_t n = 0;
	/* Whether the module is enabled concerns "run" alone. */
	int err = ecap_section_options_new(ecap_options_section(own), &section);
	struct ecap_options *tables[] = { section, own, common };
	struct sections sections = { catalog, path, ecap_options_section(own), tables, named };
	struct ecap_ini_reader reader = { .sections = names, .section = section_of,
					  .arg = &sections };

	if (!names)
		return ecap_err(-ENOMEM, "out of memory");
	if (err)
		return err;
	names[n++] = "global";
	for (uint32_t i = 0; i < catalog->n; i++)
		if (catalog->entries[i]->desc)
			names[n++] = catalog->entries[i]->desc->module.command;
	return ecap_ini_load(path, &reader);
}
