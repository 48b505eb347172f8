/* SPDX-License-Identifier: Apache-2.0 */
/* Named sections of an ini file: see named.h. */
#include "named.h"

#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "util.h"

/* One section. */
struct one {
	struct ecap_named named; /* what the module gets */
	char *section, *name;
	struct ecap_options *options;
};

struct ecap_named_set {
	const struct ecap_module *module;
	struct one **sections;
	const struct ecap_named **list; /* of the same, ended by NULL */
	uint32_t n;
};

int ecap_named_new(const struct ecap_module *module, struct ecap_named_set **set)
{
	struct ecap_named_set *made = calloc(1, sizeof(*made));

	if (made)
		made->list = calloc(1, sizeof(*made->list));
	if (!made || !made->list) {
		free(made);
		return ecap_err(-ENOMEM, "out of memory");
	}
	made->module = module;
	*set = made;
	return 0;
}

static void one_free(struct one *one)
{
	if (!one)
		return;
	ecap_options_free(one->options);
	free(one->section);
	free(one->name);
	free(one);
}

static void one_freep(struct one **one)
{
	one_free(*one);
}

void ecap_named_free(struct ecap_named_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->n; i++)
		one_free(set->sections[i]);
	free(set->sections);
	free(set->list);
	free(set);
}

size_t ecap_named_command(const char *section)
{
	/* Commands have no dot: descriptor_check.c. */
	return section[strcspn(section, ".\"")] == '.' ? strcspn(section, ".") : 0;
}

/* The name between the quotes; NULL with a text when the form is another. */
static char *parse(const struct ecap_module *module, const char *section)
{
	const char *word = section + ecap_named_command(section) + 1;
	size_t len = strcspn(word, " \t\"");
	const char *quote = word + len + strspn(word + len, " \t");
	size_t rest = strlen(quote);
	int fits = module->named && len == strlen(module->named) &&
		   !strncmp(word, module->named, len);

	if (!module->named)
		ecap_err(-EINVAL, "is no section: module %s has no named ones", module->name);
	else if (!fits || rest < 3 || quote[0] != '"' || strchr(quote + 1, '"') != quote + rest - 1)
		ecap_err(-EINVAL, "is no section; did you mean [%s.%s \"NAME\"]?", module->command,
			 module->named);
	else
		return strndup(quote + 1, rest - 2);
	return NULL;
}

static struct one *find(const struct ecap_named_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (!strcmp(set->sections[i]->name, name))
			return set->sections[i];
	return NULL;
}

static int make(const struct ecap_module *module, const char *name, struct one **one)
{
	_cleanup_(one_freep) struct one *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	made->name = strdup(name);
	if (!made->name ||
	    asprintf(&made->section, "%s.%s \"%s\"", module->command, module->named, name) < 0) {
		made->section = NULL;
		return ecap_err(-ENOMEM, "out of memory");
	}
	int err = ecap_options_new(made->section, module->named_options, module->n_named_options,
				   module->named_size, &made->options);

	if (!err)
		*one = TAKE_PTR(made);
	return err;
}

static int add(struct ecap_named_set *set, struct one *one)
{
	struct one **sections = reallocarray(set->sections, set->n + 1u, sizeof(*sections));
	const struct ecap_named **list;

	if (sections)
		set->sections = sections;
	list = sections ? reallocarray(set->list, set->n + 2u, sizeof(*list)) : NULL;
	if (!list)
		return ecap_err(-ENOMEM, "out of memory");
	set->list = list;
	sections[set->n] = one;
	list[set->n++] = &one->named;
	list[set->n] = NULL;
	return 0;
}

static int add_new(struct ecap_named_set *set, const char *file, uint32_t line, const char *name,
		   struct one **added)
{
	_cleanup_(one_freep) struct one *one = NULL;
	int err = make(set->module, name, &one);

	if (err)
		return err;
	one->named = (struct ecap_named){
		.struct_size = sizeof(one->named), .line = line, .name = one->name, .file = file,
		.config = ecap_options_config(one->options),
	};
	err = add(set, one);
	if (!err)
		*added = TAKE_PTR(one);
	return err;
}

int ecap_named_section(struct ecap_named_set *set, const char *file, const char *name,
		       struct ecap_ini_section *section)
{
	const char *command = set->module->command;
	_cleanup_free_ char *quoted = NULL;
	size_t len = ecap_named_command(name);

	if (!len || len != strlen(command) || strncmp(name, command, len))
		return 0;
	quoted = parse(set->module, name);
	if (!quoted)
		return -EINVAL;
	struct one *one = find(set, quoted);
	int err = one ? 0 : add_new(set, file, section->line, quoted, &one);

	if (err)
		return err;
	section->name = one->section;
	section->kind = ECAP_FROM_SECTION;
	section->tables[section->n_tables++] = one->options;
	return 1;
}

int ecap_named_finish(struct ecap_named_set *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		const struct one *one = set->sections[i];
		int err = ecap_options_finish(one->options);

		if (err)
			return ecap_err_context(err, "%s:%u: [%s]", one->named.file,
						one->named.line, one->section);
	}
	return 0;
}

const struct ecap_named *const *ecap_named_list(const struct ecap_named_set *set)
{
	return set->list;
}

struct ecap_options *ecap_named_options(const struct ecap_named_set *set, uint32_t index)
{
	return index < set->n ? set->sections[index]->options : NULL;
}
