/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one module from its checked options to the summary. [main] */
#ifndef ECAPTURE_CORE_CAPTURE_H
#define ECAPTURE_CORE_CAPTURE_H

#include "common_options.h"
#include "loader.h"

/*
 * Loads the module, captures until SIGINT, SIGTERM or an error, and says what came of it.
 * Returns 0, or a negative errno with a text.
 */
int ecap_capture(struct ecap_catalog_entry *entry, const struct ecap_common_config *common,
		 const void *config);

#endif
