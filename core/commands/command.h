/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: what main() dispatches to, and what they share. */
#ifndef ECAPTURE_CORE_COMMANDS_COMMAND_H
#define ECAPTURE_CORE_COMMANDS_COMMAND_H

#include <stdint.h>

#include "capture.h"
#include "common_options.h"
#include "loader.h"
#include "named.h"
#include "options.h"

/* Exit codes of the program. */
#define ECAP_EXIT_FAILURE 1 /* it could not do what was asked */
#define ECAP_EXIT_USAGE   2 /* what was asked makes no sense */

#define ECAP_MAX_WORDS 64u

/* What the command line says before the word of the command is looked at. */
struct ecap_command_line {
	int argc;            /* without the program's name */
	char **argv;         /* flags before the command, then what follows it */
	const char *command; /* the first word that is no flag, or NULL */
	const char *words[ECAP_MAX_WORDS + 1]; /* what follows the command and is no flag, NULL-ended */
	uint32_t n_words;
	struct ecap_options *common;
	struct ecap_options *early; /* the same table, with what had to be known first: --config */
	struct ecap_catalog *catalog;
};

/* A command that is no module's, or a group of them: "ecapture modules list". */
struct ecap_command {
	const char *name;
	const char *arguments;          /* for the help: "FILE|NAME", or NULL */
	const char *summary;            /* for the help */
	const struct ecap_option *rows; /* flags of its own */
	uint32_t n_rows, config_size;
	uint32_t min_words, max_words;  /* taken out of the line into line->words */
	int unparsed;                   /* 1: run() parses the line itself, words and all */
	int own_file;                   /* 1: nobody reads the file of --config before run() */
	const struct ecap_command *const *group; /* of a group: its commands; the rest is unused */
	uint32_t n_group;
	/* @config: filled by the rows. Returns the exit code. */
	int (*run)(struct ecap_command_line *line, const void *config);
};

/* Takes the words and flags of the line apart as the command wants it, and runs it. */
int ecap_command_run(struct ecap_command_line *line, const char *group,
		     const struct ecap_command *command);

/*
 * Takes the first word that is no flag, nor a flag's value, out of the arguments; NULL: none.
 * @tables: those that know the flags.
 */
const char *ecap_command_word(struct ecap_command_line *line, struct ecap_options *const *tables,
			      uint32_t n_tables);

/* The option whose value is the next word, for a flag "-x" or "--name"; NULL: no such flag. */
const struct ecap_option *ecap_command_takes_next(struct ecap_options *const *tables,
						  uint32_t n_tables, const char *flag);

/* Binds the module's own rows, as ecap_options_new() does. */
int ecap_module_options_new(const struct ecap_module *module, struct ecap_options **options);

/*
 * Reads the file, now that the sections are known: the module's own, with its options and the
 * common ones, and its named ones. The caller keeps @path.
 */
int ecap_command_module_file(const char *path, const struct ecap_catalog *catalog,
			     struct ecap_options *own, struct ecap_options *common,
			     struct ecap_named_set *named);

/* Sets the log up as --debug and --logaddr say. Returns 0 or a negative errno with a text. */
int ecap_command_log(const struct ecap_common_config *common);

/* Prints the error text that is kept as one line of the log; returns @exit_code, or leaves. */
int ecap_command_fail(const char *component, int exit_code);

/*
 * Ends the process when a call into a module was left behind (bounded.h): what would be freed
 * from here on may still be in use.
 */
void ecap_command_leave(int exit_code);

/* Captures with the module. Returns the exit code. */
int ecap_command_capture(struct ecap_command_line *line, struct ecap_catalog_entry *entry);

/* Captures with checked options, after --debug and so on were seen to. Returns the exit code. */
int ecap_command_jobs(struct ecap_command_line *line, const struct ecap_job *jobs, uint32_t n);

/* "ecapture run": captures with the modules that the ini file enables. */
int ecap_command_run_file(struct ecap_command_line *line, const void *config);

/* The variable with directories of modules, ':' between them. */
#define ECAP_MODULE_PATH "ECAPTURE_MODULE_PATH"
/* Takes the directories of modules from it, unless flags name some. */
int ecap_command_environment(struct ecap_command_line *line);
/* Looks for modules where these common options say; what was found before is forgotten. */
int ecap_command_find_modules(struct ecap_command_line *line, struct ecap_options *common);
/* 1 when somebody has said where, 0 when it is the usual place, which need not be there. */
int ecap_command_plugin_dir_given(struct ecap_options *common);

/* Shows the help of the program, as --help does. */
#define ECAP_COMMAND_HELP "help"

/* Whether a word is a command of the program, so that no module can be called by it. */
int ecap_command_is_reserved(const char *word);

/* The commands that are no module's: "modules" and so on. */
const struct ecap_command *ecap_command_find(const char *name);
/* All of them, for the help. */
const struct ecap_command *ecap_commands(uint32_t *n);

/* Those of "ecapture config", each in its own file. */
extern const struct ecap_command ecap_config_check;
extern const struct ecap_command ecap_config_sample;

/* Those of "ecapture modules", each in its own file. */
extern const struct ecap_command ecap_modules_list;
extern const struct ecap_command ecap_modules_inspect;
extern const struct ecap_command ecap_modules_check;
extern const struct ecap_command ecap_modules_man;
extern const struct ecap_command ecap_modules_new;
extern const struct ecap_command ecap_modules_probe;
extern const struct ecap_command ecap_modules_replay;
extern const struct ecap_command ecap_modules_schema;
extern const struct ecap_command ecap_modules_completion;
extern const struct ecap_command ecap_modules_complete;

#endif
