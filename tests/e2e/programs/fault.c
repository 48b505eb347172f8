/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that goes wrong: --in says in which operation, --fault how. Its records come from a
 * program that it runs itself (tests/unit/ring.bpf.c), so what happens does not depend on what
 * else happens on the machine. It says the numbers of its BPF objects in the log.
 */
#include <ecapture/libbpf.h>
#include <ecapture/service/targets.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "fault.h"
#include "ring_record.h"

ECAP_BPF_OBJECT(ring_object, "ring.noncore.o");

static const struct ecap_bpf objects[] = {
	{ .name = "ring.noncore", .data = ring_object, .end = ring_object_end,
	  .variant = ECAP_BTF_NONCORE, .features = ECAP_FEAT_GLOBAL_DATA },
};

/* ---- ways to go wrong anywhere ---- */

static volatile int zero;

static void segv(struct fault *f)
{
	(void)f;
	*(volatile int *)(uintptr_t)(zero + 8) = 1;
}

/* A page of a file that has none. */
static void bus(struct fault *f)
{
	FILE *file = tmpfile();

	(void)f;
	*(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0) = 1;
}

static void fpe(struct fault *f)
{
	(void)f;
	raise(SIGFPE);
}

static void ill(struct fault *f)
{
	(void)f;
#ifdef __x86_64__
	__asm__ volatile("ud2");
#else
	__asm__ volatile(".inst 0");
#endif
}

static void do_abort(struct fault *f)
{
	(void)f;
	abort();
}

static int deeper(volatile char *from)
{
	volatile char room[4096];

	room[0] = *from;
	return zero ? 0 : deeper(room) + room[0];
}

static void overflow(struct fault *f)
{
	char first = (char)zero;

	(void)f;
	zero = deeper(&first);
}

static void loop(struct fault *f)
{
	(void)f;
	ecap_log(f->ctx, ECAP_LOG_INFO, "goes round and round");
	while (!zero)
		;
}

static void do_exit(struct fault *f)
{
	(void)f;
	exit(0);
}

static void end_thread(struct fault *f)
{
	(void)f;
	pthread_exit(NULL);
}

static int emit(struct fault *f)
{
	const struct ecap_event event = { .struct_size = sizeof(event), .fd = -1,
					  .kind = "stray" };

	return f->ctx->host->emit(f->ctx->self, &event);
}

static void tell(struct fault *f, const char *what, int result)
{
	ecap_log(f->ctx, ECAP_LOG_INFO, "%s returned %d", what, result);
}

static void do_emit(struct fault *f)
{
	tell(f, "emit", emit(f));
}

static void *emit_main(void *arg)
{
	pthread_setname_np(pthread_self(), "elsewhere");
	do_emit(arg);
	return NULL;
}

/* Started here, called there. */
static void emit_elsewhere(struct fault *f)
{
	pthread_t thread;

	pthread_create(&thread, NULL, emit_main, f);
	pthread_join(thread, NULL);
}

static void *segv_main(void *arg)
{
	pthread_setname_np(pthread_self(), "elsewhere");
	segv(arg);
	return NULL;
}

static void segv_elsewhere(struct fault *f)
{
	pthread_t thread;

	pthread_create(&thread, NULL, segv_main, f);
	pthread_join(thread, NULL);
}

static void pick_bpf(struct fault *f)
{
	uint32_t index = 0;

	tell(f, "pick_bpf", f->ctx->host->pick_bpf(f->ctx->self, &index));
}

static int found_none(void *arg, const struct ecap_target *target)
{
	(void)arg, (void)target;
	return 0;
}

static void find(struct fault *f)
{
	const struct ecap_target_spec spec = { .struct_size = sizeof(spec), .path = "/bin/true" };

	tell(f, "find", ecap_targets(f->ctx)->find(f->ctx->self, &spec, found_none, NULL));
}

static void other_self(struct fault *f)
{
	const struct ecap_event event = { .struct_size = sizeof(event), .fd = -1 };

	tell(f, "emit", f->ctx->host->emit((struct ecap_instance *)(void *)f, &event));
}

static void no_error(struct fault *f)
{
	tell(f, "fail", ecap_fail(f->ctx, 5, "a positive number"));
}

static void logs(struct fault *f)
{
	for (int i = 0; i < 10000000; i++)
		ecap_log(f->ctx, i & 1 ? ECAP_LOG_ERROR : ECAP_LOG_INFO, "line %d of very many", i);
}

static const struct {
	const char *name;
	void (*run)(struct fault *f);
} faults[] = {
	{ "segv", segv }, { "bus", bus }, { "fpe", fpe }, { "ill", ill }, { "abort", do_abort },
	{ "overflow", overflow }, { "loop", loop }, { "exit", do_exit },
	{ "end-thread", end_thread }, { "emit", do_emit }, { "emit-elsewhere", emit_elsewhere },
	{ "segv-elsewhere", segv_elsewhere }, { "pick-bpf", pick_bpf }, { "find", find },
	{ "other-self", other_self }, { "no-error", no_error }, { "logs", logs },
};

static int is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

/* What an operation returns: --fault result is a number that is neither success nor an errno. */
static int in(struct fault *f, const char *operation)
{
	if (!is(f->config->in, operation))
		return 0;
	for (size_t i = 0; i < ECAP_COUNT(faults); i++)
		if (is(f->config->fault, faults[i].name))
			faults[i].run(f);
	return is(f->config->fault, "result") ? 77 : 0;
}

/* ---- the life of a module ---- */

static int fault_init(const struct ecap_context *ctx, void **state)
{
	struct fault *f = calloc(1, sizeof(*f));

	if (!f)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	*f = (struct fault){ .ctx = ctx, .config = ctx->config };
	*state = f;
	return in(f, "init");
}

static int fault_load(void *state)
{
	struct fault *f = state;
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int err = ecap_bpf_open(f->ctx, objects, NULL, &f->object);

	if (!err)
		err = ecap_bpf_set_events(f->ctx, f->object);
	if (!err)
		err = ecap_bpf_set_filter(f->ctx, f->object);
	if (!err)
		err = ecap_bpf_load(f->ctx, f->object, NULL);
	if (err)
		return err;
	f->program = bpf_object__find_program_by_name(f->object, "send_one");
	f->program_fd = bpf_program__fd(f->program);
	if (!bpf_obj_get_info_by_fd(f->program_fd, &info, &size))
		ecap_log(f->ctx, ECAP_LOG_INFO, "holds prog %u", info.id);
	return in(f, "load");
}

static int fault_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct fault *f = state;
	int err = ecap_bpf_events_map(f->ctx, f->object, sizeof(struct ring_record), f->maps);

	if (err)
		return err;
	*maps = f->maps;
	*n = 1;
	if (is(f->config->in, "maps") && fault_lie_in_maps(f, f->config->fault, maps, n))
		return 0;
	return in(f, "maps");
}

static void send_record(struct fault *f, uint64_t seq)
{
	static const char text[16384] = "bytes of a payload";
	struct ring_order order = { .seq = seq, .from = (uintptr_t)text,
				    .len = f->config->len };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &order, .ctx_size_in = sizeof(order));

	bpf_prog_test_run_opts(f->program_fd, &opts);
}

static void *send_for_ever(void *arg)
{
	for (uint64_t seq = 1000;; seq++)
		send_record(arg, seq);
	return NULL;
}

static int on_found(void *arg, const struct ecap_target *target)
{
	struct fault *f = arg;

	ecap_log(f->ctx, ECAP_LOG_INFO, "found %s", target->shown);
	return in(f, "found");
}

static int watch(struct fault *f)
{
	static const char *const names[] = { "faulttarget*", NULL };
	const struct ecap_target_spec spec = { .struct_size = sizeof(spec), .pid = ECAP_ANY,
					       .libraries = names };

	return ecap_targets(f->ctx)->watch(f->ctx->self, &spec, on_found, f);
}

/* A tracepoint that nothing passes while the tests run, with as many arguments as are read. */
static int attach(struct fault *f)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	f->link = bpf_program__attach_raw_tracepoint(f->program, "cpuhp_enter");
	if (!f->link)
		return ecap_fail(f->ctx, -errno, "cpuhp_enter: %s", strerror(errno));
	if (!bpf_obj_get_info_by_fd(bpf_link__fd(f->link), &info, &size))
		ecap_log(f->ctx, ECAP_LOG_INFO, "holds link %u", info.id);
	return 0;
}

static int fault_start(void *state)
{
	struct fault *f = state;
	pthread_t thread;
	int err = attach(f);

	if (!err && is(f->config->in, "found"))
		err = watch(f);
	if (err)
		return err;
	for (uint64_t i = 1; i <= f->config->records; i++)
		send_record(f, i);
	if (f->config->endless)
		pthread_create(&thread, NULL, send_for_ever, f);
	return in(f, "start");
}

static int fault_stop(void *state)
{
	struct fault *f = state;
	int result = in(f, "stop");

	bpf_link__destroy(f->link);
	f->link = NULL;
	return result;
}

static void fault_close(void *state)
{
	struct fault *f = state;

	ecap_log(f->ctx, ECAP_LOG_INFO, "close() is called");
	in(f, "close");
	if (f->config->endless)
		return; /* a thread still sends */
	bpf_link__destroy(f->link);
	bpf_object__close(f->object);
	free(f);
}

/* ---- [reader] ---- */

static int fault_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
			struct ecap_event *ev)
{
	struct fault *f = state;
	const struct ring_record *r = rec;
	int is_it = f->config->at == (uint32_t)r->seq;

	(void)map_id;
	if (len < sizeof(*r) + r->len)
		return -EINVAL;
	ev->kind = "data";
	ev->pid = (uint32_t)r->seq;
	snprintf(ev->comm, sizeof(ev->comm), "%s", "fault");
	ev->flags = ECAP_EVENT_F_PAYLOAD;
	ev->payload = r + 1;
	ev->payload_len = r->len;
	if (is(f->config->in, "dispatch"))
		ev->dest = ECAP_DEST_MODULE;
	f->record_end = (const char *)rec + len;
	if (is_it && is(f->config->in, "decode") && !fault_lie(f, f->config->fault, ev)) {
		int result = in(f, "decode");

		if (result)
			return result;
	}
	return 1;
}

static int fault_dispatch(void *state, struct ecap_event *ev)
{
	struct fault *f = state;

	if (f->config->at == ev->pid) {
		int result;

		if (is(f->config->fault, "back-again"))
			return f->ctx->host->emit(f->ctx->self, ev);
		ev->dest = ECAP_DEST_OUTPUT;
		if (fault_lie(f, f->config->fault, ev)) {
			tell(f, "emit", f->ctx->host->emit(f->ctx->self, ev));
			return 0;
		}
		result = in(f, "dispatch");
		if (result)
			return result;
	}
	ev->dest = ECAP_DEST_OUTPUT;
	return f->ctx->host->emit(f->ctx->self, ev);
}

static void fault_lost(void *state, uint32_t map_id, uint64_t n)
{
	(void)map_id, (void)n;
	in(state, "lost");
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = fault_init, .load = fault_load, .maps = fault_maps,
	.start = fault_start, .stop = fault_stop, .close = fault_close, .decode = fault_decode,
	.dispatch = fault_dispatch, .lost = fault_lost,
};

#define OPT(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct fault_config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option options[] = {
	OPT(in, ECAP_OPT_STRING, "in", .help = "the operation that goes wrong"),
	OPT(fault, ECAP_OPT_STRING, "fault", .help = "how"),
	OPT(records, ECAP_OPT_U32, "records", .def = "5", .help = "how many start() sends"),
	OPT(at, ECAP_OPT_U32, "at", .def = "3", .help = "the record at which decode() goes wrong"),
	OPT(len, ECAP_OPT_U32, "len", .def = "18", .max = 16383, .min = 1, .help = "of a payload"),
	OPT(endless, ECAP_OPT_BOOL, "endless", .help = "a thread sends records, and never ends"),
};

#ifdef CONSTRUCTOR_CRASHES
static void __attribute__((constructor)) constructed(void)
{
	segv(NULL);
}
#endif

#ifndef NAME
#define NAME "fault"
#endif

static const char *const services[] = { ECAP_TARGETS_SERVICE, NULL };

ECAP_MODULE(
	.name = NAME, .command = NAME, .version = "0.3.1", .license = "Apache-2.0",
	.summary = "goes wrong", .services = services, .ops = &ops,
	.options = options, .n_options = ECAP_COUNT(options),
	.config_size = sizeof(struct fault_config),
	.bpf = objects, .n_bpf = ECAP_COUNT(objects));
