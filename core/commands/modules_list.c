/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules list: every module file that was found, and whether it can be used. */
#include <string.h>

#include "commands/command.h"
#include "commands/shown.h"
#include "err.h"
#include "render.h"
#include "util.h"

struct list_config {
	uint8_t json;
};

static const char *state_of(const struct ecap_catalog_entry *entry)
{
	return entry->error ? "refused" : entry->shadowed_by ? "shadowed" : "usable";
}

/* What is known of the module, or NULL. */
static const struct ecap_module *module_of(const struct ecap_catalog_entry *entry)
{
	const struct ecap_desc *desc = entry->desc ? entry->desc : entry->seen;

	return desc ? &desc->module : NULL;
}

/* Why it is not used, freed by the caller; NULL when it is. */
static char *reason_of(const struct ecap_catalog_entry *entry)
{
	char *text = NULL;

	if (entry->error)
		return strdup(entry->error);
	if (entry->shadowed_by &&
	    asprintf(&text, "two modules are named \"%s\": %s (used) and %s",
		     entry->desc->module.name, entry->shadowed_by->path, entry->path) < 0)
		return NULL;
	return text;
}

/* The file's name in the directory; the whole path when that leads out of it. */
static const char *file_in_dir(const struct ecap_catalog_entry *entry)
{
	size_t n = strlen(entry->dir);

	while (n > 1 && entry->dir[n - 1] == '/')
		n--;
	if (!strncmp(entry->path, entry->dir, n) && entry->path[n] == '/' &&
	    !strchr(entry->path + n + 1, '/'))
		return entry->path + n + 1;
	return entry->path;
}

static void add_row(struct ecap_columns *columns, const struct ecap_catalog_entry *entry)
{
	static const struct ecap_module unknown;
	const struct ecap_module *m = module_of(entry), *known = m ? m : &unknown;
	char built[24] = "", needs[24] = "";
	_cleanup_free_ char *reason = reason_of(entry);

	if (m) {
		snprintf(built, sizeof(built), "%u.%u", m->abi_major, m->abi_minor);
		snprintf(needs, sizeof(needs), "%u.%u", m->abi_major, m->abi_target);
	}
	const char *const cells[] = {
		known->command, known->name, known->version, built, needs, known->license,
		state_of(entry), entry->dir, file_in_dir(entry),
	};

	ecap_columns_add(columns, cells);
	if (reason)
		ecap_columns_note(columns, reason);
}

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static int print_text(const struct ecap_catalog *catalog)
{
	static const char *const headings[] = {
		"COMMAND", "MODULE", "VERSION", "ABI", "NEEDS", "LICENCE", "STATE", "DIRECTORY",
		"FILE",
	};
	_cleanup_(columns_freep) struct ecap_columns *columns =
		ecap_columns_new(headings, ARRAY_SIZE(headings));

	for (uint32_t i = 0; i < catalog->n; i++)
		add_row(columns, catalog->entries[i]);
	for (uint32_t i = 0; !catalog->n && i < catalog->n_dirs; i++) {
		_cleanup_free_ char *dir = ecap_shown_line(catalog->dirs[i]);

		printf("no module file in %s\n", dir ? dir : "");
	}
	int err = ecap_columns_print(columns, stdout, 0);

	return err ? err : ecap_shown_end();
}

static json_t *version_json(const struct ecap_module *module, uint16_t minor)
{
	char text[24];

	snprintf(text, sizeof(text), "%u.%u", module->abi_major, minor);
	return json_string(text);
}

static json_t *entry_json(const struct ecap_catalog_entry *entry)
{
	const struct ecap_module *m = module_of(entry);
	_cleanup_free_ char *reason = reason_of(entry);
	json_t *row = json_pack("{s:o, s:o, s:s}", "file", ecap_shown_json(entry->path),
				"directory", ecap_shown_json(entry->dir), "state", state_of(entry));

	if (m) {
		json_object_set_new(row, "command", ecap_shown_json(m->command));
		json_object_set_new(row, "name", ecap_shown_json(m->name));
		json_object_set_new(row, "version", ecap_shown_json(m->version));
		json_object_set_new(row, "abi", version_json(m, m->abi_minor));
		json_object_set_new(row, "abi_needed", version_json(m, m->abi_target));
		json_object_set_new(row, "license", ecap_shown_json(m->license));
	}
	if (reason)
		json_object_set_new(row, "reason", ecap_shown_json(reason));
	return row;
}

static int print_json(const struct ecap_catalog *catalog)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < catalog->n; i++)
		json_array_append_new(list, entry_json(catalog->entries[i]));
	return ecap_shown_print_json(list);
}

static int list(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);
	const struct list_config *own = config;
	int err = own->json || common->output == ECAP_FORMAT_JSON ? print_json(line->catalog)
								  : print_text(line->catalog);

	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct list_config, json, ECAP_OPT_BOOL, "json", .help = "as --output json"),
};

const struct ecap_command ecap_modules_list = {
	.name = "list", .summary = "every module file found, and why one cannot be used",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct list_config),
	.run = list,
};
