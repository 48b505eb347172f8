/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs modules from their checked options to the summary: each an instance with its own readers,
 * all with one loop in the main thread. [main]
 */
#ifndef ECAPTURE_CORE_CAPTURE_H
#define ECAPTURE_CORE_CAPTURE_H

#include "common_options.h"
#include "loader.h"
#include "options.h"

/* A module that is to capture, and its options. */
struct ecap_job {
	struct ecap_catalog_entry *entry;
	const struct ecap_common_config *common;
	const void *config; /* the module's own */
	struct ecap_options *options; /* that it comes from: a recording says what was given */
	const struct ecap_named *const *named; /* its named sections, or NULL: none */
};

/*
 * Loads the modules, captures until SIGINT, SIGTERM or the last module's end, and says what came
 * of each. A module that fails is reported at once, and by @on_error the others go on without it
 * or are stopped. Returns 0, or the error of the first that failed, which has been reported:
 * -EINVAL when it is the value of an option, and for nothing else.
 */
int ecap_capture(const struct ecap_job *jobs, uint32_t n, enum ecap_on_error on_error);

#endif
