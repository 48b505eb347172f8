/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules check: each check of loading with its answer, then what the module needs of
 * this ecapture and this kernel, then (--run) a trial. It goes on after a check that fails, so
 * that an author sees all faults at once. Exit code 0 when nothing was refused.
 */
#include <string.h>

#include "commands/check.h"
#include "commands/command.h"
#include "commands/shown.h"
#include "err.h"
#include "machine.h"
#include "render.h"
#include "services.h"
#include "util.h"

struct check_config {
	uint64_t patience;
	uint8_t json, run;
};

/* What is the same for all modules of the line. */
struct machine {
	const struct ecap_common_config *common;
	struct ecap_features features;
	char *why_not; /* why the kernel was not probed, or NULL */
};

static void machine_end(struct machine *machine)
{
	free(machine->why_not);
}

/* Without the right to ask the kernel, that is left open, and no reason to refuse a module. */
static int look_at_machine(struct machine *machine)
{
	ecap_machine_log_libbpf();
	int err = ecap_machine_probe(&machine->features);

	if (err == -EPERM) {
		machine->why_not = strdup(ecap_err_text());
		return machine->why_not ? 0 : ecap_err(-ENOMEM, "out of memory");
	}
	return err ? err : ecap_machine_features(machine->common, &machine->features,
						 &machine->features);
}

static int try_it(const struct machine *machine, const struct check_config *config,
		  struct ecap_checked *checked)
{
	checked->tried = 1;
	checked->trial.common = machine->common;
	checked->trial.features = &machine->features;
	checked->trial.patience_ns = config->patience;
	if (checked->examined.error)
		ecap_trial_skip(&checked->trial,
				"not checked: a module that is refused is not run");
	else if (machine->why_not)
		ecap_trial_skip(&checked->trial, machine->why_not);
	else
		return ecap_trial_run(&checked->examined, &checked->trial);
	return 0;
}

static int run_checks(struct ecap_command_line *line, const char *word,
		      const struct machine *machine, const struct check_config *config,
		      struct ecap_checked *checked)
{
	const struct ecap_module_host host = {
		.catalog = line->catalog, .has_service = ecap_has_service,
		.probed = !machine->why_not, .why_not = machine->why_not,
		.features = machine->features.bits,
		.btf_mode = ecap_machine_btf_mode(machine->common, &machine->features),
	};
	int err = ecap_examine(line->catalog, word, &host, ECAP_N_STATIC - 1,
			       &checked->examined);

	checked->kernel_version = machine->features.kernel_version;
	if (!err && config->run)
		err = try_it(machine, config, checked);
	return err;
}

/* Of several modules, each is checked, whatever becomes of the others. */
static int check_one(struct ecap_command_line *line, uint32_t i, const struct machine *machine,
		     const struct check_config *config, json_t *list)
{
	_cleanup_(ecap_checked_end) struct ecap_checked checked = { 0 };
	int err = run_checks(line, line->words[i], machine, config, &checked);

	if (!err && list)
		json_array_append_new(list, ecap_checked_json(&checked));
	else if (!err && i)
		putchar('\n');
	if (!err && !list)
		err = ecap_checked_print(&checked);
	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	return ecap_checked_count(&checked, 1) ? ECAP_EXIT_FAILURE : 0;
}

/* One module's object, or the list of those of several. */
static int print_json(json_t *list, uint32_t n_words)
{
	json_t *value = n_words == 1 ? json_incref(json_array_get(list, 0)) : json_incref(list);
	int err = value ? ecap_shown_print_json(value) : 0;

	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

static int check_modules(struct ecap_command_line *line, const void *config)
{
	const struct check_config *own = config;
	_cleanup_(machine_end) struct machine machine = {
		.common = ecap_options_config(line->common),
	};
	int as_json = own->json || machine.common->output == ECAP_FORMAT_JSON, code = 0;
	json_t *list = as_json ? json_array() : NULL;

	if (look_at_machine(&machine)) {
		json_decref(list);
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	}
	for (uint32_t i = 0; i < line->n_words; i++)
		code |= check_one(line, i, &machine, own, list);
	if (list)
		code |= print_json(list, line->n_words);
	json_decref(list);
	return code;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct check_config, run, ECAP_OPT_BOOL, "run",
		 .help = "load it, run it as far as its maps and unload it, in a child process"),
	ECAP_OPT(struct check_config, patience, ECAP_OPT_DURATION, "patience", .def = "10s",
		 .min = 100000000, .max = 3600000000000,
		 .help = "how long each step of --run may take"),
	ECAP_OPT(struct check_config, json, ECAP_OPT_BOOL, "json", .help = "as --output json"),
};

const struct ecap_command ecap_modules_check = {
	.name = "check", .arguments = "FILE|NAME...",
	.summary = "what loading it checks, and whether it fits this machine; exit code 1: refused",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct check_config),
	.min_words = 1, .max_words = ECAP_MAX_WORDS, .run = check_modules,
};
