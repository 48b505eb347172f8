/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against option tables. Not getopt_long(3): it abbreviates, takes "--uid" as
 * the value of "--pid --uid", and does not say which word was near.
 */
#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "util.h"

struct parser {
	int argc, i; /* i: the word in work */
	char *const *argv;
	struct ecap_options *const *tables;
	uint32_t n_tables;
	int help;
	char *words; /* the positional ones, joined */
};

/* A flag that was found: its row and the table that takes it. */
struct flag {
	struct ecap_options *table;
	const struct ecap_option *row;
};

static struct flag flag_by_name(const struct parser *p, const char *name)
{
	for (uint32_t t = 0; t < p->n_tables; t++) {
		const struct ecap_option *row = ecap_options_by_name(p->tables[t], name);

		if (row && row->type != ECAP_OPT_REST)
			return (struct flag){ p->tables[t], row };
	}
	return (struct flag){ 0 };
}

static struct flag flag_by_short(const struct parser *p, char letter)
{
	for (uint32_t t = 0; t < p->n_tables; t++) {
		const struct ecap_option *row = ecap_options_by_short(p->tables[t], letter);

		if (row && row->type != ECAP_OPT_REST)
			return (struct flag){ p->tables[t], row };
	}
	return (struct flag){ 0 };
}

/* The row that takes positional words, if a table has one. */
static struct flag flag_of_rest(const struct parser *p)
{
	for (uint32_t t = 0; t < p->n_tables; t++) {
		uint32_t n;
		const struct ecap_option *row = ecap_options_rows(p->tables[t], &n);

		for (; n; n--, row++)
			if (row->type == ECAP_OPT_REST)
				return (struct flag){ p->tables[t], row };
	}
	return (struct flag){ 0 };
}

/* "@what WORD", and the flag that may have been meant. */
static int refuse(const struct parser *p, const char *what, const char *shown, const char *name)
{
	const char *near = ecap_nearest_option(name, p->tables, p->n_tables, 0, "help");

	if (!near)
		return ecap_err(-EINVAL, "%s %s", what, shown);
	return ecap_err(-EINVAL, "%s %s; did you mean --%s?", what, shown, near);
}

static int set(struct flag flag, const char *value)
{
	return ecap_options_set(flag.table, flag.row, value,
				(struct ecap_origin){ .kind = ECAP_FROM_COMMAND_LINE });
}

/* A forgotten value must not swallow the flag behind it; "-1" and "-" are values. */
static int is_flag(const struct parser *p, const char *word)
{
	if (word[0] != '-' || !word[1])
		return 0;
	if (word[1] == '-')
		return 1;
	return !word[2] && (word[1] == 'h' || flag_by_short(p, word[1]).row);
}

/* Sets the flag from the word behind it. */
static int set_from_next(struct parser *p, struct flag flag)
{
	const char *name = flag.row->name;
	const char *next = p->i + 1 < p->argc ? p->argv[p->i + 1] : NULL;

	if (!next)
		return ecap_err(-EINVAL, "--%s needs a value", name);
	if (is_flag(p, next)) {
		struct ecap_shown shown = ecap_show(next, 0);

		return ecap_err(-EINVAL, "--%s needs a value; if it is %s, write --%s=%s", name,
				shown.s, name, shown.s);
	}
	p->i++;
	return set(flag, next);
}

static int parse_long(struct parser *p, const char *arg)
{
	size_t n = strcspn(arg, "=");
	_cleanup_free_ char *name = strndup(arg, n);

	if (!name)
		return ecap_err(-ENOMEM, "out of memory");
	struct flag flag = flag_by_name(p, name);

	if (flag.row && arg[n])
		return set(flag, arg + n + 1);
	if (flag.row)
		return flag.row->type == ECAP_OPT_BOOL ? set(flag, "yes") : set_from_next(p, flag);
	if (!strcmp(name, "help")) {
		p->help = !arg[n];
		return p->help ? 0 : ecap_err(-EINVAL, "--help takes no value");
	}
	_cleanup_free_ char *dashed = ecap_join("--", "", name);

	return dashed ? refuse(p, "unknown option", ecap_show(dashed, 0).s, name) : -ENOMEM;
}

/* One word of short flags: booleans, then at most one with a value. */
static int parse_short(struct parser *p, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		struct flag flag = flag_by_short(p, *letter);

		if (!flag.row && *letter == 'h') {
			p->help = 1;
			return 0;
		}
		if (!flag.row && letter == word + 1)
			return refuse(p, "unknown option", ecap_show(word, 0).s,
				      word[2] ? word + 1 : "");
		if (!flag.row)
			return ecap_err(-EINVAL, "unknown option -%.1s in %s",
					ecap_show(letter, 0).s, ecap_show(word, 0).s);
		if (letter[1] == '=')
			return set(flag, letter + 2);
		if (flag.row->type != ECAP_OPT_BOOL)
			return letter[1] ? set(flag, letter + 1) : set_from_next(p, flag);
		int err = set(flag, "yes");

		if (err)
			return err;
	}
	return 0;
}

static int add_word(struct parser *p, const char *word)
{
	if (!flag_of_rest(p).row)
		return refuse(p, "unexpected word", ecap_show(word, '"').s, word);
	char *joined = ecap_join(p->words ? p->words : "", p->words ? " " : "", word);

	if (!joined)
		return -ENOMEM;
	free(p->words);
	p->words = joined;
	return 0;
}

static int parse_words(struct parser *p)
{
	int words_only = 0, err = 0;

	for (p->i = 0; p->i < p->argc && !err && !p->help; p->i++) {
		const char *word = p->argv[p->i];

		if (words_only || word[0] != '-' || !word[1])
			err = add_word(p, word);
		else if (word[1] != '-')
			err = parse_short(p, word);
		else if (word[2])
			err = parse_long(p, word + 2);
		else
			words_only = 1;
	}
	return err;
}

int ecap_cli_parse(int argc, char *const *argv, struct ecap_options *const *tables,
		   uint32_t n_tables, int *help)
{
	struct parser p = { .argc = argc, .argv = argv, .tables = tables, .n_tables = n_tables };
	int err = parse_words(&p);

	if (!err && p.words && !p.help)
		err = set(flag_of_rest(&p), p.words);
	free(p.words);
	if (!err)
		*help = p.help;
	return err;
}
