/* SPDX-License-Identifier: Apache-2.0 */
/* News from the kernel about files that processes map executable. */
#ifndef ECAPTURE_CORE_TARGETS_MMAPS_H
#define ECAPTURE_CORE_TARGETS_MMAPS_H

#include "loop.h"
#include "targets/maps.h"

struct ecap_mmaps;

/* Called from the loop. Neither may close. */
struct ecap_mmaps_listener {
	void (*mapped)(void *arg, const struct ecap_mapping *mapping);
	void (*lost)(void *arg); /* some mappings were not told of: look at all processes */
	void *arg;
};

/* -EOPNOTSUPP: the kernel refuses. */
int ecap_mmaps_open(struct ecap_loop *loop, const struct ecap_mmaps_listener *listener,
		    struct ecap_mmaps **mmaps);
/* *mmaps becomes NULL. NULL inside is allowed. */
void ecap_mmaps_close(struct ecap_mmaps **mmaps);

#endif
