/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: finds the command among the flags, the modules in their directories, and
 * the values in the ini file; then hands over to the command.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "commands/command.h"
#include "crash.h"
#include "err.h"
#include "log.h"
#include "util.h"
#include "version.h"

/* The value of --name VALUE or --name=VALUE at argv[i], or NULL. */
static const char *value_at(const struct ecap_command_line *line, int i, const char *name)
{
	const char *word = line->argv[i];
	size_t n = strlen(name);

	if (strncmp(word, name, n))
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	if (word[n] || i + 1 >= line->argc || !strcmp(line->argv[i + 1], "--"))
		return NULL;
	return line->argv[i + 1];
}

/*
 * Which modules there are decides which flags are known, and the flags say where modules are:
 * so these two are looked for before the rest is parsed, and all again with the rest.
 */
static int early_options(struct ecap_command_line *line)
{
	static const char *const names[] = { "config", "plugin-dir" };
	struct ecap_origin origin = { .kind = ECAP_FROM_COMMAND_LINE };

	for (int i = 0; i < line->argc && strcmp(line->argv[i], "--"); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			char flag[16];
			const char *value;
			int err;

			snprintf(flag, sizeof(flag), "--%s", names[k]);
			value = value_at(line, i, flag);
			if (!value)
				continue;
			err = ecap_options_set(line->early,
					       ecap_options_by_name(line->early, names[k]),
					       value, origin);
			if (err)
				return err;
		}
	}
	return 0;
}

static int global_section(void *arg, const char *name, struct ecap_ini_section *section)
{
	/* Which other sections there may be is known once the modules are. */
	if (strcmp(name, "global"))
		return 1;
	*section = (struct ecap_ini_section){ .name = "global", .kind = ECAP_FROM_FILE,
					      .n_tables = 1, .tables = { arg } };
	return 1;
}

/* From flags and the file's [global] part the modules that there are. */
static int find_modules(struct ecap_command_line *line, const struct ecap_command *command)
{
	const struct ecap_common_config *flags = ecap_options_config(line->early);
	const struct ecap_ini_reader reader = { .section = global_section, .arg = line->common };
	int err = 0;

	if (flags->config && !(command && command->own_file))
		err = ecap_ini_load(flags->config, &reader);
	if (err)
		return err;
	return ecap_command_find_modules(line, ecap_command_plugin_dir_given(line->early)
					       ? line->early : line->common);
}

static const char *const top_help =
	"Usage: ecapture COMMAND [OPTION...]\n"
	"       ecapture COMMAND --help\n"
	"\n"
	"Shows what encrypted programs say, and audits shells and databases, by eBPF.\n";

static void print_modules(FILE *out, const struct ecap_catalog *catalog)
{
	uint32_t n;
	const struct ecap_command *commands = ecap_commands(&n);

	fprintf(out, "\nCommands:\n");
	for (uint32_t i = 0; catalog && i < catalog->n; i++) {
		const struct ecap_catalog_entry *entry = catalog->entries[i];

		if (entry->desc && !entry->error && !entry->shadowed_by)
			fprintf(out, "  %-12s %s\n", entry->desc->module.command,
				entry->desc->module.summary ? entry->desc->module.summary : "");
	}
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
}

static int print_help(struct ecap_command_line *line)
{
	struct ecap_options *tables[] = { line->common };
	int help;

	if (ecap_cli_parse(line->argc, line->argv, tables, 1, &help))
		return ecap_command_fail("ecapture", ECAP_EXIT_USAGE);
	fputs(top_help, stdout);
	print_modules(stdout, line->catalog);
	ecap_help_print(stdout, "", tables, 1);
	return 0;
}

static int is_flag(const struct ecap_command_line *line, const char *a, const char *b)
{
	for (int i = 0; i < line->argc; i++)
		if (!strcmp(line->argv[i], a) || !strcmp(line->argv[i], b))
			return 1;
	return 0;
}

static int dispatch(struct ecap_command_line *line)
{
	const struct ecap_command *command;
	struct ecap_catalog_entry *entry;
	int err;

	if (!line->command && is_flag(line, "--version", "-v")) {
		printf("ecapture version %s\n", ECAP_VERSION);
		return 0;
	}
	if (early_options(line) || ecap_command_environment(line))
		return ecap_command_fail("ecapture", ECAP_EXIT_USAGE);
	command = line->command ? ecap_command_find(line->command) : NULL;
	err = find_modules(line, command);
	if (err)
		return ecap_command_fail("ecapture", err == -EINVAL ? ECAP_EXIT_USAGE
								    : ECAP_EXIT_FAILURE);
	if (!line->command || !strcmp(line->command, ECAP_COMMAND_HELP))
		return print_help(line);
	if (command)
		return ecap_command_run(line, "", command);
	entry = ecap_catalog_find(line->catalog, line->command);
	if (!entry)
		return ecap_command_fail("ecapture", ECAP_EXIT_USAGE);
	return ecap_command_capture(line, entry);
}

/*
 * A standard descriptor that is closed would be that of the next file, into which output would go
 * then. Output that is not wanted at all cannot be written here either, and that is said.
 */
static void fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct ecap_command_line line = { .argc = argc - 1, .argv = argv + 1 };
	uint32_t n;
	const struct ecap_option *rows = ecap_common_rows(&n);
	int code;

	fill_standard();
	ecap_crash_install();
	if (ecap_options_new("global", rows, n, sizeof(struct ecap_common_config), &line.common) ||
	    ecap_options_new("global", rows, n, sizeof(struct ecap_common_config), &line.early))
		return ecap_command_fail("ecapture", ECAP_EXIT_FAILURE);
	line.command = ecap_command_word(&line, &line.common, 1);
	code = dispatch(&line);
	ecap_command_leave(code);
	ecap_catalog_free(line.catalog);
	ecap_options_free(line.common);
	ecap_options_free(line.early);
	return code;
}
