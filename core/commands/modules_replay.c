/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules replay: the records of a file through the module's decode and dispatch, in the
 * place of a capture. No kernel, no root.
 */
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "instance.h"
#include "log.h"
#include "module_load.h"
#include "recording.h"
#include "render.h"
#include "services.h"
#include "sink.h"
#include "util.h"

/* What the module may use until the process ends, should its close() not return. */
struct input {
	struct ecap_options *own;
	struct ecap_recording *recording;
	struct ecap_common common;
};

static void input_free(struct input *in)
{
	ecap_options_free(in->own);
	ecap_recording_free(in->recording);
}

static void instance_freep(struct ecap_instance **instance)
{
	ecap_instance_free(*instance);
}

/* @own: NULL when no module was named. */
static int print_help(struct ecap_options *own, struct ecap_options *common)
{
	struct ecap_options *tables[] = { own, common };
	char head[512];

	snprintf(head, sizeof(head), "Usage: ecapture modules replay %s FILE [OPTION...]\n\n"
		 "Prints the events of a recording again, without kernel and root. FILE is what "
		 "--record made.\nWhat was captured was decided then: options that choose it are "
		 "refused here.\n", own ? ecap_options_section(own) : "MODULE");
	ecap_help_print(stdout, head, own ? tables : tables + 1, own ? 2 : 1);
	return 0;
}

/* What was decided when the records were captured cannot be given now. */
static int check_common(struct ecap_options *common)
{
	static const char *const decided[] = { "pid", "uid", "cgroup", "comm", "btf", "btf-path",
					       "mapsize", "record" };

	for (size_t i = 0; i < ARRAY_SIZE(decided); i++) {
		const struct ecap_option *row = ecap_options_by_name(common, decided[i]);

		if (ecap_options_origin(common, row).kind == ECAP_FROM_COMMAND_LINE)
			return ecap_err(-EINVAL, "--%s has no effect on records that were "
					"captured before; leave it out", decided[i]);
	}
	return ecap_common_check(common);
}

static int check_head(const struct ecap_recording_head *head, const char *file,
		      const struct ecap_module *module)
{
	const char *version = module->version ? module->version : "";

	if (strcmp(head->module, module->name))
		return ecap_err(-EINVAL, "%s: its records are of module %s, not of %s; "
				"replay it with that one", file, head->module, module->name);
	if (strcmp(head->version, version))
		log_warn(module->command, "%s was recorded with version %s of the module, this is "
			 "%s: its records may mean something else", file, head->version, version);
	log_debug(module->command, "%s: recorded by ecapture %s, module ABI %u.%u, kernel "
		  "%u.%u.%u, %u CPUs", file, head->host, head->abi_major, head->abi_minor,
		  head->context.kernel_version >> 16, head->context.kernel_version >> 8 & 255,
		  head->context.kernel_version & 255, head->context.n_cpus);
	for (const char *line = head->options; *line; line += strspn(line, "\n")) {
		int len = (int)strcspn(line, "\n");

		log_debug(module->command, "%s: the module was given %.*s", file, len, line);
		line += len;
	}
	return 0;
}

/* As it was in the capture, but for how events are to be shown now. */
static struct ecap_common common_of(const struct ecap_recording_head *head,
				    const struct ecap_common_config *config)
{
	struct ecap_common common = head->common;

	common.truncate = config->tsize;
	common.hex = config->hex;
	common.debug = config->debug;
	return common;
}

static int run(struct ecap_instance_options *options)
{
	_cleanup_(instance_freep) struct ecap_instance *instance = NULL;
	int err = ecap_instance_new(options, &instance);

	if (!err)
		err = ecap_instance_start(instance);
	if (err)
		return err;
	err = ecap_instance_stop(instance);
	ecap_instance_summary(instance);
	return err ? err : ecap_recording_complete(options->replay);
}

static int replay_into(struct ecap_sink *sink, struct ecap_catalog_entry *entry,
		       const struct ecap_common_config *config, struct input *in)
{
	const struct ecap_recording_head *head = ecap_recording_head(in->recording);
	struct ecap_instance_options options = {
		.desc = entry->desc, .config = ecap_options_config(in->own),
		.common = &in->common, .sink = sink, .features = head->context.features,
		.btf_mode = head->context.btf_mode,
		.kernel_version = head->context.kernel_version, .replay = in->recording,
		.strict = config->strict_modules,
		.render = { .format = (enum ecap_format)config->output, .hex = config->hex,
			    .colour = ecap_sink_is_terminal(sink), .truncate = config->tsize,
			    .module = entry->desc->module.name },
	};
	int err = ecap_module_check_services(entry->desc, ecap_has_service);

	if (err)
		return ecap_err_context(err, "%s", entry->path);
	err = ecap_module_load(entry, &options.module);
	return err ? err : run(&options);
}

static int replay_file(const char *file, struct ecap_catalog_entry *entry,
		       const struct ecap_common_config *config, struct input *in)
{
	struct ecap_sink *sink;
	char text[2048];
	int err = ecap_recording_open(file, &in->recording), close_err;

	if (!err)
		err = check_head(ecap_recording_head(in->recording), file, &entry->desc->module);
	if (!err)
		err = ecap_sink_open(config->eventaddr, &sink);
	if (err)
		return err;
	in->common = common_of(ecap_recording_head(in->recording), config);
	err = replay_into(sink, entry, config, in);
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	close_err = ecap_sink_close(sink);
	return err ? ecap_err(err, "%s", text) : close_err;
}

/* The rows of the module are known once its word is, and which word FILE is once they are. */
static int parse(struct ecap_command_line *line, struct ecap_catalog_entry **entry,
		 struct input *in, const char **file, int *help)
{
	struct ecap_options *tables[2] = { NULL, line->common };
	const char *word = ecap_command_word(line, &line->common, 1);
	const struct ecap_module *module;
	int err;

	if (!word)
		return ecap_cli_parse(line->argc, line->argv, &line->common, 1, help);
	err = ecap_catalog_read(line->catalog, word, entry);
	if (err)
		return err;
	module = &(*entry)->desc->module;
	err = ecap_module_options_new(module, &in->own);
	if (err)
		return err;
	tables[0] = in->own;
	*file = ecap_command_word(line, tables, 2);
	err = ecap_cli_parse(line->argc, line->argv, tables, 2, help);
	if (!err && !*help)
		err = ecap_options_finish(tables[0]);
	return err;
}

static int replay(struct ecap_command_line *line, const void *none)
{
	const struct ecap_common_config *config = ecap_options_config(line->common);
	_cleanup_(input_free) struct input in = { .own = NULL };
	struct ecap_catalog_entry *entry = NULL;
	const char *file = NULL;
	int help = 0, err;

	(void)none;
	err = parse(line, &entry, &in, &file, &help);
	if (!err && help)
		return print_help(in.own, line->common);
	if (!err && !file)
		err = ecap_err(-EINVAL, "replay wants %s; see --help",
			       ecap_modules_replay.arguments);
	if (!err)
		err = check_common(line->common);
	if (err)
		return ecap_command_fail("modules", ECAP_EXIT_USAGE);
	if (ecap_command_log(config))
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	if (replay_file(file, entry, config, &in))
		return ecap_command_fail(entry->desc->module.command, ECAP_EXIT_FAILURE);
	return 0;
}

const struct ecap_command ecap_modules_replay = {
	.name = "replay", .arguments = "MODULE FILE",
	.summary = "the events of a recording again: no kernel, no root", .unparsed = 1,
	.run = replay,
};
