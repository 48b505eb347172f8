/* SPDX-License-Identifier: Apache-2.0 */
/* The services that the host offers to modules, by id. */
#ifndef ECAPTURE_CORE_SERVICES_H
#define ECAPTURE_CORE_SERVICES_H

#include <ecapture/service/elf.h>
#include <ecapture/service/keylog.h>
#include <ecapture/service/pcapng.h>
#include <ecapture/service/targets.h>

/* The table of a service, or NULL. */
const void *ecap_service(const char *id);
int ecap_has_service(const char *id);

extern const struct ecap_elf ecap_elf_service;         /* elf/ */
extern const struct ecap_keylog ecap_keylog_service;   /* keylog.c */
extern const struct ecap_pcapng ecap_pcapng_service;   /* packets/ */
extern const struct ecap_targets ecap_targets_service; /* targets/ */

#endif
