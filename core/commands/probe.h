/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of "modules probe" share: what is found out about a file is one JSON object. */
#ifndef ECAPTURE_CORE_COMMANDS_PROBE_H
#define ECAPTURE_CORE_COMMANDS_PROBE_H

#include <jansson.h>

#include <ecapture/service/targets.h>

#include "commands/command.h"

/* What is asked, of each file. */
struct ecap_probing {
	const struct ecap_common_config *common;
	const struct ecap_catalog *catalog;
	uint64_t patience_ns; /* for each module in each file */
	struct ecap_catalog_entry *entries[ECAP_MAX_WORDS]; /* the modules */
	uint32_t n_entries;
};

/*
 * What the file is and what each module finds in it: { file, pid, machine, native, build_id,
 * needed, deleted, foreign, capturable, error, modules }. @deleted: no path leads to it any more.
 */
json_t *ecap_probe_file(const struct ecap_probing *probing, const struct ecap_target *target,
			int deleted);

/* 1 when a module can capture something there. */
int ecap_probe_is_capturable(const json_t *file);

/* { command, module, version, asked, error, facts, places, missing } of one module. */
json_t *ecap_probe_module(const struct ecap_probing *probing, struct ecap_catalog_entry *entry,
			  const struct ecap_target *target);

/* All of it for one file; of the files of a process, the one line for those with nothing. */
int ecap_probe_print(const json_t *file);
int ecap_probe_print_process(const json_t *files, uint64_t pid);

#endif
