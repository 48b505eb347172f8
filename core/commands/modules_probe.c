/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules probe: what the modules can capture in a file, where, and how each place was
 * found; or why they can capture nothing, with exit code 1. It reads the file and attaches
 * nothing, so it needs no right but to read.
 */
#include <string.h>

#include "commands/probe.h"
#include "commands/shown.h"
#include "err.h"
#include "render.h"
#include "targets/file.h"
#include "targets/find.h"
#include "util.h"

struct probe_config {
	uint64_t patience;
	uint8_t json;
};

static void decref(json_t **value)
{
	json_decref(*value);
}

/* The modules that are named, else all that can be used. */
static int choose_modules(struct ecap_command_line *line, uint32_t first,
			  struct ecap_probing *probing)
{
	for (uint32_t i = first; i < line->n_words; i++) {
		int err = ecap_catalog_read(line->catalog, line->words[i],
					    &probing->entries[probing->n_entries]);

		if (err)
			return err;
		probing->n_entries++;
	}
	if (first < line->n_words)
		return 0;
	for (uint32_t i = 0; i < line->catalog->n; i++) {
		struct ecap_catalog_entry *entry = line->catalog->entries[i];

		if (!entry->desc || entry->error || entry->shadowed_by)
			continue;
		if (probing->n_entries == ECAP_MAX_WORDS)
			return ecap_err(-E2BIG, "more than %u modules; name some", ECAP_MAX_WORDS);
		probing->entries[probing->n_entries++] = entry;
	}
	return probing->n_entries ? 0 : ecap_err(-ENOENT, "there is no module that can be used; "
						 "see ecapture modules list");
}

/* The process through whose eyes a path below /proc leads. */
static uint32_t pid_in(const char *path)
{
	unsigned int pid = 0;

	return sscanf(path, "/proc/%u/", &pid) == 1 ? pid : 0;
}

static int probe_path(const struct ecap_probing *probing, const char *path, json_t **found)
{
	_cleanup_(ecap_file_close) struct ecap_file file = ECAP_FILE_NONE;
	char opened[32];
	int err = ecap_file_open(path, &file);

	if (err)
		return err;
	snprintf(opened, sizeof(opened), "/proc/self/fd/%d", file.fd);
	const struct ecap_target target = {
		.struct_size = sizeof(target), .how = ECAP_TARGET_GIVEN, .pid = pid_in(path),
		.path = opened, .shown = path, .dev = file.st.st_dev, .ino = file.st.st_ino,
	};

	*found = ecap_probe_file(probing, &target, !file.st.st_nlink);
	return 0;
}

/* The files of a process. */
struct process {
	const struct ecap_probing *probing;
	json_t *files;
};

static int on_mapped(void *arg, const struct ecap_target *target)
{
	struct process *process = arg;
	struct stat st;
	int deleted = !stat(target->path, &st) && !st.st_nlink;

	json_array_append_new(process->files, ecap_probe_file(process->probing, target, deleted));
	return 0;
}

static int probe_process(const struct ecap_probing *probing, uint64_t pid, json_t **found)
{
	static const char *const all[] = { "*", NULL };
	const struct ecap_target_spec spec = { .struct_size = sizeof(spec), .pid = pid,
					       .libraries = all };
	struct process process = { .probing = probing, .files = json_array() };
	struct ecap_file_keys given = { 0 };
	int n = ecap_targets_find(&given, &spec, on_mapped, &process);

	ecap_file_keys_clear(&given);
	*found = process.files;
	if (n)
		return n < 0 ? n : 0;
	return ecap_err(-ENOENT, "process %llu has mapped no program and no library that could be "
			"read", (unsigned long long)pid);
}

static int any_capturable(const json_t *found)
{
	int any = ecap_probe_is_capturable(found);

	for (size_t i = 0; i < json_array_size(found); i++)
		any |= ecap_probe_is_capturable(json_array_get(found, i));
	return any;
}

static int print(const json_t *found, uint64_t pid, int as_json)
{
	if (as_json)
		return ecap_shown_print_json(json_incref((json_t *)found));
	return pid ? ecap_probe_print_process(found, pid) : ecap_probe_print(found);
}

static int probe(struct ecap_command_line *line, const void *config)
{
	const struct probe_config *own = config;
	const struct ecap_common_config *common = ecap_options_config(line->common);
	struct ecap_probing probing = { .common = common, .catalog = line->catalog,
					.patience_ns = own->patience };
	_cleanup_(decref) json_t *found = NULL;
	int err;

	if (!common->pid && !line->n_words) {
		ecap_err(-EINVAL, "probe wants FILE, or --pid; see --help");
		return ecap_command_fail("modules", ECAP_EXIT_USAGE);
	}
	err = choose_modules(line, !common->pid, &probing);
	if (!err && common->pid)
		err = probe_process(&probing, common->pid, &found);
	else if (!err)
		err = probe_path(&probing, line->words[0], &found);
	if (!err)
		err = print(found, common->pid, own->json || common->output == ECAP_FORMAT_JSON);
	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	return any_capturable(found) ? 0 : ECAP_EXIT_FAILURE;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct probe_config, patience, ECAP_OPT_DURATION, "patience", .def = "60s",
		 .min = 100000000, .max = 3600000000000,
		 .help = "how long each module may look at a file"),
	ECAP_OPT(struct probe_config, json, ECAP_OPT_BOOL, "json", .help = "as --output json"),
};

const struct ecap_command ecap_modules_probe = {
	.name = "probe", .arguments = "FILE [MODULE...]",
	.summary = "what can be captured in a file, or in all that --pid has mapped; exit code 1: nothing",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct probe_config),
	.max_words = ECAP_MAX_WORDS, .run = probe,
};
