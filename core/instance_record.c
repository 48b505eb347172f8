/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance does with what comes out of its maps: a record goes through the module's
 * decode() to where its event belongs. [reader], but where it says otherwise.
 */
#include <time.h>

#include "err.h"
#include "event_check.h"
#include "instance_private.h"
#include "log.h"
#include "module_call.h"
#include "rules.h"
#include "util.h"

static int write_event(struct ecap_instance *self, struct ecap_event *event)
{
	int err = ecap_render(self->renderer, event, self->options.sink);

	if (err)
		return err;
	atomic_fetch_add_explicit(&self->tally.events, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&self->tally.bytes, event->payload_len, memory_order_relaxed);
	return 0;
}

/* Records come in the order of their streams, so until a protocol is parsed they pass as they are. */
static int (*const routes[])(struct ecap_instance *self, struct ecap_event *event) = {
	[ECAP_DEST_OUTPUT] = write_event,
	[ECAP_DEST_MODULE] = ecap_call_dispatch,
	[ECAP_DEST_PROCESSOR] = write_event,
};

static void set_where(struct ecap_crumb *crumb, enum ecap_where where)
{
	crumb->where = (uint16_t)where;
	/* A crash is seen by this thread's handler: no reading may move to before this. */
	atomic_signal_fence(memory_order_seq_cst);
}

int ecap_instance_route(struct ecap_instance *self, struct ecap_event *event)
{
	const struct ecap_event_rules rules = {
		.field_size = self->options.render.field_size, .probe = self->options.strict,
	};
	struct ecap_crumb *crumb = &self->reading;
	int err;

	if (atomic_load_explicit(&self->halted, memory_order_relaxed))
		return -ECANCELED;
	set_where(crumb, ECAP_WHERE_RENDERING);
	if (ecap_event_check(event, &rules, crumb->data, crumb->len)) {
		err = ecap_rule_broken(self, "%s", ecap_err_text());
	} else {
		if (event->dest == ECAP_DEST_MODULE)
			set_where(crumb, ECAP_WHERE_MODULE);
		err = routes[event->dest](self, event);
	}
	set_where(crumb, ECAP_WHERE_MODULE);
	return err;
}

/* Where the thread is from now on, for this record. */
static void drop_crumb(struct ecap_instance *self, uint32_t map_index, const void *rec, uint32_t len)
{
	struct ecap_map_result *map = &self->results[map_index];

	self->reading.map = map->name;
	self->reading.record = ++map->decoded;
	self->reading.data = rec;
	self->reading.len = len;
	self->reading.op = ECAP_OP_DECODE;
	self->reading.where = ECAP_WHERE_MODULE;
	ecap_crumb = &self->reading;
}

void ecap_instance_record(struct ecap_instance *self, uint32_t map_index, const void *rec,
			  uint32_t len)
{
	struct ecap_event event = { .struct_size = sizeof(event), .fd = -1 };
	uint64_t broken = atomic_load_explicit(&self->broken, memory_order_relaxed);
	int got;

	if (atomic_load_explicit(&self->halted, memory_order_relaxed))
		return;
	/* Before decode(), so that a record at which it crashes is in the file. */
	if (self->recorder)
		ecap_recorder_record(self->recorder, map_index, rec, len);
	if (ecap_sink_error(self->options.sink))
		return;
	drop_crumb(self, map_index, rec, len);
	got = ecap_call_decode(self, map_index, rec, len, &event);
	if (got > 0)
		got = ecap_instance_route(self, &event);
	self->reading.where = ECAP_WHERE_HOST;
	ecap_crumb = NULL;
	/* What broke a rule is counted there. */
	if (got < 0 && broken == atomic_load_explicit(&self->broken, memory_order_relaxed) &&
	    !ecap_sink_error(self->options.sink))
		atomic_fetch_add(&self->tally.damaged, 1);
}

static void on_record(void *arg, uint32_t index, const void *data, uint32_t len)
{
	ecap_instance_record(arg, index, data, len);
}

static void on_lost(void *arg, uint32_t index, uint64_t n)
{
	struct ecap_instance *self = arg;

	log_warn(ecap_instance_name(self), "%s: %llu records lost: the kernel's buffer was full "
		 "(--mapsize makes it larger)", self->maps[index].name, (unsigned long long)n);
	if (self->recorder)
		ecap_recorder_lost(self->recorder, index, n);
	if (!atomic_load(&self->halted))
		ecap_call_lost(self, index, n);
}

static void on_batch(void *arg)
{
	struct ecap_instance *self = arg;

	if (atomic_load(&self->halted) == ECAP_HALT_LEFT)
		return;
	int err = ecap_sink_flush(self->options.sink);

	if (err)
		ecap_instance_abort(self, err, ecap_err_text());
	err = self->recorder ? ecap_recorder_flush(self->recorder) : 0;
	if (err)
		ecap_instance_abort(self, err, ecap_err_text());
}

/* A slow sink may take its time, but one that stands still must not keep us. */
#define STILL_MS 1000

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t records_read(const struct ecap_instance *self)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < self->n_maps; i++)
		n += ecap_reader_count(self->reader, i).records;
	return n;
}

/*
 * By the clock: others may be waited for meanwhile, and this one stand still all the same.
 */
uint64_t ecap_instance_still_ms(struct ecap_instance *self)
{
	uint64_t written = ecap_sink_written(self->options.sink), records = records_read(self);

	if (self->recorder)
		written += ecap_recorder_written(self->recorder);
	if (!self->still_since_ms || written != self->drained_to ||
	    records != self->drained_records)
		self->still_since_ms = now_ms();
	self->drained_to = written;
	self->drained_records = records;
	return now_ms() - self->still_since_ms;
}

/* [main] */
static enum ecap_draining on_draining(void *arg)
{
	struct ecap_instance *self = arg;
	struct ecap_sink *serving = atomic_load(&self->serving);
	uint64_t still = ecap_instance_still_ms(self);

	/* Neither may the module keep us, when there is no record after it. */
	if (still >= ECAP_PATIENCE_MS)
		return ECAP_DRAIN_LEAVE;
	if (still < STILL_MS || (self->reading.where == ECAP_WHERE_MODULE && !serving))
		return ECAP_DRAIN_WAIT;
	ecap_sink_give_up(serving ? serving : self->options.sink);
	if (self->recorder)
		ecap_recorder_give_up(self->recorder);
	return ECAP_DRAIN_INTERRUPT;
}

/* What a module has no right to do to a thread that is not its own. */
static void on_ended(void *arg)
{
	struct ecap_instance *self = arg;

	ecap_rule_broken(self, "the reader's thread was ended by pthread_exit()");
	ecap_instance_abort(self, -EPROTO, ecap_err_text());
}

const struct ecap_reader_ops ecap_instance_reader_ops = {
	.record = on_record, .lost = on_lost, .batch = on_batch, .draining = on_draining,
	.ended = on_ended,
};
