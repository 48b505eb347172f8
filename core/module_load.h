/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from a descriptor to a loaded module; module_checks.c has their order. */
#ifndef ECAPTURE_CORE_MODULE_LOAD_H
#define ECAPTURE_CORE_MODULE_LOAD_H

#include "loader.h"

/* Whether all services that the module needs are there. */
int ecap_module_check_services(const struct ecap_desc *desc, int (*has_service)(const char *id));

/* dlopens the module, unless there is a handle already. */
int ecap_module_dlopen(const char *path, void **handle);

/* Finds the descriptor in memory, and refuses one that is not what was read from the file. */
int ecap_module_compare(void *handle, const char *path, const struct ecap_desc *desc,
			const struct ecap_module **module);

#endif
