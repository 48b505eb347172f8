/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and how a line is taken apart for one: words, flags, help. */
#include "commands/command.h"

#include <string.h>

#include "bounded.h"
#include "err.h"
#include "log.h"
#include "util.h"

static const struct ecap_command *const module_commands[] = {
	&ecap_modules_list, &ecap_modules_inspect, &ecap_modules_check,
	&ecap_modules_man, &ecap_modules_new,
	&ecap_modules_probe,
	&ecap_modules_replay,
	&ecap_modules_schema,
	&ecap_modules_completion, &ecap_modules_complete,
};

static const struct ecap_command *const config_commands[] = {
	&ecap_config_check,
	&ecap_config_sample,
};

static const struct ecap_command commands[] = {
	{ .name = "run", .summary = "capture with every module that an ini file enables",
	  .own_file = 1, .run = ecap_command_run_file },
	{ .name = "modules", .arguments = "COMMAND", .summary = "look at the modules: modules --help",
	  .group = module_commands, .n_group = ARRAY_SIZE(module_commands) },
	{ .name = "config", .arguments = "COMMAND", .summary = "look at an ini file: config --help",
	  .own_file = 1, .group = config_commands, .n_group = ARRAY_SIZE(config_commands) },
};

const struct ecap_command *ecap_commands(uint32_t *n)
{
	*n = ARRAY_SIZE(commands);
	return commands;
}

const struct ecap_command *ecap_command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int ecap_command_is_reserved(const char *word)
{
	return !strcmp(word, ECAP_COMMAND_HELP) || ecap_command_find(word);
}

int ecap_module_options_new(const struct ecap_module *module, struct ecap_options **options)
{
	return ecap_options_new(module->command, module->options, module->n_options,
				module->config_size, options);
}

int ecap_command_log(const struct ecap_common_config *common)
{
	if (common->debug)
		ecap_log_set_level(ECAP_LOG_DEBUG);
	return common->logaddr ? ecap_log_open(common->logaddr) : 0;
}

int ecap_command_fail(const char *component, int exit_code)
{
	log_error(component, "%s", ecap_err_text());
	ecap_command_leave(exit_code);
	return exit_code;
}

void ecap_command_leave(int exit_code)
{
	if (!ecap_left_behind())
		return;
	fflush(stdout);
	_exit(exit_code);
}

const struct ecap_option *ecap_command_takes_next(struct ecap_options *const *tables,
						  uint32_t n_tables, const char *flag)
{
	const struct ecap_option *row = NULL;

	for (uint32_t i = 0; i < n_tables && !row; i++) {
		if (flag[1] == '-')
			row = strchr(flag, '=') ? NULL : ecap_options_by_name(tables[i], flag + 2);
		else
			row = flag[2] ? NULL : ecap_options_by_short(tables[i], flag[1]);
	}
	return row && row->type != ECAP_OPT_BOOL ? row : NULL;
}

const char *ecap_command_word(struct ecap_command_line *line, struct ecap_options *const *tables,
			      uint32_t n_tables)
{
	for (int i = 0; i < line->argc; i++) {
		const char *word = line->argv[i];

		if (word[0] == '-' && word[1]) {
			i += ecap_command_takes_next(tables, n_tables, word) != NULL;
			continue;
		}
		memmove(&line->argv[i], &line->argv[i + 1],
			(size_t)(line->argc - i) * sizeof(*line->argv));
		line->argc--;
		return word;
	}
	return NULL;
}

static int print_help(const char *group, const struct ecap_command *command,
		      struct ecap_options *const *tables)
{
	char head[512];

	snprintf(head, sizeof(head), "Usage: ecapture %s%s%s%s%s [OPTION...]\n\n%s\n", group,
		 *group ? " " : "", command->name, command->arguments ? " " : "",
		 command->arguments ? command->arguments : "", command->summary);
	ecap_help_print(stdout, head, tables, 2);
	return 0;
}

static void take_words(struct ecap_command_line *line, uint32_t max,
		       struct ecap_options *const *tables)
{
	const char *word;

	line->n_words = 0;
	while (line->n_words < max && (word = ecap_command_word(line, tables, 2)))
		line->words[line->n_words++] = word;
	line->words[line->n_words] = NULL;
}

static int run_group(struct ecap_command_line *line, const struct ecap_command *group);

int ecap_command_run(struct ecap_command_line *line, const char *group,
		     const struct ecap_command *command)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	struct ecap_options *tables[2] = { NULL, line->common };
	int help = 0, err;

	if (command->group)
		return run_group(line, command);
	if (command->unparsed)
		return command->run(line, NULL);
	err = ecap_options_new(command->name, command->rows, command->n_rows,
			       command->config_size, &own);
	if (err)
		return ecap_command_fail(command->name, ECAP_EXIT_FAILURE);
	tables[0] = own;
	take_words(line, command->max_words, tables);
	err = ecap_cli_parse(line->argc, line->argv, tables, 2, &help);
	if (!err && help)
		return print_help(group, command, tables);
	if (!err && line->n_words < command->min_words)
		err = ecap_err(-EINVAL, "%s wants %s; see --help", command->name,
			       command->arguments);
	if (!err)
		err = ecap_options_finish(own);
	if (err)
		return ecap_command_fail(*group ? group : command->name, ECAP_EXIT_USAGE);
	return command->run(line, ecap_options_config(own));
}

static int wants_help(const struct ecap_command_line *line)
{
	for (int i = 0; i < line->argc; i++)
		if (!strcmp(line->argv[i], "--help") || !strcmp(line->argv[i], "-h"))
			return 1;
	return 0;
}

static int print_group(const struct ecap_command *group)
{
	printf("Usage: ecapture %s COMMAND [OPTION...]\n\nCommands:\n", group->name);
	for (uint32_t i = 0; i < group->n_group; i++) {
		const struct ecap_command *command = group->group[i];
		char usage[80];

		snprintf(usage, sizeof(usage), "%s %s", command->name,
			 command->arguments ? command->arguments : "");
		printf("  %-24s %s\n", usage, command->summary);
	}
	printf("\nOptions of each: ecapture %s COMMAND --help\n", group->name);
	return 0;
}

static int unknown(const struct ecap_command *group, const char *word)
{
	_cleanup_free_ const char **names = calloc(group->n_group + 1u, sizeof(*names));
	const char *near;

	for (uint32_t i = 0; names && i < group->n_group; i++)
		names[i] = group->group[i]->name;
	near = names ? ecap_nearest(word, names) : NULL;
	ecap_err(-EINVAL, "unknown command %s %s; %s %s %s", group->name, word,
		 near ? "did you mean" : "see ecapture", group->name, near ? near : "--help");
	return ecap_command_fail(group->name, ECAP_EXIT_USAGE);
}

/* Runs the command of the group that the next word names, without a word the first one. */
static int run_group(struct ecap_command_line *line, const struct ecap_command *group)
{
	const char *word = ecap_command_word(line, &line->common, 1);

	if (!word && wants_help(line))
		return print_group(group);
	if (!word)
		word = group->group[0]->name;
	for (uint32_t i = 0; i < group->n_group; i++)
		if (!strcmp(word, group->group[i]->name))
			return ecap_command_run(line, group->name, group->group[i]);
	return unknown(group, word);
}
