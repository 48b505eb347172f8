/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture config sample: an ini file with every section and option, to be edited. */
#include "commands/command.h"
#include "commands/shown.h"
#include "sample.h"
#include "util.h"
#include "version.h"

static void print_head(FILE *out)
{
	ecap_sample_comment(out,
		"Configuration of ecapture " ECAP_VERSION ".\n\n"
		"\"ecapture run --config FILE\" starts every module whose section says \"enabled = yes\". "
		"\"ecapture MODULE --config FILE\" captures with this one, and the command line overrides "
		"the file. \"ecapture config check FILE\" says whether it is valid.\n\n"
		"Every option stands here, commented out by \";\", with its default; where a comment says "
		"nothing of a default, the value is an example of what is valid there.");
}

/* What the section may have behind it, in words: it would begin another section. */
static void print_named(FILE *out, const struct ecap_module *module)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *words = module->named ? open_memstream(&text, &size) : NULL;

	if (!words)
		return;
	fprintf(words, "Sections [%s.%s \"NAME\"] may follow%s%s. Their keys:", module->command,
		module->named, module->named_help ? ": " : "",
		module->named_help ? module->named_help : "");
	for (uint32_t i = 0; i < module->n_named_options; i++)
		fprintf(words, "%s %s", i ? "," : "", module->named_options[i].name);
	fclose(words);
	fputc('\n', out);
	ecap_sample_comment(out, text);
}

static int print_module(FILE *out, const struct ecap_module *module)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL, *section = NULL;
	int err = ecap_module_options_new(module, &own);

	if (!err)
		err = ecap_section_options_new(module->command, &section);
	if (err)
		return err;
	struct ecap_options *tables[] = { own, section };

	fprintf(out, "\n\n[%s]\n", module->command);
	ecap_sample_comment(out, module->summary);
	ecap_sample_rows(out, tables, 1);
	ecap_sample_rows(out, tables, 0);
	print_named(out, module);
	return 0;
}

/* The modules that the words name; without words, all that can be used. */
static int print_modules(FILE *out, struct ecap_command_line *line)
{
	uint32_t n = line->n_words ? line->n_words : line->catalog->n;
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++) {
		struct ecap_catalog_entry *entry;

		if (line->n_words)
			err = ecap_catalog_read(line->catalog, line->words[i], &entry);
		else
			entry = line->catalog->entries[i];
		if (!err && entry->desc && !entry->shadowed_by)
			err = print_module(out, &entry->desc->module);
	}
	return err;
}

static int sample(struct ecap_command_line *line, const void *config)
{
	(void)config;
	print_head(stdout);
	fputs("\n[global]\n", stdout);
	ecap_sample_comment(stdout, "For every module. What does not concern the whole program may also "
			    "stand in a module's section, for that module alone.");
	ecap_sample_rows(stdout, &line->common, 0);

	int err = print_modules(stdout, line);

	if (!err)
		err = ecap_shown_end();
	return err ? ecap_command_fail("config", ECAP_EXIT_FAILURE) : 0;
}

const struct ecap_command ecap_config_sample = {
	.name = "sample", .arguments = "[FILE|NAME...]",
	.summary = "an ini file with every option of these modules; without one, of all",
	.max_words = ECAP_MAX_WORDS, .run = sample,
};
