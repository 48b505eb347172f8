/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture MODULE: reads the module's options from all sources, and captures. */
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "log.h"
#include "option_text.h"
#include "util.h"

/* What the words behind the options are called; "" when there are none. */
static const char *words_of(const struct ecap_module *module)
{
	for (uint32_t i = 0; i < module->n_options; i++)
		if (module->options[i].type == ECAP_OPT_REST)
			return ecap_option_metavar(&module->options[i]);
	return "";
}

static int print_help(const struct ecap_module *module, struct ecap_options *const *tables)
{
	const char *words = words_of(module);
	char head[2048];

	snprintf(head, sizeof(head), "Usage: ecapture %s [OPTION...]%s%s\n\n%s%s%s%s%s\n",
		 module->command, *words ? " " : "", words, module->summary ? module->summary : "",
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
	int err = ecap_capture(jobs, n, common->on_error);

	return !err ? 0 : err == -EINVAL ? ECAP_EXIT_USAGE : ECAP_EXIT_FAILURE;
}

int ecap_command_capture(struct ecap_command_line *line, struct ecap_catalog_entry *entry)
{
	const struct ecap_module *module = &entry->desc->module;
	const struct ecap_common_config *common = ecap_options_config(line->common);
	const struct ecap_common_config *early = ecap_options_config(line->early);
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	_cleanup_(ecap_named_freep) struct ecap_named_set *named = NULL;
	struct ecap_options *tables[2];
	int help = 0;
	int err = ecap_module_options_new(module, &own);

	if (!err)
		err = ecap_named_new(module, &named);
	if (!err && early->config)
		err = ecap_command_module_file(early->config, line->catalog, own, line->common,
					       named);
	tables[0] = own;
	tables[1] = line->common;
	if (!err)
		err = ecap_cli_parse(line->argc, line->argv, tables, 2, &help);
	if (!err && help)
		return print_help(module, tables);
	if (!err)
		err = ecap_options_finish(own);
	if (!err)
		err = ecap_named_finish(named);
	if (!err)
		err = ecap_common_check(line->common);
	if (err)
		return ecap_command_fail("ecapture", ECAP_EXIT_USAGE);
	struct ecap_job job = { entry, common, ecap_options_config(own), own,
				ecap_named_list(named) };

	return ecap_command_jobs(line, &job, 1);
}
