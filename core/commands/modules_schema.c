/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules schema: the JSON Schema of what a module's section of the ini file may say
 * or, without a module, of a whole file: an object with a property for each section.
 */
#include <string.h>

#include "commands/command.h"
#include "commands/shown.h"
#include "err.h"
#include "options_internal.h"
#include "schema.h"
#include "util.h"

static int no_memory(void)
{
	return ecap_err(-ENOMEM, "out of memory for the schema");
}

/* A module's section: its own options, those of every section, those of the program. */
static int section_schema(const struct ecap_module *module, struct ecap_options *common,
			  struct ecap_schema_place place, json_t **schema)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL, *section = NULL;
	_cleanup_free_ char *title = NULL;
	int err = ecap_module_options_new(module, &own);

	if (!err)
		err = ecap_section_options_new(module->command, &section);
	if (err)
		return err;
	struct ecap_options *tables[] = { own, section, common };

	if (asprintf(&title, "%s %s", module->name, module->version) < 0)
		return no_memory();
	*schema = json_pack("{s:s, s:s}", "title", title, "description", module->summary);

	json_t *object = ecap_schema_object(tables, ARRAY_SIZE(tables),
					    ECAP_OPT_PROGRAM | ECAP_OPT_NO_FILE, place);
	int bad = json_object_update(*schema, object);

	json_decref(object);
	return bad ? no_memory() : 0;
}

static int module_schema(struct ecap_command_line *line, const char *word, json_t **schema)
{
	struct ecap_catalog_entry *entry;
	int err = ecap_catalog_read(line->catalog, word, &entry);

	if (err)
		return err;
	return section_schema(&entry->desc->module, line->common,
				     (struct ecap_schema_place){ "#", NULL }, schema);
}

static int add_section(json_t *sections, const struct ecap_module *module,
		       struct ecap_options *common)
{
	char at[80];
	json_t *schema = NULL;

	snprintf(at, sizeof(at), "#/properties/%s", module->command);

	int err = section_schema(module, common,
				 (struct ecap_schema_place){ at, "#/properties/global" }, &schema);

	json_object_set_new(sections, module->command, schema);
	return err;
}

/* Of a module's named sections: the schema of one below "$defs", and what their keys look like. */
static int add_named(json_t *defs, json_t *patterns, const struct ecap_module *module)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	char name[80], at[96], pattern[120];
	int err;

	if (!module->named)
		return 0;
	snprintf(name, sizeof(name), "%s.%s", module->command, module->named);
	snprintf(at, sizeof(at), "#/$defs/%s", name);
	/* Words have nothing that means something in a pattern. */
	snprintf(pattern, sizeof(pattern), "^%s\\.%s \"[^\"]+\"$", module->command, module->named);
	err = ecap_options_new(name, module->named_options, module->n_named_options,
			       module->named_size, &own);
	if (err)
		return err;
	json_object_set_new(defs, name, ecap_schema_object(&own, 1, 0, (struct ecap_schema_place){
									at, NULL }));
	return json_object_set_new(patterns, pattern, json_pack("{s:s}", "$ref", at)) ? no_memory()
										      : 0;
}

static int file_schema(struct ecap_command_line *line, json_t **schema)
{
	const struct ecap_schema_place global = { "#/properties/global", NULL };
	json_t *sections = json_object(), *defs = json_object(), *patterns = json_object();
	int err = 0;

	json_object_set_new(sections, "global",
			    ecap_schema_object(&line->common, 1, ECAP_OPT_NO_FILE, global));
	for (uint32_t i = 0; i < line->catalog->n && !err; i++) {
		const struct ecap_catalog_entry *entry = line->catalog->entries[i];

		if (!entry->desc || entry->shadowed_by)
			continue;
		err = add_section(sections, &entry->desc->module, line->common);
		if (!err)
			err = add_named(defs, patterns, &entry->desc->module);
	}
	*schema = json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "title", "ecapture configuration",
			    "type", "object", "properties", sections, "patternProperties", patterns,
			    "$defs", defs, "additionalProperties", 0);
	return err || *schema ? err : no_memory();
}

static int print(const json_t *schema)
{
	/* What says which language it is comes first. */
	json_t *whole = json_pack("{s:s}", "$schema", ECAP_SCHEMA_DIALECT);

	if (json_object_update(whole, (json_t *)schema)) {
		json_decref(whole);
		return no_memory();
	}
	return ecap_shown_print_json(whole);
}

static int run(struct ecap_command_line *line, const void *config)
{
	json_t *schema = NULL;
	int err = line->n_words ? module_schema(line, line->words[0], &schema)
				: file_schema(line, &schema);

	(void)config;
	if (!err)
		err = print(schema);
	json_decref(schema);
	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

const struct ecap_command ecap_modules_schema = {
	.name = "schema", .arguments = "[FILE|NAME]",
	.summary = "JSON Schema of a module's options; without one, of the whole configuration",
	.max_words = 1, .run = run,
};
