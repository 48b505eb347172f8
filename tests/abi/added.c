/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the host one of a later minor: it has the functions that tests/abi/next_minor.sh adds to
 * its table, calls the operations that it adds, and logs what reached it of new members. Linked
 * with --wrap for the functions that begin with __wrap_ here. FIRST is the first such minor.
 */
#include <string.h>

#include "err.h"
#include "instance_private.h"
#include "log.h"
#include "module_call.h"
#include "render_private.h"

#if ECAP_SINCE(FIRST)

int __real_ecap_call_init(struct ecap_instance *instance);
int __wrap_ecap_call_init(struct ecap_instance *instance);
int __real_ecap_render(struct ecap_renderer *renderer, const struct ecap_event *event,
		       struct ecap_sink *sink);
int __wrap_ecap_render(struct ecap_renderer *renderer, const struct ecap_event *event,
		       struct ecap_sink *sink);

/* A host function that is new: 1, for the module to count. */
static int host_added(void *who)
{
	return who != NULL;
}

/* The table that modules get is the host's own, and what is new. */
static struct ecap_host table;
extern const struct ecap_host added_table __attribute__((alias("table")));

static void __attribute__((constructor)) fill_table(void)
{
	table = ecap_host_table;
	table.added_1 = host_added;
#if ECAP_SINCE(FIRST + 1)
	table.added_2 = host_added;
#endif
#if ECAP_SINCE(FIRST + 2)
	table.added_3 = host_added;
#endif
}

#define CALL(ops, state, member) (ECAP_HAS(struct ecap_ops, ops, member) ? (ops)->member(state) : 0)

int __wrap_ecap_call_init(struct ecap_instance *instance)
{
	const struct ecap_ops *ops = instance->options.module->ops;
	int n = 0, err;

	instance->context.host = &added_table;
	err = __real_ecap_call_init(instance);
	if (err)
		return err;
	n += CALL(ops, instance->state, added_1);
#if ECAP_SINCE(FIRST + 1)
	n += CALL(ops, instance->state, added_2);
#endif
#if ECAP_SINCE(FIRST + 2)
	n += CALL(ops, instance->state, added_3);
#endif
	log_info(ecap_instance_name(instance), "added operations: %d", n);
	return 0;
}

int __wrap_ecap_render(struct ecap_renderer *renderer, const struct ecap_event *event,
		       struct ecap_sink *sink)
{
	struct ecap_field field = event->n_fields ? ecap_field_at(renderer, event, 0)
						  : (struct ecap_field){ .name = NULL };
	uint64_t of_event = event->added_1, of_field = field.added_1;

#if ECAP_SINCE(FIRST + 1)
	of_event += event->added_2;
	of_field += field.added_2;
#endif
#if ECAP_SINCE(FIRST + 2)
	of_event += event->added_3;
	of_field += field.added_3;
#endif
	log_info("added", "members of the event %s: %llu, of its first field: %llu", event->kind,
		 (unsigned long long)of_event, (unsigned long long)of_field);
	return __real_ecap_render(renderer, event, sink);
}

#endif
