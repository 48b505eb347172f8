/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures: checks the machine once, starts the instances, waits for their end. A module that
 * ends before the others, and one that does not start, go through finish() and fail(): so all that
 * is known of it is said at that moment. See capture.h.
 */
#include "capture.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bounded.h"
#include "err.h"
#include "instance.h"
#include "log.h"
#include "loop.h"
#include "machine.h"
#include "notify.h"
#include "packets/attach.h"
#include "services.h"
#include "sink.h"
#include "util.h"

struct capture;

/* One module of it. */
struct running {
	struct capture *capture;
	const struct ecap_job *job;
	struct ecap_common common;
	char *given; /* for a recording */
	struct ecap_sink *sink;
	struct ecap_instance *instance;
	int capturing; /* started, and not yet stopped */
	int failed;    /* it has been said */
};

struct capture {
	struct running *modules;
	uint32_t n, n_capturing;
	enum ecap_on_error on_error;
	int first_error;
	int signals; /* signalfd */
	struct ecap_features kernel;
	struct ecap_loop *loop;
	struct ecap_notify *notify;
};

static const char *name_of(const struct running *m)
{
	return m->job->entry->desc->module.command;
}

/* Reports the error whose text is kept. */
static void fail(struct running *m, int err)
{
	struct capture *c = m->capture;

	log_error(name_of(m), "%s", ecap_err_text());
	m->failed = 1;
	if (m->instance && ecap_instance_wrong_option(m->instance))
		err = -EINVAL;
	else if (err == -EINVAL)
		err = -EIO;
	c->first_error = c->first_error ? c->first_error : err;
}

/* Of all modules together. */
static int fail_all(struct capture *c, int err)
{
	log_error(c->n == 1 ? name_of(&c->modules[0]) : "host", "%s", ecap_err_text());
	return err;
}

/* A failure leaves nothing for the others to do. */
static int is_over(const struct capture *c)
{
	return c->first_error && c->on_error == ECAP_ON_ERROR_STOP;
}

static void tell_status(const struct capture *c, const char *before)
{
	char text[512];
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < c->n && n < sizeof(text); i++) {
		const struct running *m = &c->modules[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", i ? ", " : "",
				      name_of(m), m->capturing ? " is capturing" :
				      m->failed ? " has failed" : " has ended");
	}
	ecap_notify_send(c->notify, "%sSTATUS=%s", before, text);
}

/* Stops an instance, and says what came of it. */
static void finish(struct running *m)
{
	char text[1024];
	int err, stop_err;

	m->capturing = 0;
	m->capture->n_capturing--;
	ecap_loop_remove(m->capture->loop, ecap_instance_stop_fd(m->instance));
	stop_err = ecap_instance_stop(m->instance);
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	ecap_instance_summary(m->instance);
	err = ecap_instance_error(m->instance);
	if (!err && stop_err)
		err = ecap_err(stop_err, "%s", text);
	if (err)
		fail(m, err);
}

/* All are detached first, so that they drain at the same time. */
static void finish_all(struct capture *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->modules[i].capturing)
			ecap_instance_detach(c->modules[i].instance);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->modules[i].capturing)
			finish(&c->modules[i]);
}

static int on_signal(void *arg)
{
	struct capture *c = arg;
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) == sizeof(info))
		log_info("host", "%s: stopping", strsignal((int)info.ssi_signo));
	ecap_loop_stop(c->loop);
	return 0;
}

/* The module asked to stop, or its sink has failed: then so have those that share the file. */
static int on_abort(void *arg)
{
	struct running *m = arg;
	struct capture *c = m->capture;

	finish(m);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->modules[i].capturing && ecap_sink_error(c->modules[i].sink))
			finish(&c->modules[i]);
	if (c->n_capturing && is_over(c))
		log_info("host", "stopping the other modules (--on-error=continue goes on)");
	if (!c->n_capturing || is_over(c))
		ecap_loop_stop(c->loop);
	else
		tell_status(c, "");
	return 0;
}

/* SIGINT and SIGTERM as an fd, so that nothing is interrupted half way. */
static int signal_fd(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* of ulimit -f; then write(2) says so */
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? ecap_err(-errno, "signalfd: %s", strerror(errno)) : fd;
}

static int open_sink(struct running *m)
{
	struct capture *c = m->capture;
	int err = ecap_sink_open(m->job->common->eventaddr, &m->sink);

	for (struct running *other = c->modules; !err && other < m; other++)
		if (other->sink && ecap_sink_share(m->sink, other->sink))
			break;
	return err;
}

/* All that can be found out before anything runs. */
static int prepare(struct running *m)
{
	const struct ecap_job *job = m->job;
	const struct ecap_common_config *config = job->common;
	const struct ecap_module *descriptor = &job->entry->desc->module;
	struct ecap_features features;
	struct ecap_instance_options options = {
		.desc = job->entry->desc, .config = job->config, .common = &m->common,
		.named = job->named,
		.btf_path = config->btf_path, .record = config->record,
		.strict = config->strict_modules,
		.loop = m->capture->loop,
		.render = { .format = (enum ecap_format)config->output, .hex = config->hex,
			    .truncate = config->tsize, .module = descriptor->name,
			    .label = m->capture->n > 1 ? descriptor->command : NULL },
	};
	int err = ecap_machine_common(config, &m->common);

	if (!err)
		err = ecap_machine_features(config, &m->capture->kernel, &features);
	if (err)
		return err;
	options.features = features.bits;
	options.kernel_version = features.kernel_version;
	options.btf_mode = ecap_machine_btf_mode(config, &features);
	err = ecap_module_check(job->entry->desc, job->entry->path, features.bits,
				options.btf_mode, ecap_has_service);
	if (!err)
		err = ecap_module_load(job->entry, &options.module);
	if (!err)
		err = open_sink(m);
	if (!err && config->record) {
		options.record_options = m->given = ecap_options_given(job->options);
		err = m->given ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	options.sink = m->sink;
	options.render.colour = ecap_sink_is_terminal(m->sink);
	return ecap_instance_new(&options, &m->instance);
}

static int start(struct running *m)
{
	int stop_fd = ecap_instance_stop_fd(m->instance);
	int err = ecap_loop_add(m->capture->loop, stop_fd, on_abort, m);

	if (err)
		return err;
	err = ecap_instance_start(m->instance);
	if (err) {
		ecap_loop_remove(m->capture->loop, stop_fd);
		return err;
	}
	m->capturing = 1;
	m->capture->n_capturing++;
	log_info(name_of(m), "capturing; stop with ^C");
	return 0;
}

/* One step of all modules; those that fail it are left out of the next one. */
static void for_each(struct capture *c, int (*step)(struct running *m))
{
	for (uint32_t i = 0; i < c->n && !is_over(c); i++) {
		struct running *m = &c->modules[i];
		int err = m->failed ? 0 : step(m);

		if (err)
			fail(m, err);
	}
}

/* What a killed ecapture has left there slows every packet: it goes, whatever is captured now. */
static void clean_interfaces(void)
{
	int r = ecap_tc_recover();

	/* Not ours to change, as another user or in a service without a writable /run. */
	if (r == -EACCES || r == -EROFS)
		log_debug("packets", "%s", ecap_err_text());
	else if (r < 0)
		log_warn("packets", "%s", ecap_err_text());
}

/* From nothing to all attached, or to nothing again. */
static int start_all(struct capture *c)
{
	int err = ecap_machine_probe(&c->kernel);

	if (!err) {
		clean_interfaces();
		err = ecap_loop_new(&c->loop);
	}
	if (!err) {
		c->signals = signal_fd();
		err = c->signals < 0 ? c->signals : 0;
	}
	if (!err)
		err = ecap_loop_add(c->loop, c->signals, on_signal, c);
	if (err)
		return fail_all(c, err);
	for_each(c, prepare);
	for_each(c, start);
	malloc_trim(0); /* what reading BTF and ELF files needed */
	return 0;
}

static int run(struct capture *c)
{
	int err = start_all(c);

	if (!err && c->n_capturing && !is_over(c)) {
		tell_status(c, "READY=1\n");
		err = ecap_loop_run(c->loop);
		if (err)
			fail_all(c, err);
	}
	ecap_notify_send(c->notify, "STOPPING=1");
	finish_all(c);
	return err ? err : c->first_error;
}

/* Closing a sink may fail too; of a module that has failed, the first reason is the one to tell. */
static int clean_up(struct capture *c)
{
	int err;

	if (ecap_left_behind())
		_exit(EXIT_FAILURE); /* what would be freed from here on may still be in use */
	for (uint32_t i = 0; i < c->n; i++) {
		struct running *m = &c->modules[i];

		ecap_instance_free(m->instance);
		free(m->given);
		if (ecap_sink_close(m->sink) && !m->failed)
			fail(m, -EIO);
	}
	err = c->first_error;
	if (c->loop)
		ecap_loop_free(c->loop);
	ecap_closep(&c->signals);
	ecap_notify_free(c->notify);
	free(c->modules);
	return err;
}

int ecap_capture(const struct ecap_job *jobs, uint32_t n, enum ecap_on_error on_error)
{
	struct capture c = { .n = n, .on_error = on_error, .signals = -1 };
	int err;

	ecap_machine_log_libbpf();
	c.modules = calloc(n, sizeof(*c.modules));
	if (!c.modules) {
		log_error("host", "out of memory");
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++) {
		c.modules[i].capture = &c;
		c.modules[i].job = &jobs[i];
	}
	if (ecap_notify_open(&c.notify))
		log_warn("host", "%s", ecap_err_text());
	err = run(&c);
	return clean_up(&c) ?: err;
}
