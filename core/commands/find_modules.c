/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules are looked for: the directories that the user names, else where they are installed. */
#include "commands/command.h"
#include "util.h"

#ifndef ECAP_PLUGIN_DIR
#error "the build says where modules are installed"
#endif

int ecap_command_find_modules(struct ecap_command_line *line, const char *const *dirs)
{
	static const char *const usual[] = { ECAP_PLUGIN_DIR };
	uint32_t n = 0;

	ecap_catalog_free(TAKE_PTR(line->catalog));
	while (dirs && dirs[n])
		n++;
	return n ? ecap_catalog_scan(dirs, n, 1, ecap_command_is_reserved, &line->catalog)
		 : ecap_catalog_scan(usual, ARRAY_SIZE(usual), 0, ecap_command_is_reserved,
				     &line->catalog);
}
