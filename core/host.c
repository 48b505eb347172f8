/* SPDX-License-Identifier: Apache-2.0 */
/* The table of host functions that every module gets in its context. */
#include <string.h>
#include <unistd.h>

#include "abi_copy.h"
#include "err.h"
#include "instance_private.h"
#include "loader.h"
#include "log.h"
#include "services.h"
#include "util.h"
#include "version.h"

static void host_log(struct ecap_instance *self, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ecap_vlogf(level, ecap_instance_name(self), fmt, ap);
	va_end(ap);
}

static int host_fail(struct ecap_instance *self, int err, const char *fmt, ...)
{
	va_list ap;

	(void)self;
	va_start(ap, fmt);
	ecap_verr(err, fmt, ap);
	va_end(ap);
	return err;
}

static void host_abort(struct ecap_instance *self, int err)
{
	ecap_instance_abort(self, err, ecap_err_text());
}

static int host_stop_fd(struct ecap_instance *self)
{
	return self->stop_fd;
}

static int host_emit(struct ecap_instance *self, const struct ecap_event *event)
{
	struct ecap_event copy;

	if (event->struct_size < ECAP_END(struct ecap_event, priv))
		return ecap_err(-EINVAL, "emit: event of %u bytes; set its struct_size",
				event->struct_size);
	if (ecap_abi_in(&copy, sizeof(copy), event, event->struct_size))
		return ecap_err(-E2BIG, "emit: event with members that this ecapture does not know");
	copy.struct_size = sizeof(copy);
	return ecap_instance_route(self, &copy);
}

/* The counter of this name, made when there is room; the caller has the lock. */
static struct ecap_counter *counter_of(struct ecap_instance *self, const char *name)
{
	struct ecap_counter *counter;

	for (uint32_t i = 0; i < self->n_counters; i++)
		if (!strncmp(self->counters[i].name, name, sizeof(self->counters[i].name) - 1))
			return &self->counters[i];
	if (self->n_counters == ECAP_MAX_COUNTERS)
		return NULL;
	counter = &self->counters[self->n_counters++];
	snprintf(counter->name, sizeof(counter->name), "%s", name);
	return counter;
}

static void host_count(struct ecap_instance *self, const char *name, uint64_t add)
{
	struct ecap_counter *counter;
	int say = 0;

	pthread_mutex_lock(&self->lock);
	counter = counter_of(self, name);
	if (counter) {
		counter->value += add;
	} else {
		say = !self->counters_full;
		self->counters_full = 1;
	}
	pthread_mutex_unlock(&self->lock);
	if (say)
		log_warn(ecap_instance_name(self), "more than %d counters: \"%s\" is not kept",
			 ECAP_MAX_COUNTERS, name);
}

static int host_pick_bpf(struct ecap_instance *self, uint32_t *index)
{
	int err = ecap_module_pick_bpf(self->options.desc, self->options.features,
				       self->options.btf_mode, index);

	if (!err)
		log_debug(ecap_instance_name(self), "BPF object %s",
			  self->options.desc->bpf[*index].name);
	return err;
}

static const void *host_service(struct ecap_instance *self, const char *id)
{
	(void)self;
	return ecap_service(id);
}

const struct ecap_host ecap_host_table = {
	.struct_size = sizeof(ecap_host_table),
	.abi_major = ECAP_ABI_MAJOR,
	.abi_minor = ECAP_ABI_MINOR,
	.version = ECAP_VERSION,
	.log = host_log,
	.fail = host_fail,
	.abort = host_abort,
	.stop_fd = host_stop_fd,
	.emit = host_emit,
	.count = host_count,
	.pick_bpf = host_pick_bpf,
	.service = host_service,
};
