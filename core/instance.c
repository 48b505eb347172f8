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

#include "bounded.h"
#include "err.h"
#include "instance_private.h"
#include "log.h"
#include "module_call.h"
#include "reader.h"
#include "rules.h"
#include "targets.h"
#include "util.h"

static int64_t mono_to_real_ns(void)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)(real.tv_sec - mono.tv_sec) * 1000000000 + (real.tv_nsec - mono.tv_nsec);
}

/* The caller may free the descriptor before a thread of the module has come to its end. */
static void name_it(struct ecap_instance *self, const struct ecap_module *module)
{
	snprintf(self->name, sizeof(self->name), "%s", module->command);
	ecap_crumb_title(self->title, sizeof(self->title), module->name, module->version);
	self->reading = (struct ecap_crumb){ .instance = self, .module = self->title };
}

int ecap_instance_new(const struct ecap_instance_options *options, struct ecap_instance **instance)
{
	static const struct ecap_named *const none[] = { NULL };
	struct ecap_instance *self = calloc(1, sizeof(*self));
	int n_cpus = libbpf_num_possible_cpus();

	if (!self)
		return ecap_err(-ENOMEM, "out of memory");
	self->options = *options;
	name_it(self, &options->desc->module);
	ecap_log_budget_init(&self->log_budget, ecap_log_budget_clock());
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
		.named = options->named ? options->named : none,
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
	return ecap_call_init(self);
}

static int undo_init(struct ecap_instance *self)
{
	int err = 0;

	ecap_target_set_free(&self->targets);
	if (self->left_behind)
		log_warn(self->name, "close() is not called: the module is still busy");
	else
		err = ecap_call_close(self);
	self->state = NULL;
	return err;
}

static int do_load(struct ecap_instance *self)
{
	return ecap_call_load(self);
}

static int do_maps(struct ecap_instance *self)
{
	const struct ecap_map *rows = NULL;
	uint32_t n = 0;
	int err = ecap_call_maps(self, &rows, &n);

	return err ? err : ecap_instance_take_maps(self, rows, n);
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

/* The reader's thread sits in the module; it may go on to use all that it has. */
static int leave_reader(struct ecap_instance *self)
{
	char place[128];

	self->left_behind = 1;
	atomic_store(&self->halted, ECAP_HALT_LEFT);
	ecap_leave_behind();
	self->reader = NULL;
	self->renderer = NULL;
	ecap_crumb_place(&self->reading, place, sizeof(place));
	return ecap_err(-ETIMEDOUT, "%s: %s has not returned for %d s: given up", self->title, place,
			ECAP_PATIENCE_MS / 1000);
}

/*
 * Nothing is attached any more: what is in the buffers is all there is. A sink that fails in
 * the drain has ended the instance by on_batch(), as it does before.
 */
static int undo_readers(struct ecap_instance *self)
{
	enum ecap_drained drained = ecap_reader_drain(self->reader);

	for (uint32_t i = 0; i < self->n_results; i++)
		self->results[i].count = ecap_reader_count(self->reader, i);
	if (drained == ECAP_DRAIN_STUCK)
		return leave_reader(self);
	if (drained == ECAP_DRAIN_CUT && self->left_behind)
		log_warn(self->name, "records still come, and are not read any more");
	else if (drained == ECAP_DRAIN_CUT)
		ecap_rule_broken(self, "records still come after stop(), which is to detach");
	pthread_mutex_lock(&self->lock);
	struct ecap_reader *reader = TAKE_PTR(self->reader);

	pthread_mutex_unlock(&self->lock);
	ecap_reader_free(reader);
	ecap_renderer_free(TAKE_PTR(self->renderer));
	return 0;
}

static int do_start(struct ecap_instance *self)
{
	return ecap_call_start(self);
}

static int undo_start(struct ecap_instance *self)
{
	ecap_target_set_free(&self->targets);
	return ecap_call_stop(self);
}

static const struct ecap_step capture_steps[] = {
	{ "init", do_init, undo_init, ECAP_LIFE_INITED, ECAP_LIFE_CLOSED },
	{ "load", do_load, NULL, ECAP_LIFE_LOADED, 0 },
	{ "maps", do_maps, NULL, ECAP_LIFE_LOADED, 0 },
	{ "record", ecap_instance_open_recorder, ecap_instance_close_recorder,
	  ECAP_LIFE_LOADED, 0 },
	{ "readers", do_readers, undo_readers, ECAP_LIFE_READING, ECAP_LIFE_DRAINED },
	{ "start", do_start, undo_start, ECAP_LIFE_STARTED, 0 },
};

static const struct ecap_step replay_steps[] = {
	{ "init", do_init, undo_init, ECAP_LIFE_INITED, ECAP_LIFE_CLOSED },
	{ "maps", ecap_instance_recorded_maps, NULL, ECAP_LIFE_READING, 0 },
	{ "replay", ecap_instance_replay, NULL, ECAP_LIFE_DRAINED, 0 },
};

static const struct ecap_step trial_steps[] = {
	{ "init", do_init, undo_init, ECAP_LIFE_INITED, ECAP_LIFE_CLOSED },
	{ "load", do_load, NULL, ECAP_LIFE_LOADED, 0 },
	{ "maps", do_maps, NULL, ECAP_LIFE_LOADED, 0 },
};

const char *ecap_life_name(int life)
{
	static const char *const names[] = {
		"new", "inited", "loaded", "reading", "started", "stopping", "drained", "closed",
	};

	return names[life];
}

static const struct ecap_step *step_at(const struct ecap_instance *self, uint32_t i)
{
	if (self->options.on_step)
		return &trial_steps[i];
	return self->options.replay ? &replay_steps[i] : &capture_steps[i];
}

static uint32_t n_steps(const struct ecap_instance *self)
{
	if (self->options.on_step)
		return ARRAY_SIZE(trial_steps);
	return self->options.replay ? ARRAY_SIZE(replay_steps) : ARRAY_SIZE(capture_steps);
}

static void tell(const struct ecap_instance *self, const char *name, int result)
{
	if (self->options.on_step)
		self->options.on_step(self->options.on_step_arg, name, result);
}

/*
 * Runs one, or its undoing; without @step there is nothing to do. What fails without a word must
 * not be blamed with an older one.
 */
static int run_step(struct ecap_instance *self, const char *name,
		    int (*step)(struct ecap_instance *self))
{
	if (!step)
		return 0;
	tell(self, name, ECAP_STEP_BEGINS);
	ecap_err(0, "%s", "");
	int err = step(self);

	if (err && !*ecap_err_text())
		ecap_err(err, "%s", strerror(-err));
	tell(self, name, err);
	return err;
}

/*
 * Undoes what has succeeded, last first, but for the first @keep steps; goes on past errors and
 * keeps the first one.
 */
static void unwind_to(struct ecap_instance *self, uint32_t keep)
{
	if (atomic_load(&self->life) == ECAP_LIFE_STARTED)
		atomic_store(&self->life, ECAP_LIFE_STOPPING);
	while (self->steps > keep) {
		const struct ecap_step *step = step_at(self, --self->steps);
		/* of a trial's steps, init is the only one to undo */
		int err = run_step(self, "close", step->undo);

		if (step->undone)
			atomic_store(&self->life, step->undone);
		if (!err)
			continue;
		log_error(ecap_instance_name(self), "undoing %s: %s", step->name,
			  ecap_err_text());
		if (self->undo_error)
			continue;
		snprintf(self->undo_text, sizeof(self->undo_text), "%s", ecap_err_text());
		self->undo_error = err;
	}
}

/* Undoes everything. Returns the first error. */
static int unwind(struct ecap_instance *self)
{
	unwind_to(self, 0);
	int err = self->undo_error;

	self->undo_error = 0;
	return err ? ecap_err(err, "%s", self->undo_text) : 0;
}

int ecap_instance_start(struct ecap_instance *self)
{
	while (self->steps < n_steps(self)) {
		const struct ecap_step *step = step_at(self, self->steps);
		char text[1024];
		int err = run_step(self, step->name, step->run);

		if (err) {
			snprintf(text, sizeof(text), "%s: %s", step->name, ecap_err_text());
		} else {
			self->steps++;
			atomic_store(&self->life, step->life);
			err = ecap_instance_error(self);
			if (!err)
				continue;
			snprintf(text, sizeof(text), "%s", ecap_err_text());
		}
		/* Unwinding may fail too, but the first reason is the one to tell. */
		unwind(self);
		return ecap_err(err, "%s", text);
	}
	return 0;
}

/* How many steps are left when the probes are gone and the reader is still there. */
#define STEPS_TO_READERS (ARRAY_SIZE(capture_steps) - 1)

void ecap_instance_detach(struct ecap_instance *self)
{
	uint64_t one = 1;

	(void)!write(self->stop_fd, &one, sizeof(one));
	unwind_to(self, STEPS_TO_READERS);
	ecap_instance_still_ms(self);
	ecap_reader_finish(self->reader);
}

int ecap_instance_stop(struct ecap_instance *self)
{
	uint64_t one = 1;

	(void)!write(self->stop_fd, &one, sizeof(one));
	int err = unwind(self);

	return err ? err : ecap_rules_error(self);
}

void ecap_instance_abort(struct ecap_instance *self, int err, const char *text)
{
	int none = 0;
	uint64_t one = 1;

	pthread_mutex_lock(&self->lock);
	if (atomic_compare_exchange_strong(&self->error, &none, err < 0 ? err : -EIO))
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

int ecap_instance_pending(struct ecap_instance *self)
{
	pthread_mutex_lock(&self->lock);
	int pending = self->reader && ecap_reader_pending(self->reader);

	pthread_mutex_unlock(&self->lock);
	return pending;
}

int ecap_instance_wrong_option(const struct ecap_instance *self)
{
	return self->wrong_option;
}

int ecap_instance_stop_fd(const struct ecap_instance *self)
{
	return self->stop_fd;
}

/*
 * A thread that the module forgot may still hold the pointer, and a reload takes a new one: so
 * the few kilobytes are kept, where they can be found, and what such a thread asks is refused.
 */
static void keep(struct ecap_instance *self)
{
	static struct ecap_instance *kept;

	self->kept = kept;
	kept = self;
}

void ecap_instance_free(struct ecap_instance *self)
{
	if (!self)
		return;
	unwind(self);
	atomic_store(&self->life, ECAP_LIFE_CLOSED);
	ecap_closep(&self->stop_fd);
	if (!self->left_behind) {
		free(self->maps);
		free(self->results);
		self->n_maps = self->n_results = 0;
	}
	keep(self);
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
	return self->name;
}
