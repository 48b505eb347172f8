/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture MODULE: reads the module's options from all sources, and captures. */
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "log.h"
#include "util.h"

/* Sections of the ini file, by the command of their module. */
struct sections {
	const struct ecap_catalog *catalog;
	const char *own;
	struct ecap_options **tables; /* of our own one: three */
};

static int section_of(void *arg, const char *name, struct ecap_ini_section *section)
{
	const struct sections *sections = arg;
	struct ecap_catalog_entry *entry;

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
	int err = ecap_catalog_by_section(sections->catalog, name, &entry);

	return err == -ENOENT ? 0 : err ? err : 1;
}

/* Reads the file once more, now that the sections are known. */
static int load_file(const char *path, const struct ecap_catalog *catalog,
		     struct ecap_options *own, struct ecap_options *common)
{
	_cleanup_free_ const char **names = calloc(catalog->n + 2u, sizeof(*names));
	_cleanup_(ecap_options_freep) struct ecap_options *section = NULL;
	uint32_t n = 0;
	/* Whether the module is enabled concerns "run" alone. */
	int err = ecap_section_options_new(ecap_options_section(own), &section);
	struct ecap_options *tables[] = { section, own, common };
	struct sections sections = { catalog, ecap_options_section(own), tables };
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

static int print_help(const struct ecap_module *module, struct ecap_options *const *tables)
{
	char head[2048];

	snprintf(head, sizeof(head), "Usage: ecapture %s [OPTION...]\n\n%s%s%s%s%s\n",
		 module->command, module->summary ? module->summary : "",
		 module->description ? "\n\n" : "", module->description ? module->description : "",
		 module->examples ? "\n\nExamples:\n" : "",
		 module->examples ? module->examples : "");
	ecap_help_print(stdout, head, tables, 2);
	return 0;
}

/* Which file it is that runs, where another one of that name might have been meant. */
static void tell_hidden(const struct ecap_catalog *catalog, const struct ecap_catalog_entry *used)
{
	for (uint32_t i = 0; i < catalog->n; i++)
		if (catalog->entries[i]->shadowed_by == used)
			log_info("host", "two modules are named \"%s\": %s (used) and %s",
				 used->desc->module.name, used->path, catalog->entries[i]->path);
}

int ecap_command_jobs(struct ecap_command_line *line, const struct ecap_job *jobs, uint32_t n)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);

	if (ecap_command_log(common))
		return ecap_command_fail("ecapture", ECAP_EXIT_FAILURE);
	for (uint32_t i = 0; i < n; i++)
		tell_hidden(line->catalog, jobs[i].entry);
	return ecap_capture(jobs, n, common->on_error) ? ECAP_EXIT_FAILURE : 0;
}

int ecap_command_capture(struct ecap_command_line *line, struct ecap_catalog_entry *entry)
{
	const struct ecap_module *module = &entry->desc->module;
	const struct ecap_common_config *common = ecap_options_config(line->common);
	const struct ecap_common_config *early = ecap_options_config(line->early);
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	struct ecap_options *tables[2];
	int help = 0;
	int err = ecap_module_options_new(module, &own);

	if (!err && early->config)
		err = load_file(early->config, line->catalog, own, line->common);
	tables[0] = own;
	tables[1] = line->common;
	if (!err)
		err = ecap_cli_parse(line->argc, line->argv, tables, 2, &help);
	if (!err && help)
		return print_help(module, tables);
	if (!err)
		err = ecap_options_finish(own);
	if (!err)
		err = ecap_common_check(line->common);
	if (err)
		return ecap_command_fail("ecapture", ECAP_EXIT_USAGE);
	struct ecap_job job = { entry, common, ecap_options_config(own), own };

	return ecap_command_jobs(line, &job, 1);
}
