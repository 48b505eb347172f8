/* SPDX-License-Identifier: Apache-2.0 */
/* The list of services: a module asks by id, the descriptor names what it cannot do without. */
#include "services.h"

#include <string.h>

#include "util.h"

static const struct {
	const char *id;
	const void *table;
} services[] = {
	{ ECAP_ELF_SERVICE, &ecap_elf_service },
	{ ECAP_KEYLOG_SERVICE, &ecap_keylog_service },
	{ ECAP_PCAPNG_SERVICE, &ecap_pcapng_service },
	{ ECAP_TARGETS_SERVICE, &ecap_targets_service },
};

const void *ecap_service(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (!strcmp(services[i].id, id))
			return services[i].table;
	return NULL;
}

int ecap_has_service(const char *id)
{
	return ecap_service(id) != NULL;
}
