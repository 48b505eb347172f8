/* SPDX-License-Identifier: Apache-2.0 */
/* Real builds of libraries for tests that look into them: by fetch-builds.sh. */
#ifndef TESTS_UNIT_FETCHED_H
#define TESTS_UNIT_FETCHED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Path of a copy without its sections, and so without any symbol for us. The caller removes it. */
static inline const char *fetched_nameless(const char *from)
{
	static char to[] = "/tmp/ecapture-nameless-XXXXXX";
	char command[1200];
	Elf64_Ehdr header;

	memcpy(to + sizeof(to) - 7, "XXXXXX", 6);

	int fd = mkstemp(to);

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);

	FILE *f = fopen(to, "r+e");

	assert_non_null(f);
	assert_int_equal(fread(&header, sizeof(header), 1, f), 1);
	header.e_shoff = 0;
	header.e_shnum = header.e_shstrndx = 0;
	rewind(f);
	assert_int_equal(fwrite(&header, sizeof(header), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	return to;
}

#endif
