/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the options that every module shares. */
#include "common_options.h"

#include <string.h>

#include <ecapture/host.h>

#include "err.h"
#include "options_internal.h"
#include "render.h"
#include "util.h"

#ifndef ECAP_PLUGIN_DIR
#error "the build says where modules are installed"
#endif

#define COMMON(MEMBER, TYPE, NAME, ...) \
	ECAP_OPT(struct ecap_common_config, MEMBER, TYPE, NAME, __VA_ARGS__)

#define CAPTURE "What to capture"
#define OUTPUT  "Output"
#define KERNEL  "Kernel"
#define PROGRAM "Program"

_Static_assert(ECAP_FORMAT_TEXT == 0 && ECAP_FORMAT_JSON == 1, "order of --output");
_Static_assert(ECAP_ON_ERROR_STOP == 0 && ECAP_ON_ERROR_CONTINUE == 1, "order of --on-error");
_Static_assert(ECAP_BTF_CORE == 1 && ECAP_BTF_NONCORE == 2, "numbers of --btf");

static const struct ecap_option rows[] = {
	/* PID_MAX_LIMIT in the kernel's include/linux/threads.h; (uid_t)-1 is no user. */
	COMMON(pid, ECAP_OPT_U64, "pid", .short_name = 'p', .metavar = "PID", .def = "0",
	       .max = 4194304, .group = CAPTURE, .help = "only this process; 0: all"),
	COMMON(uid, ECAP_OPT_U64, "uid", .short_name = 'u', .metavar = "UID", .def = "0",
	       .max = 4294967294, .group = CAPTURE,
	       .help = "only processes of this user; 0: all"),
	COMMON(cgroup, ECAP_OPT_PATH, "cgroup", .alias = "cgroup_path", .metavar = "DIR",
	       .flags = ECAP_OPT_MUST_EXIST, .group = CAPTURE,
	       .help = "only processes of this cgroup v2 directory and of those below it"),
	COMMON(comm, ECAP_OPT_STRING, "comm", .metavar = "NAME", .group = CAPTURE,
	       .help = "only processes of this name, at most 15 bytes"),

	COMMON(output, ECAP_OPT_ENUM, "output", .short_name = 'o', .metavar = "FORMAT",
	       .choices = "text|json", .def = "text", .group = OUTPUT,
	       .help = "what events look like"),
	COMMON(eventaddr, ECAP_OPT_PATH, "eventaddr", .metavar = "FILE", .group = OUTPUT,
	       .help = "where events go instead of standard output"),
	COMMON(record, ECAP_OPT_PATH, "record", .metavar = "FILE", .group = OUTPUT,
	       .help = "keep the raw records too, for \"ecapture modules replay\""),
	COMMON(hex, ECAP_OPT_BOOL, "hex", .group = OUTPUT, .help = "show payload as a hex dump"),
	COMMON(tsize, ECAP_OPT_SIZE, "tsize", .short_name = 't', .def = "0", .group = OUTPUT,
	       .help = "show at most this many bytes of each event; 0: all"),

	COMMON(btf, ECAP_OPT_U32, "btf", .short_name = 'b', .metavar = "N", .def = "0", .max = 2,
	       .group = KERNEL, .help = "kind of BPF objects; 0: chosen, 1: CO-RE, 2: non-CO-RE"),
	COMMON(btf_path, ECAP_OPT_PATH, "btf-path", .metavar = "FILE",
	       .flags = ECAP_OPT_MUST_EXIST, .group = KERNEL,
	       .help = "BTF of the kernel, where the kernel has none of its own"),
	COMMON(mapsize, ECAP_OPT_U32, "mapsize", .metavar = "PAGES", .def = "0", .max = 1048576,
	       .group = KERNEL, .help = "kernel buffer for each CPU, in pages; 0: chosen"),

	COMMON(config, ECAP_OPT_PATH, "config", .metavar = "FILE", .flags = ECAP_OPT_NO_FILE,
	       .group = PROGRAM, .help = "ini file to read options from"),
	COMMON(plugin_dirs, ECAP_OPT_LIST, "plugin-dir", .metavar = "DIR", .def = ECAP_PLUGIN_DIR,
	       .flags = ECAP_OPT_PROGRAM, .group = PROGRAM,
	       .help = "where to look for modules"),
	COMMON(logaddr, ECAP_OPT_PATH, "logaddr", .short_name = 'l', .metavar = "FILE",
	       .flags = ECAP_OPT_PROGRAM, .group = PROGRAM,
	       .help = "where the log goes instead of standard error"),
	COMMON(strict_modules, ECAP_OPT_BOOL, "strict-modules", .flags = ECAP_OPT_PROGRAM,
	       .group = PROGRAM,
	       .help = "stop at a module's first breach of the ABI's rules, and show from where"),
	COMMON(debug, ECAP_OPT_BOOL, "debug", .short_name = 'd', .flags = ECAP_OPT_PROGRAM,
	       .group = PROGRAM, .help = "say in the log what is found and chosen"),
	COMMON(on_error, ECAP_OPT_ENUM, "on-error", .choices = "stop|continue", .def = "stop",
	       .flags = ECAP_OPT_PROGRAM, .group = PROGRAM,
	       .help = "what becomes of the other modules when one has failed"),
};

static const struct ecap_option section_rows[] = {
	ECAP_OPT(struct ecap_section_config, enabled, ECAP_OPT_BOOL, "enabled", .def = "no",
		 .help = "whether \"ecapture run\" starts this module"),
};

const struct ecap_option *ecap_common_rows(uint32_t *n)
{
	*n = ARRAY_SIZE(rows);
	return rows;
}

const struct ecap_option *ecap_section_rows(uint32_t *n)
{
	*n = ARRAY_SIZE(section_rows);
	return section_rows;
}

int ecap_section_options_new(const char *section, struct ecap_options **options)
{
	return ecap_options_new(section, section_rows, ARRAY_SIZE(section_rows),
				sizeof(struct ecap_section_config), options);
}

static int check_comm(const char *comm)
{
	/* TASK_COMM_LEN in the kernel's include/linux/sched.h, with the NUL. */
	if (comm && strlen(comm) > 15)
		return ecap_err(-EINVAL, "%s has %zu bytes; the kernel keeps 15",
				ecap_show(comm, '"').s, strlen(comm));
	return 0;
}

/* The option was made an absolute path: "tcp://x" is now "/where/ever/tcp://x". */
static int check_file(const char *path)
{
	static const char *const schemes[] = { "/tcp://", "/ws://", "/wss://" };

	for (size_t i = 0; path && i < ARRAY_SIZE(schemes); i++) {
		const char *address = strstr(path, schemes[i]);

		if (address)
			return ecap_err(-EINVAL, "%s: only files are supported here",
					ecap_show(address + 1, 0).s);
	}
	return 0;
}

int ecap_common_check(struct ecap_options *options)
{
	const struct ecap_common_config *config = ecap_options_config(options);
	const struct {
		const char *name, *value;
		int (*check)(const char *value);
	} checks[] = {
		{ "comm", config->comm, check_comm },
		{ "eventaddr", config->eventaddr, check_file },
		{ "logaddr", config->logaddr, check_file },
		{ "record", config->record, check_file },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int err = checks[i].check(checks[i].value);

		if (err)
			return ecap_options_refuse(options, ecap_options_by_name(options,
							   checks[i].name), err);
	}
	return 0;
}
