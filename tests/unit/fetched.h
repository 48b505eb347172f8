/* SPDX-License-Identifier: Apache-2.0 */
/* Real builds of libraries for tests that look into them: by fetch-builds.sh. */
#ifndef TESTS_UNIT_FETCHED_H
#define TESTS_UNIT_FETCHED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static inline const char *top_srcdir(void)
{
	const char *top = getenv("top_srcdir");

	return top && *top ? top : ".";
}

/* Path of a build, fetched if need be; the test is skipped when it cannot be had. */
static inline const char *fetched_build(const char *name)
{
	static char said[512];
	char command[512], line[512];

	snprintf(command, sizeof(command), "'%s/tests/unit/fetch-builds.sh' %s 2>&1", top_srcdir(),
		 name);

	FILE *script = popen(command, "r");

	assert_non_null(script);
	while (fgets(line, sizeof(line), script))
		memcpy(said, line, sizeof(said));
	said[strcspn(said, "\n")] = 0;

	int status = pclose(script);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		printf("%s: %s\n", name, said);
		fflush(stdout);
		skip();
	}
	return said;
}

#endif
