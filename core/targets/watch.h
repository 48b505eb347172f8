/* SPDX-License-Identifier: Apache-2.0 */
/* Files that fit a module's wish and that processes map from now on. */
#ifndef ECAPTURE_CORE_TARGETS_WATCH_H
#define ECAPTURE_CORE_TARGETS_WATCH_H

#include <ecapture/service/targets.h>

#include "loop.h"
#include "targets/keys.h"

struct ecap_watch;

/*
 * What ecap_targets.watch does. @loop and @given outlive the watch; @spec is copied. @name of
 * who watches, for the log, is not. @found may be called before it returns, for what was mapped
 * just now, and may not free the watch.
 */
int ecap_watch_new(struct ecap_loop *loop, struct ecap_file_keys *given, const char *name,
		   const struct ecap_target_spec *spec,
		   int (*found)(void *arg, const struct ecap_target *target), void *arg,
		   struct ecap_watch **watch);
/* *watch becomes NULL. NULL inside is allowed. */
void ecap_watch_free(struct ecap_watch **watch);

#endif
