/* SPDX-License-Identifier: Apache-2.0 */
/* What the instance needs of the targets service beside its table. */
#ifndef ECAPTURE_CORE_TARGETS_H
#define ECAPTURE_CORE_TARGETS_H

/*
 * The files given to one instance, and its watch. Ends the watch (its fds leave the loop) and
 * frees the set; *set becomes NULL. NULL inside is allowed.
 */
struct ecap_target_set;
void ecap_target_set_free(struct ecap_target_set **set);

#endif
