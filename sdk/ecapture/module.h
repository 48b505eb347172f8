/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor of a module: the one symbol that a module exports. It is data: the host reads
 * it from the ELF file before any code of the module runs, so every string, option row and
 * table must be a constant.
 *
 * Life of an instance: init -> load -> maps -> (host opens its readers) -> start -> ... ->
 * stop -> (host drains the readers) -> close. A step that fails frees what it made; of the
 * steps before it, the host calls stop and close where they are due.
 *
 * "ecapture modules replay" calls init, then decode, dispatch and lost with what was recorded, then
 * close, all in one thread: so decode must work on what init has made. "ecapture modules probe" calls
 * survey, and nothing else.
 */
#ifndef ECAPTURE_MODULE_H
#define ECAPTURE_MODULE_H

#include <ecapture/host.h>
#include <ecapture/option.h>

/* A file to look at: ecapture/service/targets.h. */
struct ecap_target;

/* [grows: bpf_size] One BPF object that the module carries. The host takes the first row that fits. */
struct ecap_bpf {
	const char *name;       /* for messages and modules inspect: "hello.core" */
	const void *data, *end; /* the ELF file of the object, in the module's constant data */
	uint64_t features;      /* ECAP_FEAT_* it cannot do without */
	uint32_t variant;       /* ECAP_BTF_CORE or ECAP_BTF_NONCORE */
	uint32_t reserved;
};

#define ECAP_MAPS_MAX 256u /* an instance has at most so many */

/*
 * [grows: map_size] One map that the host reads: a ring buffer or a perf event array, told apart
 * by the map's own type. The host dups the fds; of those that a map can do without, 0 or less
 * means none.
 */
struct ecap_map {
	const char *name;    /* 1 to 47 bytes, for messages */
	int32_t fd;          /* of the map */
	int32_t control_fd;  /* mmapable array with one struct ecap_ring_control (ecapture/record.h), or none */
	int32_t stats_fd;    /* per-CPU array with one struct ecap_map_stats, or none */
	uint32_t id;         /* handed back to decode() */
	uint32_t min_record; /* bytes; shorter records are counted and never reach decode() */
	int32_t more_fd;     /* ring buffer used while that of fd is full, or none */
};

/* [grows: struct_size] What the host calls. */
struct ecap_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/*
	 * [main] Makes the instance's state. Everything in @ctx is ready and stays valid until
	 * close(). On error nothing stays behind, and close() is not called.
	 */
	int (*init)(const struct ecap_context *ctx, void **state);
	/* [main] Opens and loads the BPF objects. Maps exist after it; nothing is attached. */
	int (*load)(void *state);
	/* [main] The maps to read; the array stays valid until close(). */
	int (*maps)(void *state, const struct ecap_map **maps, uint32_t *n);
	/* [main] Attaches. The first record may arrive before it returns. */
	int (*start)(void *state);
	/*
	 * [main] Detaches. Maps stay. Called once after a successful start; NULL: nothing to do.
	 * When it does not return within 5 s, the process ends without it, and without close().
	 */
	int (*stop)(void *state);
	/* [main] Frees everything, within 5 s. Called exactly once after a successful init. */
	void (*close)(void *state);
	/*
	 * [reader] @rec: 8-byte aligned, valid until the host is done with @ev, so that @ev may
	 * point into it. @ev is zeroed but for struct_size and fd (-1).
	 * Returns 1 with @ev filled, 0 when the record makes no event, or a negative errno when
	 * it is damaged (counted by the host).
	 */
	int (*decode)(void *state, uint32_t map_id, const void *rec, uint32_t len,
		      struct ecap_event *ev);
	/* [reader] Gets events with ECAP_DEST_MODULE. Returns 0 or a negative errno (counted). */
	int (*dispatch)(void *state, struct ecap_event *ev);
	/* [reader] @n records were lost in this map since the last call. Optional. */
	void (*lost)(void *state, uint32_t map_id, uint64_t n);
	/* [main] Only options marked ECAP_OPT_RUNTIME differ. Optional. */
	int (*reconfigure)(void *state, const void *config);
	/*
	 * [main] Tells by the host's finding() what can be captured in the file, and what cannot
	 * and why: "ecapture modules probe". It comes alone, in a process of its own: there was no
	 * init(), so there is no state; nothing may be attached, and @ctx has no features; an option
	 * that is required may be missing. The file may be anybody's, and damaged. @target: as ecap.targets/1 gives it
	 * (ecapture/service/targets.h). Returns 0, also when there is nothing to capture, or a negative
	 * errno when it could not look. Optional.
	 */
	int (*survey)(const struct ecap_context *ctx, const struct ecap_target *target);
};

/* [grows: struct_size] The descriptor. */
struct ecap_module {
	uint32_t struct_size;
	uint16_t abi_major, abi_minor; /* of the SDK that it was built with */
	uint16_t abi_target;           /* lowest host minor that it runs on */
	uint16_t flags;                /* none defined yet */
	uint32_t config_size;          /* bytes of the config struct */
	const char *name;              /* [a-z][a-z0-9_-]{0,31} */
	const char *command;           /* the word on the command line and of the ini section */
	const char *aliases;           /* "a,b", or NULL */
	const char *version;           /* of the module: "1.0.2" */
	const char *summary;           /* one line, for lists and the head of the help */
	const char *description;       /* paragraphs for help and manual page, or NULL */
	const char *examples;          /* command lines for the same, or NULL */
	const char *license;           /* SPDX expression, shown only; or NULL */
	const char *author, *url;      /* whom and where to ask; or NULL */
	const char *targets;           /* "libssl.so": shown by the list */
	const char *const *services;   /* ids that it cannot do without, NULL-ended, or NULL */
	const struct ecap_ops *ops;    /* what the host calls */
	const struct ecap_option *options; /* rows, or NULL */
	const struct ecap_bpf *bpf;    /* rows: one object at least */
	uint32_t n_options, option_size; /* number of rows; bytes from one to the next */
	uint32_t n_bpf, bpf_size;      /* the same of bpf */
	uint32_t map_size, field_size; /* of struct ecap_map and struct ecap_field */
	const char *named;             /* "build": the ini file may have sections [COMMAND.build "NAME"]; or NULL */
	const char *named_help;        /* what they are for, one line, and what NAME is; or NULL */
	const struct ecap_option *named_options; /* rows of such a section, option_size apart; or NULL */
	uint32_t n_named_options;      /* number of rows */
	uint32_t named_size;           /* bytes of the config struct of one section */
};

/* Name of the symbol: the major of the ABI is a part of it. */
#define ECAP_MODULE_SYMBOL_PREFIX "ecapture_module_"
#define ECAP_MODULE_SYMBOL        "ecapture_module_1"

#ifndef __cplusplus
/* Exports the one symbol of a module. */
#define ECAP_MODULE(...)							\
	extern ECAP_EXPORT const struct ecap_module ecapture_module_1;		\
	const struct ecap_module ecapture_module_1 = {				\
		.struct_size = sizeof(struct ecap_module),			\
		.abi_major = ECAP_ABI_MAJOR, .abi_minor = ECAP_ABI_MINOR,	\
		.abi_target = ECAP_ABI_TARGET,					\
		.option_size = sizeof(struct ecap_option),			\
		.bpf_size = sizeof(struct ecap_bpf),				\
		.map_size = sizeof(struct ecap_map),				\
		.field_size = sizeof(struct ecap_field),			\
		__VA_ARGS__ }

/*
 * Places the file @path (a BPF object) in the module's constant data as NAME .. NAME_end.
 * The assembler finds @path by its include path (-Wa,-I or -I).
 */
#define ECAP_BPF_OBJECT(NAME, path)						\
	extern const char NAME[], NAME##_end[];					\
	__asm__(".pushsection .rodata.bpf,\"a\"\n.balign 8\n"			\
		".local " #NAME "\n.local " #NAME "_end\n"			\
		#NAME ":\n.incbin \"" path "\"\n" #NAME "_end:\n.byte 0\n.popsection\n")
#endif

#endif
