/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trial of a module: dlopen, init, load, maps, close and dlclose in a child process, which
 * tells of each step through a pipe. So a crash and an endless loop are results like others.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>
#include <time.h>

#include "commands/check.h"
#include "commands/child.h"
#include "err.h"
#include "instance.h"
#include "machine.h"
#include "options.h"
#include "util.h"

#define BEGINS 2 /* beside the results of struct ecap_check_line */

static const struct {
	const char *name, *sentence;
} steps[] = {
	[ECAP_TRIAL_DLOPEN] = { "dlopen", "it can be loaded" },
	[ECAP_TRIAL_MEMORY] = { "memory", "its descriptor in memory is that of its file" },
	[ECAP_TRIAL_DEFAULTS] = { "defaults", "it can do with the defaults of its options" },
	[ECAP_TRIAL_INIT] = { "init", "init() succeeds" },
	[ECAP_TRIAL_LOAD] = { "load", "load() succeeds, the kernel takes its BPF object" },
	[ECAP_TRIAL_MAPS] = { "maps", "maps() names maps to read" },
	[ECAP_TRIAL_CLOSE] = { "close", "close() returns" },
	[ECAP_TRIAL_UNLOAD] = { "unload", "it can be unloaded" },
};

_Static_assert(ARRAY_SIZE(steps) == ECAP_N_TRIAL, "a row for each step");

/* What the child writes: shorter than PIPE_BUF, so it comes whole. */
struct message {
	uint32_t step;
	int32_t result;
	char text[2048];
};

/* In the child. */

static void tell(int fd, enum ecap_trial_step step, int result)
{
	struct message message = { .step = step, .result = result };

	if (result && result != BEGINS)
		snprintf(message.text, sizeof(message.text), "%s", ecap_err_text());
	(void)!write(fd, &message, sizeof(message));
}

/* The check of loading that stands for a step. */
static int make_check(int fd, struct ecap_module_file *file, enum ecap_check check,
		      enum ecap_trial_step step)
{
	tell(fd, step, BEGINS);
	int err = ecap_module_checks(file, check, check, NULL);

	tell(fd, step, err);
	return err;
}

static int make_config(int fd, const struct ecap_module *module, struct ecap_options **options)
{
	tell(fd, ECAP_TRIAL_DEFAULTS, BEGINS);
	int err = ecap_options_new(module->name, module->options, module->n_options,
				   module->config_size, options);

	if (!err)
		err = ecap_options_finish(*options);
	tell(fd, ECAP_TRIAL_DEFAULTS, err);
	return err;
}

static void on_step(void *arg, const char *name, int result)
{
	for (enum ecap_trial_step step = ECAP_TRIAL_INIT; step <= ECAP_TRIAL_CLOSE; step++)
		if (!strcmp(steps[step].name, name))
			tell(*(int *)arg, step, result == ECAP_STEP_BEGINS ? BEGINS : result);
}

/* From init to close; the steps tell of themselves. */
static int run_instance(int fd, const struct ecap_module_file *file,
			const struct ecap_trial *trial, const void *config)
{
	struct ecap_common common;
	struct ecap_instance_options options = {
		.module = file->module, .desc = file->desc, .config = config, .common = &common,
		.features = trial->features->bits, .btf_path = trial->common->btf_path,
		.kernel_version = trial->features->kernel_version,
		.btf_mode = file->host.btf_mode, .on_step = on_step, .on_step_arg = &fd, .strict = 1,
	};
	struct ecap_instance *instance = NULL;
	int err = ecap_machine_common(trial->common, &common);

	if (!err)
		err = ecap_loop_new(&options.loop);
	if (!err)
		err = ecap_instance_new(&options, &instance);
	if (err) {
		tell(fd, ECAP_TRIAL_INIT, err);
		return err;
	}
	err = ecap_instance_start(instance);
	if (!err) {
		err = ecap_instance_stop(instance);
		if (err)
			tell(fd, ECAP_TRIAL_CLOSE, err); /* it broke a rule on the way */
	}
	ecap_instance_free(instance);
	ecap_loop_free(options.loop);
	return err;
}

static int n_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *task = NULL; tasks && (task = readdir(tasks));)
		n += task->d_name[0] != '.';
	if (tasks)
		closedir(tasks);
	return n;
}

/*
 * A thread of the module would go on in memory that is no more. One that has been joined is still
 * to be seen for a moment (the kernel wakes pthread_join(3) before it takes the task away): 1 s.
 */
static int check_threads(void)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	int n = n_threads();

	for (int i = 0; n > 1 && i < 100; i++) {
		nanosleep(&moment, NULL);
		n = n_threads();
	}
	if (n <= 1)
		return 0;
	return ecap_err(-EBUSY, "%d of its threads still run behind close(); end them there", n - 1);
}

static void unload(int fd, void *handle)
{
	tell(fd, ECAP_TRIAL_UNLOAD, BEGINS);
	int err = check_threads();

	if (!err && dlclose(handle))
		err = ecap_err(-EBUSY, "dlclose: %s", dlerror());
	tell(fd, ECAP_TRIAL_UNLOAD, err);
}

/* What is tried. */
struct job {
	const struct ecap_examined *examined;
	const struct ecap_trial *trial;
};

static void run_child(int fd, void *arg)
{
	const struct job *job = arg;
	struct ecap_module_file file = job->examined->file;
	struct ecap_options *options = NULL;

	if (make_check(fd, &file, ECAP_CHECK_DLOPEN, ECAP_TRIAL_DLOPEN) ||
	    make_check(fd, &file, ECAP_CHECK_MEMORY, ECAP_TRIAL_MEMORY))
		return;
	if (!make_config(fd, &file.desc->module, &options))
		run_instance(fd, &file, job->trial, ecap_options_config(options));
	ecap_options_free(options);
	unload(fd, file.handle);
}

/* In the parent. */

/* 1 with a message, 0 at the end, -ETIME when there is none in time. */
static int receive(const struct ecap_child *child, uint64_t patience_ns, struct message *message)
{
	ssize_t n = ecap_child_read(child, ecap_child_now_ns() + patience_ns, message,
				    sizeof(*message));

	if (n < 0)
		return -ETIME;
	message->text[sizeof(message->text) - 1] = 0;
	return n == sizeof(*message) && message->step < ECAP_N_TRIAL;
}

static void set_line(struct ecap_check_line *line, int result, const char *reason)
{
	free(line->reason);
	line->result = result;
	line->reason = result ? strdup(reason) : NULL;
}

/* What the child said, until it is silent; returns the step that did not end, or ECAP_N_TRIAL. */
static enum ecap_trial_step listen_to(const struct ecap_child *child, struct ecap_trial *trial,
				      int *hangs)
{
	enum ecap_trial_step begun = ECAP_N_TRIAL;
	struct message message;
	int got;

	while ((got = receive(child, trial->patience_ns, &message)) > 0) {
		if (message.result == BEGINS) {
			begun = message.step;
			continue;
		}
		set_line(&trial->lines[message.step], message.result, message.text);
		begun = ECAP_N_TRIAL;
	}
	*hangs = got < 0;
	return begun;
}

/* Steps that were not come to, for the first that failed. */
static void fill_rest(struct ecap_trial *trial)
{
	const char *failed = NULL;
	char text[80];

	for (uint32_t i = 0; i < ECAP_N_TRIAL; i++) {
		if (trial->lines[i].result < 0 && !failed)
			failed = trial->lines[i].name;
		if (trial->lines[i].result != ECAP_NOT_CHECKED || trial->lines[i].reason)
			continue;
		snprintf(text, sizeof(text), "not checked, for lack of: %s",
			 failed ? failed : "a word from the child process");
		set_line(&trial->lines[i], ECAP_NOT_CHECKED, text);
	}
}

static void begin_lines(struct ecap_trial *trial)
{
	for (uint32_t i = 0; i < ECAP_N_TRIAL; i++)
		trial->lines[i] = (struct ecap_check_line){
			.name = steps[i].name, .sentence = steps[i].sentence,
			.result = ECAP_NOT_CHECKED,
		};
}

int ecap_trial_run(const struct ecap_examined *examined, struct ecap_trial *trial)
{
	struct job job = { .examined = examined, .trial = trial };
	struct ecap_child child;
	int hangs, err;

	begin_lines(trial);
	err = ecap_child_start(run_child, &job, &child);
	if (err)
		return err;
	enum ecap_trial_step begun = listen_to(&child, trial, &hangs);
	int status = ecap_child_end(&child, hangs);

	if (begun < ECAP_N_TRIAL) {
		err = ecap_child_explain(status, hangs, trial->patience_ns);
		set_line(&trial->lines[begun], err, ecap_err_text());
	}
	fill_rest(trial);
	return 0;
}

void ecap_trial_skip(struct ecap_trial *trial, const char *why)
{
	begin_lines(trial);
	for (uint32_t i = 0; i < ECAP_N_TRIAL; i++)
		set_line(&trial->lines[i], ECAP_NOT_CHECKED, why);
}

void ecap_trial_end(struct ecap_trial *trial)
{
	for (uint32_t i = 0; i < ECAP_N_TRIAL; i++)
		free(trial->lines[i].reason);
}
