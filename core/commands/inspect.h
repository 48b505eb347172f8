/* SPDX-License-Identifier: Apache-2.0 */
/* What the two forms of "modules inspect", text and JSON, share. */
#ifndef ECAPTURE_CORE_COMMANDS_INSPECT_H
#define ECAPTURE_CORE_COMMANDS_INSPECT_H

#include "commands/examine.h"

/* "u32"; @text: 16 bytes, for a type that is not known. */
const char *ecap_inspect_type(const struct ecap_option *row, char *text);
/* What the bit of ECAP_OPT_REQUIRED and so on is called. @text: 16 bytes. */
const char *ecap_inspect_flag(uint32_t bit, char *text);
/* "1 to 64K", freed by the caller; NULL: no bounds. */
char *ecap_inspect_range(const struct ecap_option *row);

/* All of it as one object; the descriptor must be there. */
json_t *ecap_inspect_json(const struct ecap_examined *examined);

#endif
