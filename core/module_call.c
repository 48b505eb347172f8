/* SPDX-License-Identifier: Apache-2.0 */
/* Calls into a module: see module_call.h. */
#include "module_call.h"

#include <string.h>

#include "bounded.h"
#include "err.h"
#include "instance_private.h"
#include "rules.h"
#include "util.h"

/* MAX_ERRNO in the kernel's include/linux/err.h: what lies below is no -errno. */
#define MAX_ERRNO 4095

static const struct ecap_ops *ops_of(const struct ecap_instance *self)
{
	return self->options.module->ops;
}

static struct ecap_crumb crumb_of(struct ecap_instance *self, enum ecap_op op)
{
	return (struct ecap_crumb){ .instance = self, .module = self->title, .op = (uint16_t)op,
				    .where = ECAP_WHERE_MODULE };
}

/* "returned 5", which no caller may take for success or for an errno. */
static int check_result(enum ecap_op op, int result)
{
	if (result <= 0 && result >= -MAX_ERRNO)
		return result;
	return ecap_err(-EPROTO, "%s() returned %d, which is neither 0 nor a negative errno",
			ecap_op_name(op), result);
}

/* One of the calls that take the state and return 0 or an error. */
static int call(struct ecap_instance *self, enum ecap_op op, int (*run)(void *state))
{
	struct ecap_crumb crumb = crumb_of(self, op), *outer = ecap_crumb;
	int result;

	ecap_crumb = &crumb;
	result = run(self->state);
	ecap_crumb = outer;
	return check_result(op, result);
}

int ecap_call_init(struct ecap_instance *self)
{
	struct ecap_crumb crumb = crumb_of(self, ECAP_OP_INIT), *outer = ecap_crumb;
	int result;

	ecap_crumb = &crumb;
	result = ops_of(self)->init(&self->context, &self->state);
	ecap_crumb = outer;
	return check_result(ECAP_OP_INIT, result);
}

int ecap_call_load(struct ecap_instance *self)
{
	return call(self, ECAP_OP_LOAD, ops_of(self)->load);
}

int ecap_call_maps(struct ecap_instance *self, const struct ecap_map **maps, uint32_t *n)
{
	struct ecap_crumb crumb = crumb_of(self, ECAP_OP_MAPS), *outer = ecap_crumb;
	int result;

	ecap_crumb = &crumb;
	result = ops_of(self)->maps(self->state, maps, n);
	ecap_crumb = outer;
	return check_result(ECAP_OP_MAPS, result);
}

int ecap_call_start(struct ecap_instance *self)
{
	return call(self, ECAP_OP_START, ops_of(self)->start);
}

int ecap_call_found(struct ecap_instance *self,
		    int (*found)(void *arg, const struct ecap_target *target), void *arg,
		    const struct ecap_target *target)
{
	struct ecap_crumb crumb = crumb_of(self, ECAP_OP_FOUND), *outer = ecap_crumb;
	int result;

	ecap_crumb = &crumb;
	result = found(arg, target);
	ecap_crumb = outer;
	return result;
}

int ecap_call_survey(struct ecap_instance *self, const struct ecap_target *target)
{
	struct ecap_crumb crumb = crumb_of(self, ECAP_OP_SURVEY), *outer = ecap_crumb;
	int result;

	ecap_crumb = &crumb;
	result = ops_of(self)->survey(&self->context, target);
	ecap_crumb = outer;
	return check_result(ECAP_OP_SURVEY, result);
}

static int run_stop(void *instance)
{
	struct ecap_instance *self = instance;

	return call(self, ECAP_OP_STOP, ops_of(self)->stop);
}

static int run_close(void *instance)
{
	struct ecap_instance *self = instance;
	struct ecap_crumb crumb = crumb_of(self, ECAP_OP_CLOSE), *outer = ecap_crumb;

	ecap_crumb = &crumb;
	ops_of(self)->close(self->state);
	ecap_crumb = outer;
	return 0;
}

static int bounded(struct ecap_instance *self, enum ecap_op op, int (*run)(void *instance))
{
	int result;

	if (ecap_bounded_call(ecap_op_name(op), run, self, ECAP_PATIENCE_MS, &result))
		return result;
	self->left_behind = 1;
	return ecap_err(-ETIMEDOUT, "%s: %s() has not returned for %d s: given up", self->title,
			ecap_op_name(op), ECAP_PATIENCE_MS / 1000);
}

int ecap_call_stop(struct ecap_instance *self)
{
	if (!ECAP_HAS(struct ecap_ops, ops_of(self), stop))
		return 0;
	return bounded(self, ECAP_OP_STOP, run_stop);
}

int ecap_call_close(struct ecap_instance *self)
{
	return bounded(self, ECAP_OP_CLOSE, run_close);
}

int ecap_call_decode(struct ecap_instance *self, uint32_t map_index, const void *rec,
		     uint32_t len, struct ecap_event *event)
{
	int result = ops_of(self)->decode(self->state, self->maps[map_index].id, rec, len, event);

	if (result <= 1)
		return result;
	ecap_rule_broken(self, "returned %d, which is neither 0, 1 nor a negative errno", result);
	return 0;
}

int ecap_call_dispatch(struct ecap_instance *self, struct ecap_event *event)
{
	struct ecap_crumb *crumb = ecap_crumb;
	uint16_t op = crumb->op;
	int result;

	if (!ECAP_HAS(struct ecap_ops, ops_of(self), dispatch))
		return ecap_rule_broken(self, "an event with ECAP_DEST_MODULE, and no dispatch()");
	if (op == ECAP_OP_DISPATCH)
		return ecap_rule_broken(self, "an event with ECAP_DEST_MODULE, which would come "
					"back again");
	crumb->op = ECAP_OP_DISPATCH;
	result = ops_of(self)->dispatch(self->state, event);
	if (result > 0)
		ecap_rule_broken(self, "returned %d, which is neither 0 nor a negative errno",
				 result);
	crumb->op = op;
	return result > 0 ? 0 : result;
}

void ecap_call_lost(struct ecap_instance *self, uint32_t map_index, uint64_t n)
{
	struct ecap_crumb *crumb = &self->reading;

	if (!ECAP_HAS(struct ecap_ops, ops_of(self), lost))
		return;
	crumb->op = ECAP_OP_LOST;
	crumb->map = self->results[map_index].name;
	crumb->record = 0;
	crumb->data = NULL;
	crumb->len = 0;
	crumb->where = ECAP_WHERE_MODULE;
	ecap_crumb = crumb;
	ops_of(self)->lost(self->state, self->maps[map_index].id, n);
	crumb->where = ECAP_WHERE_HOST;
	ecap_crumb = NULL;
}
