/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option engine: a table of rows (struct ecap_option) and the config struct that it fills.
 * Command line, ini file and, later, HTTP go through ecap_options_set(), so a value means the
 * same everywhere and each value knows where it came from.
 */
#ifndef ECAPTURE_CORE_OPTIONS_H
#define ECAPTURE_CORE_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include <ecapture/option.h>

/* Where a value came from, in the order in which one overrides another. */
enum ecap_origin_kind {
	ECAP_FROM_DEFAULT,
	ECAP_FROM_FILE,    /* its [global] section */
	ECAP_FROM_SECTION, /* a module's section of it */
	ECAP_FROM_COMMAND_LINE,
	ECAP_FROM_HTTP,
};

struct ecap_origin {
	enum ecap_origin_kind kind;
	uint32_t line;
	const char *file;    /* FROM_FILE, FROM_SECTION: its path, kept by the caller; else NULL */
	const char *section; /* FROM_SECTION: its name, kept by the caller; else NULL */
};

struct ecap_options; /* a table bound to a config struct */

/*
 * Binds a table to a new, zeroed config struct of @config_size bytes, and sets the defaults.
 * @section: name of the ini section and of the group in messages ("global", "tls").
 */
int ecap_options_new(const char *section, const struct ecap_option *rows, uint32_t n,
		     uint32_t config_size, struct ecap_options **options);
void ecap_options_free(struct ecap_options *options);

static inline void ecap_options_freep(struct ecap_options **options)
{
	ecap_options_free(*options);
}

/* Takes over the values that @from, of the same table, has from places that count more. */
int ecap_options_inherit(struct ecap_options *options, const struct ecap_options *from);

/* The config struct; owned by the options, valid until they are freed. */
void *ecap_options_config(struct ecap_options *options);
const char *ecap_options_section(const struct ecap_options *options);
const struct ecap_option *ecap_options_rows(const struct ecap_options *options, uint32_t *n);
/* The row of this name or alias, or of this short letter; NULL when there is none. */
const struct ecap_option *ecap_options_by_name(const struct ecap_options *options, const char *name);
const struct ecap_option *ecap_options_by_short(const struct ecap_options *options, char letter);
/* Where the row's value came from. */
struct ecap_origin ecap_options_origin(const struct ecap_options *options,
				       const struct ecap_option *row);

/*
 * Parses, checks and stores one value; an origin of a lower kind never overrides a higher one.
 * -EINVAL with the reason ("is not a number", "is not one of text|pcap", ...), prefixed by the
 * place (file:line, or --flag).
 */
int ecap_options_set(struct ecap_options *options, const struct ecap_option *row,
		     const char *value, struct ecap_origin origin);

/* Takes away what was set: the row has its default again. */
int ecap_options_reset(struct ecap_options *options, const struct ecap_option *row);

/* Required values that are missing: -EINVAL with the name. Call when all sources are read. */
int ecap_options_finish(struct ecap_options *options);

/*
 * The options that were given, not those that have their default nor secret ones: "name = value",
 * one on a line. To be freed; NULL when out of memory.
 */
char *ecap_options_given(struct ecap_options *options);

/* The nearest of the NULL-ended @words to @word (edit distance), or NULL when none is near. */
const char *ecap_nearest(const char *word, const char *const *words);

/*
 * Parses a command line tail: long flags (--name VALUE, --name=VALUE), short ones (-pVALUE,
 * -p VALUE, bundled booleans), "--" and positional words, against several tables (the first
 * that knows the flag takes it). Positional words go to the ECAP_OPT_REST row when a table has
 * one, else they are refused. "--help" and "-h" set *help and end the parsing.
 * -EINVAL with one line that says what and the nearest valid flag.
 */
int ecap_cli_parse(int argc, char *const *argv, struct ecap_options *const *tables,
		   uint32_t n_tables, int *help);

/* Who takes the keys of a section. */
struct ecap_ini_section {
	const char *name;           /* for messages; kept by the caller as long as the tables */
	enum ecap_origin_kind kind; /* ECAP_FROM_FILE or ECAP_FROM_SECTION */
	uint32_t line;              /* set before */
	uint32_t n_tables;          /* 0: somebody else reads the section */
	int any_key;                /* 1: keys that no table knows are passed over */
	struct ecap_options *tables[3]; /* the first that knows a key takes it */
};

struct ecap_ini_reader {
	const char *const *sections; /* NULL-ended: near which an unknown one may be; or NULL */
	/*
	 * Fills *section (zeroed but for its line) for what stands between [ and ]. Returns 1, 0 when there is no such
	 * section, or a negative errno with a text.
	 */
	int (*section)(void *arg, const char *name, struct ecap_ini_section *section);
	/* Takes each error (its text is ecap_err_text()), and the reading goes on; or NULL. */
	void (*error)(void *arg);
	void *arg;
};

/*
 * Reads an ini file. Lines may have any length. Returns the first error: -EINVAL, -EACCES and so
 * on with "file:line: ..." in the text.
 */
int ecap_ini_load(const char *path, const struct ecap_ini_reader *reader);

/*
 * Prints the help of the tables to @out: groups, flags, metavars, defaults, choices, ranges.
 * @head: what stands above the options (usage, summary).
 */
void ecap_help_print(FILE *out, const char *head, struct ecap_options *const *tables,
		     uint32_t n_tables);

#endif
