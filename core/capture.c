/* SPDX-License-Identifier: Apache-2.0 */
/* One capture: checks the machine, starts the instance, waits for its end. See capture.h. */
#include "capture.h"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "err.h"
#include "instance.h"
#include "log.h"
#include "loop.h"
#include "machine.h"
#include "services.h"
#include "sink.h"
#include "util.h"

/* libbpf's warnings are reasons that we tell ourselves: one level lower than it says. */
static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[1024];
	size_t n;

	if (level == LIBBPF_DEBUG || ecap_log_level() < ECAP_LOG_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	log_debug("libbpf", "%s", text);
	return 0;
}

struct wait {
	struct ecap_loop *loop;
	int fd;
};

static int on_signal(void *arg)
{
	struct wait *wait = arg;
	struct signalfd_siginfo info;

	if (read(wait->fd, &info, sizeof(info)) == sizeof(info))
		log_info("host", "%s: stopping", strsignal((int)info.ssi_signo));
	ecap_loop_stop(wait->loop);
	return 0;
}

static int on_abort(void *arg)
{
	ecap_loop_stop(((struct wait *)arg)->loop);
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
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? ecap_err(-errno, "signalfd: %s", strerror(errno)) : fd;
}

static void loop_freep(struct ecap_loop **loop)
{
	if (*loop)
		ecap_loop_free(*loop);
}

static void instance_freep(struct ecap_instance **instance)
{
	ecap_instance_free(*instance);
}

/* From attached to detached. */
static int run(struct ecap_instance *instance, struct ecap_loop *loop)
{
	_cleanup_close_ int signals = signal_fd();
	struct wait wait = { .loop = loop, .fd = signals };
	int err, stop_err;

	if (signals < 0)
		return signals;
	err = ecap_loop_add(loop, signals, on_signal, &wait);
	if (!err)
		err = ecap_loop_add(loop, ecap_instance_stop_fd(instance), on_abort, &wait);
	if (!err)
		err = ecap_instance_start(instance);
	if (err)
		return err;
	malloc_trim(0); /* what reading BTF and ELF files needed */
	log_info(ecap_instance_name(instance), "capturing; stop with ^C");
	err = ecap_loop_run(loop);
	stop_err = ecap_instance_stop(instance);
	ecap_instance_summary(instance);
	if (!err)
		err = ecap_instance_error(instance);
	return err ? err : stop_err;
}

static int capture(struct ecap_catalog_entry *entry, const struct ecap_common_config *config,
		   const void *module_config, struct ecap_sink *sink)
{
	struct ecap_common common;
	struct ecap_features features;
	struct ecap_instance_options options = {
		.desc = entry->desc, .config = module_config, .common = &common, .sink = sink,
		.btf_path = config->btf_path, .record = config->record,
		.render = { .format = (enum ecap_format)config->output, .hex = config->hex,
			    .colour = ecap_sink_is_terminal(sink), .truncate = config->tsize,
			    .module = entry->desc->module.name },
	};
	_cleanup_(loop_freep) struct ecap_loop *loop = NULL;
	_cleanup_(instance_freep) struct ecap_instance *instance = NULL;
	int err = ecap_machine_common(config, &common);

	if (!err)
		err = ecap_machine_probe(config, &features);
	if (err)
		return err;
	options.btf_mode = ecap_machine_btf_mode(config, &features);
	err = ecap_module_check(entry->desc, entry->path, features.bits, options.btf_mode,
				ecap_has_service);
	if (!err)
		err = ecap_module_load(entry, &options.module);
	if (!err)
		err = ecap_loop_new(&loop);
	if (err)
		return err;
	options.features = features.bits;
	options.kernel_version = features.kernel_version;
	options.loop = loop;
	err = ecap_instance_new(&options, &instance);
	return err ? err : run(instance, loop);
}

int ecap_capture(struct ecap_catalog_entry *entry, const struct ecap_common_config *config,
		 const void *module_config)
{
	struct ecap_sink *sink;
	int err;

	libbpf_set_print(on_libbpf);
	err = ecap_sink_open(config->eventaddr, &sink);
	if (err)
		return err;
	err = capture(entry, config, module_config, sink);
	if (err) {
		char text[1024];

		/* Closing may fail as well; the first reason is the one to tell. */
		snprintf(text, sizeof(text), "%s", ecap_err_text());
		ecap_sink_close(sink);
		return ecap_err(err, "%s", text);
	}
	return ecap_sink_close(sink);
}
