/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a recording: an instance that keeps what its reader gets, and one that is given
 * such a file in the place of a kernel.
 */
#include "err.h"
#include "instance_private.h"
#include "util.h"
#include "version.h"

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

int ecap_instance_open_recorder(struct ecap_instance *self)
{
	const struct ecap_module *module = &self->options.desc->module;
	const struct ecap_recording_head head = {
		.module = module->name, .version = or_nothing(module->version),
		.host = ECAP_VERSION, .abi_major = module->abi_major,
		.abi_minor = module->abi_minor, .context = self->context,
		.common = *self->options.common,
		.options = or_nothing(self->options.record_options), .maps = self->maps,
		.n_maps = self->n_maps,
	};

	if (!self->options.record)
		return 0;
	return ecap_recorder_open(self->options.record, &head, &self->recorder);
}

void ecap_instance_rescue(struct ecap_instance *self)
{
	ecap_sink_rescue(self->options.sink);
	if (self->recorder)
		ecap_recorder_rescue(self->recorder);
}

/*
 * What is told of an error is the first one: a flush may have met it before. A reader that is left
 * behind has not read to the end.
 */
int ecap_instance_close_recorder(struct ecap_instance *self)
{
	struct ecap_reader_count counts[ECAP_MAPS_MAX];
	int err;

	if (atomic_load(&self->halted) == ECAP_HALT_LEFT) {
		ecap_instance_rescue(self);
		return 0;
	}
	for (uint32_t i = 0; i < self->n_results; i++)
		counts[i] = self->results[i].count;
	err = ecap_recorder_close(TAKE_PTR(self->recorder), counts);
	if (err)
		ecap_instance_abort(self, err, ecap_err_text());
	return 0;
}

int ecap_instance_recorded_maps(struct ecap_instance *self)
{
	const struct ecap_recording_head *head = ecap_recording_head(self->options.replay);

	self->maps = calloc(head->n_maps + 1u, sizeof(*self->maps));
	self->results = calloc(head->n_maps + 1u, sizeof(*self->results));
	if (!self->maps || !self->results)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < head->n_maps; i++) {
		self->maps[i] = head->maps[i];
		snprintf(self->results[i].name, sizeof(self->results[i].name), "%s",
			 head->maps[i].name);
	}
	self->n_maps = self->n_results = head->n_maps;
	return 0;
}

/* Until the end of the file, or until the module or the sink wants no more. */
static void feed(struct ecap_instance *self)
{
	const struct ecap_reader_ops *to = &ecap_instance_reader_ops;

	while (!atomic_load(&self->error) && !ecap_sink_error(self->options.sink)) {
		struct ecap_recording_item item = ecap_recording_next(self->options.replay);

		if (item.kind == ECAP_RECORDING_END)
			break;
		if (item.kind == ECAP_RECORDING_LOST)
			to->lost(self, item.map, item.lost);
		else
			to->record(self, item.map, item.data, item.len);
	}
	to->batch(self);
}

int ecap_instance_replay(struct ecap_instance *self)
{
	int err = ecap_renderer_new(&self->options.render, &self->renderer);

	if (err)
		return err;
	feed(self);
	for (uint32_t i = 0; i < self->n_results; i++)
		self->results[i].count = ecap_recording_count(self->options.replay, i);
	ecap_renderer_free(TAKE_PTR(self->renderer));
	return ecap_instance_error(self);
}
