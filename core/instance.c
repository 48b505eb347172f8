/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle: a table of steps, each with what undoes it. Starting goes down the table,
 * stopping goes up it, and so does a start that fails half way: there is one way back.
 */
#include "instance.h"

#include <bpf/libbpf.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "abi_copy.h"
#include "err.h"
#include "instance_private.h"
#include "log.h"
#include "reader.h"
#include "services.h"
#include "targets.h"
#include "util.h"

#define MAX_MAPS 256u

static int64_t mono_to_real_ns(void)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)(real.tv_sec - mono.tv_sec) * 1000000000 + (real.tv_nsec - mono.tv_nsec);
}

int ecap_instance_new(const struct ecap_instance_options *options, struct ecap_instance **instance)
{
	struct ecap_instance *self = calloc(1, sizeof(*self));
	int n_cpus = libbpf_num_possible_cpus();

	if (!self)
		return ecap_err(-ENOMEM, "out of memory");
	self->options = *options;
	self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&self->lock, NULL);
	if (self->stop_fd < 0) {
		int err = -errno;

		ecap_instance_free(self);
		return ecap_err(err, "eventfd: %s", strerror(-err));
	}
	self->context = (struct ecap_context){
		.struct_size = sizeof(self->context),
		.kernel_version = options->kernel_version,
		.features = options->features,
		.btf_mode = (uint16_t)options->btf_mode,
		.n_cpus = n_cpus > 0 ? (uint32_t)n_cpus : 1,
		.page_size = (uint32_t)sysconf(_SC_PAGESIZE),
		.mono_to_real_ns = mono_to_real_ns(),
		.btf_path = options->btf_path,
		.host = &ecap_host_table,
		.self = self,
		.common = options->common,
		.config = options->config,
	};
	if (options->replay) {
		const struct ecap_context *then = &ecap_recording_head(options->replay)->context;

		self->context.n_cpus = then->n_cpus;
		self->context.page_size = then->page_size;
		self->context.mono_to_real_ns = then->mono_to_real_ns;
	}
	self->options.render.field_size = options->desc->module.field_size;
	self->options.render.mono_to_real_ns = self->context.mono_to_real_ns;
	*instance = self;
	return 0;
}

static int do_init(struct ecap_instance *self)
{
	return self->options.module->ops->init(&self->context, &self->state);
}

static int undo_init(struct ecap_instance *self)
{
	ecap_target_set_free(&self->targets);
	self->options.module->ops->close(self->state);
	self->state = NULL;
	return 0;
}

static int do_load(struct ecap_instance *self)
{
	return self->options.module->ops->load(self->state);
}

/* The module's rows may have another size than ours. */
static int take_maps(struct ecap_instance *self, const void *rows, uint32_t n)
{
	uint32_t stride = self->options.desc->module.map_size;

	if (!n || !rows)
		return ecap_err(-EINVAL, "the module has no map to read");
	if (n > MAX_MAPS)
		return ecap_err(-EINVAL, "the module has %u maps, more than %u", n, MAX_MAPS);
	self->maps = calloc(n, sizeof(*self->maps));
	if (!self->maps)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		if (ecap_abi_in(&self->maps[i], sizeof(self->maps[i]),
				(const char *)rows + (size_t)i * stride, stride))
			return ecap_err(-E2BIG, "map %u has members that this ecapture does not "
					"know; upgrade ecapture", i + 1);
		if (!self->maps[i].name)
			return ecap_err(-EINVAL, "map %u has no name", i + 1);
	}
	self->n_maps = n;
	return 0;
}

static int do_maps(struct ecap_instance *self)
{
	const struct ecap_map *rows = NULL;
	uint32_t n = 0;
	int err = self->options.module->ops->maps(self->state, &rows, &n);

	if (!err)
		err = take_maps(self, rows, n);
	if (err)
		return err;
	self->results = calloc(self->n_maps, sizeof(*self->results));
	if (!self->results)
		return ecap_err(-ENOMEM, "out of memory");
	self->n_results = self->n_maps;
	for (uint32_t i = 0; i < self->n_maps; i++)
		snprintf(self->results[i].name, sizeof(self->results[i].name), "%s",
			 self->maps[i].name);
	return 0;
}

static int do_readers(struct ecap_instance *self)
{
	int err = ecap_renderer_new(&self->options.render, &self->renderer);

	if (!err)
		err = ecap_reader_open(self->maps, self->n_maps, self->options.common->page_count,
				       &ecap_instance_reader_ops, self, &self->reader);
	if (!err)
		err = ecap_reader_start(self->reader);
	if (err) {
		ecap_reader_free(TAKE_PTR(self->reader));
		ecap_renderer_free(TAKE_PTR(self->renderer));
	}
	return err;
}

/*
 * Nothing is attached any more: what is in the buffers is all there is. A sink that fails in
 * the drain has ended the instance by on_batch(), as it does before.
 */
static int undo_readers(struct ecap_instance *self)
{
	ecap_reader_drain(self->reader);
	for (uint32_t i = 0; i < self->n_results; i++)
		self->results[i].count = ecap_reader_count(self->reader, i);
	ecap_reader_free(TAKE_PTR(self->reader));
	ecap_renderer_free(TAKE_PTR(self->renderer));
	return 0;
}

static int do_start(struct ecap_instance *self)
{
	return self->options.module->ops->start(self->state);
}

static int undo_start(struct ecap_instance *self)
{
	ecap_target_set_free(&self->targets);
	if (!ECAP_HAS(struct ecap_ops, self->options.module->ops, stop))
		return 0;
	return self->options.module->ops->stop(self->state);
}

static const struct ecap_step capture_steps[] = {
	{ "init", do_init, undo_init },
	{ "load", do_load, NULL },
	{ "maps", do_maps, NULL },
	{ "record", ecap_instance_open_recorder, ecap_instance_close_recorder },
	{ "readers", do_readers, undo_readers },
	{ "start", do_start, undo_start },
};

static const struct ecap_step replay_steps[] = {
	{ "init", do_init, undo_init },
	{ "maps", ecap_instance_recorded_maps, NULL },
	{ "replay", ecap_instance_replay, NULL },
};

static const struct ecap_step *step_at(const struct ecap_instance *self, uint32_t i)
{
	return self->options.replay ? &replay_steps[i] : &capture_steps[i];
}

static uint32_t n_steps(const struct ecap_instance *self)
{
	return self->options.replay ? ARRAY_SIZE(replay_steps) : ARRAY_SIZE(capture_steps);
}

/* Runs one, or its undoing. What fails without a word must not be blamed with an older one. */
static int run_step(struct ecap_instance *self, int (*step)(struct ecap_instance *self))
{
	int err;

	ecap_err(0, "%s", "");
	err = step ? step(self) : 0;
	if (err && !*ecap_err_text())
		ecap_err(err, "%s", strerror(-err));
	return err;
}

/* Undoes what has succeeded, last first; goes on past errors and returns the first one. */
static int unwind(struct ecap_instance *self)
{
	char text[1024] = "";
	int first = 0;

	while (self->steps > 0) {
		const struct ecap_step *step = step_at(self, --self->steps);
		int err = run_step(self, step->undo);

		if (!err)
			continue;
		log_error(ecap_instance_name(self), "undoing %s: %s", step->name,
			  ecap_err_text());
		if (!first)
			snprintf(text, sizeof(text), "%s", ecap_err_text());
		first = first ? first : err;
	}
	return first ? ecap_err(first, "%s", text) : 0;
}

int ecap_instance_start(struct ecap_instance *self)
{
	while (self->steps < n_steps(self)) {
		const struct ecap_step *step = step_at(self, self->steps);
		char text[1024];
		int err = run_step(self, step->run);

		if (!err) {
			self->steps++;
			continue;
		}
		/* Unwinding may fail too, but the first reason is the one to tell. */
		snprintf(text, sizeof(text), "%s: %s", step->name, ecap_err_text());
		unwind(self);
		return ecap_err(err, "%s", text);
	}
	return 0;
}

int ecap_instance_stop(struct ecap_instance *self)
{
	uint64_t one = 1;

	(void)!write(self->stop_fd, &one, sizeof(one));
	return unwind(self);
}

void ecap_instance_abort(struct ecap_instance *self, int err, const char *text)
{
	int none = 0;
	uint64_t one = 1;

	pthread_mutex_lock(&self->lock);
	if (atomic_compare_exchange_strong(&self->error, &none, err ? err : -EIO))
		snprintf(self->error_text, sizeof(self->error_text), "%s", text);
	pthread_mutex_unlock(&self->lock);
	(void)!write(self->stop_fd, &one, sizeof(one));
}

int ecap_instance_error(struct ecap_instance *self)
{
	int err = atomic_load(&self->error);

	if (!err)
		return 0;
	pthread_mutex_lock(&self->lock);
	ecap_err(err, "%s", self->error_text);
	pthread_mutex_unlock(&self->lock);
	return err;
}

int ecap_instance_stop_fd(const struct ecap_instance *self)
{
	return self->stop_fd;
}

static void summarise_map(const struct ecap_instance *self, const struct ecap_map_result *result)
{
	const struct ecap_reader_count *c = &result->count;
	int level = c->lost_records || c->fault_bytes || c->short_records ? ECAP_LOG_WARN
									  : ECAP_LOG_INFO;

	ecap_logf(level, ecap_instance_name(self),
		  "map %s: %llu records, %llu lost (%llu bytes), %llu bytes unreadable, "
		  "%llu records too short", result->name, (unsigned long long)c->records,
		  (unsigned long long)c->lost_records, (unsigned long long)c->lost_bytes,
		  (unsigned long long)c->fault_bytes, (unsigned long long)c->short_records);
}

void ecap_instance_summary(struct ecap_instance *self)
{
	uint64_t lost = 0, damaged = atomic_load(&self->tally.damaged);

	for (uint32_t i = 0; i < self->n_results; i++) {
		summarise_map(self, &self->results[i]);
		lost += self->results[i].count.lost_records;
	}
	for (uint32_t i = 0; i < self->n_counters; i++)
		log_info(ecap_instance_name(self), "%s: %llu", self->counters[i].name,
			 (unsigned long long)self->counters[i].value);
	ecap_logf(damaged ? ECAP_LOG_WARN : ECAP_LOG_INFO, ecap_instance_name(self),
		  "%llu events, %llu bytes, %llu lost, %llu damaged",
		  (unsigned long long)atomic_load(&self->tally.events),
		  (unsigned long long)atomic_load(&self->tally.bytes),
		  (unsigned long long)lost, (unsigned long long)damaged);
}

void ecap_instance_free(struct ecap_instance *self)
{
	if (!self)
		return;
	unwind(self);
	ecap_closep(&self->stop_fd);
	pthread_mutex_destroy(&self->lock);
	free(self->maps);
	free(self->results);
	free(self);
}

struct ecap_loop *ecap_instance_loop(struct ecap_instance *self)
{
	return self->options.loop;
}

struct ecap_target_set **ecap_instance_targets(struct ecap_instance *self)
{
	return &self->targets;
}

const char *ecap_instance_name(const struct ecap_instance *self)
{
	return self->options.desc->module.command;
}
