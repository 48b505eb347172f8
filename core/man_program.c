/* SPDX-License-Identifier: Apache-2.0 */
/* The man page of the program: its commands, the options of every module, its files. */
#include "man.h"

#include "err.h"
#include "roff.h"
#include "util.h"
#include "version.h"

#if !defined(ECAP_PLUGIN_DIR) || !defined(ECAP_CONFIG_FILE)
#error "the build says where things are installed"
#endif

static void print_tag(FILE *out, const char *tag)
{
	fputs(".TP\n.B \"", out);
	ecap_roff_text(out, tag);
	fputs("\"\n", out);
}

static int print_command(FILE *out, const char *group, const struct ecap_command *command)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	char usage[160];
	int err = ecap_options_new(command->name, command->rows, command->n_rows,
				   command->config_size, &own);

	if (err)
		return err;
	snprintf(usage, sizeof(usage), "%s%s%s%s%s", group, *group ? " " : "", command->name,
		 command->arguments ? " " : "", command->arguments ? command->arguments : "");
	print_tag(out, usage);
	ecap_man_prose(out, "%s", command->summary);
	if (command->n_rows) {
		fputs(".RS\n", out);
		ecap_man_options(out, own, NULL);
		fputs(".RE\n", out);
	}
	return 0;
}

static int print_commands(FILE *out, const struct ecap_command *commands, uint32_t n)
{
	int err = 0;

	fputs(".SH COMMANDS\n", out);
	print_tag(out, "MODULE");
	ecap_man_prose(out, "Captures with this module until SIGINT or SIGTERM comes. Each module has "
			"a page, ecapture-MODULE(1), and the same in short: ecapture MODULE --help.");
	for (uint32_t i = 0; i < n && !err; i++) {
		const struct ecap_command *command = &commands[i];

		if (!command->group)
			err = print_command(out, "", command);
		for (uint32_t j = 0; j < command->n_group && !err; j++)
			err = print_command(out, command->name, command->group[j]);
	}
	return err;
}

static void print_beginning(FILE *out, const char *date)
{
	ecap_man_head(out, "ecapture", "ecapture " ECAP_VERSION, date);
	fputs(".SH NAME\necapture \\- show what encrypted programs say, by eBPF\n"
	      ".SH SYNOPSIS\n"
	      "\\fBecapture\\fR \\fICOMMAND\\fR [\\fIWORD\\fR...] [\\fIOPTION\\fR...]\n"
	      ".br\n\\fBecapture\\fR [\\fICOMMAND\\fR] \\fB\\-\\-help\\fR\n"
	      ".br\n\\fBecapture \\-\\-version\\fR\n"
	      ".SH DESCRIPTION\n", out);
	ecap_man_prose(out, "eBPF probes read what programs encrypt where they hand it to a library, "
			"and what others audit where it happens: no certificate, no proxy, no restart "
			"of the program. A small core loads one module for each thing that can be "
			"captured.\n\n"
			"Events go to standard output or the file of --eventaddr; the log goes to "
			"standard error or the file of --logaddr. They never mix.\n\n"
			"Capturing wants root; what only reads (modules, help, configuration) does not.");
}

static void print_configuration(FILE *out)
{
	fputs(".SH CONFIGURATION\n", out);
	ecap_man_prose(out, "An option is taken from, in this order: the command line, the module's "
			"section of the file that --config names, the section [global] of it, its default. "
			"The file has lines \"key = value\", where the key is the name of the option "
			"without dashes, and comments that begin with ; or #. A key that is unknown or "
			"a value that is refused ends the program, by file and line.\n\n"
			"It is believed only where nobody but root could have changed it: its owner "
			"and mode, and those of each directory above it. The same goes for modules.");
	fputs(".SH FILES\n", out);
	print_tag(out, ECAP_PLUGIN_DIR);
	ecap_man_prose(out, "where modules are, unless --plugin-dir or " ECAP_MODULE_PATH
			" says otherwise");
	print_tag(out, ECAP_CONFIG_FILE);
	ecap_man_prose(out, "what \"ecapture run\" reads unless --config says otherwise; as it is installed, "
			"a sample with every option and its default, which starts nothing");
}

static void print_environment(FILE *out)
{
	fputs(".SH ENVIRONMENT\n", out);
	print_tag(out, ECAP_MODULE_PATH);
	ecap_man_prose(out, "directories to look for modules in, with \":\" between them; --plugin-dir "
			"goes before it, and it before the configuration. Without effect where the "
			"program has more rights than who starts it.");
}

static void print_end(FILE *out)
{
	static const char examples[] =
		"ecapture modules list\n"
		"ecapture MODULE --pid 1234 --hex\n"
		"ecapture MODULE -o json --eventaddr events.json\n"
		"ecapture MODULE --config " ECAP_CONFIG_FILE "\n";

	ecap_man_exit_status(out);
	fputs(".SH EXAMPLES\n.nf\n", out);
	ecap_roff_literal(out, examples);
	fputs(".fi\n.SH LICENCE\nApache\\-2.0; BPF programs BSD\\-2\\-Clause or GPL\\-2.0\n", out);
}

int ecap_man_program(FILE *out, const struct ecap_command *commands, uint32_t n,
		     struct ecap_options *common, const char *date)
{
	print_beginning(out, date);

	int err = print_commands(out, commands, n);

	if (err)
		return err;
	fputs(".SH COMMON OPTIONS\n", out);
	ecap_man_prose(out, "These work with every module.");
	ecap_man_options(out, common, ".SS");
	print_configuration(out);
	print_environment(out);
	print_end(out);
	return 0;
}
