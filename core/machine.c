/* SPDX-License-Identifier: Apache-2.0 */
/* See machine.h. */
#include "machine.h"

#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "util.h"

/*
 * Room for writes of 16 MiB on both sides of a connection while the reader waits for a CPU; on
 * small machines a 32nd of the memory. Another size by --mapsize.
 */
#define RING_BYTES    (64ull << 20)
#define RING_FRACTION 32

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

int ecap_machine_common(const struct ecap_common_config *config, struct ecap_common *common)
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

void ecap_machine_log_libbpf(void)
{
	libbpf_set_print(on_libbpf);
}

/* Capabilities without which a capture runs and misses something; a larger one may hold it. */
static const struct {
	unsigned int capability, larger;
	const char *name, *missed;
} wanted[] = {
	/* ptrace_may_access() in kernel/ptrace.c, for /proc/PID/maps and root */
	{ CAP_SYS_PTRACE, CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
	  "files that processes of others, or in containers, have mapped" },
	/* generic_permission() in fs/namei.c */
	{ CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "CAP_DAC_READ_SEARCH",
	  "programs and libraries that only others may read" },
	/* proc_map_files_get_link() in fs/proc/base.c */
	{ CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, "CAP_CHECKPOINT_RESTORE",
	  "files that were replaced or deleted while processes run them" },
};

/* After ecap_privileges_check(), which has read the capabilities. */
static void warn_of_lacking(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, wanted[i].capability) &&
		    !capng_have_capability(CAPNG_EFFECTIVE, wanted[i].larger))
			log_warn("host", "this process lacks %s: %s will be missed", wanted[i].name,
				 wanted[i].missed);
}

int ecap_machine_probe(struct ecap_features *kernel)
{
	char names[512];
	int err = ecap_privileges_check();

	if (!err)
		err = ecap_features_probe(NULL, kernel);
	if (err)
		return err;
	warn_of_lacking();
	ecap_features_names(kernel->bits, names, sizeof(names));
	log_debug("host", "kernel %u.%u.%u has: %s", kernel->kernel_version >> 16,
		  kernel->kernel_version >> 8 & 255, kernel->kernel_version & 255, names);
	return 0;
}

int ecap_machine_features(const struct ecap_common_config *config,
			  const struct ecap_features *kernel, struct ecap_features *features)
{
	*features = *kernel;
	return config->btf_path ? ecap_features_add_btf(config->btf_path, features) : 0;
}

uint32_t ecap_machine_btf_mode(const struct ecap_common_config *config,
			       const struct ecap_features *features)
{
	if (config->btf)
		return config->btf;
	return features->bits & ECAP_FEAT_BTF ? 0 : ECAP_BTF_NONCORE;
}
