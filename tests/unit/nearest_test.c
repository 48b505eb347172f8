/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest word: what counts as near, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"
#include "util.h"

static void nearest_word(void **state)
{
	static const char *const words[] = { "libssl", "pid", "plugin-dir", "keylog-file", "tsize",
					     "cgroup_path", "uid", "", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "libssl", "libssl" }, { "libsll", "libssl" }, { "lbissl", "libssl" },
		{ "libs", "libssl" }, { "LIBSSL", "libssl" }, { "libssl3", "libssl" },
		{ "libxyz", NULL }, { "pdi", "pid" }, { "pids", "pid" }, { "xid", "pid" },
		{ "key", "keylog-file" }, { "keylogfile", "keylog-file" }, { "size", "tsize" },
		{ "cgroup-path", "cgroup_path" }, { "plugin", "plugin-dir" }, { "x", NULL },
		{ "p", "pid" }, { "", NULL }, { "completely-else", NULL },
	};
	char *long_word = malloc(1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *nearest = ecap_nearest(cases[i].word, words);

		if (!cases[i].nearest)
			assert_null(nearest);
		else if (!nearest)
			fail_msg("nothing is near %s", cases[i].word);
		else
			assert_string_equal(nearest, cases[i].nearest);
	}
	assert_null(ecap_nearest("pid", none));
	assert_non_null(long_word);
	memset(long_word, 'p', 1 << 20);
	long_word[(1 << 20) - 1] = '\0';
	assert_null(ecap_nearest(long_word, words));
	free(long_word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_word),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
