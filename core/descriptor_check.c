/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of a descriptor's values. The rows of its options go through the option engine, which
 * is what will use them, so a default that does not parse is found before the module runs.
 */
#include "descriptor_read.h"

#include <errno.h>
#include <string.h>

#include "abi_copy.h"
#include "common_options.h"
#include "err.h"
#include "options_internal.h"
#include "util.h"

#define MAX_NAME 32u

#define KNOWN_OPTION_FLAGS (ECAP_OPT_REQUIRED | ECAP_OPT_RUNTIME | ECAP_OPT_HIDDEN | \
			    ECAP_OPT_DEPRECATED | ECAP_OPT_SECRET | ECAP_OPT_MUST_EXIST)

static const struct {
	const char *name;
	int required;
} operations[] = {
	{ "init", 1 },  { "load", 1 },   { "maps", 1 },     { "start", 1 }, { "stop", 0 },
	{ "close", 1 }, { "decode", 1 }, { "dispatch", 0 }, { "lost", 0 },  { "reconfigure", 0 },
	{ "survey", 0 },
};

const char *ecap_desc_operation(uint32_t i)
{
	return i < ARRAY_SIZE(operations) ? operations[i].name : "that is new";
}

int ecap_desc_check_abi(const struct ecap_module *module)
{
	if (module->abi_major != ECAP_ABI_MAJOR)
		return ecap_err(-EPROTONOSUPPORT, "says it is built for SDK ABI %u, but has the "
				"symbol of ABI %d; define it with ECAP_MODULE", module->abi_major,
				ECAP_ABI_MAJOR);
	if (module->abi_target > ECAP_ABI_MINOR)
		return ecap_err(-EPROTONOSUPPORT, "%.32s %.32s needs SDK ABI %u.%u, this ecapture "
				"offers %d.%d; upgrade ecapture, or rebuild it with "
				"-DECAP_ABI_TARGET=%d", module->name ? module->name : "module",
				module->version ? module->version : "", module->abi_major,
				module->abi_target, ECAP_ABI_MAJOR, ECAP_ABI_MINOR,
				ECAP_ABI_MINOR);
	if (module->abi_target > module->abi_minor)
		return ecap_err(-EINVAL, "says it needs SDK ABI %u.%u, but is built with %u.%u; set "
				"ECAP_ABI_TARGET to %u or less", module->abi_major,
				module->abi_target, module->abi_major, module->abi_minor,
				module->abi_minor);
	if (module->flags)
		return ecap_err(-EINVAL, "has flags that this ecapture does not know (%#x); "
				"upgrade ecapture", module->flags);
	return 0;
}

/* [a-z][a-z0-9_-]{0,31} */
static int is_name(const char *name, size_t len)
{
	if (!len || len > MAX_NAME || name[0] < 'a' || name[0] > 'z')
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_' && name[i] != '-')
			return 0;
	}
	return 1;
}

int ecap_desc_check_word(const char *what, const char *word, size_t len)
{
	if (is_name(word, len))
		return 0;
	return ecap_err(-EINVAL, "%s \"%.*s\" is not a letter a-z and up to %u of a-z, 0-9, _ and -",
			what, (int)(len > 64 ? 64 : len), word, MAX_NAME - 1);
}

static int check_aliases(const struct ecap_module *module)
{
	const char *alias = module->aliases;

	while (alias) {
		size_t len = strcspn(alias, ",");
		int err = ecap_desc_check_word("alias", alias, len);

		if (err)
			return err;
		if (len == strlen(module->command) && !strncmp(alias, module->command, len))
			return ecap_err(-EINVAL, "alias \"%s\" is the command itself; leave it "
					"out of .aliases", module->command);
		alias = alias[len] ? alias + len + 1 : NULL;
	}
	return 0;
}

int ecap_desc_check_names(const struct ecap_module *module)
{
	const struct {
		const char *what, *text;
	} required[] = {
		{ "name", module->name },       { "command", module->command },
		{ "version", module->version }, { "summary", module->summary },
	};

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		if (!required[i].text || !*required[i].text)
			return ecap_err(-EINVAL, "has no %s; set .%s in its descriptor",
					required[i].what, required[i].what);
	}
	int err = ecap_desc_check_word("name", module->name, strlen(module->name));

	if (!err)
		err = ecap_desc_check_word("command", module->command, strlen(module->command));
	return err ? err : check_aliases(module);
}

int ecap_desc_check_operations(const struct ecap_desc *desc)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (operations[i].required && !(desc->ops_set >> i & 1))
			return ecap_err(-EINVAL, "has no operation %s, which is required; set .%s in "
					"its operations", operations[i].name, operations[i].name);
	}
	return 0;
}

static int overlap(const struct ecap_option *a, const struct ecap_option *b)
{
	return a->offset < (uint64_t)b->offset + b->size &&
	       b->offset < (uint64_t)a->offset + a->size;
}

static int is_section_key(const char *name)
{
	uint32_t n;
	const struct ecap_option *row = ecap_section_rows(&n);

	for (; n; n--, row++)
		if (name && !strcmp(row->name, name))
			return 1;
	return 0;
}

/* What the option engine does not see to: it has no reserved bytes, and trusts the offsets. */
static int check_option(const struct ecap_option *options, uint32_t i)
{
	const struct ecap_option *option = &options[i];

	if (!option->name)
		return ecap_err(-EINVAL, "option %u has no name; set .name, or count the rows with "
				"ECAP_COUNT", i + 1);
	if (option->flags & ~KNOWN_OPTION_FLAGS)
		return ecap_err(-EINVAL, "option --%.64s: flags %#x are not known; upgrade ecapture",
				option->name, option->flags & ~KNOWN_OPTION_FLAGS);
	if (option->reserved[0] || option->reserved[1] || option->reserved[2])
		return ecap_err(-EINVAL, "option --%.64s: reserved bytes are not zero; leave "
				".reserved out", option->name);
	if (is_section_key(option->name) || is_section_key(option->alias))
		return ecap_err(-EINVAL, "option --%.64s: in an ini file that key says whether the "
				"module is started; choose another name", option->name);
	for (uint32_t j = 0; j < i; j++) {
		if (overlap(option, &options[j]))
			return ecap_err(-EINVAL, "options --%.64s and --%.64s share a member of "
					"the config; give each its own", options[j].name,
					option->name);
	}
	return 0;
}

static int check_rows(const char *name, const struct ecap_option *rows, uint32_t n, uint32_t size)
{
	struct ecap_options *options = NULL;

	if (size > ECAP_MAX_CONFIG)
		return ecap_err(-EINVAL, "its config has %u bytes, more than %u; allocate what is "
				"large in init()", size, ECAP_MAX_CONFIG);
	for (uint32_t i = 0; i < n; i++) {
		int err = check_option(rows, i);

		if (err)
			return err;
	}
	int err = ecap_options_new(name, rows, n, size, &options);

	ecap_options_free(options);
	return err;
}

static int check_named(const struct ecap_module *module)
{
	if (!module->named && module->n_named_options)
		return ecap_err(-EINVAL, "has options of named sections, but no word for these; set "
				".named in its descriptor");
	if (!module->named)
		return 0;
	int err = ecap_desc_check_word("named section", module->named, strlen(module->named));

	if (!err)
		err = check_rows(module->name, module->named_options, module->n_named_options,
				 module->named_size);
	return err ? ecap_err_context(err, "named sections") : 0;
}

int ecap_desc_check_options(const struct ecap_module *module)
{
	int err = check_rows(module->name, module->options, module->n_options,
			     module->config_size);

	return err ? err : check_named(module);
}

/* The sizes of what comes at run time; those of the tables are checked where they are read. */
int ecap_desc_check_sizes(const struct ecap_module *module)
{
	const struct {
		const char *what;
		uint32_t size, least; /* in ABI 1.0 */
	} sizes[] = {
		{ "map", module->map_size, ECAP_END(struct ecap_map, more_fd) },
		{ "field", module->field_size, ECAP_END(struct ecap_field, num) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i].size < sizes[i].least || sizes[i].size > ECAP_ABI_MAX_SIZE ||
		    sizes[i].size % sizeof(uint64_t))
			return ecap_err(-EINVAL, "its %s has %u bytes, expected are %u to %u; "
					"define it with ECAP_MODULE", sizes[i].what, sizes[i].size,
					sizes[i].least, ECAP_ABI_MAX_SIZE);
	}
	return 0;
}
