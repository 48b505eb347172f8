/* SPDX-License-Identifier: Apache-2.0 */
/* The table of host functions that every module gets in its context. */
#include <string.h>
#include <unistd.h>

#include "abi_copy.h"
#include "err.h"
#include "instance_private.h"
#include "loader.h"
#include "log.h"
#include "rules.h"
#include "services.h"
#include "util.h"
#include "version.h"

static void host_log(struct ecap_instance *self, int level, const char *fmt, ...)
{
	uint64_t left_out;
	va_list ap;

	if (level > ecap_log_level() || ecap_rule_any(self, "log()") ||
	    !ecap_log_budget_take(&self->log_budget, ecap_log_budget_clock(), &left_out))
		return;
	if (left_out)
		log_warn(self->name, "%llu lines of the module left out of the log: more than %d a "
			 "second", (unsigned long long)left_out, ECAP_LOG_RATE);
	va_start(ap, fmt);
	ecap_vlogf(level, self->name, fmt, ap);
	va_end(ap);
}

static int host_fail(struct ecap_instance *self, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ecap_verr(err, fmt, ap);
	va_end(ap);
	if (err < 0 || !self)
		return err;
	/* Returned by the caller, it would pass for success. */
	ecap_rule_broken(self, "fail() called with %d, which is no negative errno", err);
	return -EIO;
}

static void host_abort(struct ecap_instance *self, int err)
{
	const char *text = ecap_err_text();

	if (!ecap_rule_any(self, "abort()"))
		ecap_instance_abort(self, err, *text ? text : "abort() without a fail() before it");
}

static int host_stop_fd(struct ecap_instance *self)
{
	int err = ecap_rule_any(self, "stop_fd()");

	return err ? err : self->stop_fd;
}

/* An event from a module of another SDK: 0, or a negative errno with a text. */
static int take_event(const struct ecap_event *event, struct ecap_event *copy)
{
	if (!event)
		return ecap_err(-EINVAL, "emit() called without an event");
	if (event->struct_size < ECAP_END(struct ecap_event, priv))
		return ecap_err(-EINVAL, "emit: event of %u bytes; set its struct_size",
				event->struct_size);
	if (ecap_abi_in(copy, sizeof(*copy), event, event->struct_size))
		return ecap_err(-E2BIG, "emit: event with members that this ecapture does not know");
	copy->struct_size = sizeof(*copy);
	return 0;
}

static int host_emit(struct ecap_instance *self, const struct ecap_event *event)
{
	struct ecap_event copy;
	int err = ecap_rule_reader(self, "emit()");

	if (err)
		return err;
	err = take_event(event, &copy);
	if (!err)
		return ecap_instance_route(self, &copy);
	ecap_rule_broken(self, "%s", ecap_err_text());
	return err;
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

	if (ecap_rule_any(self, "count()"))
		return;
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
		log_warn(self->name, "more than %d counters: \"%s\" is not kept",
			 ECAP_MAX_COUNTERS, name);
}

static int host_pick_bpf(struct ecap_instance *self, uint32_t *index)
{
	int err = ecap_rule_main(self, "pick_bpf()");

	if (!err)
		err = ecap_module_pick_bpf(self->options.desc, self->options.features,
					   self->options.btf_mode, index);
	if (!err)
		log_debug(self->name, "BPF object %s",
			  self->options.desc->bpf[*index].name);
	return err;
}

static const void *host_service(struct ecap_instance *self, const char *id)
{
	return ecap_rule_any(self, "service()") ? NULL : ecap_service(id);
}

static int host_finding(struct ecap_instance *self, const struct ecap_finding *finding)
{
	int err = ecap_rule_main(self, "finding()");

	return err ? err : ecap_instance_finding(self, finding);
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
	.finding = host_finding,
};
