/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules list: every module file that was found, and whether it can be used. */
#include <jansson.h>
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "render.h"
#include "util.h"

static const char *state_of(const struct ecap_catalog_entry *entry)
{
	return entry->error ? "refused" : entry->shadowed_by ? "shadowed" : "usable";
}

/* Why it is not used, or NULL. */
static const char *reason_of(const struct ecap_catalog_entry *entry)
{
	if (entry->error)
		return entry->error;
	return entry->shadowed_by ? entry->shadowed_by->path : NULL;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_text(const struct ecap_catalog *catalog)
{
	printf("%-10s %-10s %-9s %-9s %s\n", "COMMAND", "MODULE", "VERSION", "STATE", "FILE");
	for (uint32_t i = 0; i < catalog->n; i++) {
		const struct ecap_catalog_entry *entry = catalog->entries[i];
		const struct ecap_module *m = entry->desc ? &entry->desc->module : NULL;

		printf("%-10s %-10s %-9s %-9s %s\n", m ? m->command : "-", m ? m->name : "-",
		       m ? or_dash(m->version) : "-", state_of(entry), entry->path);
		if (entry->error)
			printf("    %s\n", entry->error);
		else if (entry->shadowed_by)
			printf("    the module of that name in %s is used\n",
			       entry->shadowed_by->path);
	}
}

static int print_json(const struct ecap_catalog *catalog)
{
	json_t *list = json_array();
	int err;

	for (uint32_t i = 0; i < catalog->n; i++) {
		const struct ecap_catalog_entry *entry = catalog->entries[i];
		const struct ecap_module *m = entry->desc ? &entry->desc->module : NULL;
		json_t *row = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "file",
					entry->path, "state", state_of(entry), "command",
					m ? m->command : NULL, "name", m ? m->name : NULL,
					"version", m ? m->version : NULL, "license",
					m ? m->license : NULL, "reason", reason_of(entry));

		json_array_append_new(list, row);
	}
	err = json_dumpf(list, stdout, JSON_INDENT(2));
	json_decref(list);
	putchar('\n');
	return err ? ecap_err(-EIO, "standard output cannot be written") : 0;
}

static int list(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);

	(void)config;
	if (common->output != ECAP_FORMAT_JSON)
		print_text(line->catalog);
	else if (print_json(line->catalog))
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	return 0;
}

const struct ecap_command ecap_modules_list = {
	.name = "list", .summary = "every module file found, and why one cannot be used",
	.run = list,
};
