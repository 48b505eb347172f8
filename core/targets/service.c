/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ecap.targets/1: keeps the files given to a module with its instance. */
#include <stddef.h>

#include "abi_copy.h"
#include "err.h"
#include "instance.h"
#include "module_call.h"
#include "rules.h"
#include "services.h"
#include "targets.h"
#include "targets/find.h"
#include "targets/watch.h"
#include "util.h"

struct ecap_target_set {
	struct ecap_file_keys given;
	struct ecap_watch *watch; /* NULL: none */
	struct ecap_instance *instance;
	int (*found)(void *arg, const struct ecap_target *target); /* the watching module's */
	void *arg;
};

void ecap_target_set_free(struct ecap_target_set **set)
{
	if (!*set)
		return;
	ecap_watch_free(&(*set)->watch);
	ecap_file_keys_clear(&(*set)->given);
	free(*set);
	*set = NULL;
}

static int set_of(struct ecap_instance *self, struct ecap_target_set **set)
{
	struct ecap_target_set **owned = ecap_instance_targets(self);

	if (!*owned)
		*owned = calloc(1, sizeof(**owned));
	if (!*owned)
		return ecap_err(-ENOMEM, "memory for the targets of %s", ecap_instance_name(self));
	(*owned)->instance = self;
	*set = *owned;
	return 0;
}

static int take_spec(struct ecap_instance *self, const struct ecap_target_spec *given,
		     struct ecap_target_spec *spec)
{
	const uint32_t least = ECAP_END(struct ecap_target_spec, programs);

	if (given->struct_size < least)
		return ecap_err(-EINVAL, "%s: target spec of %u bytes, at least %u are needed; set "
				"its struct_size", ecap_instance_name(self), given->struct_size,
				least);
	if (ecap_abi_in(spec, sizeof(*spec), given, given->struct_size))
		return ecap_err(-E2BIG, "%s: target spec with members that this ecapture does not "
				"know; upgrade ecapture", ecap_instance_name(self));
	return 0;
}

static int service_find(struct ecap_instance *self, const struct ecap_target_spec *given,
			int (*found)(void *arg, const struct ecap_target *target), void *arg)
{
	struct ecap_target_set *set = NULL;
	struct ecap_target_spec spec;
	int r = ecap_rule_main(self, "find() of " ECAP_TARGETS_SERVICE);

	if (!r)
		r = take_spec(self, given, &spec);
	if (!r)
		r = set_of(self, &set);
	return r ? r : ecap_targets_find(&set->given, &spec, found, arg);
}

/* Comes from the loop, in no call of the module. */
static int on_watched(void *arg, const struct ecap_target *target)
{
	struct ecap_target_set *set = arg;

	return ecap_call_found(set->instance, set->found, set->arg, target);
}

static int service_watch(struct ecap_instance *self, const struct ecap_target_spec *given,
			 int (*found)(void *arg, const struct ecap_target *target), void *arg)
{
	struct ecap_target_set *set = NULL;
	struct ecap_target_spec spec;
	int r = ecap_rule_main(self, "watch() of " ECAP_TARGETS_SERVICE);

	if (!r)
		r = take_spec(self, given, &spec);
	if (!r)
		r = set_of(self, &set);
	if (r)
		return r;
	if (!ecap_instance_loop(self))
		return ecap_err(-EOPNOTSUPP, "%s: a replay has no processes to watch",
				ecap_instance_name(self));
	if (set->watch)
		return ecap_err(-EBUSY, "%s watches already", ecap_instance_name(self));
	set->found = found;
	set->arg = arg;
	return ecap_watch_new(ecap_instance_loop(self), &set->given, ecap_instance_name(self),
			      &spec, on_watched, set, &set->watch);
}

const struct ecap_targets ecap_targets_service = {
	.struct_size = sizeof(struct ecap_targets),
	.find = service_find,
	.watch = service_watch,
};
