/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture config check: what "ecapture run" would make of an ini file, without starting anything,
 * or all that is wrong with it.
 */
#include <jansson.h>
#include <string.h>

#include "commands/plan.h"
#include "err.h"
#include "log.h"
#include "option_text.h"
#include "options_internal.h"
#include "render.h"
#include "util.h"

static void plan_freep(struct ecap_plan **plan)
{
	ecap_plan_free(*plan);
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* @arg: the list of errors for JSON. */
static void report(void *arg)
{
	log_error("config", "%s", ecap_err_text());
	json_array_append_new(arg, json_string(ecap_err_text()));
}

/* "/etc/x.ini:12", "command line". */
static void put_origin(char *text, size_t size, struct ecap_origin origin)
{
	if (origin.file)
		snprintf(text, size, "%s:%u", origin.file, origin.line);
	else
		snprintf(text, size, "command line");
}

/* Calls @show for each option that somebody has set: those of the whole @program, or the others. */
static int for_each_set(struct ecap_options *options, int program,
			int (*show)(void *arg, const char *name, const char *value,
				    const char *origin), void *arg)
{
	uint32_t n;
	const struct ecap_option *row = ecap_options_rows(options, &n);

	for (; n; n--, row++) {
		struct ecap_origin origin = ecap_options_origin(options, row);
		char place[4200];

		if (origin.kind == ECAP_FROM_DEFAULT || row->flags & ECAP_OPT_NO_FILE ||
		    (row->flags & ECAP_OPT_PROGRAM ? 1 : 0) != program)
			continue;
		_cleanup_free_ char *value = ecap_option_value(options, row);

		put_origin(place, sizeof(place), origin);
		if (!value || show(arg, row->name, value, place))
			return ecap_err(-ENOMEM, "out of memory");
	}
	return 0;
}

static int print_option(void *arg, const char *name, const char *value, const char *origin)
{
	(void)arg;
	printf("    %s = %s  (%s)\n", name, value, origin);
	return 0;
}

static int add_option(void *arg, const char *name, const char *value, const char *origin)
{
	return json_object_set_new(arg, name, json_pack("{s:s, s:s}", "value", value, "origin",
							origin));
}

static int print_named(const struct ecap_planned *planned)
{
	struct ecap_options *options;
	int err = 0;

	for (uint32_t i = 0; !err && (options = ecap_named_options(planned->named, i)); i++) {
		printf("  [%s]\n", ecap_options_section(options));
		err = for_each_set(options, 0, print_option, NULL);
	}
	return err;
}

static int print_text(struct ecap_options *common, const struct ecap_plan *plan)
{
	int err;

	printf("%s: %u module%s would start\n", plan->path, plan->n_enabled,
	       plan->n_enabled == 1 ? "" : "s");
	err = for_each_set(common, 1, print_option, NULL);
	for (uint32_t i = 0; i < plan->n && !err; i++) {
		const struct ecap_planned *planned = &plan->modules[i];
		const struct ecap_catalog_entry *entry = planned->entry;

		if (!ecap_planned_enabled(planned))
			continue;
		printf("%s: module %s %s, %s\n", planned->name, entry->desc->module.name,
		       entry->desc->module.version ? entry->desc->module.version : "", entry->path);
		err = for_each_set(planned->own, 0, print_option, NULL);
		if (!err)
			err = for_each_set(planned->common, 0, print_option, NULL);
		if (!err)
			err = print_named(planned);
	}
	return err;
}

/* Its named sections, by what stands in the brackets. */
static json_t *named_json(const struct ecap_planned *planned)
{
	json_t *all = json_object();
	struct ecap_options *options;

	for (uint32_t i = 0; (options = ecap_named_options(planned->named, i)); i++) {
		json_t *one = json_object();

		if (json_object_set_new(all, ecap_options_section(options), one) ||
		    for_each_set(options, 0, add_option, one)) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static json_t *json_of(const struct ecap_planned *planned)
{
	const struct ecap_module *module = &planned->entry->desc->module;
	json_t *options = json_object();

	if (for_each_set(planned->common, 0, add_option, options) ||
	    for_each_set(planned->own, 0, add_option, options)) {
		json_decref(options);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s*, s:s, s:o, s:o}", "command", planned->name, "module",
			 module->name, "version", module->version, "file", planned->entry->path,
			 "options", options, "named", named_json(planned));
}

/* @plan: NULL when there are errors. */
static int print_json(struct ecap_options *common, const char *path, const struct ecap_plan *plan,
		      json_t *errors)
{
	json_t *modules = json_array(), *options = json_object();
	_cleanup_(json_freep) json_t *all = json_pack("{s:s, s:b, s:o, s:o, s:O}", "file", path,
						      "usable", plan != NULL, "options", options,
						      "modules", modules, "errors", errors);
	int err = for_each_set(common, 1, add_option, options);

	for (uint32_t i = 0; !err && plan && i < plan->n; i++)
		if (ecap_planned_enabled(&plan->modules[i]) &&
		    json_array_append_new(modules, json_of(&plan->modules[i])))
			return ecap_err(-ENOMEM, "out of memory");
	if (err || !all || json_dumpf(all, stdout, JSON_INDENT(2)))
		return ecap_err(-EIO, "standard output cannot be written");
	putchar('\n');
	return 0;
}

static int check(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);
	int json = common->output == ECAP_FORMAT_JSON, err = 0;
	_cleanup_(plan_freep) struct ecap_plan *plan = NULL;
	_cleanup_(json_freep) json_t *errors = json_array();
	_cleanup_free_ char *path = strdup(line->n_words ? line->words[0] : common->config
					   ? common->config : ecap_plan_usual_path());

	(void)config;
	if (!path || !errors) {
		ecap_err(-ENOMEM, "out of memory");
		return ecap_command_fail("config", ECAP_EXIT_FAILURE);
	}
	/* -o was for the answer, and says nothing of the events. */
	if (ecap_options_reset(line->common, ecap_options_by_name(line->common, "output")))
		return ecap_command_fail("config", ECAP_EXIT_FAILURE);
	ecap_plan_read(line, path, report, errors, &plan);
	if (json)
		err = print_json(line->common, path, plan, errors);
	else if (plan)
		err = print_text(line->common, plan);
	if (err)
		return ecap_command_fail("config", ECAP_EXIT_FAILURE);
	return plan ? 0 : ECAP_EXIT_USAGE;
}

const struct ecap_command ecap_config_check = {
	.name = "check", .arguments = "[FILE]",
	.summary = "what \"ecapture run\" would start, or all that is wrong with the file",
	.max_words = 1, .own_file = 1, .run = check,
};
