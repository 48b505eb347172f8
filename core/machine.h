/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine and the common options mean for a module, found out before it is loaded. [main] */
#ifndef ECAPTURE_CORE_MACHINE_H
#define ECAPTURE_CORE_MACHINE_H

#include <ecapture/host.h>

#include "common_options.h"
#include "kernel.h"
#include "loader.h"

/* Has libbpf write to our log instead of standard error. */
void ecap_machine_log_libbpf(void);

/*
 * Probes the kernel, once for all modules, after it has checked that this process may load
 * programs. The text of an error names the capability that is missing.
 */
int ecap_machine_probe(struct ecap_features *kernel);

/* What the kernel and --btf-path offer to a module. */
int ecap_machine_features(const struct ecap_common_config *config,
			  const struct ecap_features *kernel, struct ecap_features *features);

/* The BPF objects that --btf and the kernel leave: ECAP_BTF_*, or 0 for any. */
uint32_t ecap_machine_btf_mode(const struct ecap_common_config *config,
			       const struct ecap_features *features);

/* The common options as modules see them: sizes chosen, cgroup looked up. */
int ecap_machine_common(const struct ecap_common_config *config, struct ecap_common *common);

#endif
