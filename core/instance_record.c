/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance does with what comes out of its maps: a record goes through the module's
 * decode() to where its event belongs. [reader], but where it says otherwise.
 */
#include "err.h"
#include "instance_private.h"
#include "log.h"
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

static int to_module(struct ecap_instance *self, struct ecap_event *event)
{
	if (!ECAP_HAS(struct ecap_ops, self->options.module->ops, dispatch))
		return -ENOTSUP;
	return self->options.module->ops->dispatch(self->state, event);
}

/* Records come in the order of their streams, so until a protocol is parsed they pass as they are. */
static int (*const routes[])(struct ecap_instance *self, struct ecap_event *event) = {
	[ECAP_DEST_OUTPUT] = write_event,
	[ECAP_DEST_MODULE] = to_module,
	[ECAP_DEST_PROCESSOR] = write_event,
};

int ecap_instance_route(struct ecap_instance *self, struct ecap_event *event)
{
	if (event->dest >= ARRAY_SIZE(routes))
		return -EINVAL;
	return routes[event->dest](self, event);
}

void ecap_instance_record(struct ecap_instance *self, uint32_t map_index, const void *rec,
			  uint32_t len)
{
	struct ecap_event event = { .struct_size = sizeof(event), .fd = -1 };
	int got;

	/* First of all, so that a record at which decode() crashes is in the file. */
	if (self->recorder)
		ecap_recorder_record(self->recorder, map_index, rec, len);
	if (ecap_sink_error(self->options.sink))
		return;
	got = self->options.module->ops->decode(self->state, self->maps[map_index].id, rec,
						len, &event);
	if (got > 0)
		got = ecap_instance_route(self, &event);
	if (got < 0 && !ecap_sink_error(self->options.sink))
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
	if (ECAP_HAS(struct ecap_ops, self->options.module->ops, lost))
		self->options.module->ops->lost(self->state, self->maps[index].id, n);
}

static void on_batch(void *arg)
{
	struct ecap_instance *self = arg;
	int err = ecap_sink_flush(self->options.sink);

	if (err)
		ecap_instance_abort(self, err, ecap_err_text());
	err = self->recorder ? ecap_recorder_flush(self->recorder) : 0;
	if (err)
		ecap_instance_abort(self, err, ecap_err_text());
}

/* A slow sink may take its time, but one that stands still must not keep us: 1 s. */
#define STILL_TICKS (1000 / ECAP_DRAIN_TICK_MS)

/* [main] */
static int on_draining(void *arg)
{
	struct ecap_instance *self = arg;
	uint64_t written = ecap_sink_written(self->options.sink);

	if (self->recorder)
		written += ecap_recorder_written(self->recorder);
	self->still_ticks = written == self->drained_to ? self->still_ticks + 1 : 0;
	self->drained_to = written;
	if (self->still_ticks < STILL_TICKS)
		return 0;
	ecap_sink_give_up(self->options.sink);
	if (self->recorder)
		ecap_recorder_give_up(self->recorder);
	return 1;
}

const struct ecap_reader_ops ecap_instance_reader_ops = {
	.record = on_record, .lost = on_lost, .batch = on_batch, .draining = on_draining,
};
