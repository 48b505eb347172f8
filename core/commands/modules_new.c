/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules new: the sources of a module that builds and captures, to begin with. */
#include <jansson.h>
#include <string.h>

#include "commands/command.h"
#include "commands/shown.h"
#include "descriptor_read.h"
#include "err.h"
#include "log.h"
#include "project.h"
#include "render.h"
#include "util.h"

#ifndef ECAP_TEMPLATE_DIR
#error "the build says where the template is installed"
#endif

struct new_config {
	const char *template;
};

static int check_name(const char *name)
{
	int err = ecap_desc_check_word("name", name, strlen(name));

	if (!err && ecap_command_is_reserved(name))
		err = ecap_err(-EINVAL, "name \"%s\" is a command of ecapture itself", name);
	return err;
}

/* No error: who develops a module may have it installed. */
static void tell_namesake(const struct ecap_catalog *catalog, const char *name)
{
	for (uint32_t i = 0; i < catalog->n; i++) {
		const struct ecap_catalog_entry *entry = catalog->entries[i];
		const struct ecap_module *module = entry->desc ? &entry->desc->module : NULL;

		if (!module || (strcmp(module->name, name) && strcmp(module->command, name)))
			continue;
		log_warn("modules", "there is a module %s already: %s; only one of them can be "
			 "used", name, entry->path);
		return;
	}
}

static void print_text(const char *name, const char *directory,
		       const struct ecap_project *project)
{
	for (uint32_t i = 0; i < project->n; i++)
		printf("made %s\n", project->files[i]);
	printf("\nNext:\n  cd %s\n  make && make check\n  ecapture modules check ./%s.so\n"
	       "  less README.md\n", directory, name);
}

static int print_json(const char *name, const char *directory, const struct ecap_project *project)
{
	json_t *files = json_array();

	for (uint32_t i = 0; i < project->n; i++)
		json_array_append_new(files, ecap_shown_json(project->files[i]));
	return ecap_shown_print_json(json_pack("{s:s, s:o, s:o}", "name", name, "directory",
					       ecap_shown_json(directory), "files", files));
}

static int new(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);
	const struct new_config *own = config;
	const char *name = line->words[0];
	const char *directory = line->n_words > 1 ? line->words[1] : name;
	struct ecap_project project;
	int err = check_name(name);

	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_USAGE);
	err = ecap_project_make(own->template, name, directory, &project);
	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	tell_namesake(line->catalog, name);
	if (common->output == ECAP_FORMAT_JSON)
		err = print_json(name, directory, &project);
	else
		print_text(name, directory, &project);
	ecap_project_end(&project);
	err = err ? err : ecap_shown_end();
	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct new_config, template, ECAP_OPT_PATH, "template", .metavar = "DIR",
		 .def = ECAP_TEMPLATE_DIR, .help = "the sources to begin with"),
};

const struct ecap_command ecap_modules_new = {
	.name = "new", .arguments = "NAME [DIR]",
	.summary = "make the sources of a new module",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct new_config),
	.min_words = 1, .max_words = 2, .run = new,
};
