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

/* Those of the file and of this machine; what runs the module's code is left to the trial. */
#define N_STATIC ECAP_CHECK_DLOPEN

struct check_config {
	uint64_t patience;
	uint8_t json, run;
};

/* All that is found out about one module. */
struct check {
	const struct ecap_common_config *common;
	struct ecap_features features;
	char *why_not;                /* why the kernel was not probed, or NULL */
	struct ecap_examined examined;
	struct ecap_trial trial;
	int tried;                    /* whether the trial's lines are to be shown */
};

static void check_end(struct check *check)
{
	ecap_trial_end(&check->trial);
	ecap_examined_free(&check->examined);
	free(check->why_not);
}

static struct ecap_check_line line_of(const struct check *check, uint32_t i)
{
	if (i >= N_STATIC)
		return check->trial.lines[i - N_STATIC];
	return (struct ecap_check_line){
		.name = ecap_check_name(i), .sentence = ecap_check_sentence(i),
		.result = check->examined.result[i], .reason = check->examined.reason[i],
	};
}

static uint32_t n_lines(const struct check *check)
{
	return N_STATIC + (check->tried ? ECAP_N_TRIAL : 0);
}

static uint32_t count(const struct check *check, int failed)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_lines(check); i++) {
		int result = line_of(check, i).result;

		n += failed ? result < 0 : result == ECAP_NOT_CHECKED;
	}
	return n;
}

static const char *answer(int result)
{
	return !result ? "yes" : result < 0 ? "no" : "not checked";
}

/* Why the object is not used here, or NULL: it is, or one before it. @text: 128 bytes. */
static const char *why_not_picked(const struct check *check, uint32_t i, char *text)
{
	const struct ecap_module_file *file = &check->examined.file;
	const struct ecap_desc_bpf *bpf = &file->desc->bpf[i];

	if (check->why_not)
		return NULL;
	if (file->host.btf_mode && bpf->variant != file->host.btf_mode) {
		snprintf(text, 128, "is for --btf %u", bpf->variant);
		return text;
	}
	if (ecap_module_bpf_needs(bpf) & ~file->host.features)
		return "needs what this kernel does not have";
	return NULL;
}

static int is_picked(const struct check *check, uint32_t i)
{
	return !check->examined.result[ECAP_CHECK_FEATURES] &&
	       check->examined.file.bpf_index == i;
}

/* Whether the kernel has the feature: "yes", "no" or "not checked". */
static const char *has_feature(const struct check *check, uint32_t bit)
{
	if (check->why_not)
		return "not checked";
	return check->examined.file.host.features >> bit & 1 ? "yes" : "no";
}

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static int print_lines(const struct check *check)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 3);

	for (uint32_t i = 0; i < n_lines(check); i++) {
		struct ecap_check_line line = line_of(check, i);

		ecap_columns_add(columns, (const char *const[]){
			answer(line.result), line.name, line.reason ? line.reason : line.sentence,
		});
	}
	return ecap_columns_print(columns, stdout, 2);
}

static int print_services(const struct ecap_desc *desc)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);

	if (desc->n_services)
		printf("\nServices that it needs:\n");
	for (uint32_t i = 0; i < desc->n_services; i++)
		ecap_columns_add(columns, (const char *const[]){
			answer(ecap_has_service(desc->module.services[i]) ? 0 : -1),
			desc->module.services[i],
		});
	return ecap_columns_print(columns, stdout, 2);
}

/* What is to be said of the object here. @text: 128 bytes. */
static const char *say_object(const struct check *check, uint32_t i, char *text)
{
	const char *why = why_not_picked(check, i, text);

	if (check->why_not)
		return "not checked";
	if (why)
		return why;
	return is_picked(check, i) ? "would be used" : "not used, one before it fits";
}

static int print_object(const struct check *check, uint32_t i)
{
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);
	const struct ecap_desc_bpf *bpf = &check->examined.file.desc->bpf[i];
	_cleanup_free_ char *name = ecap_shown_line(bpf->name ? bpf->name : "?");
	uint64_t needs = ecap_module_bpf_needs(bpf);
	char text[128], variant[16], feature[32];

	printf("  %s (%s): %s\n", name ? name : "", ecap_examined_variant(bpf, variant),
	       say_object(check, i, text));
	for (uint32_t bit = 0; bit < 64; bit++)
		if (needs >> bit & 1)
			ecap_columns_add(columns, (const char *const[]){
				has_feature(check, bit), ecap_examined_feature(bit, feature),
			});
	return ecap_columns_print(columns, stdout, 4);
}

static int print_objects(const struct check *check)
{
	uint32_t n = check->examined.file.desc->module.n_bpf, v = check->features.kernel_version;
	int err = 0;

	if (n && check->why_not)
		printf("\nBPF objects and the features of the kernel that they need:\n");
	else if (n)
		printf("\nBPF objects and whether this kernel, %u.%u.%u, has what they need:\n",
		       v >> 16, v >> 8 & 255, v & 255);
	for (uint32_t i = 0; i < n && !err; i++)
		err = print_object(check, i);
	return err;
}

static void print_head(const struct check *check)
{
	_cleanup_free_ char *path = ecap_shown_line(check->examined.path);
	const struct ecap_desc *desc = ecap_examined_desc(&check->examined);
	_cleanup_free_ char *name = desc && desc->module.name ?
				    ecap_shown_line(desc->module.name) : NULL;
	_cleanup_free_ char *version = desc && desc->module.version ?
				       ecap_shown_line(desc->module.version) : NULL;

	printf("%s%s%s%s%s\n", path ? path : "", name ? ": " : "", name ? name : "",
	       version ? " " : "", version ? version : "");
}

static void print_same_name(const struct check *check)
{
	_cleanup_free_ char *used = ecap_shown_line(check->examined.file.same_name->path);
	_cleanup_free_ char *path = ecap_shown_line(check->examined.path);

	if (used && path)
		printf("Two modules are named \"%s\": %s (used) and %s\n",
		       check->examined.file.desc->module.name, used, path);
}

static void print_result(const struct check *check)
{
	uint32_t failed = count(check, 1), open = count(check, 0);

	printf("\n");
	if (check->examined.file.same_name)
		print_same_name(check);
	if (failed)
		printf("Refused: %u of %u checks failed", failed, n_lines(check));
	else
		printf("Nothing is wrong with it");
	if (open)
		printf("; %u could not be made", open);
	printf("\n");
}

static int print_text(const struct check *check)
{
	const struct ecap_desc *desc = ecap_examined_desc(&check->examined);

	print_head(check);
	int err = print_lines(check);

	if (!err && desc)
		err = print_services(desc);
	if (!err && desc)
		err = print_objects(check);
	print_result(check);
	return err ? err : ecap_shown_end();
}

static json_t *lines_json(const struct check *check)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n_lines(check); i++) {
		struct ecap_check_line line = line_of(check, i);

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "check", line.name,
						      "sentence", line.sentence, "answer",
						      answer(line.result), "reason",
						      ecap_shown_json(line.reason)));
	}
	return list;
}

static json_t *services_json(const struct ecap_desc *desc)
{
	json_t *list = json_array();

	for (uint32_t i = 0; desc && i < desc->n_services; i++)
		json_array_append_new(list, json_pack("{s:o, s:b}", "id",
						      ecap_shown_json(desc->module.services[i]),
						      "offered",
						      ecap_has_service(desc->module.services[i])));
	return list;
}

static json_t *features_json(const struct check *check, const struct ecap_desc_bpf *bpf)
{
	uint64_t needs = ecap_module_bpf_needs(bpf);
	json_t *list = json_array();
	char text[32];

	for (uint32_t bit = 0; bit < 64; bit++)
		if (needs >> bit & 1)
			json_array_append_new(list, json_pack("{s:s, s:s}", "feature",
							      ecap_examined_feature(bit, text),
							      "kernel", has_feature(check, bit)));
	return list;
}

static json_t *objects_json(const struct check *check)
{
	const struct ecap_desc *desc = ecap_examined_desc(&check->examined);
	json_t *list = json_array();
	char text[128], variant[16];

	for (uint32_t i = 0; desc && i < desc->module.n_bpf; i++) {
		const struct ecap_desc_bpf *bpf = &desc->bpf[i];

		json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:o, s:o}", "name",
			ecap_shown_json(bpf->name), "variant", ecap_examined_variant(bpf, variant),
			"used", is_picked(check, i), "reason",
			ecap_shown_json(why_not_picked(check, i, text)), "needs",
			features_json(check, bpf)));
	}
	return list;
}

static json_t *check_json(const struct check *check)
{
	const struct ecap_desc *desc = ecap_examined_desc(&check->examined);
	const struct ecap_catalog_entry *same = check->examined.file.same_name;
	json_t *object = json_object();

	json_object_set_new(object, "file", ecap_shown_json(check->examined.path));
	json_object_set_new(object, "name", ecap_shown_json(desc ? desc->module.name : NULL));
	json_object_set_new(object, "version", ecap_shown_json(desc ? desc->module.version : NULL));
	json_object_set_new(object, "result", json_string(count(check, 1) ? "refused" : "good"));
	json_object_set_new(object, "failed", json_integer(count(check, 1)));
	json_object_set_new(object, "not_checked", json_integer(count(check, 0)));
	json_object_set_new(object, "checks", lines_json(check));
	json_object_set_new(object, "services", services_json(desc));
	json_object_set_new(object, "bpf", objects_json(check));
	json_object_set_new(object, "shadowed_by", ecap_shown_json(same ? same->path : NULL));
	return object;
}

/* Without the right to ask the kernel, that is left open, and no reason to refuse the module. */
static int look_at_machine(struct check *check, struct ecap_module_host *host)
{
	int err = ecap_machine_probe(&check->features);

	if (err == -EPERM) {
		check->why_not = strdup(ecap_err_text());
		host->why_not = check->why_not;
		return check->why_not ? 0 : ecap_err(-ENOMEM, "out of memory");
	}
	if (!err)
		err = ecap_machine_features(check->common, &check->features, &check->features);
	if (err)
		return err;
	host->probed = 1;
	host->features = check->features.bits;
	host->btf_mode = ecap_machine_btf_mode(check->common, &check->features);
	return 0;
}

static int try_it(struct check *check, const struct check_config *config)
{
	check->tried = 1;
	check->trial.common = check->common;
	check->trial.features = &check->features;
	check->trial.patience_ns = config->patience;
	if (check->examined.error)
		ecap_trial_skip(&check->trial, "not checked: a module that is refused is not run");
	else if (check->why_not)
		ecap_trial_skip(&check->trial, check->why_not);
	else
		return ecap_trial_run(&check->examined, &check->trial);
	return 0;
}

static int run_checks(struct ecap_command_line *line, const struct check_config *config,
		      struct check *check)
{
	struct ecap_module_host host = {
		.catalog = line->catalog, .has_service = ecap_has_service,
	};

	ecap_machine_log_libbpf();
	int err = look_at_machine(check, &host);

	if (!err)
		err = ecap_examine(line->catalog, line->words[0], &host, N_STATIC - 1,
				   &check->examined);
	if (!err && config->run)
		err = try_it(check, config);
	return err;
}

static int check_module(struct ecap_command_line *line, const void *config)
{
	const struct check_config *own = config;
	_cleanup_(check_end) struct check check = { .common = ecap_options_config(line->common) };
	int err = run_checks(line, own, &check);

	if (!err && (own->json || check.common->output == ECAP_FORMAT_JSON))
		err = ecap_shown_print_json(check_json(&check));
	else if (!err)
		err = print_text(&check);
	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	return count(&check, 1) ? ECAP_EXIT_FAILURE : 0;
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
	.name = "check", .arguments = "FILE|NAME",
	.summary = "what loading it checks, and whether it fits this machine; exit code 1: refused",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct check_config),
	.min_words = 1, .max_words = 1, .run = check_module,
};
