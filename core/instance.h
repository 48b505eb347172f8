/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture: a module, its options, its readers and its output, from init to close.
 *
 *   new -> inited -> loaded -> reading -> started -> stopping -> drained -> closed
 *
 * start() goes through init, load and maps, opens the readers and only then attaches; stop()
 * detaches, drains and only then closes. So nothing is lost at either end. A step that fails
 * unwinds what succeeded before it, and nothing else. Cancellation belongs to the instance: a
 * reload is a new one. All functions [main], but where they say otherwise.
 *
 * With a recording to replay, start() is init and all that decode() makes of it: there is no
 * kernel, no map and no reader, and stop() is close.
 */
#ifndef ECAPTURE_CORE_INSTANCE_H
#define ECAPTURE_CORE_INSTANCE_H

#include <stdio.h>

#include <ecapture/module.h>

#include "descriptor.h"
#include "loop.h"
#include "render.h"
#include "sink.h"

struct ecap_instance;
struct ecap_recording;
struct ecap_target_set;

/* What an instance is made of. Everything is kept by the caller and outlives the instance. */
struct ecap_instance_options {
	const struct ecap_module *module; /* loaded */
	const struct ecap_desc *desc;     /* as read from its file */
	const void *config;               /* the module's config struct */
	const struct ecap_common *common;
	const struct ecap_named *const *named; /* its named sections, or NULL: none */
	uint64_t features;                /* ECAP_FEAT_* */
	uint32_t kernel_version;          /* for messages only */
	uint32_t btf_mode;                /* ECAP_BTF_CORE or ECAP_BTF_NONCORE */
	const char *btf_path;
	struct ecap_render_options render;
	struct ecap_sink *sink;
	struct ecap_loop *loop;           /* NULL in a replay */
	const char *record;               /* file for the raw records, or NULL */
	const char *record_options;       /* for that file: what the module was given, as text */
	struct ecap_recording *replay;    /* where the records come from instead of maps, or NULL */
	int strict;                       /* --strict-modules */
	/*
	 * Of a trial, which goes no further than the maps: told when init, load, maps and close
	 * begin (ECAP_STEP_BEGINS) and what came of them. NULL: a capture or a replay.
	 */
	void (*on_step)(void *arg, const char *step, int result);
	void *on_step_arg;
	/* Of a survey: takes each finding. Returns 0 or a negative errno for the module. */
	int (*on_finding)(void *arg, const struct ecap_finding *finding);
	void *on_finding_arg;
};

#define ECAP_STEP_BEGINS 1 /* beside 0 and negative errnos */

int ecap_instance_new(const struct ecap_instance_options *options, struct ecap_instance **instance);

/* From init to attached. On failure everything is unwound, and the text says which step. */
int ecap_instance_start(struct ecap_instance *instance);

/*
 * The beginning of a stop: detaches, and has the reader drain without waiting for it. So several
 * instances drain at the same time, when each is detached before the first is stopped. Only of a
 * capture that was started.
 */
void ecap_instance_detach(struct ecap_instance *instance);

/*
 * Detaches, drains, flushes, closes. Returns the first error, having gone on with the rest; that
 * the module broke rules is one. A stop() or decode() that does not return is given up: then
 * ecap_left_behind() (bounded.h) is true, and nothing that the module may use may be freed.
 */
int ecap_instance_stop(struct ecap_instance *instance);

/*
 * The error with which the module or a reader asked to stop, or 0; sets the error text.
 * [any thread]
 */
int ecap_instance_error(struct ecap_instance *instance);

/*
 * Asks the module, which must have survey(), what it can capture in the file. The instance is new
 * and stays so. Returns 0, or a negative errno with a text: also when the module broke rules.
 */
int ecap_instance_survey(struct ecap_instance *instance, const struct ecap_target *target);

/* 1 when it has records that it has not read yet. [any thread] */
int ecap_instance_pending(struct ecap_instance *instance);

/* 1 when what it failed with is the value of an option. */
int ecap_instance_wrong_option(const struct ecap_instance *instance);

/* Readable once the module or a reader asked to stop. Owned by the instance. */
int ecap_instance_stop_fd(const struct ecap_instance *instance);

/* Records, bytes and losses by map, and the module's counters, as lines of the log. */
void ecap_instance_summary(struct ecap_instance *instance);

/* Its few bytes stay, for a thread that the module forgot: what that still asks for is refused. */
void ecap_instance_free(struct ecap_instance *instance);

/* For services: the loop of the main thread, and the files already given to this instance. */
struct ecap_loop *ecap_instance_loop(struct ecap_instance *instance);
struct ecap_target_set **ecap_instance_targets(struct ecap_instance *instance);

/* The module's command: the component in the log. */
const char *ecap_instance_name(const struct ecap_instance *instance);

#endif
