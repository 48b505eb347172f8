/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules check -o json: one object for a module. */
#include "commands/check.h"
#include "commands/shown.h"
#include "services.h"

static void set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, ecap_shown_json(text));
}

static json_t *lines(const struct ecap_checked *checked)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < ecap_checked_n_lines(checked); i++) {
		struct ecap_check_line line = ecap_checked_line(checked, i);
		json_t *object = json_object();

		set(object, "check", line.name);
		set(object, "sentence", line.sentence);
		set(object, "answer", ecap_checked_answer(line.result));
		set(object, "reason", line.reason);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *services(const struct ecap_desc *desc)
{
	json_t *list = json_array();

	for (uint32_t i = 0; desc && i < desc->n_services; i++) {
		const char *id = desc->module.services[i];
		json_t *object = json_object();

		set(object, "id", id);
		json_object_set_new(object, "offered", json_boolean(ecap_has_service(id)));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *needs(const struct ecap_checked *checked, const struct ecap_desc_bpf *bpf)
{
	uint64_t bits = ecap_module_bpf_needs(bpf);
	json_t *list = json_array();

	for (uint32_t bit = 0; bit < 64; bit++) {
		char text[32];

		if (!(bits >> bit & 1))
			continue;
		json_t *object = json_object();

		set(object, "feature", ecap_examined_feature(bit, text));
		set(object, "kernel", ecap_checked_feature(checked, bit));
		set(object, "reason", ecap_checked_missing(checked, bit));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *objects(const struct ecap_checked *checked)
{
	const struct ecap_desc *desc = ecap_examined_desc(&checked->examined);
	json_t *list = json_array();

	for (uint32_t i = 0; desc && i < desc->module.n_bpf; i++) {
		const struct ecap_desc_bpf *bpf = &desc->bpf[i];
		json_t *object = json_object();
		char text[128], variant[16];

		set(object, "name", bpf->name);
		set(object, "variant", ecap_examined_variant(bpf, variant));
		json_object_set_new(object, "used", json_boolean(ecap_checked_used(checked, i)));
		set(object, "reason", ecap_checked_why_not(checked, i, text));
		json_object_set_new(object, "needs", needs(checked, bpf));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *ecap_checked_json(const struct ecap_checked *checked)
{
	const struct ecap_desc *desc = ecap_examined_desc(&checked->examined);
	const struct ecap_catalog_entry *same = checked->examined.file.same_name;
	uint32_t failed = ecap_checked_count(checked, 1), open = ecap_checked_count(checked, 0);
	json_t *object = json_object();

	set(object, "file", checked->examined.path);
	set(object, "name", desc ? desc->module.name : NULL);
	set(object, "version", desc ? desc->module.version : NULL);
	set(object, "result", failed ? "refused" : "good");
	json_object_set_new(object, "failed", json_integer(failed));
	json_object_set_new(object, "not_checked", json_integer(open));
	json_object_set_new(object, "checks", lines(checked));
	json_object_set_new(object, "services", services(desc));
	json_object_set_new(object, "bpf", objects(checked));
	set(object, "shadowed_by", same ? same->path : NULL);
	return object;
}
