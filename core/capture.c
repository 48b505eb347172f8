/* SPDX-License-Identifier: Apache-2.0 */
/* One capture: checks the machine, starts the instance, waits for its end. See capture.h. */
#include "capture.h"

#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "err.h"
#include "instance.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "services.h"
#include "sink.h"
#include "util.h"

/*
 * Room for writes of 16 MiB on both sides of a connection while the reader waits for a CPU; on
 * small machines a 32nd of the memory. Another size by --mapsize.
 */
#define RING_BYTES    (64ull << 20)
#define RING_FRACTION 32

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

/* The id by which BPF knows a cgroup: the inode of its directory in cgroup v2. */
static int cgroup_id(const char *path, uint64_t *id)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) || stat(path, &st))
		return ecap_err(-errno, "--cgroup %s: %s", path, strerror(errno));
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return ecap_err(-EINVAL, "--cgroup %s: not a directory of cgroup v2 (those are "
				"below its mount point, often /sys/fs/cgroup or "
				"/sys/fs/cgroup/unified)", path);
	*id = st.st_ino;
	return 0;
}

/* Pages for each CPU, as the Go tool counts, make one ring for all of them. */
static uint64_t ring_bytes(uint32_t page_count)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), bytes = page;
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
	uint64_t want = (uint64_t)page_count * page * (uint64_t)libbpf_num_possible_cpus();

	if (!page_count)
		want = memory / RING_FRACTION < RING_BYTES ? memory / RING_FRACTION : RING_BYTES;
	while (bytes < want && bytes < (1ull << 30))
		bytes <<= 1;
	return bytes;
}

static int make_common(const struct ecap_common_config *config, struct ecap_common *common)
{
	*common = (struct ecap_common){
		.struct_size = sizeof(*common),
		.page_count = config->mapsize,
		.pid = config->pid ? config->pid : ECAP_ANY,
		.uid = config->uid ? config->uid : ECAP_ANY,
		.cgroup_id = ECAP_ANY,
		.ring_bytes = ring_bytes(config->mapsize),
		.truncate = config->tsize,
		.hex = config->hex,
		.debug = config->debug,
	};
	if (config->comm)
		snprintf(common->comm, sizeof(common->comm), "%s", config->comm);
	return config->cgroup ? cgroup_id(config->cgroup, &common->cgroup_id) : 0;
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

/* Says what was found, and refuses a module that this machine cannot run. */
static int check_machine(const struct ecap_catalog_entry *entry,
			 const struct ecap_common_config *config, struct ecap_features *features,
			 uint32_t *btf_mode)
{
	char names[512];
	int err = ecap_privileges_check();

	if (!err)
		err = ecap_features_probe(config->btf_path, features);
	if (err)
		return err;
	*btf_mode = config->btf;
	if (!*btf_mode)
		*btf_mode = features->bits & ECAP_FEAT_BTF ? 0 : ECAP_BTF_NONCORE;
	ecap_features_names(features->bits, names, sizeof(names));
	log_debug("host", "kernel %u.%u.%u has: %s", features->kernel_version >> 16,
		  features->kernel_version >> 8 & 255, features->kernel_version & 255, names);
	return ecap_module_check(entry->desc, entry->path, features->bits, *btf_mode,
				 ecap_has_service);
}

static int capture(struct ecap_catalog_entry *entry, const struct ecap_common_config *config,
		   const void *module_config, struct ecap_sink *sink)
{
	struct ecap_common common;
	struct ecap_features features;
	struct ecap_instance_options options = {
		.desc = entry->desc, .config = module_config, .common = &common, .sink = sink,
		.btf_path = config->btf_path,
		.render = { .format = (enum ecap_format)config->output, .hex = config->hex,
			    .colour = ecap_sink_is_terminal(sink), .truncate = config->tsize,
			    .module = entry->desc->module.name },
	};
	_cleanup_(loop_freep) struct ecap_loop *loop = NULL;
	_cleanup_(instance_freep) struct ecap_instance *instance = NULL;
	int err = make_common(config, &common);

	if (!err)
		err = check_machine(entry, config, &features, &options.btf_mode);
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
