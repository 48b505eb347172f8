/* SPDX-License-Identifier: Apache-2.0 */
/* A module file looked into by "modules inspect" and "modules check": all that the checks say. */
#ifndef ECAPTURE_CORE_COMMANDS_EXAMINE_H
#define ECAPTURE_CORE_COMMANDS_EXAMINE_H

#include <jansson.h>

#include "module_checks.h"

struct ecap_examined {
	char *path;
	struct ecap_module_file file;
	int result[ECAP_N_CHECKS];   /* as struct ecap_check_report tells it; 0 behind the last */
	char *reason[ECAP_N_CHECKS]; /* why not, or NULL */
	char *error;                 /* of the first check that failed, or NULL */
};

/*
 * Finds the file that @word stands for and makes the checks up to @last, going on after those
 * that fail. An error only when there is no such file.
 */
int ecap_examine(struct ecap_catalog *catalog, const char *word,
		 const struct ecap_module_host *host, enum ecap_check last,
		 struct ecap_examined *examined);
void ecap_examined_free(struct ecap_examined *examined);

/* What could be read of the module, or NULL. */
static inline const struct ecap_desc *ecap_examined_desc(const struct ecap_examined *examined)
{
	return examined->file.desc;
}

/* SHA-256 of a BPF object in hex. @hex: 65 bytes; "" when it cannot be read. */
void ecap_examined_sha256(const struct ecap_examined *examined, const struct ecap_desc_bpf *bpf,
			  char *hex);

/* "core", "noncore", or a number. @text: 16 bytes. */
const char *ecap_examined_variant(const struct ecap_desc_bpf *bpf, char *text);

/* What the bit of ECAP_FEAT_* is called. @text: 32 bytes, for one without a name. */
const char *ecap_examined_feature(uint32_t bit, char *text);

#endif
