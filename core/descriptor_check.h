/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that a descriptor must keep, apart from where its bytes are. */
#ifndef ECAPTURE_CORE_DESCRIPTOR_CHECK_H
#define ECAPTURE_CORE_DESCRIPTOR_CHECK_H

#include "descriptor.h"

#define ECAP_MAX_OPTIONS 512u
#define ECAP_MAX_CONFIG  (1u << 20) /* bytes of a config struct */

/* Versions and reserved members; comes before anything else is read. Errors name no file. */
int ecap_desc_check_abi(const struct ecap_module *module);
/* Names, operations and options. */
int ecap_desc_check(const struct ecap_desc *desc);

/* Name of the i-th operation behind ops.reserved. */
const char *ecap_desc_operation(uint32_t i);

#endif
