/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host gives a module: the context of init() and the table of host functions.
 *
 * Threads: [main] calls come from the host's main thread or, as stop() and close() do, from one
 * that it waits for; [reader] calls come from the instance's reader thread. Calls of one class
 * never overlap; a [main] and a [reader] call may. So nothing may hang on the thread itself.
 *
 * A function that is called where it does not belong (in another thread, in no call of the module,
 * after close()) does nothing, returns -EPERM where it returns anything, and makes the exit code 1.
 */
#ifndef ECAPTURE_HOST_H
#define ECAPTURE_HOST_H

#include <ecapture/event.h>

/* One capture by one module. A module hands it back with each call of the host. */
struct ecap_instance;

/* Log levels, numbered as in syslog(3). */
#define ECAP_LOG_ERROR 3
#define ECAP_LOG_WARN  4
#define ECAP_LOG_INFO  6
#define ECAP_LOG_DEBUG 7

/* The kind of BPF object that the user or the kernel asks for (--btf). */
#define ECAP_BTF_CORE    1u /* relocated against the kernel's BTF (CO-RE) */
#define ECAP_BTF_NONCORE 2u /* needs no BTF */

/* What this kernel can do: probed by trying, never guessed from its version. */
#define ECAP_FEAT_BTF            (UINT64_C(1) << 0)  /* /sys/kernel/btf/vmlinux or --btf-path */
#define ECAP_FEAT_GLOBAL_DATA    (UINT64_C(1) << 1)  /* .rodata, .bss */
#define ECAP_FEAT_RINGBUF        (UINT64_C(1) << 2)  /* BPF_MAP_TYPE_RINGBUF */
#define ECAP_FEAT_UPROBE_MULTI   (UINT64_C(1) << 3)
#define ECAP_FEAT_UPROBE_SESSION (UINT64_C(1) << 4)  /* entry and return in one link */
#define ECAP_FEAT_BPF_COOKIE     (UINT64_C(1) << 5)  /* bpf_get_attach_cookie() */
#define ECAP_FEAT_TASK_STORAGE   (UINT64_C(1) << 6)  /* BPF_MAP_TYPE_TASK_STORAGE */
#define ECAP_FEAT_BPF_LOOP       (UINT64_C(1) << 7)  /* bpf_loop() */
#define ECAP_FEAT_USER_DYNPTR    (UINT64_C(1) << 8)  /* bpf_probe_read_user_dynptr() */
#define ECAP_FEAT_SOCK_LENGTH_TP (UINT64_C(1) << 9)  /* tracepoints sock_send_length, sock_recv_length */
#define ECAP_FEAT_TASK_REGS      (UINT64_C(1) << 10) /* bpf_task_pt_regs() */
#define ECAP_FEAT_ANCESTOR_CGROUP (UINT64_C(1) << 11) /* bpf_get_current_ancestor_cgroup_id() */

/* What a finding tells. */
#define ECAP_FINDING_FACT    1u /* of the file: what it is called, [a-z_]+, and its value */
#define ECAP_FINDING_PLACE   2u /* something can be captured there */
#define ECAP_FINDING_MISSING 3u /* something cannot be captured in this file, and why */

#define ECAP_FINDINGS_MAX 1024u /* of a module in one file */

/* [grows: struct_size] What survey() has found out about a file. The host copies the texts. */
struct ecap_finding {
	uint32_t struct_size;
	uint16_t kind;        /* ECAP_FINDING_* */
	uint8_t emulated;     /* place: 1: the kernel emulates the instruction, 0: it single-steps it */
	uint8_t reserved;     /* 0 */
	const char *what;     /* fact: "library"; else what is captured: "plaintext received" */
	const char *text;     /* fact: "OpenSSL"; place: how it was found; missing: why */
	const char *function; /* place: name of the function; or NULL */
	const char *insn;     /* place: the instruction under the probe as text; or NULL */
	uint64_t addr, offset; /* place: virtual address of the instruction; offset in the file */
};

/* [grows: struct_size] The functions of the host. */
struct ecap_host {
	uint32_t struct_size;
	uint16_t abi_major, abi_minor; /* of the host */
	const char *version;           /* of the product, for messages */

	/*
	 * [any thread] One line in the log, printf-like, without a line end. Not for each record:
	 * of more than 1000 at once, and then 10 a second, the host only tells how many there were.
	 */
	void (*log)(struct ecap_instance *self, int level, const char *fmt, ...) ECAP_PRINTF(3, 4);
	/*
	 * [any thread] Keeps the text for the host to print, logs nothing.
	 * @err: a negative errno, which is returned, so that `return ecap_fail(...)` does both.
	 */
	int (*fail)(struct ecap_instance *self, int err, const char *fmt, ...) ECAP_PRINTF(3, 4);
	/* [any thread] Asks the host to stop this instance with an error; returns at once. */
	void (*abort)(struct ecap_instance *self, int err);
	/* [any thread] An fd for poll(2), readable once the instance is to stop. Owned by the host. */
	int (*stop_fd)(struct ecap_instance *self);
	/*
	 * [reader] Hands on an event beside the one that decode() fills. Copies what it keeps.
	 * Returns 0, or a negative errno when the sink is gone; -E2BIG when @ev uses members
	 * that the host does not know; -EPERM when it is not as ecapture/event.h says.
	 */
	int (*emit)(struct ecap_instance *self, const struct ecap_event *ev);
	/*
	 * [any thread] Adds to a counter that the summary at exit shows. @name: at most 47 bytes,
	 * copied. Returns nothing: a counter too many is dropped with a line in the log.
	 */
	void (*count)(struct ecap_instance *self, const char *name, uint64_t add);
	/*
	 * [main] Which of the module's BPF objects fits this kernel and --btf.
	 * @index: of the row in the descriptor's list.
	 * Returns 0, or a negative errno when none fits (the text says what each would need).
	 */
	int (*pick_bpf)(struct ecap_instance *self, uint32_t *index);
	/* [any thread] A table of the service with this id ("ecap.elf/1"), or NULL. Lives as long as the host. */
	const void *(*service)(struct ecap_instance *self, const char *id);
	/*
	 * [main] In survey() only: tells one thing about the file. Returns 0, or a negative errno:
	 * -EPERM where the finding is not as it should be, -ENOSPC after ECAP_FINDINGS_MAX of them.
	 */
	int (*finding)(struct ecap_instance *self, const struct ecap_finding *finding);
};

#define ECAP_ANY UINT64_MAX /* a filter that lets everything pass */

/* [grows: struct_size] The options that every module shares. */
struct ecap_common {
	uint32_t struct_size;
	uint32_t page_count;    /* --mapsize: pages of perf buffer for each CPU */
	uint64_t pid, uid;      /* ECAP_ANY: all */
	uint64_t cgroup_id;     /* id of a cgroup v2, its descendants pass too; ECAP_ANY: all */
	char comm[16];          /* NUL-ended; empty: all */
	uint64_t ring_bytes;    /* size for a ring buffer: a power of two and a multiple of the page size */
	uint64_t truncate;      /* --tsize: bytes shown of each event; 0: all. The host applies it. */
	uint8_t hex, debug;     /* 1: --hex, --debug. The host applies them. */
	uint8_t reserved[6];
};

/* [grows: struct_size] A named section of the ini file: [tls.build "NAME"]. */
struct ecap_named {
	uint32_t struct_size;
	uint32_t line;      /* of the file, where the section begins */
	const char *name;   /* what stands between the quotes: never empty */
	const char *file;   /* path of the ini file, for messages */
	const void *config; /* struct of the descriptor's named_size bytes, filled by its named_options */
};

/* [grows: struct_size] What init() gets. Valid until close(). */
struct ecap_context {
	uint32_t struct_size;
	uint32_t kernel_version;        /* KERNEL_VERSION(a, b, c); for messages only */
	uint64_t features;              /* ECAP_FEAT_* */
	uint16_t btf_mode;              /* resolved: ECAP_BTF_CORE or ECAP_BTF_NONCORE */
	uint16_t reserved;
	uint32_t n_cpus;                /* possible CPUs */
	uint32_t page_size;             /* bytes */
	uint32_t reserved2;
	int64_t mono_to_real_ns;        /* add to CLOCK_MONOTONIC to get CLOCK_REALTIME */
	const char *btf_path;           /* BTF of the kernel to use, or NULL: the kernel's own */
	const struct ecap_host *host;   /* what the module may call */
	struct ecap_instance *self;     /* first argument of each of those calls */
	const struct ecap_common *common; /* the options that every module has */
	const void *config;             /* the module's own config struct, filled and checked */
	const struct ecap_named *const *named; /* its named sections, ended by NULL; never NULL itself */
};

/* Short for the calls of the host of the context @c. */
#define ecap_log(c, level, ...) ((c)->host->log((c)->self, (level), __VA_ARGS__))
#define ecap_fail(c, err, ...)  ((c)->host->fail((c)->self, (err), __VA_ARGS__))

#endif
