/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that uses everything in the SDK, and looks at all that it gets. It is built against
 * each released set of headers and against the minors that tests/abi/next_minor.sh makes; FIRST is
 * the first of these. What it finds out it shows in the fields of its events.
 *
 * What came with a minor is used within #if: in tables, where the module needs that minor
 * (ECAP_ABI_TARGET); otherwise also where it may be absent (ECAP_SINCE), and then asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ecapture/libbpf.h>
#include <ecapture/module.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

struct witness_config {
	uint64_t number, bytes, wait;
	const char *text, *file, *device, *rest;
	const char *const *list;
	uint32_t small, model;
	uint8_t on;
};

struct witness_named {
	uint64_t number;
};

struct witness {
	const struct ecap_context *ctx;
	struct bpf_object *object;
	struct ecap_links links;
	struct ecap_map *maps; /* of their own, for the sanitizer to see where they end */
	uint32_t functions, context, common, elf, targets; /* added ones that the host has */
	uint32_t symbols;
	int rings[2], stats;
};

#define NEED(w, what) do { if (!(what))						\
	return ecap_fail((w)->ctx, -EPROTO, "witness: not so: %s", #what); } while (0)

/* Adds up what a struct of the host has of the added members. */
#if ECAP_SINCE(FIRST + 2)
#define ROOM(type, p) (ECAP_ROOM(type, p, added_1) + ECAP_ROOM(type, p, added_2) + \
		       ECAP_ROOM(type, p, added_3))
#elif ECAP_SINCE(FIRST + 1)
#define ROOM(type, p) (ECAP_ROOM(type, p, added_1) + ECAP_ROOM(type, p, added_2))
#elif ECAP_SINCE(FIRST)
#define ROOM(type, p) ECAP_ROOM(type, p, added_1)
#else
#define ROOM(type, p) 0u
#endif

#define CALL(host, self, member) \
	(ECAP_HAS(struct ecap_host, host, member) ? (uint32_t)(host)->member(self) : 0)

static uint32_t call_added(const struct ecap_context *ctx)
{
	uint32_t n = 0;

#if ECAP_SINCE(FIRST)
	n += CALL(ctx->host, ctx->self, added_1);
#endif
#if ECAP_SINCE(FIRST + 1)
	n += CALL(ctx->host, ctx->self, added_2);
#endif
#if ECAP_SINCE(FIRST + 2)
	n += CALL(ctx->host, ctx->self, added_3);
#endif
	(void)ctx;
	return n;
}

/* What the host gave is what ABI 1.0 promises, whatever came later. */
static int check_context(struct witness *w)
{
	const struct ecap_context *c = w->ctx;
	uint32_t index = 99;

	NEED(w, c->struct_size >= ECAP_END(struct ecap_context, named));
	NEED(w, c->host->struct_size >= ECAP_END(struct ecap_host, service));
	NEED(w, c->common->struct_size >= ECAP_END(struct ecap_common, hex));
	NEED(w, c->host->abi_major == ECAP_ABI_MAJOR && c->host->abi_minor >= ECAP_ABI_TARGET);
	NEED(w, c->host->version[0] >= '0' && c->host->version[0] <= '9');
	NEED(w, c->n_cpus && c->page_size && !(c->page_size & (c->page_size - 1)));
	NEED(w, c->btf_mode == ECAP_BTF_NONCORE);
	NEED(w, c->common->pid == ECAP_ANY && c->common->uid == ECAP_ANY &&
		c->common->cgroup_id == ECAP_ANY && !*c->common->comm && c->common->ring_bytes);
	NEED(w, c->host->stop_fd(c->self) >= 0);
	NEED(w, c->host->pick_bpf(c->self, &index) == 0 && index == 1);
	NEED(w, !c->host->service(c->self, "ecap.none/1"));
	NEED(w, !c->named[0]);
	w->functions = call_added(c);
	w->context = ROOM(struct ecap_context, c);
	w->common = ROOM(struct ecap_common, c->common);
	return 0;
}

static int check_config(struct witness *w)
{
	const struct witness_config *c = (const struct witness_config *)w->ctx->config;

	NEED(w, c->number == 42 && c->bytes == 64 << 10 && c->wait == 10000000);
	NEED(w, !strcmp(c->text, "some text") && !strcmp(c->file, "/etc/passwd"));
	NEED(w, c->small == 7 && c->model == 1 && c->on == 1);
	NEED(w, !c->list || (!strcmp(c->list[0], "a") && !strcmp(c->list[1], "b") && !c->list[2]));
	return 0;
}

static int count_call(void *arg, uint64_t addr)
{
	(void)addr;
	++*(uint32_t *)arg;
	return 1;
}

static int count_ref(void *arg, uint64_t insn, uint64_t target)
{
	(void)insn;
	(void)target;
	++*(uint32_t *)arg;
	return 1;
}

static int count_flow(void *arg, const struct ecap_elf_call *call)
{
	*(uint32_t *)arg += call->struct_size >= ECAP_END(struct ecap_elf_call, value);
	return 1;
}

static int count_use(void *arg, const struct ecap_elf_use *use)
{
	*(uint32_t *)arg += use->struct_size >= ECAP_END(struct ecap_elf_use, result);
	return 1;
}

/* Each function that looks at a file, at the C library's own. */
static int check_file(struct witness *w, const struct ecap_elf *elf, struct ecap_elf_file *file)
{
	struct ecap_elf_info info = { .struct_size = sizeof(info) };
	struct ecap_elf_segment segment = { .struct_size = sizeof(segment) };
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_site site = { .struct_size = sizeof(site) };
	struct ecap_elf_call call = { .struct_size = sizeof(call) };
	uint64_t offset = 0, value, end = 0, start = 0;
	uint32_t n = 0;

	NEED(w, elf->info(file, &info) == 0 && info.struct_size == sizeof(info));
	NEED(w, info.machine == ECAP_ELF_X86_64 || info.machine == ECAP_ELF_AARCH64);
	NEED(w, elf->segment(file, 0, &segment) == 0 && segment.flags & ECAP_ELF_R);
	NEED(w, segment.struct_size == sizeof(segment) && segment.size);
	NEED(w, elf->symbol(file, "malloc", &symbol) == 0 && symbol.size && symbol.source == ECAP_ELF_FROM_DYNSYM);
	NEED(w, elf->symbol_name(file, symbol.addr) && elf->data(file, symbol.addr, symbol.size));
	NEED(w, elf->offset(file, symbol.addr, &offset) == 0 && offset);
	elf->pointer(file, symbol.addr, &value);
	NEED(w, elf->function(file, symbol.addr, &start, &end) == 0 && end > start);
	NEED(w, elf->find(file, "GNU C Library", 13, count_call, &n) >= 0 && n);
	elf->refs(file, &symbol.addr, 1, count_ref, &n);
	if (info.machine == ECAP_ELF_X86_64) {
		NEED(w, elf->site(file, symbol.addr, 1, &site) == 0 && site.insn[0]);
		elf->reads_arg(file, symbol.addr, 0);
		elf->forwards(file, symbol.addr, &value);
		elf->call(file, symbol.addr, &call);
		elf->flow(file, symbol.addr, count_flow, &n);
		n = 0;
		NEED(w, elf->uses(file, symbol.addr, count_use, &n) >= 0 && n == 1);
	}
	w->symbols = 1;
	return 0;
}

static int found(void *arg, const struct ecap_target *target)
{
	struct witness *w = (struct witness *)arg;
	const struct ecap_elf *elf = ecap_elf(w->ctx);
	struct ecap_elf_file *file;

	NEED(w, target->struct_size >= ECAP_END(struct ecap_target, ino) && target->ino);
	if (w->symbols || elf->open(target->path, &file))
		return 0;
	int err = check_file(w, elf, file);

	elf->close(file);
	return err;
}

/* In ld.so.cache there is a C library. */
static int check_services(struct witness *w)
{
	static const char *const libraries[] = { "libc.so.6", NULL };
	const struct ecap_elf *elf = ecap_elf(w->ctx);
	const struct ecap_targets *targets = ecap_targets(w->ctx);
	struct ecap_target_spec spec = { .struct_size = sizeof(spec), .pid = ECAP_ANY,
					 .libraries = libraries };

	NEED(w, elf && elf->struct_size >= ECAP_END(struct ecap_elf, uses));
	NEED(w, targets && targets->struct_size >= ECAP_END(struct ecap_targets, watch));
	w->elf = ROOM(struct ecap_elf, elf);
	w->targets = ROOM(struct ecap_targets, targets);
	int err = targets->find(w->ctx->self, &spec, found, w);

	return err < 0 ? err : 0;
}

static int witness_init(const struct ecap_context *ctx, void **state)
{
	struct witness *w = (struct witness *)calloc(1, sizeof(*w));

	if (!w)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	w->ctx = ctx;
	w->rings[0] = w->rings[1] = w->stats = -1;
	int err = check_context(w);

	if (!err)
		err = check_config(w);
	if (err) {
		free(w);
		return err;
	}
	ecap_log(ctx, ECAP_LOG_INFO, "witness of %d.%d for %d", ECAP_ABI_MAJOR, ECAP_ABI_MINOR,
		 ECAP_ABI_TARGET);
	*state = w;
	return 0;
}

/* Real maps, with values of this module's sizes. Fails where bpf(2) is not allowed. */
static int witness_load(void *state)
{
	struct witness *w = (struct witness *)state;
	int err = check_services(w);

	if (err)
		return err;
	for (int i = 0; i < 2; i++)
		w->rings[i] = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "witness", 0, 0,
					     w->ctx->page_size, NULL);
	w->stats = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "witness_stats", 4,
				  sizeof(struct ecap_map_stats), 1, NULL);
	if (w->rings[0] < 0 || w->rings[1] < 0 || w->stats < 0)
		return ecap_fail(w->ctx, -errno, "witness: maps: %s", strerror(errno));
	return 0;
}

static int witness_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct witness *w = (struct witness *)state;

	w->maps = (struct ecap_map *)calloc(2, sizeof(*w->maps));
	if (!w->maps)
		return ecap_fail(w->ctx, -ENOMEM, "out of memory");
	w->maps[0] = (struct ecap_map){ .name = "first", .fd = w->rings[0], .stats_fd = w->stats,
					.id = 7, .min_record = 1 };
	w->maps[1] = (struct ecap_map){ .name = "second", .fd = w->rings[1], .id = 8 };
#if ECAP_ABI_TARGET >= FIRST
	w->maps[0].added_1 = w->maps[1].added_1 = 1;
#endif
	*maps = w->maps;
	*n = 2;
	return 0;
}

/* There is nothing to attach, so this is all. */
static int witness_start(void *state)
{
	struct witness *w = (struct witness *)state;

	ecap_fail(w->ctx, -ECANCELED, "witness: has seen enough");
	w->ctx->host->abort(w->ctx->self, -ECANCELED);
	return 0;
}

static int witness_stop(void *state)
{
	ecap_links_cut(&((struct witness *)state)->links, 0);
	return 0;
}

static void witness_close(void *state)
{
	struct witness *w = (struct witness *)state;

	bpf_object__close(w->object);
	for (int i = 0; i < 2; i++) {
		if (w->rings[i] >= 0)
			close(w->rings[i]);
	}
	if (w->stats >= 0)
		close(w->stats);
	free(w->maps);
	free(w);
}

/* Sets the added members of an event, where the host has room for them. */
static void add_members(struct ecap_event *ev, const struct ecap_event *of_host)
{
#if ECAP_SINCE(FIRST)
	if (ECAP_ROOM(struct ecap_event, of_host, added_1))
		ev->added_1 = 1;
#endif
#if ECAP_SINCE(FIRST + 1)
	if (ECAP_ROOM(struct ecap_event, of_host, added_2))
		ev->added_2 = 1;
#endif
#if ECAP_SINCE(FIRST + 2)
	if (ECAP_ROOM(struct ecap_event, of_host, added_3))
		ev->added_3 = 1;
#endif
	(void)ev;
	(void)of_host;
}

/* Each record becomes three events: emitted, decoded, and dispatched. */
static int witness_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
			  struct ecap_event *ev)
{
	struct witness *w = (struct witness *)state;
	struct ecap_field fields[] = {
		{ .name = "text", .str = "a text" },
		{ .name = "map", .num = map_id },
		{ .name = "functions", .num = w->functions },
		{ .name = "context", .num = w->context },
		{ .name = "common", .num = w->common },
		{ .name = "room", .num = ROOM(struct ecap_event, ev) },
	};
	struct ecap_event more = {
		.struct_size = sizeof(more), .dest = ECAP_DEST_OUTPUT, .direction = ECAP_DIR_SEND,
		.flags = ECAP_EVENT_F_PAYLOAD | ECAP_EVENT_F_EOS, .pid = 1, .tid = 2, .uid = 3,
		.fd = 4, .n_fields = ECAP_COUNT(fields), .kind = "emitted", .mono_ns = 5, .conn = 6,
		.tuple = { .family = 4, .lport = 7, .rport = 8, .laddr = { 127, 0, 0, 1 },
			   .raddr = { 10, 1, 2, 3 } },
		.comm = "witness", .fields = fields, .payload = rec, .payload_len = len,
		.offset = 0, .total = len,
	};

#if ECAP_ABI_TARGET >= FIRST
	fields[0].added_1 = 1;
#endif
	add_members(&more, ev);
	int err = w->ctx->host->emit(w->ctx->self, &more);

	if (err)
		return err;
	w->ctx->host->count(w->ctx->self, "records", 1);
#if ECAP_ABI_OPTIONAL == ECAP_ABI_TARGET
	/* As a whole: in an older module it is shorter than in the host. */
	*ev = (struct ecap_event){ .struct_size = sizeof(*ev), .fd = -1 };
#endif
	ev->kind = "decoded";
	ev->pid = 1;
	ev->flags = ECAP_EVENT_F_PAYLOAD;
	ev->payload = rec;
	ev->payload_len = len;
	ev->dest = len > 8 ? ECAP_DEST_MODULE : ECAP_DEST_PROCESSOR;
	ev->priv = w;
	add_members(ev, ev);
	return 1;
}

static int witness_dispatch(void *state, struct ecap_event *ev)
{
	struct witness *w = (struct witness *)state;

	NEED(w, ev->priv == state);
	ev->kind = "dispatched";
	ev->dest = ECAP_DEST_OUTPUT;
	return w->ctx->host->emit(w->ctx->self, ev);
}

static void witness_lost(void *state, uint32_t map_id, uint64_t n)
{
	const struct witness *w = (const struct witness *)state;

	ecap_log(w->ctx, ECAP_LOG_WARN, "map %u lost %llu", map_id, (unsigned long long)n);
}

static int witness_reconfigure(void *state, const void *config)
{
	return state && config ? 0 : -EINVAL;
}

static int witness_survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE, .emulated = 1,
		.what = "something", .text = "by its looks", .function = "main",
		.insn = "push rbp", .addr = 1, .offset = 2,
	};
	struct witness w = { .ctx = ctx };

	const struct ecap_named *named = ctx->named[0];

	NEED(&w, ctx->struct_size >= ECAP_END(struct ecap_context, named) && ctx->config);
	NEED(&w, named->struct_size >= ECAP_END(struct ecap_named, config) && !ctx->named[1]);
	NEED(&w, named->line == 1 && *named->file == '/' && !strcmp(named->name, "here"));
	NEED(&w, ((const struct witness_named *)named->config)->number == 34);
	NEED(&w, target->struct_size >= ECAP_END(struct ecap_target, ino) && target->ino);
	NEED(&w, *target->path && *target->shown && target->how == ECAP_TARGET_GIVEN);
#if ECAP_SINCE(FIRST)
	if (ECAP_ROOM(struct ecap_host, ctx->host, added_1))
		finding.added_1 = 1;
#endif
	return ctx->host->finding(ctx->self, &finding);
}

#if ECAP_ABI_TARGET >= FIRST || defined(MISUSE_OPS)
static int witness_added(void *state)
{
	return state != NULL;
}
#endif

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = witness_init, .load = witness_load,
	.maps = witness_maps, .start = witness_start, .stop = witness_stop, .close = witness_close,
	.decode = witness_decode, .dispatch = witness_dispatch, .lost = witness_lost,
	.reconfigure = witness_reconfigure, .survey = witness_survey,
#if ECAP_ABI_TARGET >= FIRST || defined(MISUSE_OPS)
	.added_1 = witness_added,
#endif
#if ECAP_ABI_TARGET >= FIRST + 1
	.added_2 = witness_added,
#endif
#if ECAP_ABI_TARGET >= FIRST + 2
	.added_3 = witness_added,
#endif
};

#if ECAP_ABI_TARGET >= FIRST
#define ADDED , .added_1 = 1
#else
#define ADDED
#endif

/* For the test that it is found out: a later member, although the module is for older hosts. */
#ifdef MISUSE_MODULE
#define MODULE_ADDED , .added_1 = 1
#else
#define MODULE_ADDED ADDED
#endif
#ifdef MISUSE_OPTION
#define OPTION_ADDED , .added_1 = 1
#else
#define OPTION_ADDED ADDED
#endif
#ifdef MISUSE_BPF
#define BPF_ADDED , .added_1 = 1
#else
#define BPF_ADDED ADDED
#endif

static const struct ecap_option options[] = {
	ECAP_OPT(struct witness_config, number, ECAP_OPT_U64, "number", .def = "42" ADDED,
		 .help = "a number"),
	ECAP_OPT(struct witness_config, bytes, ECAP_OPT_SIZE, "bytes", .def = "64K", .min = 1,
		 .max = 1 << 20, .short_name = 'B', .group = "Sizes", .help = "bytes to keep"),
	ECAP_OPT(struct witness_config, wait, ECAP_OPT_DURATION, "wait", .def = "10ms",
		 .flags = ECAP_OPT_RUNTIME, .help = "how long to wait"),
	ECAP_OPT(struct witness_config, text, ECAP_OPT_STRING, "text", .def = "some text",
		 .flags = ECAP_OPT_SECRET, .help = "a secret"),
	ECAP_OPT(struct witness_config, file, ECAP_OPT_PATH, "file", .def = "/etc/passwd",
		 .flags = ECAP_OPT_MUST_EXIST, .metavar = "FILE", .help = "a file",
		 .doc = "A paragraph about the file." OPTION_ADDED),
	ECAP_OPT(struct witness_config, device, ECAP_OPT_IFNAME, "device", .help = "a device"),
	ECAP_OPT(struct witness_config, rest, ECAP_OPT_REST, "words", .help = "all words"),
	ECAP_OPT(struct witness_config, list, ECAP_OPT_LIST, "list", .help = "many"),
	ECAP_OPT(struct witness_config, small, ECAP_OPT_U32, "small", .alias = "little",
		 .def = "7", .help = "a small number"),
	ECAP_OPT(struct witness_config, model, ECAP_OPT_ENUM, "model", .def = "pcap",
		 .choices = "text|pcap|keylog", .help = "what to make"),
	ECAP_OPT(struct witness_config, on, ECAP_OPT_BOOL, "on", .def = "yes",
		 .flags = ECAP_OPT_HIDDEN | ECAP_OPT_DEPRECATED, .help = "a switch" ADDED),
};

static const struct ecap_option named_options[] = {
	ECAP_OPT(struct witness_named, number, ECAP_OPT_U64, "at", .def = "12" ADDED,
		 .help = "where it is"),
};

ECAP_BPF_OBJECT(object, "object.o");
static const struct ecap_bpf bpf[] = {
	{ .name = "core", .data = object, .end = object_end, .variant = ECAP_BTF_CORE,
	  .features = ECAP_FEAT_RINGBUF | ECAP_FEAT_UPROBE_MULTI ADDED },
	{ .name = "noncore", .data = object, .end = object_end, .variant = ECAP_BTF_NONCORE BPF_ADDED },
};

static const char *const services[] = { ECAP_ELF_SERVICE, ECAP_TARGETS_SERVICE, NULL };

ECAP_MODULE(.name = "witness", .command = "witness", .aliases = "witness-of-all",
	    .version = "1.0.0", .summary = "uses everything in the SDK",
	    .description = "A paragraph.", .examples = "ecapture witness --list a --list b",
	    .license = "Apache-2.0", .author = "somebody", .url = "https://example.org/witness",
	    .targets = "libc.so.6", .services = services, .ops = &ops, .options = options,
	    .n_options = ECAP_COUNT(options), .config_size = sizeof(struct witness_config),
	    .bpf = bpf, .n_bpf = ECAP_COUNT(bpf), .named = "place", .named_help = "where it is",
	    .named_options = named_options, .n_named_options = ECAP_COUNT(named_options),
	    .named_size = sizeof(struct witness_named) MODULE_ADDED);
