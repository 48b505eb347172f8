/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of option rows bound to the config struct that it fills. Each row has a slot that
 * owns its value and remembers where it came from; the struct only points into the slots.
 */
#include "options.h"

#include <ctype.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "options_internal.h"
#include "util.h"

struct place {
	const char *file;
	uint32_t line;
};

struct slot {
	struct ecap_origin origin;
	struct place named[2]; /* by [global] and by a module's section, whether or not it counts */
	uint32_t n_list;
	char *text;  /* STRING, PATH, IFNAME, REST */
	char **list; /* LIST: NULL-ended */
};

struct ecap_options {
	const char *section;
	const struct ecap_option *rows;
	uint32_t n;
	unsigned char *config;
	struct slot *slots;
};

static void list_free(char **list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void ecap_options_free(struct ecap_options *options)
{
	if (!options)
		return;
	for (uint32_t i = 0; options->slots && i < options->n; i++) {
		free(options->slots[i].text);
		list_free(options->slots[i].list, options->slots[i].n_list);
	}
	free(options->slots);
	free(options->config);
	free(options);
}

static int valid_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && (*p != '-' || p == name))
			return 0;
	return *name && strcmp(name, "help");
}

/* What would make the row unusable or unsafe: it may come from somebody else's module. */
static int check_row(const struct ecap_option *row, uint32_t index, uint32_t config_size)
{
	size_t size = ecap_value_size(row->type);

	if (!row->name || !valid_name(row->name) || (row->alias && !valid_name(row->alias)))
		return ecap_err(-EINVAL, "option %u: %s is not a usable name; use letters, digits, _ "
				"and -, and not help", index + 1,
				ecap_show(row->name && !valid_name(row->name) ? row->name :
					  row->alias ? row->alias : "", '"').s);
	if (row->short_name && (!isalnum((unsigned char)row->short_name) || row->short_name == 'h'))
		return ecap_err(-EINVAL, "option --%s: short name 0x%02x is not usable; use a "
				"letter but h, or a digit", row->name,
				(unsigned char)row->short_name);
	if (!size)
		return ecap_err(-EINVAL, "option --%s: unknown type %u; set .type to one of "
				"ECAP_OPT_*, or upgrade ecapture", row->name, row->type);
	if (row->size != size)
		return ecap_err(-EINVAL, "option --%s: its type takes %zu bytes, the member has %u; "
				"make the row with ECAP_OPT", row->name, size, row->size);
	if (row->offset % size || config_size < size || row->offset > config_size - size)
		return ecap_err(-EINVAL, "option --%s: offset %u does not fit a config of %u bytes; "
				"make the row with ECAP_OPT and set .config_size", row->name,
				row->offset, config_size);
	if (row->max < row->min || (row->max < 0 && row->min != row->max))
		return ecap_err(-EINVAL, "option --%s: no number lies between its bounds; set .min "
				"below .max, which may not be negative", row->name);
	if (row->type == ECAP_OPT_ENUM && (!row->choices || !*row->choices))
		return ecap_err(-EINVAL, "option --%s: no choices; set .choices", row->name);
	return 0;
}

static int answers_to(const struct ecap_option *row, const char *name)
{
	return !strcmp(row->name, name) || (row->alias && !strcmp(row->alias, name));
}

static int check_rows(const struct ecap_option *rows, uint32_t n, uint32_t config_size)
{
	uint32_t n_rest = 0;

	for (uint32_t i = 0; i < n; i++) {
		int err = check_row(&rows[i], i, config_size);

		if (err)
			return err;
		n_rest += rows[i].type == ECAP_OPT_REST;
		for (uint32_t j = 0; j < i; j++) {
			if (answers_to(&rows[j], rows[i].name) ||
			    (rows[i].alias && answers_to(&rows[j], rows[i].alias)))
				return ecap_err(-EINVAL, "options --%s and --%s share a name; rename "
						"one", rows[j].name, rows[i].name);
			if (rows[i].short_name && rows[i].short_name == rows[j].short_name)
				return ecap_err(-EINVAL, "options --%s and --%s share -%c; give one "
						"another letter", rows[j].name, rows[i].name,
						rows[i].short_name);
		}
	}
	if (n_rest > 1)
		return ecap_err(-EINVAL, "%u options take the positional words; only one can",
				n_rest);
	return 0;
}

int ecap_options_new(const char *section, const struct ecap_option *rows, uint32_t n,
		     uint32_t config_size, struct ecap_options **options)
{
	int err = check_rows(rows, n, config_size);

	if (err)
		return err;
	_cleanup_(ecap_options_freep) struct ecap_options *new = calloc(1, sizeof(*new));

	if (!new)
		return ecap_err(-ENOMEM, "out of memory");
	new->section = section;
	new->rows = rows;
	new->n = n;
	new->config = calloc(1, config_size ? config_size : 1);
	new->slots = calloc(n ? n : 1, sizeof(*new->slots));
	if (!new->config || !new->slots)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n && !err; i++)
		if (rows[i].def)
			err = ecap_options_set(new, &rows[i], rows[i].def,
					       (struct ecap_origin){ .kind = ECAP_FROM_DEFAULT });
	if (err)
		return err;
	*options = TAKE_PTR(new);
	return 0;
}

void *ecap_options_config(struct ecap_options *options)
{
	return options->config;
}

const char *ecap_options_section(const struct ecap_options *options)
{
	return options->section;
}

const struct ecap_option *ecap_options_rows(const struct ecap_options *options, uint32_t *n)
{
	*n = options->n;
	return options->rows;
}

const struct ecap_option *ecap_options_by_name(const struct ecap_options *options, const char *name)
{
	for (uint32_t i = 0; i < options->n; i++)
		if (answers_to(&options->rows[i], name))
			return &options->rows[i];
	return NULL;
}

const struct ecap_option *ecap_options_by_short(const struct ecap_options *options, char letter)
{
	for (uint32_t i = 0; letter && i < options->n; i++)
		if (options->rows[i].short_name == letter)
			return &options->rows[i];
	return NULL;
}

static struct slot *slot_of(const struct ecap_options *options, const struct ecap_option *row)
{
	return &options->slots[row - options->rows];
}

struct ecap_origin ecap_options_origin(const struct ecap_options *options,
				       const struct ecap_option *row)
{
	return slot_of(options, row)->origin;
}

/* Puts the place of a value before the text that says what is wrong with it. */
static int refuse(int err, const struct ecap_options *options, const struct ecap_option *row,
		  struct ecap_origin origin)
{
	const char *text = ecap_err_text();

	switch (origin.kind) {
	case ECAP_FROM_FILE:
	case ECAP_FROM_SECTION:
		return ecap_err(err, "%s:%u: [%s] %s: %s", origin.file, origin.line,
				origin.section ? origin.section : options->section, row->name,
				text);
	case ECAP_FROM_HTTP:
		return ecap_err(err, "[%s] %s: %s", options->section, row->name, text);
	case ECAP_FROM_DEFAULT:
		return ecap_err(err, "option --%s: default %s", row->name, text);
	default:
		return ecap_err(err, "--%s: %s", row->name, text);
	}
}

int ecap_options_refuse(const struct ecap_options *options, const struct ecap_option *row, int err)
{
	return refuse(err, options, row, slot_of(options, row)->origin);
}

/* A section may name an option once, so that no line of it is silently without effect. */
static int check_file(struct slot *slot, const struct ecap_option *row, struct ecap_origin origin)
{
	if (row->flags & ECAP_OPT_NO_FILE)
		return ecap_err(-EINVAL, "works on the command line only");
	if (row->flags & ECAP_OPT_PROGRAM && origin.kind == ECAP_FROM_SECTION)
		return ecap_err(-EINVAL, "concerns the whole program, not one module; "
				"set it in [global]");
	struct place *named = &slot->named[origin.kind == ECAP_FROM_SECTION];

	if (row->type != ECAP_OPT_LIST && named->file && !strcmp(named->file, origin.file))
		return ecap_err(-EINVAL, "is already set in line %u", named->line);
	*named = (struct place){ origin.file, origin.line };
	return 0;
}

/* Adds to the list, or begins a new one when the value overrides what is there. */
static int keep_in_list(struct slot *slot, int override, struct ecap_value *value, char ***list)
{
	if (override) {
		list_free(slot->list, slot->n_list);
		slot->list = NULL;
		slot->n_list = 0;
	}
	char **grown = reallocarray(slot->list, (size_t)slot->n_list + 2, sizeof(*grown));

	*list = grown ? grown : slot->list;
	if (!grown)
		return ecap_err(-ENOMEM, "out of memory");
	grown[slot->n_list++] = TAKE_PTR(value->text);
	grown[slot->n_list] = NULL;
	slot->list = grown;
	return 0;
}

static int keep(struct ecap_options *options, const struct ecap_option *row,
		struct ecap_value *value, struct ecap_origin origin)
{
	struct slot *slot = slot_of(options, row);
	void *member = options->config + row->offset;

	if (row->type == ECAP_OPT_LIST) {
		int err = keep_in_list(slot, origin.kind > slot->origin.kind, value, member);

		if (err)
			return err;
	} else {
		ecap_value_store(row, value, member);
		free(slot->text);
		slot->text = TAKE_PTR(value->text);
	}
	slot->origin = origin;
	return 0;
}

static int inherit_list(struct slot *slot, const struct slot *from, char ***list)
{
	for (uint32_t i = 0; i < from->n_list; i++) {
		struct ecap_value value = { .text = strdup(from->list[i]) };
		int err = value.text ? keep_in_list(slot, i == 0, &value, list)
				     : ecap_err(-ENOMEM, "out of memory");

		free(value.text);
		if (err)
			return err;
	}
	return 0;
}

static int inherit_row(struct ecap_options *options, const struct ecap_options *from, uint32_t i)
{
	const struct ecap_option *row = &options->rows[i];
	struct slot *slot = &options->slots[i];
	unsigned char *member = options->config + row->offset;
	_cleanup_free_ char *text = NULL;

	if (row->type == ECAP_OPT_LIST)
		return inherit_list(slot, &from->slots[i], (char ***)member);
	if (from->slots[i].text) {
		text = strdup(from->slots[i].text);
		if (!text)
			return ecap_err(-ENOMEM, "out of memory");
		*(char **)member = text;
	} else {
		memcpy(member, from->config + row->offset, row->size);
	}
	free(slot->text);
	slot->text = TAKE_PTR(text);
	return 0;
}

int ecap_options_inherit(struct ecap_options *options, const struct ecap_options *from)
{
	for (uint32_t i = 0; i < options->n; i++) {
		if (from->slots[i].origin.kind <= options->slots[i].origin.kind)
			continue;
		int err = inherit_row(options, from, i);

		if (err)
			return err;
		options->slots[i].origin = from->slots[i].origin;
	}
	return 0;
}

static int parse_checked(const struct ecap_option *row, const char *text,
			 struct ecap_origin origin, struct ecap_value *value)
{
	int err = ecap_value_parse(row, text, value);

	/* A default need not exist where it is overridden: ecap_options_finish() looks. */
	if (!err && row->flags & ECAP_OPT_MUST_EXIST && value->text &&
	    origin.kind != ECAP_FROM_DEFAULT)
		err = ecap_value_exists(value->text);
	return err;
}

int ecap_options_set(struct ecap_options *options, const struct ecap_option *row,
		     const char *value, struct ecap_origin origin)
{
	struct slot *slot = slot_of(options, row);
	struct ecap_value parsed = { 0 };
	int err = origin.file ? check_file(slot, row, origin) : 0;

	if (!err)
		err = parse_checked(row, value, origin, &parsed);
	if (!err && row->flags & ECAP_OPT_DEPRECATED && origin.kind != ECAP_FROM_DEFAULT)
		log_warn("options", "--%s is deprecated: %s", row->name,
			 row->help ? row->help : "");
	if (!err && origin.kind >= slot->origin.kind)
		err = keep(options, row, &parsed, origin);
	free(parsed.text);
	return err ? refuse(err, options, row, origin) : 0;
}

int ecap_options_reset(struct ecap_options *options, const struct ecap_option *row)
{
	const struct ecap_origin origin = { .kind = ECAP_FROM_DEFAULT };
	struct slot *slot = slot_of(options, row);

	free(slot->text);
	list_free(slot->list, slot->n_list);
	*slot = (struct slot){ 0 };
	memset(options->config + row->offset, 0, row->size);
	return row->def ? ecap_options_set(options, row, row->def, origin) : 0;
}

static int finish_row(struct ecap_options *options, const struct ecap_option *row)
{
	const struct slot *slot = slot_of(options, row);

	if (slot->origin.kind != ECAP_FROM_DEFAULT)
		return 0;
	if (row->flags & ECAP_OPT_REQUIRED && !row->def)
		return ecap_err(-EINVAL, "%s%s is missing%s%s",
				row->type == ECAP_OPT_REST ? "" : "--", row->name,
				row->help ? ": " : "", row->help ? row->help : "");
	if (row->flags & ECAP_OPT_MUST_EXIST && slot->text) {
		int err = ecap_value_exists(slot->text);

		if (err)
			return ecap_err(err, "default of --%s: %s", row->name, ecap_err_text());
	}
	return 0;
}

int ecap_options_finish(struct ecap_options *options)
{
	for (uint32_t i = 0; i < options->n; i++) {
		int err = finish_row(options, &options->rows[i]);

		if (err)
			return err;
	}
	return 0;
}
