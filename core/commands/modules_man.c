/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture modules man: the man page of a module or, without one, of the program. */
#include <string.h>
#include <time.h>

#include "commands/command.h"
#include "commands/shown.h"
#include "err.h"
#include "man.h"
#include "util.h"

struct man_config {
	const char *directory;
};

/*
 * Today, or the day that a build which is to be repeated gives: SOURCE_DATE_EPOCH as in
 * https://reproducible-builds.org/specs/source-date-epoch/
 */
static int find_date(char *date, size_t size)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(date, size, "%Y-%m-%d", &tm))
		return ecap_err(-EINVAL, "SOURCE_DATE_EPOCH \"%s\" is no time", epoch);
	return 0;
}

static int print_page(FILE *out, struct ecap_command_line *line, const struct ecap_module *module,
		      const char *date)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	int err;

	if (!module) {
		uint32_t n;
		const struct ecap_command *commands = ecap_commands(&n);

		return ecap_man_program(out, commands, n, line->common, date);
	}
	err = ecap_module_options_new(module, &own);
	if (!err)
		ecap_man_module(out, module, own, line->common, date);
	return err;
}

/* Into a file of the directory, by the name that man(1) looks for. */
static int write_page(const char *directory, struct ecap_command_line *line,
		      const struct ecap_module *module, const char *date)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/ecapture%s%s.1", directory, module ? "-" : "",
		     module ? module->command : "") < 0)
		return ecap_err(-ENOMEM, "out of memory");
	FILE *out = fopen(path, "we");

	if (!out)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	int err = print_page(out, line, module, date);

	if (fclose(out) && !err)
		err = ecap_err(-errno, "%s: %s", path, strerror(errno));
	return err;
}

static int man(struct ecap_command_line *line, const void *config)
{
	const struct man_config *own = config;
	struct ecap_catalog_entry *entry = NULL;
	char date[16];
	int err = find_date(date, sizeof(date));

	if (!err && line->n_words)
		err = ecap_catalog_read(line->catalog, line->words[0], &entry);
	const struct ecap_module *module = entry ? &entry->desc->module : NULL;

	if (!err && own->directory)
		err = write_page(own->directory, line, module, date);
	else if (!err)
		err = print_page(stdout, line, module, date);
	if (!err)
		err = ecap_shown_end();
	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct man_config, directory, ECAP_OPT_PATH, "directory", .metavar = "DIR",
		 .help = "write the page to a file here, by its name: ecapture-COMMAND.1"),
};

const struct ecap_command ecap_modules_man = {
	.name = "man", .arguments = "[FILE|NAME]",
	.summary = "the man page of a module; without one, of ecapture",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct man_config),
	.max_words = 1, .run = man,
};
