/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mymodule: shows the string that programs pass to a function of a library. Change it to what
 * you want to see: its life is explained in ecapture/module.h, its BPF program is mymodule.bpf.c.
 */
#include <ecapture/libbpf.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

#include "record.h"

ECAP_BPF_OBJECT(storage_object, "mymodule.storage.o");
ECAP_BPF_OBJECT(noncore_object, "mymodule.noncore.o");

/* The host takes the first one that this kernel can run. */
static const struct ecap_bpf objects[] = {
	{ .name = "mymodule.storage", .data = storage_object, .end = storage_object_end,
	  .variant = ECAP_BTF_CORE, .features = ECAP_BPF_NEEDS_STORAGE },
	{ .name = "mymodule.noncore", .data = noncore_object, .end = noncore_object_end,
	  .variant = ECAP_BTF_NONCORE, .features = ECAP_BPF_NEEDS_NONCORE },
};

/* Filled by the host from the options below. */
struct config {
	const char *library, *function;
	uint32_t argument;
};

struct state {
	const struct ecap_context *ctx;
	const struct config *config;
	struct bpf_object *object;
	struct ecap_links links;
	struct ecap_map map;
	struct ecap_field fields[2]; /* of the event under way */
};

static int module_init(const struct ecap_context *ctx, void **state)
{
	struct state *m = calloc(1, sizeof(*m));

	if (!m)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	m->ctx = ctx;
	m->config = ctx->config;
	m->fields[0] = (struct ecap_field){ .name = "function", .str = m->config->function };
	m->fields[1] = (struct ecap_field){ .name = "argument" };
	*state = m;
	return 0;
}

static int module_load(void *state)
{
	struct state *m = state;
	int err = ecap_bpf_open(m->ctx, objects, NULL, &m->object);

	if (!err)
		err = ecap_bpf_set_events(m->ctx, m->object);
	if (!err)
		err = ecap_bpf_set_filter(m->ctx, m->object);
	if (!err)
		err = ecap_bpf_set(m->ctx, m->object, "argument", &m->config->argument,
				   sizeof(m->config->argument));
	return err ? err : ecap_bpf_load(m->ctx, m->object, NULL);
}

static int module_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct state *m = state;

	*maps = &m->map;
	*n = 1;
	return ecap_bpf_events_map(m->ctx, m->object, sizeof(struct record), &m->map);
}

/* Puts the probe into one file: those that are mapped now, and later ones as they come. */
static int attach(void *arg, const struct ecap_target *target)
{
	struct state *m = arg;
	const struct ecap_elf *elf = ecap_elf(m->ctx);
	struct ecap_point point = { .cookie = 0 };
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_file *file;
	int err = elf->open(target->path, &file);

	if (err)
		return ecap_fail(m->ctx, err, "%s: %s", target->shown, strerror(-err));
	err = elf->symbol(file, m->config->function, &symbol);
	if (!err)
		err = elf->offset(file, symbol.addr, &point.offset);
	elf->close(file);
	if (err)
		return ecap_fail(m->ctx, err, "%s: function %s: %s", target->shown,
				 m->config->function, strerror(-err));
	ecap_log(m->ctx, ECAP_LOG_INFO, "%s: %s", target->shown, m->config->function);
	return ecap_bpf_probes(m->ctx, m->object, "function_called", ECAP_AT_ENTRY, target->path,
			       &point, 1, &m->links);
}

static int module_start(void *state)
{
	struct state *m = state;
	const char *const names[] = { m->config->library, NULL };
	const struct ecap_target_spec spec = {
		.struct_size = sizeof(spec), .pid = m->ctx->common->pid,
		.path = strchr(m->config->library, '/') ? m->config->library : NULL,
		.libraries = names,
	};
	const struct ecap_targets *targets = ecap_targets(m->ctx);
	int n = targets->find(m->ctx->self, &spec, attach, m);

	if (n < 0)
		ecap_links_cut(&m->links, 0);
	if (n < 0 || spec.path)
		return n < 0 ? n : 0;
	if (targets->watch(m->ctx->self, &spec, attach, m))
		ecap_log(m->ctx, ECAP_LOG_WARN, "programs that bring a %s of their own and start "
			 "from now on are not seen", m->config->library);
	return 0;
}

static int module_stop(void *state)
{
	ecap_links_cut(&((struct state *)state)->links, 0);
	return 0;
}

static void module_close(void *state)
{
	struct state *m = state;

	ecap_links_cut(&m->links, 0);
	bpf_object__close(m->object);
	free(m);
}

/* A record is what another program made: trust nothing in it. */
static int module_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
			 struct ecap_event *ev)
{
	struct state *m = state;
	const struct record *r = rec;
	const char *string = (const char *)(r + 1);

	(void)map_id;
	if (len < sizeof(*r) || len - sizeof(*r) <= r->len || string[r->len])
		return -EINVAL;
	ecap_event_task(ev, r);
	ev->kind = "call";
	m->fields[1].str = string;
	ev->fields = m->fields;
	ev->n_fields = ECAP_COUNT(m->fields);
	return 1;
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops),
	.init = module_init, .load = module_load, .maps = module_maps,
	.start = module_start, .stop = module_stop, .close = module_close,
	.decode = module_decode,
};

static const struct ecap_option options[] = {
	ECAP_OPT(struct config, library, ECAP_OPT_STRING, "library", .metavar = "NAME",
		 .def = "libc.so.6", .help = "file name of the library, or path of a file"),
	ECAP_OPT(struct config, function, ECAP_OPT_STRING, "function", .metavar = "NAME",
		 .def = "getaddrinfo", .help = "which of its functions"),
	ECAP_OPT(struct config, argument, ECAP_OPT_U32, "argument", .metavar = "N", .def = "1",
		 .min = 1, .max = 5, .help = "which of its arguments is the string"),
};

static const char *const services[] = { ECAP_ELF_SERVICE, ECAP_TARGETS_SERVICE, NULL };

ECAP_MODULE(
	.name = "mymodule", .command = "mymodule", .version = "0.1.0", .license = "Apache-2.0",
	.summary = "a string that programs pass to a function of a library",
	.examples = "  ecapture mymodule\n  ecapture mymodule --function getenv --comm sh",
	.services = services, .ops = &ops,
	.options = options, .n_options = ECAP_COUNT(options),
	.config_size = sizeof(struct config),
	.bpf = objects, .n_bpf = ECAP_COUNT(objects));
