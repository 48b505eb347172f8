/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of options: one row each in a table, with what parses the text of a value, checks
 * it, and stores it in the member of the config struct.
 */
#include <ctype.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "util.h"

struct unit {
	const char *suffix; /* any case */
	uint64_t factor;
};

struct value_type {
	const char *metavar, *noun;
	int (*parse)(const struct ecap_option *row, const char *text, struct ecap_value *value);
	const struct unit *units; /* numbers: ascending, ended by a NULL suffix */
	uint64_t plain;           /* numbers: factor of one without a unit */
	uint64_t max;             /* numbers: the largest */
	uint16_t size;            /* of the member */
};

static const struct value_type *type_of(uint16_t type);

struct ecap_shown ecap_show(const char *text, char quote)
{
	struct ecap_shown shown = { 0 };
	size_t n = 0, cut = strnlen(text, 61);

	if (quote)
		shown.s[n++] = quote;
	if (cut > 60) /* not within a character of UTF-8 */
		for (cut = 57; cut > 53 && ((unsigned char)text[cut] & 0xc0) == 0x80; cut--)
			;
	for (size_t i = 0; i < cut; i++)
		shown.s[n++] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	if (text[cut]) {
		memcpy(shown.s + n, "...", 3);
		n += 3;
	}
	if (quote)
		shown.s[n] = quote;
	return shown;
}

/* A value in a message, unless it is a secret. */
static struct ecap_shown show_value(const struct ecap_option *row, const char *text, char quote)
{
	return row->flags & ECAP_OPT_SECRET ? ecap_show("the value", 0) : ecap_show(text, quote);
}

static int no_memory(void)
{
	return ecap_err(-ENOMEM, "out of memory");
}

char *ecap_join(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *joined = malloc(size);

	if (joined)
		snprintf(joined, size, "%s%s%s", a, b, c);
	else
		no_memory();
	return joined;
}

static int parse_bool(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	static const struct {
		const char *word;
		uint8_t number;
	} words[] = { { "yes", 1 }, { "no", 0 }, { "true", 1 }, { "false", 0 },
		      { "on", 1 },  { "off", 0 }, { "1", 1 },    { "0", 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(text, words[i].word)) {
			value->number = words[i].number;
			return 0;
		}
	}
	return ecap_err(-EINVAL, "%s is not yes or no", show_value(row, text, '"').s);
}

static const struct unit size_units[] = { { "K", UINT64_C(1) << 10 }, { "M", UINT64_C(1) << 20 },
					  { "G", UINT64_C(1) << 30 }, { NULL, 0 } };
static const struct unit duration_units[] = { { "ns", 1 },          { "us", 1000 },
					      { "ms", 1000000 },    { "s", 1000000000 },
					      { "m", 60000000000 }, { NULL, 0 } };

/* What to multiply by, from what stands behind the digits; 0: no such unit. */
static uint64_t factor_of(const struct value_type *type, const char *suffix)
{
	if (!*suffix)
		return type->plain;
	for (const struct unit *unit = type->units; unit && unit->suffix; unit++)
		if (!strcasecmp(suffix, unit->suffix))
			return unit->factor;
	return 0;
}

int ecap_value_is_number(uint16_t type)
{
	return type_of(type)->max != 0;
}

int ecap_value_bounded(const struct ecap_option *row)
{
	return ecap_value_is_number(row->type) && row->min != row->max;
}

void ecap_value_bounds(const struct ecap_option *row, uint64_t *low, uint64_t *high)
{
	*low = 0;
	*high = type_of(row->type)->max;
	if (!ecap_value_bounded(row))
		return;
	if (row->min > 0)
		*low = (uint64_t)row->min;
	if ((uint64_t)row->max < *high)
		*high = (uint64_t)row->max;
}

const char *ecap_value_unit(uint16_t type, uint32_t i, uint64_t *factor)
{
	const struct unit *unit = type_of(type)->units;

	if (!i) {
		*factor = type_of(type)->plain;
		return "";
	}
	while (--i && unit && unit->suffix)
		unit++;
	*factor = unit ? unit->factor : 0;
	return unit ? unit->suffix : NULL;
}

static int out_of_bounds(const struct ecap_option *row, const char *text, uint64_t low,
			 uint64_t high)
{
	if (!ecap_value_bounded(row))
		return ecap_err(-EINVAL, "%s is too large: at most %s",
				show_value(row, text, 0).s, ecap_value_format(row, high).s);
	return ecap_err(-EINVAL, "must be between %s and %s, not %s",
			ecap_value_format(row, low).s, ecap_value_format(row, high).s,
			show_value(row, text, 0).s);
}

static int parse_number(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	const struct value_type *type = type_of(row->type);
	uint64_t low, high;
	const char *digits = text;
	int base = 10;
	char *end;

	if (*text == '-' && isdigit((unsigned char)text[1]))
		return ecap_err(-EINVAL, "%s is negative", show_value(row, text, 0).s);
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		digits += 2;
	}
	/* strtoull(3) would also take blanks and signs. */
	if (base == 10 ? !isdigit((unsigned char)*digits) : !isxdigit((unsigned char)*digits))
		return ecap_err(-EINVAL, "%s is not %s", show_value(row, text, '"').s, type->noun);
	errno = 0;
	uint64_t number = strtoull(text, &end, base);
	int overflow = errno == ERANGE;
	uint64_t factor = factor_of(type, end);

	if (!factor)
		return ecap_err(-EINVAL, "%s is not %s", show_value(row, text, '"').s, type->noun);
	ecap_value_bounds(row, &low, &high);
	if (overflow || number > high / factor || number * factor < low)
		return out_of_bounds(row, text, low, high);
	value->number = number * factor;
	return 0;
}

static int parse_text(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	(void)row;
	value->text = strdup(text);
	return value->text ? 0 : no_memory();
}

static int parse_path(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	if (!*text)
		return ecap_err(-EINVAL, "\"\" is not a path");
	if (*text == '/')
		return parse_text(row, text, value);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);

	if (!cwd)
		return ecap_err(-errno, "the working directory, for %s: %s",
				show_value(row, text, '"').s, strerror(errno));
	value->text = ecap_join(cwd[1] ? cwd : "", "/", text);
	return value->text ? 0 : -ENOMEM;
}

int ecap_value_exists(const char *path)
{
	if (access(path, F_OK) < 0)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* What the kernel takes as a name: dev_valid_name() in net/core/dev.c. */
static int parse_ifname(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	int bad = !*text || strlen(text) >= IFNAMSIZ || !strcmp(text, ".") || !strcmp(text, "..");

	for (const char *p = text; *p && !bad; p++)
		bad = *p == '/' || *p == ':' || isspace((unsigned char)*p);
	if (bad)
		return ecap_err(-EINVAL, "%s cannot be the name of a network interface",
				show_value(row, text, '"').s);
	return parse_text(row, text, value);
}

static int not_a_choice(const struct ecap_option *row, const char *text)
{
	_cleanup_free_ char *copy = strdup(row->choices);
	_cleanup_free_ const char **words = calloc(strlen(row->choices) + 2, sizeof(*words));
	uint32_t n = 0;

	if (!copy || !words)
		return no_memory();
	for (char *rest = copy, *word; (word = strsep(&rest, "|"));)
		words[n++] = word;
	const char *near = ecap_nearest(text, words);

	if (!near || row->flags & ECAP_OPT_SECRET)
		return ecap_err(-EINVAL, "%s is not one of %s", show_value(row, text, '"').s,
				row->choices);
	return ecap_err(-EINVAL, "%s is not one of %s; did you mean \"%s\"?",
			ecap_show(text, '"').s, row->choices, near);
}

static int parse_enum(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	size_t len = strlen(text);
	uint32_t index = 0;

	for (const char *choice = row->choices; len; choice++, index++) {
		size_t n = strcspn(choice, "|");

		if (n == len && !memcmp(choice, text, n)) {
			value->number = index;
			return 0;
		}
		choice += n;
		if (!*choice)
			break;
	}
	return not_a_choice(row, text);
}

static const struct value_type types[] = {
	[ECAP_OPT_BOOL] = { .metavar = "yes|no", .parse = parse_bool, .size = sizeof(uint8_t) },
	[ECAP_OPT_U32] = { .metavar = "N", .noun = "a number", .parse = parse_number, .plain = 1,
			   .max = UINT32_MAX, .size = sizeof(uint32_t) },
	[ECAP_OPT_U64] = { .metavar = "N", .noun = "a number", .parse = parse_number, .plain = 1,
			   .max = UINT64_MAX, .size = sizeof(uint64_t) },
	[ECAP_OPT_SIZE] = { .metavar = "SIZE", .noun = "a size: bytes, or a number with K, M or G",
			    .parse = parse_number, .units = size_units, .plain = 1,
			    .max = UINT64_MAX, .size = sizeof(uint64_t) },
	[ECAP_OPT_DURATION] = { .metavar = "TIME",
				.noun = "a time: seconds, or a number with ns, us, ms, s or m",
				.parse = parse_number, .units = duration_units,
				.plain = 1000000000, .max = UINT64_MAX, .size = sizeof(uint64_t) },
	[ECAP_OPT_STRING] = { .metavar = "TEXT", .parse = parse_text, .size = sizeof(char *) },
	[ECAP_OPT_PATH] = { .metavar = "PATH", .parse = parse_path, .size = sizeof(char *) },
	[ECAP_OPT_ENUM] = { .metavar = "WORD", .parse = parse_enum, .size = sizeof(uint32_t) },
	[ECAP_OPT_IFNAME] = { .metavar = "IFNAME", .parse = parse_ifname, .size = sizeof(char *) },
	[ECAP_OPT_REST] = { .metavar = "WORDS", .parse = parse_text, .size = sizeof(char *) },
	[ECAP_OPT_LIST] = { .metavar = "TEXT", .parse = parse_text, .size = sizeof(char **) },
};

static const struct value_type *type_of(uint16_t type)
{
	return &types[type];
}

size_t ecap_value_size(uint16_t type)
{
	return type < ARRAY_SIZE(types) ? types[type].size : 0;
}

const char *ecap_value_metavar(uint16_t type)
{
	return type_of(type)->metavar;
}

int ecap_value_parse(const struct ecap_option *row, const char *text, struct ecap_value *value)
{
	return type_of(row->type)->parse(row, text, value);
}

void ecap_value_store(const struct ecap_option *row, const struct ecap_value *value, void *member)
{
	switch (row->size) {
	case sizeof(uint8_t):
		*(uint8_t *)member = (uint8_t)value->number;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)member = (uint32_t)value->number;
		break;
	default: /* a number of 8 bytes or a pointer */
		if (type_of(row->type)->max)
			*(uint64_t *)member = value->number;
		else
			*(const char **)member = value->text;
	}
}

/* In the largest unit that leaves a whole number. */
struct ecap_shown ecap_value_format(const struct ecap_option *row, uint64_t number)
{
	const struct value_type *type = type_of(row->type);
	const struct unit *best = NULL;
	struct ecap_shown shown;

	for (const struct unit *unit = type->units; unit && unit->suffix && number; unit++)
		if (number % unit->factor == 0)
			best = unit;
	snprintf(shown.s, sizeof(shown.s), "%" PRIu64 "%s", best ? number / best->factor : number,
		 best ? best->suffix : "");
	return shown;
}
