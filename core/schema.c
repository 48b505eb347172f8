/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema of option tables. */
#include "schema.h"

#include <ctype.h>
#include <string.h>

#include "number_pattern.h"
#include "options_internal.h"
#include "util.h"

/* Numbers of the unit that lie within the bounds of the row; 0 when there are none. */
static int bounds_in(const struct ecap_option *row, uint64_t factor, uint64_t *low, uint64_t *high)
{
	ecap_value_bounds(row, low, high);
	*low = *low / factor + (*low % factor != 0);
	*high /= factor;
	return *low <= *high;
}

/* A suffix in any case: "[mM][sS]". */
static void put_suffix(FILE *out, const char *suffix)
{
	for (; *suffix; suffix++)
		fprintf(out, "[%c%c]", tolower((unsigned char)*suffix), toupper((unsigned char)*suffix));
}

/* What a number is when a user types it: decimal or hexadecimal, with one of the units. */
static void put_number_pattern(FILE *out, const struct ecap_option *row)
{
	const char *suffix, *before = "^(";
	uint64_t factor, low, high;

	for (uint32_t i = 0; (suffix = ecap_value_unit(row->type, i, &factor)); i++) {
		if (!bounds_in(row, factor, &low, &high))
			continue;
		fprintf(out, "%s(", before);
		ecap_number_pattern(out, low, high, 10);
		fputs("|0[xX]", out);
		ecap_number_pattern(out, low, high, 16);
		fputc(')', out);
		put_suffix(out, suffix);
		before = "|";
	}
	fputs(")$", out);
}

static int set_pattern(json_t *schema, const struct ecap_option *row)
{
	_cleanup_free_ char *pattern = NULL;
	size_t size;
	FILE *out = open_memstream(&pattern, &size);

	if (!out)
		return -1;
	put_number_pattern(out, row);
	return fclose(out) || json_object_set_new(schema, "pattern", json_string(pattern));
}

/* JSON's numbers end where jansson's do; above it is what a double can say: 2 to the 64th. */
static int set_maximum(json_t *schema, uint64_t high)
{
	if (high > INT64_MAX)
		return json_object_set_new(schema, "exclusiveMaximum", json_real(0x1p64));
	return json_object_set_new(schema, "maximum", json_integer((json_int_t)high));
}

static json_t *number_schema(const struct ecap_option *row)
{
	uint64_t plain, low, high;

	ecap_value_unit(row->type, 0, &plain);
	if (!bounds_in(row, plain, &low, &high)) {
		json_t *schema = json_pack("{s:s}", "type", "string");

		return set_pattern(schema, row) ? NULL : schema;
	}
	json_t *schema = json_pack("{s:[s, s], s:I}", "type", "integer", "string", "minimum",
				   (json_int_t)low);

	if (set_maximum(schema, high) || set_pattern(schema, row)) {
		json_decref(schema);
		return NULL;
	}
	return schema;
}

/* The words of parse_bool() in core/option_value.c. */
#define YES "[yY][eE][sS]|[tT][rR][uU][eE]|[oO][nN]|1"
#define NO  "[nN][oO]|[fF][aA][lL][sS][eE]|[oO][fF][fF]|0"

static json_t *bool_schema(const struct ecap_option *row)
{
	(void)row;
	return json_pack("{s:[s, s], s:s}", "type", "boolean", "string", "pattern",
			 "^(" YES "|" NO ")$");
}

static int has_string(const json_t *array, const char *text, size_t len)
{
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item)
		if (json_string_length(item) == len && !memcmp(json_string_value(item), text, len))
			return 1;
	return 0;
}

static json_t *enum_schema(const struct ecap_option *row)
{
	json_t *choices = json_array();

	for (const char *choice = row->choices; *choice;) {
		size_t len = strcspn(choice, "|");

		if (len && !has_string(choices, choice, len))
			json_array_append_new(choices, json_stringn(choice, len));
		choice += len + (choice[len] == '|');
	}
	return json_pack("{s:s, s:o}", "type", "string", "enum", choices);
}

static json_t *text_schema(const struct ecap_option *row)
{
	(void)row;
	return json_pack("{s:s}", "type", "string");
}

static json_t *path_schema(const struct ecap_option *row)
{
	(void)row;
	return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
}

/* IFNAMSIZ in the kernel's include/uapi/linux/if.h is 16, with the NUL. */
static json_t *ifname_schema(const struct ecap_option *row)
{
	(void)row;
	return json_pack("{s:s, s:s, s:i, s:{s:[s, s]}}", "type", "string", "pattern",
			 "^[^/: \\t\\n\\v\\f\\r]+$", "maxLength", 15, "not", "enum", ".", "..");
}

static json_t *list_schema(const struct ecap_option *row)
{
	(void)row;
	return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
}

static json_t *(*const by_type[])(const struct ecap_option *row) = {
	[ECAP_OPT_BOOL] = bool_schema,     [ECAP_OPT_U32] = number_schema,
	[ECAP_OPT_U64] = number_schema,    [ECAP_OPT_SIZE] = number_schema,
	[ECAP_OPT_DURATION] = number_schema, [ECAP_OPT_STRING] = text_schema,
	[ECAP_OPT_PATH] = path_schema,     [ECAP_OPT_ENUM] = enum_schema,
	[ECAP_OPT_IFNAME] = ifname_schema, [ECAP_OPT_REST] = text_schema,
	[ECAP_OPT_LIST] = list_schema,
};

/* As JSON has it where it can say the same, else as the user would type it. */
static json_t *default_of(const struct ecap_option *row)
{
	struct ecap_value value = { 0 };

	if (row->type == ECAP_OPT_LIST)
		return json_pack("[s]", row->def);
	if (row->type != ECAP_OPT_BOOL && row->type != ECAP_OPT_U32 && row->type != ECAP_OPT_U64)
		return json_string(row->def);
	if (ecap_value_parse(row, row->def, &value) || value.number > INT64_MAX)
		return json_string(row->def);
	return row->type == ECAP_OPT_BOOL ? json_boolean(value.number)
					  : json_integer((json_int_t)value.number);
}

static json_t *row_schema(const struct ecap_option *row)
{
	json_t *schema = by_type[row->type](row);
	_cleanup_free_ char *text = ecap_join(row->help ? row->help : "",
					      row->help && row->doc ? "\n\n" : "",
					      row->doc ? row->doc : "");

	if (text && *text)
		json_object_set_new(schema, "description", json_string(text));
	if (row->def && !(row->flags & ECAP_OPT_SECRET))
		json_object_set_new(schema, "default", default_of(row));
	if (row->flags & ECAP_OPT_SECRET)
		json_object_set_new(schema, "writeOnly", json_true());
	if (row->flags & ECAP_OPT_DEPRECATED)
		json_object_set_new(schema, "deprecated", json_true());
	return schema;
}

struct object {
	json_t *properties;
	json_t *required; /* names that must be there */
	json_t *either;   /* schemas: one of two spellings must be there */
	json_t *rules;    /* schemas that hold in any case */
};

static json_t *reference(const char *at, const char *name)
{
	_cleanup_free_ char *target = NULL;

	if (asprintf(&target, "%s/properties/%s", at, name) < 0)
		return NULL;
	return json_pack("{s:s}", "$ref", target);
}

static json_t *not_both(const struct ecap_option *row)
{
	return json_pack("{s:{s:[s, s]}}", "not", "required", row->name, row->alias);
}

static json_t *either(const struct ecap_option *row)
{
	return json_pack("{s:[{s:[s]}, {s:[s]}]}", "anyOf", "required", row->name, "required",
			 row->alias);
}

/* @shared: another object that has the row, or NULL. A name that is taken is left alone. */
static void add_row(const struct object *object, const struct ecap_option *row, const char *at,
		    const char *shared)
{
	int named = !json_object_get(object->properties, row->name);
	int aliased = row->alias && !json_object_get(object->properties, row->alias);
	int must = row->flags & ECAP_OPT_REQUIRED && !row->def;

	if (named)
		json_object_set_new(object->properties, row->name,
				    shared ? reference(shared, row->name) : row_schema(row));
	if (aliased)
		json_object_set_new(object->properties, row->alias,
				    shared ? reference(shared, row->name) :
				    named ? reference(at, row->name) : row_schema(row));
	if (named && aliased && row->type != ECAP_OPT_LIST)
		json_array_append_new(object->rules, not_both(row));
	if (named && aliased && must)
		json_array_append_new(object->either, either(row));
	else if (named && must)
		json_array_append_new(object->required, json_string(row->name));
}

/* What is required where the section is enabled. */
static json_t *when_enabled(const struct object *object)
{
	return json_pack("{s:{s:[s], s:{s:{s:[{s:b}, {s:s, s:s}]}}}, s:{s:O, s:O}}", "if",
			 "required", "enabled", "properties", "enabled", "anyOf", "const", 1,
			 "type", "string", "pattern", "^(" YES ")$", "then", "required",
			 object->required, "allOf", object->either);
}

json_t *ecap_schema_object(struct ecap_options *const *tables, uint32_t n_tables, uint32_t without,
			   struct ecap_schema_place place)
{
	struct object object = { json_object(), json_array(), json_array(), json_array() };

	for (uint32_t t = 0; t < n_tables; t++) {
		uint32_t n;
		const struct ecap_option *rows = ecap_options_rows(tables[t], &n);

		for (uint32_t i = 0; i < n; i++)
			if (!(rows[i].flags & without))
				add_row(&object, &rows[i], place.at,
					t + 1 == n_tables ? place.shared : NULL);
	}
	json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties",
				   object.properties, "additionalProperties", 0);

	if (place.shared && json_array_size(object.required) + json_array_size(object.either))
		json_array_append_new(object.rules, when_enabled(&object));
	else if (!place.shared)
		json_array_extend(object.rules, object.either);
	if (!place.shared && json_array_size(object.required))
		json_object_set(schema, "required", object.required);
	if (json_array_size(object.rules))
		json_object_set(schema, "allOf", object.rules);
	json_decref(object.required);
	json_decref(object.either);
	json_decref(object.rules);
	return schema;
}
