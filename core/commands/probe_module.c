/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One module asked about one file, in a child process: the file may be anybody's, and a module
 * that a damaged one brings down says so like any other reason.
 */
#include <string.h>

#include "commands/child.h"
#include "commands/probe.h"
#include "commands/shown.h"
#include "err.h"
#include "instance.h"
#include "machine.h"
#include "module_load.h"
#include "services.h"
#include "util.h"

/* What the child gets and makes. */
struct asked {
	const struct ecap_probing *probing;
	struct ecap_catalog_entry *entry;
	const struct ecap_target *target;
	json_t *answer;
};

static void set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, ecap_shown_json(text));
}

static json_t *place_of(const struct ecap_finding *f)
{
	json_t *place = json_object();

	set(place, "what", f->what);
	set(place, "function", f->function);
	json_object_set_new(place, "address", json_integer((json_int_t)f->addr));
	json_object_set_new(place, "offset", json_integer((json_int_t)f->offset));
	set(place, "instruction", f->insn);
	json_object_set_new(place, "emulated", json_boolean(f->emulated));
	set(place, "how", f->text);
	return place;
}

static int on_finding(void *arg, const struct ecap_finding *f)
{
	struct asked *asked = arg;

	if (f->kind == ECAP_FINDING_FACT) {
		set(json_object_get(asked->answer, "facts"), f->what, f->text);
	} else if (f->kind == ECAP_FINDING_PLACE) {
		json_array_append_new(json_object_get(asked->answer, "places"), place_of(f));
	} else {
		json_t *row = json_object();

		set(row, "what", f->what);
		set(row, "reason", f->text);
		json_array_append_new(json_object_get(asked->answer, "missing"), row);
	}
	return 0;
}

/* What the file of --config says; common options of the module's section say nothing here. */
static int read_file(const struct asked *asked, struct ecap_options *own,
		     struct ecap_named_set *named)
{
	const struct ecap_probing *probing = asked->probing;
	_cleanup_(ecap_options_freep) struct ecap_options *common = NULL;
	uint32_t n;
	const struct ecap_option *rows = ecap_common_rows(&n);
	int err;

	if (!probing->common->config)
		return 0;
	err = ecap_options_new("global", rows, n, sizeof(struct ecap_common_config), &common);
	return err ? err : ecap_command_module_file(probing->common->config, probing->catalog, own,
						    common, named);
}

static int ask(struct asked *asked, struct ecap_options *own, struct ecap_named_set *named)
{
	const struct ecap_common_config *config = asked->probing->common;
	struct ecap_common common;
	struct ecap_instance_options options = {
		.desc = asked->entry->desc, .config = ecap_options_config(own), .common = &common,
		.named = ecap_named_list(named),
		.strict = config->strict_modules, .on_finding = on_finding,
		.on_finding_arg = asked,
	};
	struct ecap_instance *instance = NULL;
	int err = ecap_machine_common(config, &common);

	if (!err)
		err = ecap_module_check_services(asked->entry->desc, ecap_has_service);
	if (!err)
		err = ecap_module_load(asked->entry, &options.module);
	if (!err)
		err = ecap_instance_new(&options, &instance);
	return err ? err : ecap_instance_survey(instance, asked->target);
}

/* In the child, which ends with what it leaves behind. */
static json_t *make_answer(void *arg)
{
	struct asked *asked = arg;
	struct ecap_options *own = NULL;
	struct ecap_named_set *named = NULL;
	int err = ecap_module_options_new(&asked->entry->desc->module, &own);

	if (!err)
		err = ecap_named_new(&asked->entry->desc->module, &named);
	if (!err)
		err = read_file(asked, own, named);
	/* What is required to capture is not required to look. */
	if (!err)
		err = ask(asked, own, named);
	if (err)
		set(asked->answer, "error", ecap_err_text());
	return asked->answer;
}

static int has_survey(const struct ecap_desc *desc)
{
	for (uint32_t i = 0; i < 64; i++)
		if (desc->ops_set >> i & 1 && !strcmp(ecap_desc_operation(i), "survey"))
			return 1;
	return 0;
}

json_t *ecap_probe_module(const struct ecap_probing *probing, struct ecap_catalog_entry *entry,
			  const struct ecap_target *target)
{
	const struct ecap_module *module = &entry->desc->module;
	struct asked asked = { .probing = probing, .entry = entry, .target = target,
			       .answer = json_object() };
	json_t *answer;

	set(asked.answer, "command", module->command);
	set(asked.answer, "module", module->name);
	set(asked.answer, "version", module->version);
	json_object_set_new(asked.answer, "asked", json_boolean(has_survey(entry->desc)));
	set(asked.answer, "error", NULL);
	json_object_set_new(asked.answer, "facts", json_object());
	json_object_set_new(asked.answer, "places", json_array());
	json_object_set_new(asked.answer, "missing", json_array());
	if (!has_survey(entry->desc)) {
		set(asked.answer, "error", "it does not say what it can capture in a file: no survey()");
		return asked.answer;
	}
	if (ecap_child_json(make_answer, &asked, probing->patience_ns, &answer)) {
		set(asked.answer, "error", ecap_err_text());
		return asked.answer;
	}
	json_decref(asked.answer);
	return answer;
}
