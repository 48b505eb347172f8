/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of the module that ecapture/mock.h has open: their defaults, and values as a user
 * would type them. Paths stay as they are, and nobody looks whether they exist.
 */
#ifndef ECAPTURE_MOCK_OPTION_H
#define ECAPTURE_MOCK_OPTION_H

#include <strings.h>

#include <ecapture/mock/host.h>

/* The row @i of the module's options. */
static inline const struct ecap_option *ecap_mock_row(const struct ecap_mock *m, uint32_t i)
{
	return (const struct ecap_option *)(const void *)
	       ((const char *)m->module->options + (size_t)i * m->module->option_size);
}

/* What a number's unit multiplies it by; 0: no such unit. */
static inline uint64_t ecap_mock_factor(uint16_t type, const char *unit)
{
	static const struct {
		uint16_t type;
		char unit[3];
		uint64_t factor;
	} units[] = {
		{ ECAP_OPT_U32, "", 1 },
		{ ECAP_OPT_U64, "", 1 },
		{ ECAP_OPT_SIZE, "", 1 },
		{ ECAP_OPT_SIZE, "k", UINT64_C(1) << 10 },
		{ ECAP_OPT_SIZE, "m", UINT64_C(1) << 20 },
		{ ECAP_OPT_SIZE, "g", UINT64_C(1) << 30 },
		{ ECAP_OPT_DURATION, "", UINT64_C(1000000000) },
		{ ECAP_OPT_DURATION, "ns", 1 },
		{ ECAP_OPT_DURATION, "us", 1000 },
		{ ECAP_OPT_DURATION, "ms", 1000000 },
		{ ECAP_OPT_DURATION, "s", UINT64_C(1000000000) },
		{ ECAP_OPT_DURATION, "m", UINT64_C(60000000000) },
	};

	for (uint32_t i = 0; i < ECAP_COUNT(units); i++)
		if (units[i].type == type && !strcasecmp(units[i].unit, unit))
			return units[i].factor;
	return 0;
}

/* A number with its unit, within the row's bounds; -EINVAL when it is none. */
static inline int ecap_mock_number(const struct ecap_option *row, const char *text, uint64_t *value)
{
	char *unit;
	uint64_t n, factor;

	errno = 0;
	n = strtoull(text, &unit, 0);
	factor = ecap_mock_factor(row->type, unit);
	if (*text < '0' || *text > '9' || errno || !factor || n > UINT64_MAX / factor)
		return -EINVAL;
	n *= factor;
	if (row->type == ECAP_OPT_U32 && n > UINT32_MAX)
		return -EINVAL;
	if (row->min != row->max && (n > (uint64_t)row->max ||
				     (row->min > 0 && n < (uint64_t)row->min)))
		return -EINVAL;
	*value = n;
	return 0;
}

/* yes, no and so on; -EINVAL when it is none of them. */
static inline int ecap_mock_bool(const char *text, uint8_t *value)
{
	static const char words[][6] = { "no", "yes", "off", "on", "false", "true", "0", "1" };

	for (uint32_t i = 0; i < ECAP_COUNT(words); i++)
		if (!strcasecmp(words[i], text)) {
			*value = i & 1;
			return 0;
		}
	return -EINVAL;
}

/* The place of the word among "a|b|c"; -EINVAL when it is none of them. */
static inline int ecap_mock_enum(const char *choices, const char *text, uint32_t *value)
{
	size_t len = strlen(text);

	for (uint32_t i = 0; choices; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, text, n)) {
			*value = i;
			return 0;
		}
		choices = choices[n] ? choices + n + 1 : NULL;
	}
	return -EINVAL;
}

/* A new list with one more word; the old one stays in the mock's memory. */
static inline const char *const *ecap_mock_longer(struct ecap_mock *m, const char *const *old,
						  const char *text)
{
	size_t n = 0;
	const char **list;

	while (old && old[n])
		n++;
	list = (const char **)ecap_mock_alloc(m, (n + 2) * sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = old[i];
	list[n] = ecap_mock_text(m, text);
	return list;
}

/* Parses the text and stores it in the option's member of the config. */
static inline int ecap_mock_set(struct ecap_mock *m, const struct ecap_option *row,
				const char *text)
{
	void *member = (char *)m->config + row->offset;
	uint64_t number = 0;
	int err = 0;

	switch (row->type) {
	case ECAP_OPT_BOOL:
		return ecap_mock_bool(text, (uint8_t *)member);
	case ECAP_OPT_ENUM:
		return ecap_mock_enum(row->choices, text, (uint32_t *)member);
	case ECAP_OPT_U32:
		err = ecap_mock_number(row, text, &number);
		if (!err)
			*(uint32_t *)member = (uint32_t)number;
		return err;
	case ECAP_OPT_U64:
	case ECAP_OPT_SIZE:
	case ECAP_OPT_DURATION:
		return ecap_mock_number(row, text, (uint64_t *)member);
	case ECAP_OPT_LIST:
		*(const char *const **)member =
			ecap_mock_longer(m, *(const char *const **)member, text);
		return 0;
	default:
		*(const char **)member = ecap_mock_text(m, text);
		return 0;
	}
}

/* Sets an option as on the command line. What is not accepted counts as a failure of the test. */
static inline int ecap_mock_option(struct ecap_mock *m, const char *name, const char *value)
{
	uint32_t i = 0;

	while (i < m->module->n_options && strcmp(ecap_mock_row(m, i)->name, name))
		i++;
	if (i == m->module->n_options) {
		ecap_mock_wrong(m, "the test sets --%s, and the module has no such option", name);
		return -ENOENT;
	}
	if (ecap_mock_set(m, ecap_mock_row(m, i), value)) {
		ecap_mock_wrong(m, "the test sets --%s: \"%s\" is no value for it", name, value);
		return -EINVAL;
	}
	m->is_set[i / 8] |= (uint8_t)(1u << i % 8);
	return 0;
}

/* Sets every option that has a default to it. */
static inline void ecap_mock_defaults(struct ecap_mock *m)
{
	if (m->module->n_options > sizeof(m->is_set) * 8)
		ecap_mock_wrong(m, "%u options are too many", m->module->n_options);
	for (uint32_t i = 0; i < m->module->n_options; i++) {
		const struct ecap_option *row = ecap_mock_row(m, i);

		if (row->def && ecap_mock_set(m, row, row->def))
			ecap_mock_wrong(m, "option --%s: the default \"%s\" is no value for it",
					row->name, row->def);
	}
}

/* -EINVAL when an option that must be given was not, as the host refuses it. */
static inline int ecap_mock_required(struct ecap_mock *m)
{
	for (uint32_t i = 0; i < m->module->n_options; i++) {
		const struct ecap_option *row = ecap_mock_row(m, i);

		if (!(row->flags & ECAP_OPT_REQUIRED) || row->def ||
		    m->is_set[i / 8] >> i % 8 & 1)
			continue;
		snprintf(m->error, sizeof(m->error), "--%s is required", row->name);
		return -EINVAL;
	}
	return 0;
}

#endif
