/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in place of a word of a command line. */
#include "complete.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>

#include "err.h"
#include "option_text.h"
#include "util.h"

/* Where the word stands, and what is found for it. */
struct place {
	const char *current;
	struct ecap_command_line *line;
	const struct ecap_command *command; /* the command before it, or NULL */
	const struct ecap_module *module;   /* the module before it, or NULL */
	struct ecap_options *tables[2];     /* that know the flags */
	uint32_t n_tables;
	const struct ecap_option *value_of; /* the flag before it that wants it as its value */
	uint32_t n_words;                   /* words before it, behind the command */
	int words_only;                     /* "--" stands before it */
	const char *kind;
	FILE *words; /* as they will be printed */
};

/* A word and, on the same line, what it is. */
static void offer(const struct place *p, const char *before, const char *word, size_t len,
		  const char *text)
{
	size_t n = strlen(before);
	_cleanup_free_ char *whole = NULL;

	/* A line of the answer could not hold it. */
	if (memchr(word, '\n', len) || memchr(word, '\t', len))
		return;
	if (asprintf(&whole, "%s%.*s", before, (int)len, word) < 0 ||
	    strncmp(whole, p->current, strlen(p->current)) || n + len == 0)
		return;
	fprintf(p->words, "%s\t", whole);
	for (; text && *text; text++)
		fputc(iscntrl((unsigned char)*text) ? ' ' : *text, p->words);
	fputc('\n', p->words);
}

/* The words of a list "a|b|c". */
static void offer_list(const struct place *p, const char *list, char separator, const char *text)
{
	const char reject[] = { separator, '\0' };

	while (list && *list) {
		size_t len = strcspn(list, reject);

		offer(p, "", list, len, text);
		list += len + (list[len] == separator);
	}
}

static void offer_interfaces(const struct place *p)
{
	struct if_nameindex *interfaces = if_nameindex();

	for (struct if_nameindex *i = interfaces; i && i->if_name; i++)
		offer(p, "", i->if_name, strlen(i->if_name), "network interface");
	if (interfaces)
		if_freenameindex(interfaces);
}

/* Texts and paths say by their metavar which files they want, if any. */
static const char *kind_of_text(const struct ecap_option *row)
{
	const char *metavar = ecap_option_metavar(row);

	if (!strcmp(metavar, "DIR"))
		return "directories";
	return row->type == ECAP_OPT_PATH || !strcmp(metavar, "FILE") ? "files" : "words";
}

static void offer_values(struct place *p, const struct ecap_option *row)
{
	switch (row->type) {
	case ECAP_OPT_BOOL:
		offer_list(p, "yes|no", '|', NULL);
		break;
	case ECAP_OPT_ENUM:
		offer_list(p, row->choices, '|', NULL);
		break;
	case ECAP_OPT_IFNAME:
		offer_interfaces(p);
		break;
	case ECAP_OPT_LIST:
		if (!strcmp(ecap_option_metavar(row), "IFACE"))
			offer_interfaces(p);
		/* fallthrough */
	case ECAP_OPT_PATH:
	case ECAP_OPT_STRING:
		p->kind = kind_of_text(row);
		break;
	default:
		break;
	}
}

static void offer_flags(const struct place *p)
{
	for (uint32_t t = 0; t < p->n_tables; t++) {
		uint32_t n;
		_cleanup_free_ const struct ecap_option **rows =
			ecap_option_order(p->tables, t, &n);

		for (uint32_t i = 0; i < n; i++)
			if (rows[i]->type != ECAP_OPT_REST)
				offer(p, "--", rows[i]->name, strlen(rows[i]->name), rows[i]->help);
	}
	offer(p, "--", "help", 4, "show what there is");
	if (!p->command && !p->module)
		offer(p, "--", "version", 7, "show the version");
}

static void offer_modules(const struct place *p)
{
	const struct ecap_catalog *catalog = p->line->catalog;

	for (uint32_t i = 0; catalog && i < catalog->n; i++) {
		const struct ecap_catalog_entry *entry = catalog->entries[i];

		if (!entry->desc || entry->error || entry->shadowed_by)
			continue;
		const struct ecap_module *module = &entry->desc->module;

		offer(p, "", module->command, strlen(module->command), module->summary);
		offer_list(p, module->aliases, ',', module->summary);
	}
}

static void offer_commands(const struct place *p)
{
	uint32_t n;
	const struct ecap_command *commands = ecap_commands(&n);

	offer_modules(p);
	for (uint32_t i = 0; i < n; i++)
		offer(p, "", commands[i].name, strlen(commands[i].name), commands[i].summary);
	offer(p, "", ECAP_COMMAND_HELP, strlen(ECAP_COMMAND_HELP), "show what there is");
}

/* The argument of a command's help, as "FILE|NAME": what is in capitals stands for something. */
static void offer_argument(struct place *p, const char *argument, size_t len)
{
	int modules = 0;

	for (size_t i = 0; i < len;) {
		size_t n = 0;

		while (i + n < len && argument[i + n] != '|')
			n++;
		if (n == 4 && !memcmp(argument + i, "FILE", n))
			p->kind = "files";
		else if (n == 3 && !memcmp(argument + i, "DIR", n))
			p->kind = "directories";
		else if (n && islower((unsigned char)argument[i]))
			offer(p, "", argument + i, n, p->command->summary);
		modules += (n == 6 && !memcmp(argument + i, "MODULE", n)) ||
			   (n == 4 && !memcmp(argument + i, "NAME", n) && len > n);
		i += n + 1;
	}
	if (modules)
		offer_modules(p);
}

/* Finds the argument that the word is, "[NAME...]" being any that follows. */
static int find_argument(const struct place *p, const char **argument, size_t *len)
{
	const char *rest = p->command->arguments;

	for (uint32_t i = 0; rest && *rest; i++) {
		rest += strspn(rest, " [");

		size_t n = strcspn(rest, " ]."), end = strcspn(rest, " ");
		int repeated = n < end && rest[n] == '.';

		if (i == p->n_words || repeated) {
			*argument = rest;
			*len = n;
			return 1;
		}
		rest += end;
	}
	return 0;
}

static int takes_words(const struct ecap_module *module)
{
	for (uint32_t i = 0; i < module->n_options; i++) {
		const struct ecap_option *row = &module->options[i];

		if (row->type == ECAP_OPT_REST && !(row->flags & ECAP_OPT_HIDDEN))
			return 1;
	}
	return 0;
}

static void offer_word(struct place *p)
{
	const char *argument;
	size_t len;

	if (p->command && p->command->group) {
		for (uint32_t i = 0; i < p->command->n_group; i++) {
			const struct ecap_command *command = p->command->group[i];

			offer(p, "", command->name, strlen(command->name), command->summary);
		}
	} else if (p->command && find_argument(p, &argument, &len)) {
		offer_argument(p, argument, len);
	} else if (!p->command && !p->module) {
		offer_commands(p);
	} else if (!p->module || !takes_words(p->module)) {
		offer_flags(p);
	}
}

/* "--name=value", of which the value is asked for. */
static int offer_value_behind(struct place *p)
{
	const char *value = strchr(p->current, '=');
	const struct ecap_option *row = NULL;

	if (strncmp(p->current, "--", 2) || !value)
		return 0;
	_cleanup_free_ char *name = strndup(p->current + 2, (size_t)(value - p->current) - 2);

	for (uint32_t t = 0; name && t < p->n_tables && !row; t++)
		row = ecap_options_by_name(p->tables[t], name);
	p->current = value + 1;
	if (row)
		offer_values(p, row);
	return 1;
}

static const struct ecap_command *find_in_group(const struct ecap_command *group, const char *word)
{
	for (uint32_t i = 0; i < group->n_group; i++)
		if (!strcmp(word, group->group[i]->name))
			return group->group[i];
	return NULL;
}

static int find_module(struct place *p, const char *word, struct ecap_options **own)
{
	const struct ecap_catalog_entry *entry = ecap_catalog_find(p->line->catalog, word);

	if (!entry)
		return -ENOENT;
	p->module = &entry->desc->module;
	return ecap_options_new(p->module->command, p->module->options, p->module->n_options,
				p->module->config_size, own);
}

/* Which command or module the words before name, and with it the flags that there are. */
static int find_command(struct place *p, struct ecap_options **own)
{
	struct ecap_command_line *line = p->line;
	const char *word = ecap_command_word(line, &line->common, 1);

	p->command = word ? ecap_command_find(word) : NULL;
	if (word && !p->command)
		return find_module(p, word, own);
	if (p->command && p->command->group) {
		word = ecap_command_word(line, &line->common, 1);
		if (!word)
			return 0;
		p->command = find_in_group(p->command, word);
		if (!p->command)
			return -ENOENT;
	}
	if (!p->command)
		return 0;
	return ecap_options_new(p->command->name, p->command->rows, p->command->n_rows,
				p->command->config_size, own);
}

/* What the words between the command and the one in question mean for that. */
static void pass_words(struct place *p)
{
	for (int i = 0; i < p->line->argc; i++) {
		const char *word = p->line->argv[i];

		if (p->words_only || word[0] != '-' || !word[1]) {
			p->n_words++;
		} else if (!strcmp(word, "--")) {
			p->words_only = 1;
		} else {
			const struct ecap_option *row =
				ecap_command_takes_next(p->tables, p->n_tables, word);

			if (row && i + 1 == p->line->argc)
				p->value_of = row;
			i += row != NULL;
		}
	}
}

int ecap_complete(FILE *out, struct ecap_command_line *line, const char *current)
{
	_cleanup_(ecap_options_freep) struct ecap_options *own = NULL;
	_cleanup_free_ char *words = NULL;
	size_t size;
	struct place p = { .current = current, .line = line, .kind = "words",
			   .words = open_memstream(&words, &size) };

	if (!p.words)
		return ecap_err(-ENOMEM, "out of memory");
	if (!find_command(&p, &own)) {
		if (own)
			p.tables[p.n_tables++] = own;
		p.tables[p.n_tables++] = line->common;
		pass_words(&p);
		if (p.value_of)
			offer_values(&p, p.value_of);
		else if (!p.words_only && offer_value_behind(&p))
			;
		else if (!p.words_only && *p.current == '-')
			offer_flags(&p);
		else
			offer_word(&p);
	}
	fclose(p.words);
	fprintf(out, "%s\n%s", p.kind, words);
	return 0;
}
