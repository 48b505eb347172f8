/* SPDX-License-Identifier: Apache-2.0 */
/* One file, and what each module finds in it. What it is, is looked at in a child process, too. */
#include <string.h>
#include <sys/stat.h>

#include "commands/child.h"
#include "commands/probe.h"
#include "commands/shown.h"
#include "elf/file.h"
#include "err.h"
#include "util.h"

static void set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, ecap_shown_json(text));
}

#ifdef __aarch64__
#define OWN_MACHINE ECAP_ELF_AARCH64
#else
#define OWN_MACHINE ECAP_ELF_X86_64
#endif

static const char *machine_name(uint16_t machine)
{
	return machine == ECAP_ELF_AARCH64 ? "arm64" : "x86-64";
}

/* What was opened is called by a number; the user knows it by its path. */
static const char *named(const char *text, const struct ecap_target *target, char *out, size_t size)
{
	size_t n = strlen(target->path);
	const char *at = strstr(text, target->path);

	if (!at)
		return text;
	snprintf(out, size, "%.*s%s%s", (int)(at - text), text, target->shown, at + n);
	return out;
}

static void add_needed(void *arg, const char *name)
{
	json_array_append_new(arg, ecap_shown_json(name));
}

/* In the child. */
static json_t *look(void *arg)
{
	const struct ecap_target *target = arg;
	struct ecap_elf_file *file;
	json_t *facts = json_object();
	char text[2048];

	if (elf_file_open(target->path, &file)) {
		set(facts, "error", named(ecap_err_text(), target, text, sizeof(text)));
		return facts;
	}
	set(facts, "machine", machine_name(file->machine));
	json_object_set_new(facts, "native", json_boolean(file->machine == OWN_MACHINE));
	set(facts, "build_id", *file->build_id ? file->build_id : NULL);
	json_object_set_new(facts, "needed", json_array());
	elf_file_needed(file, add_needed, json_object_get(facts, "needed"));
	return facts;
}

/* 1 when the process sees other files than we do. */
static int is_foreign(uint32_t pid)
{
	struct stat own, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	return pid && !stat("/proc/self/ns/mnt", &own) && !stat(path, &theirs) &&
	       (own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino);
}

int ecap_probe_is_capturable(const json_t *file)
{
	return json_is_true(json_object_get(file, "capturable"));
}

static void ask_modules(const struct ecap_probing *probing, const struct ecap_target *target,
			json_t *file)
{
	json_t *modules = json_object_get(file, "modules");

	for (uint32_t i = 0; i < probing->n_entries; i++) {
		json_t *answer = ecap_probe_module(probing, probing->entries[i], target);

		if (json_array_size(json_object_get(answer, "places")))
			json_object_set_new(file, "capturable", json_true());
		json_array_append_new(modules, answer);
	}
}

json_t *ecap_probe_file(const struct ecap_probing *probing, const struct ecap_target *target,
			int deleted)
{
	json_t *file = json_object(), *facts = NULL;
	struct ecap_target asked = *target;

	set(file, "file", target->shown);
	json_object_set_new(file, "pid", target->pid ? json_integer(target->pid) : json_null());
	set(file, "machine", NULL);
	json_object_set_new(file, "native", json_false());
	set(file, "build_id", NULL);
	json_object_set_new(file, "needed", json_array());
	json_object_set_new(file, "deleted", json_boolean(deleted));
	json_object_set_new(file, "foreign", json_boolean(is_foreign(target->pid)));
	json_object_set_new(file, "capturable", json_false());
	set(file, "error", NULL);
	json_object_set_new(file, "modules", json_array());
	if (ecap_child_json(look, &asked, probing->patience_ns, &facts))
		set(file, "error", ecap_err_text());
	json_object_update(file, facts);
	json_decref(facts);
	if (json_is_null(json_object_get(file, "error")))
		ask_modules(probing, target, file);
	return file;
}
