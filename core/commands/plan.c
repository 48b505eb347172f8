/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: see plan.h. The file is read twice: for the directories that modules are in, and then,
 * when all sections are known, as a whole.
 */
#include "commands/plan.h"

#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "services.h"
#include "util.h"

#ifndef ECAP_CONFIG_FILE
#error "the build says where the ini file is"
#endif

struct planner {
	struct ecap_command_line *line;
	struct ecap_plan *plan;
	void (*error)(void *arg);
	void *arg;
	int first_error;
	char *common_error; /* what is wrong with the options of all modules, or NULL */
};

const char *ecap_plan_usual_path(void)
{
	return ECAP_CONFIG_FILE;
}

static void plan_freep(struct ecap_plan **plan)
{
	ecap_plan_free(*plan);
}

void ecap_plan_free(struct ecap_plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->n; i++) {
		free(plan->modules[i].name);
		ecap_options_free(plan->modules[i].section);
		ecap_options_free(plan->modules[i].own);
		ecap_options_free(plan->modules[i].common);
		ecap_named_free(plan->modules[i].named);
	}
	free(plan->modules);
	free(plan);
}

int ecap_planned_enabled(const struct ecap_planned *planned)
{
	const struct ecap_section_config *config = ecap_options_config(planned->section);

	return config->enabled;
}

static void on_error(void *arg)
{
	struct planner *p = arg;

	p->error(p->arg);
}

/* Hands on an error that no reader has handed on. */
static void tell(struct planner *p, int err)
{
	if (!err)
		return;
	p->error(p->arg);
	p->first_error = p->first_error ? p->first_error : err;
}

static int common_new(struct ecap_options **options)
{
	uint32_t n;
	const struct ecap_option *rows = ecap_common_rows(&n);

	return ecap_options_new("global", rows, n, sizeof(struct ecap_common_config), options);
}

static int only_global(void *arg, const char *name, struct ecap_ini_section *section)
{
	if (!strcmp(name, "global")) {
		section->name = "global";
		section->kind = ECAP_FROM_FILE;
		section->tables[section->n_tables++] = arg;
	}
	return 1;
}

static void ignore(void *arg)
{
	(void)arg;
}

/* Modules are elsewhere when the file says so, and the command line does not. */
static int find_modules(struct planner *p)
{
	_cleanup_(ecap_options_freep) struct ecap_options *global = NULL;
	const struct ecap_option *row = ecap_options_by_name(p->line->common, "plugin-dir");
	int err = common_new(&global);
	/* What is wrong with the file is told when it is read as a whole. */
	const struct ecap_ini_reader reader = { .section = only_global, .error = ignore,
						.arg = global };

	if (err)
		return err;
	ecap_ini_load(p->plan->path, &reader);
	if (!ecap_command_plugin_dir_given(global) ||
	    ecap_options_origin(p->line->common, row).kind == ECAP_FROM_COMMAND_LINE)
		return 0;
	return ecap_command_find_modules(p->line, global);
}

/* Tables for a section; of a module that cannot be used nobody knows the options. */
static int make_tables(struct ecap_planned *planned)
{
	const struct ecap_desc *desc = planned->entry->desc;
	int err = ecap_section_options_new(planned->name, &planned->section);

	if (!err)
		err = common_new(&planned->common);
	if (!err && desc)
		err = ecap_options_new(planned->name, desc->module.options, desc->module.n_options,
				       desc->module.config_size, &planned->own);
	if (!err && desc)
		err = ecap_named_new(&desc->module, &planned->named);
	return err;
}

static int add_module(struct ecap_plan *plan, struct ecap_catalog_entry *entry, const char *name,
		      uint32_t line, struct ecap_planned **added)
{
	struct ecap_planned *grown = reallocarray(plan->modules, plan->n + 1u, sizeof(*grown));

	if (!grown)
		return ecap_err(-ENOMEM, "out of memory");
	plan->modules = grown;
	grown[plan->n] = (struct ecap_planned){ .entry = entry, .name = strdup(name),
						.line = line };
	*added = &grown[plan->n++];
	return (*added)->name ? make_tables(*added) : ecap_err(-ENOMEM, "out of memory");
}

static struct ecap_planned *find_planned(struct ecap_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->n; i++)
		if (!strcmp(plan->modules[i].name, name))
			return &plan->modules[i];
	return NULL;
}

/* The module of a section or of a named one, added when it is the first of its sections. */
static int planned_of(struct planner *p, const char *command, uint32_t line,
		      struct ecap_planned **planned)
{
	struct ecap_catalog_entry *entry;
	int err;

	*planned = find_planned(p->plan, command);
	if (*planned)
		return 0;
	err = ecap_catalog_by_section(p->line->catalog, command, &entry);
	return err ? err : add_module(p->plan, entry, command, line, planned);
}

/* Of a module that cannot be used, nobody knows its named sections. */
static int named_section(struct planner *p, const char *name, struct ecap_ini_section *section)
{
	_cleanup_free_ char *command = strndup(name, ecap_named_command(name));
	struct ecap_planned *planned;
	int err = command ? planned_of(p, command, section->line, &planned)
			  : ecap_err(-ENOMEM, "out of memory");

	if (err)
		return err == -ENOENT ? 0 : err;
	if (!planned->named)
		return 1;
	return ecap_named_section(planned->named, p->plan->path, name, section);
}

static int module_section(struct planner *p, const char *name, struct ecap_ini_section *section)
{
	struct ecap_planned *planned;
	int err = planned_of(p, name, section->line, &planned);

	if (err)
		return err == -ENOENT ? 0 : err;
	section->name = planned->name;
	section->kind = ECAP_FROM_SECTION;
	section->tables[section->n_tables++] = planned->section;
	section->any_key = !planned->own;
	if (planned->own) {
		section->tables[section->n_tables++] = planned->own;
		section->tables[section->n_tables++] = planned->common;
	}
	return 1;
}

static int on_section(void *arg, const char *name, struct ecap_ini_section *section)
{
	struct planner *p = arg;

	if (ecap_named_command(name))
		return named_section(p, name, section);
	return strcmp(name, "global") ? module_section(p, name, section)
				      : only_global(p->line->common, name, section);
}

static int read_file(struct planner *p)
{
	const struct ecap_catalog *catalog = p->line->catalog;
	_cleanup_free_ const char **names = calloc(catalog->n + 2u, sizeof(*names));
	const struct ecap_ini_reader reader = { .sections = names, .section = on_section,
						.error = on_error, .arg = p };
	uint32_t n = 0;

	if (!names)
		return ecap_err(-ENOMEM, "out of memory");
	names[n++] = "global";
	for (uint32_t i = 0; i < catalog->n; i++)
		if (catalog->entries[i]->desc)
			names[n++] = catalog->entries[i]->desc->module.command;
	p->first_error = ecap_ini_load(p->plan->path, &reader);
	return 0;
}

/* What the loader checks of a module before it is loaded, but for what the kernel must offer. */
static int check_module(const struct ecap_planned *planned)
{
	const struct ecap_common_config *common = ecap_options_config(planned->common);

	if (!planned->entry->desc)
		return ecap_err(-ENOEXEC, "%s", planned->entry->error);
	return ecap_module_check(planned->entry->desc, planned->entry->path, UINT64_MAX,
				 common->btf, ecap_has_service);
}

static int check_options(const struct ecap_planned *planned)
{
	int err = ecap_options_finish(planned->own);

	return err ? err : ecap_named_finish(planned->named);
}

static int check_common(const struct ecap_planned *planned)
{
	return ecap_common_check(planned->common);
}

/* Two modules cannot write one recording. */
static int check_recording(const struct ecap_plan *plan, const struct ecap_planned *planned)
{
	const struct ecap_common_config *config = ecap_options_config(planned->common), *before;

	for (struct ecap_planned *other = plan->modules; config->record && other < planned;
	     other++) {
		before = ecap_options_config(other->common);
		if (ecap_planned_enabled(other) && before->record &&
		    !strcmp(before->record, config->record))
			return ecap_err(-EINVAL, "record: [%s] records to %s already; name one "
					"file for each", other->name, config->record);
	}
	return 0;
}

/* What can be said of a module once all is read. */
static void check_planned(struct planner *p, const struct ecap_planned *planned)
{
	int (*const checks[])(const struct ecap_planned *) = { check_module, check_options,
							       check_common };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks) && !err; i++)
		err = checks[i](planned);
	if (!err)
		err = check_recording(p->plan, planned);
	if (err && p->common_error && !strcmp(ecap_err_text(), p->common_error))
		return;
	if (err && strncmp(ecap_err_text(), p->plan->path, strlen(p->plan->path)))
		ecap_err(err, "%s:%u: [%s] %s", p->plan->path, planned->line, planned->name,
			 ecap_err_text());
	tell(p, err);
}

static int none_enabled(const struct ecap_plan *plan)
{
	return ecap_err(-EINVAL, "%s: no module is enabled; write \"enabled = yes\" into the "
			"section of each that is to capture", plan->path);
}

static void check_all(struct planner *p)
{
	int common_err = ecap_common_check(p->line->common);

	if (common_err)
		p->common_error = strdup(ecap_err_text());
	tell(p, common_err);
	for (uint32_t i = 0; i < p->plan->n; i++) {
		struct ecap_planned *planned = &p->plan->modules[i];
		int err = ecap_options_inherit(planned->common, p->line->common);

		tell(p, err);
		if (!ecap_planned_enabled(planned))
			continue;
		p->plan->n_enabled++;
		check_planned(p, planned);
	}
	if (!p->first_error && !p->plan->n_enabled)
		tell(p, none_enabled(p->plan));
}

int ecap_plan_read(struct ecap_command_line *line, const char *path, void (*error)(void *arg),
		   void *arg, struct ecap_plan **plan)
{
	_cleanup_(plan_freep) struct ecap_plan *made = calloc(1, sizeof(*made));
	struct planner p = { .line = line, .plan = made, .error = error, .arg = arg };

	int err = ecap_err(-ENOMEM, "out of memory");

	if (made) {
		made->path = path;
		err = find_modules(&p);
	}
	if (!err)
		err = read_file(&p);
	if (err)
		tell(&p, err);
	else
		check_all(&p);
	free(p.common_error);
	*plan = p.first_error ? NULL : TAKE_PTR(made);
	return p.first_error;
}
