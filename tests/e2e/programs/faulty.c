/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that works, and as many faults as the command line of the compiler asks for. Its BPF
 * is real: load() gives the kernel the program PROGRAM.
 */
#include <ecapture/module.h>

#include <linux/bpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef NAME
#define NAME "faulty"
#endif
#ifndef COMMAND
#define COMMAND NAME
#endif
#ifndef VERSION
#define VERSION "0.3.1"
#endif
#ifndef TEXT
#define TEXT "a text"
#endif
#ifndef DEFAULT
#define DEFAULT "text"
#endif
#ifndef SERVICE
#define SERVICE "ecap.elf/1"
#endif
#ifndef FEATURES
#define FEATURES 0
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
/* Statements that the operations begin with. */
#ifndef CONSTRUCTOR
#define CONSTRUCTOR
#endif
#ifndef INIT
#define INIT
#endif
#ifndef LOAD
#define LOAD
#endif
#ifndef CLOSE
#define CLOSE
#endif
/* What load() gives to the kernel: r0 = 0; exit. */
#ifndef PROGRAM
#define PROGRAM { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT }
#endif

struct faulty_config {
	const char *file;
	uint32_t model;
};

static const struct ecap_context *context;
static int prog = -1, map = -1;
static struct ecap_map maps_of_it = { .name = "events" };

#ifdef LIBRARY /* a function that the test's library has */
extern int faulty_library(void);
#endif
#ifdef LATER_LIBBPF /* a function that no libbpf has yet */
extern int bpf_program__attach_tomorrow(void);
#endif

/* For the faults. */

static inline int crash(void)
{
	return *(volatile int *)8;
}

static inline void loop(void)
{
	for (;;)
		pause();
}

static void *wait_forever(void *unused)
{
	loop();
	return unused;
}

static inline void leave_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_forever, NULL);
}

static void __attribute__((constructor)) construct(void)
{
#ifdef MARK
	close(open(MARK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
#endif
	CONSTRUCTOR;
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int load_program(void)
{
	static const struct bpf_insn insns[] = { PROGRAM };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns, .insn_cnt = sizeof(insns) / sizeof(insns[0]),
		.license = (uintptr_t)"GPL",
	};

	prog = (int)bpf(BPF_PROG_LOAD, &attr);
	return prog < 0 ? ecap_fail(context, -1, "the kernel refused the program") : 0;
}

static int load_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 65536 };

	map = (int)bpf(BPF_MAP_CREATE, &attr);
	return map < 0 ? ecap_fail(context, -1, "the kernel refused the map") : 0;
}

static int init(const struct ecap_context *ctx, void **state)
{
	context = ctx;
	*state = &maps_of_it;
	INIT;
#ifdef LIBRARY
	return faulty_library();
#endif
#ifdef LATER_LIBBPF
	return bpf_program__attach_tomorrow();
#endif
	return 0;
}

static int load(void *state)
{
	(void)state;
	LOAD;
	int err = load_program();

	return err ? err : load_map();
}

static int maps(void *state, const struct ecap_map **list, uint32_t *n)
{
	(void)state;
	maps_of_it.fd = map;
	maps_of_it.control_fd = maps_of_it.stats_fd = -1;
	*list = &maps_of_it;
	*n = 1;
	return 0;
}

static int start(void *state)
{
	(void)state;
	return 0;
}

static void end(void *state)
{
	(void)state;
	CLOSE;
	close(prog);
	close(map);
}

static int decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		  struct ecap_event *ev)
{
	(void)state, (void)map_id, (void)rec, (void)len, (void)ev;
	return 0;
}

#ifdef SURVEY /* statements, with tell() */
#include <ecapture/service/targets.h>

static int tell(uint32_t kind, const char *what, const char *text)
{
	struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = (uint16_t)kind, .what = what, .text = text,
		.addr = 0x1234, .offset = 0x234,
	};

	return context->host->finding(context->self, &finding);
}

static int survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	context = ctx;
	tell(ECAP_FINDING_FACT, "seen_as", target->shown);
	SURVEY;
	return 0;
}
#endif

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = init, .load = load, .maps = maps,
#ifdef SURVEY
	.survey = survey,
#endif
#ifndef NO_START
	.start = start,
#endif
	.close = end, .decode = decode,
};

static const struct ecap_option options[] = {
	ECAP_OPT(struct faulty_config, file, ECAP_OPT_PATH, "file", .flags = FLAGS,
		 .group = TEXT, .help = TEXT, .doc = TEXT),
	ECAP_OPT(struct faulty_config, model, ECAP_OPT_ENUM, "model", .def = DEFAULT,
		 .choices = "text|pcap|keylog", .help = "what to make"),
};

static const char *const services[] = { SERVICE, NULL };

ECAP_BPF_OBJECT(object, "object.o");
static const struct ecap_bpf bpf_objects[] = {
	{ TEXT, object, object_end, FEATURES, ECAP_BTF_NONCORE, 0 },
};

ECAP_MODULE(.name = NAME, .command = COMMAND, .version = VERSION, .summary = TEXT,
	    .description = TEXT, .examples = TEXT, .license = TEXT, .author = TEXT, .url = TEXT,
	    .targets = TEXT, .services = services, .ops = &ops, .options = options,
	    .n_options = ECAP_COUNT(options), .config_size = sizeof(struct faulty_config),
	    .bpf = bpf_objects, .n_bpf = ECAP_COUNT(bpf_objects));
