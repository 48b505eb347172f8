/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules inspect -o json: all that a descriptor says, as one object. */
#include <string.h>

#include "commands/inspect.h"
#include "commands/shown.h"
#include "util.h"

static void set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, ecap_shown_json(text));
}

/* The parts of a text, as an array; an empty one when there is no text. */
static json_t *split(const char *text, char separator)
{
	const char between[] = { separator, 0 };
	json_t *list = json_array();

	while (text && *text) {
		size_t n = strcspn(text, between);
		_cleanup_free_ char *part = strndup(text, n);

		json_array_append_new(list, ecap_shown_json(part));
		text += n + (text[n] == separator);
	}
	return list;
}

static json_t *version(uint16_t major, uint16_t minor)
{
	char text[24];

	snprintf(text, sizeof(text), "%u.%u", major, minor);
	return json_string(text);
}

/* The names of the bits that are set. */
static json_t *bits(uint64_t set_bits, const char *(*name)(uint32_t bit, char *text))
{
	json_t *list = json_array();
	char text[32];

	for (uint32_t bit = 0; bit < 64; bit++)
		if (set_bits >> bit & 1)
			json_array_append_new(list, ecap_shown_json(name(bit, text)));
	return list;
}

static const char *operation_name(uint32_t bit, char *text)
{
	(void)text;
	return ecap_desc_operation(bit);
}

static json_t *option(const struct ecap_option *row)
{
	char letter[2] = { row->short_name, 0 }, type[16];
	_cleanup_free_ char *range = ecap_inspect_range(row);
	json_t *object = json_object();

	set(object, "name", row->name);
	set(object, "short", row->short_name ? letter : NULL);
	set(object, "alias", row->alias);
	set(object, "type", ecap_inspect_type(row, type));
	set(object, "metavar", row->metavar);
	set(object, "default", row->flags & ECAP_OPT_SECRET ? NULL : row->def);
	json_object_set_new(object, "choices", split(row->choices, '|'));
	json_object_set_new(object, "min", range ? json_integer(row->min) : json_null());
	json_object_set_new(object, "max", range ? json_integer(row->max) : json_null());
	json_object_set_new(object, "flags", bits(row->flags, ecap_inspect_flag));
	set(object, "group", row->group);
	set(object, "help", row->help);
	set(object, "doc", row->doc);
	return object;
}

static json_t *options(const struct ecap_option *rows, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, option(&rows[i]));
	return list;
}

/* Its named sections; null: it has none. */
static json_t *named(const struct ecap_module *module)
{
	json_t *object = module->named ? json_object() : json_null();

	if (!module->named)
		return object;
	set(object, "word", module->named);
	set(object, "help", module->named_help);
	json_object_set_new(object, "config_size", json_integer(module->named_size));
	json_object_set_new(object, "options", options(module->named_options,
						       module->n_named_options));
	return object;
}

static json_t *bpf(const struct ecap_examined *examined)
{
	const struct ecap_desc *desc = ecap_examined_desc(examined);
	json_t *list = json_array();

	for (uint32_t i = 0; i < desc->module.n_bpf; i++) {
		const struct ecap_desc_bpf *row = &desc->bpf[i];
		json_t *object = json_object();
		char hex[65], variant[16];

		ecap_examined_sha256(examined, row, hex);
		set(object, "name", row->name);
		set(object, "variant", ecap_examined_variant(row, variant));
		json_object_set_new(object, "needs", bits(ecap_module_bpf_needs(row),
							  ecap_examined_feature));
		json_object_set_new(object, "offset", json_integer((json_int_t)row->offset));
		json_object_set_new(object, "size", json_integer((json_int_t)row->size));
		set(object, "sha256", *hex ? hex : NULL);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *services(const struct ecap_desc *desc)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < desc->n_services; i++)
		json_array_append_new(list, ecap_shown_json(desc->module.services[i]));
	return list;
}

/* The checks that failed: why the module is not usable. */
static json_t *faults(const struct ecap_examined *examined)
{
	json_t *list = json_array();

	for (enum ecap_check check = 0; check < ECAP_N_CHECKS; check++) {
		if (examined->result[check] >= 0)
			continue;
		json_t *object = json_object();

		set(object, "check", ecap_check_name(check));
		set(object, "reason", examined->reason[check]);
		json_array_append_new(list, object);
	}
	return list;
}

static void set_words(json_t *object, const struct ecap_module *m)
{
	const struct {
		const char *key, *text;
	} words[] = {
		{ "name", m->name }, { "command", m->command }, { "version", m->version },
		{ "license", m->license }, { "author", m->author }, { "url", m->url },
		{ "summary", m->summary }, { "description", m->description },
		{ "examples", m->examples }, { "targets", m->targets },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		set(object, words[i].key, words[i].text);
	json_object_set_new(object, "aliases", split(m->aliases, ','));
}

json_t *ecap_inspect_json(const struct ecap_examined *examined)
{
	const struct ecap_desc *desc = ecap_examined_desc(examined);
	const struct ecap_module *m = &desc->module;
	json_t *object = json_object();

	set(object, "file", examined->path);
	set_words(object, m);
	json_object_set_new(object, "abi", version(m->abi_major, m->abi_minor));
	json_object_set_new(object, "abi_needed", version(m->abi_major, m->abi_target));
	json_object_set_new(object, "abi_offered", version(ECAP_ABI_MAJOR, ECAP_ABI_MINOR));
	json_object_set_new(object, "operations", bits(desc->ops_set, operation_name));
	json_object_set_new(object, "services", services(desc));
	json_object_set_new(object, "config_size", json_integer(m->config_size));
	json_object_set_new(object, "options", options(m->options, m->n_options));
	json_object_set_new(object, "named", named(m));
	json_object_set_new(object, "bpf", bpf(examined));
	json_object_set_new(object, "usable", json_boolean(!examined->error));
	json_object_set_new(object, "faults", faults(examined));
	set(object, "shadowed_by", examined->file.same_name ? examined->file.same_name->path : NULL);
	return object;
}
