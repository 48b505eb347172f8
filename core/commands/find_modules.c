/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules are looked for: directories that the user names, else where they are installed. */
#include <string.h>

#include "commands/command.h"
#include "err.h"
#include "util.h"

/* As if it had been given by --plugin-dir. */
static int add_dir(struct ecap_command_line *line, const char *dir, size_t len)
{
	struct ecap_options *const tables[] = { line->early, line->common };
	const struct ecap_origin origin = { .kind = ECAP_FROM_COMMAND_LINE };
	_cleanup_free_ char *word = strndup(dir, len);
	int err = word ? 0 : ecap_err(-ENOMEM, "out of memory");

	for (size_t i = 0; !err && i < ARRAY_SIZE(tables); i++)
		err = ecap_options_set(tables[i], ecap_options_by_name(tables[i], "plugin-dir"),
				       word, origin);
	return err;
}

int ecap_command_environment(struct ecap_command_line *line)
{
	int given = ecap_command_plugin_dir_given(line->early);
	/* not from somebody with fewer rights than the program has */
	const char *dir = given ? NULL : secure_getenv(ECAP_MODULE_PATH);
	int err = 0;

	while (dir && *dir && !err) {
		size_t len = strcspn(dir, ":");

		err = len ? add_dir(line, dir, len) : 0;
		dir += len + (dir[len] == ':');
	}
	return err ? ecap_err_context(err, ECAP_MODULE_PATH) : 0;
}

int ecap_command_plugin_dir_given(struct ecap_options *common)
{
	const struct ecap_option *row = ecap_options_by_name(common, "plugin-dir");

	return ecap_options_origin(common, row).kind != ECAP_FROM_DEFAULT;
}

int ecap_command_find_modules(struct ecap_command_line *line, struct ecap_options *common)
{
	const struct ecap_common_config *config = ecap_options_config(common);
	uint32_t n = 0;

	ecap_catalog_free(TAKE_PTR(line->catalog));
	while (config->plugin_dirs[n])
		n++;
	return ecap_catalog_scan(config->plugin_dirs, n, ecap_command_plugin_dir_given(common),
				 ecap_command_is_reserved, &line->catalog);
}
