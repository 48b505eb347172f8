/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call into a module is made here: with a crumb, so that a crash can be told; with a bound
 * for those that a user waits for; and with a look at what comes back. What the module promised
 * stands in ecapture/module.h.
 */
#ifndef ECAPTURE_CORE_MODULE_CALL_H
#define ECAPTURE_CORE_MODULE_CALL_H

#include <ecapture/module.h>
#include <ecapture/service/targets.h>

struct ecap_instance;

/* What a user waits for at the end is given up after this. */
#define ECAP_PATIENCE_MS 5000

/* 0, or a negative errno with a text. [main] */
int ecap_call_init(struct ecap_instance *instance);
int ecap_call_load(struct ecap_instance *instance);
int ecap_call_maps(struct ecap_instance *instance, const struct ecap_map **maps, uint32_t *n);
int ecap_call_start(struct ecap_instance *instance);

/* What the module gave to ecap.targets/1, when it is called later on. [main] */
int ecap_call_found(struct ecap_instance *instance,
		    int (*found)(void *arg, const struct ecap_target *target), void *arg,
		    const struct ecap_target *target);

/* What the module finds in a file. It has survey(). [main] */
int ecap_call_survey(struct ecap_instance *instance, const struct ecap_target *target);

/* In a thread of their own, given up after some time: then the text says so. [main] */
int ecap_call_stop(struct ecap_instance *instance);
int ecap_call_close(struct ecap_instance *instance);

/* What decode() and dispatch() returned, which is 0 where it makes no sense. [reader] */
int ecap_call_decode(struct ecap_instance *instance, uint32_t map_index, const void *rec,
		     uint32_t len, struct ecap_event *event);
int ecap_call_dispatch(struct ecap_instance *instance, struct ecap_event *event);
void ecap_call_lost(struct ecap_instance *instance, uint32_t map_index, uint64_t n);

#endif
