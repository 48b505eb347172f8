/* SPDX-License-Identifier: Apache-2.0 */
/* Which files fit a module's wish, among those that are there now. */
#ifndef ECAPTURE_CORE_TARGETS_FIND_H
#define ECAPTURE_CORE_TARGETS_FIND_H

#include <ecapture/service/targets.h>

#include "targets/file.h"
#include "targets/keys.h"
#include "targets/maps.h"

/* One search, over and done or going on. The pointers are the caller's. */
struct ecap_search {
	const struct ecap_target_spec *spec;
	struct ecap_file_keys *given; /* files that @found has had, in this search or before */
	int (*found)(void *arg, const struct ecap_target *target);
	void *arg;
	uint32_t how;                 /* ECAP_TARGET_MAPPED or ECAP_TARGET_WATCHED */
	int n_found;
	struct ecap_file_keys judged; /* mappings that need no second look; freed by _fini */
};

void ecap_search_fini(struct ecap_search *search);

/*
 * Looks at the file behind a mapping, unless it is known. @search is the argument, so that it
 * fits ecap_maps_each(). Returns 0, a negative return of @found, or -ENOMEM.
 */
int ecap_search_mapping(void *search, const struct ecap_mapping *mapping);

/* The mappings of all processes, or of the one that the spec names. */
int ecap_search_processes(struct ecap_search *search);

/* What ecap_targets.find does. */
int ecap_targets_find(struct ecap_file_keys *given, const struct ecap_target_spec *spec,
		      int (*found)(void *arg, const struct ecap_target *target), void *arg);

#endif
