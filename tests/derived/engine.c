/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the option engine what a schema says: each line of standard input is a JSON array of [key,
 * value] pairs, as a section of an ini file has them, and each line of output "ok" or the reason
 * why they are refused. Arguments: the file of a module, or "global" for that section; and "file"
 * where the section is one of a file, so that it need not be enabled.
 */
#include <jansson.h>
#include <string.h>

#include "common_options.h"
#include "err.h"
#include "loader.h"
#include "options.h"
#include "util.h"

struct tables {
	struct ecap_options *of[3];
	uint32_t n;
};

static void add(struct tables *tables, const struct ecap_option *rows, uint32_t n, uint32_t size)
{
	if (ecap_options_new("section", rows, n, size, &tables->of[tables->n++])) {
		printf("table: %s\n", ecap_err_text());
		exit(1);
	}
}

/* As a section of a file has them: fresh for each document, since a value stays. */
static struct tables tables_of(const struct ecap_module *module)
{
	struct tables tables = { .n = 0 };
	uint32_t n;
	const struct ecap_option *rows;

	if (module) {
		add(&tables, module->options, module->n_options, module->config_size);
		rows = ecap_section_rows(&n);
		add(&tables, rows, n, sizeof(struct ecap_section_config));
	}
	rows = ecap_common_rows(&n);
	add(&tables, rows, n, sizeof(struct ecap_common_config));
	return tables;
}

static int set(const struct tables *tables, const char *key, const char *value)
{
	const struct ecap_origin origin = {
		.kind = tables->n > 1 ? ECAP_FROM_SECTION : ECAP_FROM_FILE, .file = "x.ini", .line = 1,
	};

	for (uint32_t t = 0; t < tables->n; t++) {
		const struct ecap_option *row = ecap_options_by_name(tables->of[t], key);

		if (row)
			return ecap_options_set(tables->of[t], row, value, origin);
	}
	return ecap_err(-EINVAL, "unknown key %s", key);
}

/* What is required is so where a module is to run. */
static int is_wanted(const struct tables *tables, int in_file)
{
	const struct ecap_section_config *section;

	if (!in_file || tables->n == 1)
		return 1;
	section = ecap_options_config(tables->of[1]);
	return section->enabled;
}

static void answer(const struct ecap_module *module, int in_file, const json_t *pairs)
{
	struct tables tables = tables_of(module);
	size_t i;
	json_t *pair;
	int err = 0;

	json_array_foreach(pairs, i, pair)
		if (!err)
			err = set(&tables, json_string_value(json_array_get(pair, 0)),
				  json_string_value(json_array_get(pair, 1)));
	for (uint32_t t = 0; t < tables.n && !err && is_wanted(&tables, in_file); t++)
		err = ecap_options_finish(tables.of[t]);
	puts(err ? ecap_err_text() : "ok");
	for (uint32_t t = 0; t < tables.n; t++)
		ecap_options_free(tables.of[t]);
}

int main(int argc, char **argv)
{
	struct ecap_catalog *catalog;
	struct ecap_catalog_entry *entry = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (argc < 2 || ecap_catalog_scan(NULL, 0, 0, NULL, &catalog))
		return 2;
	if (strcmp(argv[1], "global") && ecap_catalog_read(catalog, argv[1], &entry)) {
		puts(ecap_err_text());
		return 1;
	}
	while (getline(&line, &size, stdin) > 0) {
		json_t *pairs = json_loads(line, 0, NULL);

		if (!pairs)
			return 2;
		answer(entry ? &entry->desc->module : NULL, argc == 3, pairs);
		json_decref(pairs);
	}
	ecap_catalog_free(catalog);
	return 0;
}
