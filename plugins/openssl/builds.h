/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user says of a build in which nothing is found: [tls.build "BUILD-ID"] of the ini file.
 * It counts in place of what would be found.
 */
#ifndef OPENSSL_BUILDS_H
#define OPENSSL_BUILDS_H

#include <ecapture/option.h>

#include "keylog.h"
#include "locate.h"

/* Filled by the host from such a section. */
struct openssl_build {
	const char *keylog_function, *client_random;
	const char *read_function, *write_function;
	uint32_t result; /* of both: 0: the return value, 1: *done, the fourth argument */
};

#define OPENSSL_N_BUILD_OPTIONS 5u
extern const struct ecap_option openssl_build_options[OPENSSL_N_BUILD_OPTIONS];

/* Whether all sections make sense by themselves. Returns 0 or a negative errno after fail(). */
int openssl_check_builds(const struct ecap_context *ctx);

/*
 * The functions of the file: as its section says, else as openssl_locate() and
 * openssl_locate_keylog() find them, with the same results; -EINVAL: what the section says cannot
 * be, and ->tried says why.
 */
int openssl_find_text(const struct ecap_context *ctx, struct ecap_elf_file *file,
		      int exact_symbols, struct openssl_location *location);
int openssl_find_keys(const struct ecap_context *ctx, struct ecap_elf_file *file,
		      struct openssl_keylogs *keylogs);

#endif
