/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bash module: what is typed into interactive shells, with the status it ended with. Lines
 * and statuses come as records of their own; dispatch() joins them, so that a command of many
 * lines is one event.
 */
#include <ecapture/libbpf.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

#include "bash_record.h"
#include "hooks.h"
#include "lines.h"

ECAP_BPF_OBJECT(storage_object, "bash.storage.o");
ECAP_BPF_OBJECT(noncore_object, "bash.noncore.o");

static const struct ecap_bpf objects[] = {
	{ .name = "bash.storage", .data = storage_object, .end = storage_object_end,
	  .variant = ECAP_BTF_CORE, .features = ECAP_BPF_NEEDS_STORAGE },
	{ .name = "bash.noncore", .data = noncore_object, .end = noncore_object_end,
	  .variant = ECAP_BTF_NONCORE, .features = ECAP_BPF_NEEDS_NONCORE },
};

/* --errnumber: this value shows every command, as in the Go tool. */
#define ANY_STATUS 128

/* A status that is not known: the command never ran (a syntax error, ^C while typing). */
#define NO_STATUS (-1)

struct bash_config {
	const char *bash, *readlineso;
	uint32_t errnumber;
};

struct bash {
	const struct ecap_context *ctx;
	const struct bash_config *config;
	struct bpf_object *object;
	struct ecap_links links;
	struct ecap_map map;
	struct bash_lines *lines; /* [reader] */
};

static int bash_init(const struct ecap_context *ctx, void **state)
{
	struct bash *m = calloc(1, sizeof(*m));

	if (!m)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	m->ctx = ctx;
	m->config = ctx->config;
	*state = m;
	return 0;
}

static int bash_load(void *state)
{
	struct bash *m = state;
	int err = ecap_bpf_open(m->ctx, objects, NULL, &m->object);

	if (!err)
		err = ecap_bpf_set_events(m->ctx, m->object);
	if (!err)
		err = ecap_bpf_set_filter(m->ctx, m->object);
	return err ? err : ecap_bpf_load(m->ctx, m->object, NULL);
}

static int bash_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct bash *m = state;
	int err = ecap_bpf_events_map(m->ctx, m->object, sizeof(struct bash_record), &m->map);

	if (err)
		return err;
	*maps = &m->map;
	*n = 1;
	return 0;
}

static int attach_hook(struct bash *m, struct ecap_elf_file *file,
		       const struct ecap_target *target, const struct bash_hook *hook)
{
	struct bash_place place;
	struct ecap_point point = {};
	int err = bash_find_hook(ecap_elf(m->ctx), file, hook, &place);

	if (err == -ENOENT && hook->optional)
		return 0;
	if (err)
		return ecap_fail(m->ctx, err, "%s: no function %s", target->shown, hook->symbol);
	ecap_log(m->ctx, ECAP_LOG_DEBUG, "%s: %s at file offset 0x%llx, probe on \"%s\"",
		 target->shown, place.symbol, (unsigned long long)place.site.offset,
		 place.site.insn);
	point.offset = place.site.offset;
	return ecap_bpf_probes(m->ctx, m->object, hook->program, hook->where, target->path, &point,
			       1, &m->links);
}

static int attach_hooks(struct bash *m, const struct ecap_target *target,
			const struct bash_hook *hooks, uint32_t n)
{
	const struct ecap_elf *elf = ecap_elf(m->ctx);
	struct ecap_elf_file *file;
	int err = elf->open(target->path, &file);

	if (err)
		return ecap_fail(m->ctx, err, "%s: no ELF file that can be read", target->shown);
	for (uint32_t i = 0; i < n && !err; i++)
		err = attach_hook(m, file, target, &hooks[i]);
	elf->close(file);
	return err;
}

/* 1 when the file has readline() itself. */
static int has_readline(struct bash *m, const struct ecap_target *target)
{
	const struct ecap_elf *elf = ecap_elf(m->ctx);
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };
	struct ecap_elf_file *file;
	int has;

	if (elf->open(target->path, &file))
		return 0;
	has = !elf->symbol(file, "readline", &symbol);
	elf->close(file);
	return has;
}

static int on_readline(void *arg, const struct ecap_target *target)
{
	return attach_hooks(arg, target, bash_readline_hooks, BASH_N_READLINE_HOOKS);
}

static const char *const readline_names[] = { "libreadline.so*", NULL };

static int find_readline(struct bash *m)
{
	const struct ecap_target_spec spec = {
		.struct_size = sizeof(spec), .pid = ECAP_ANY, .path = m->config->readlineso,
		.libraries = readline_names,
	};
	int n = ecap_targets(m->ctx)->find(m->ctx->self, &spec, on_readline, m);

	if (n)
		return n < 0 ? n : 0;
	return ecap_fail(m->ctx, -ENOENT, "bash has no readline() of its own, and no libreadline.so "
			 "was found; name one by --readlineso");
}

static int on_bash(void *arg, const struct ecap_target *target)
{
	struct bash *m = arg;
	int err = attach_hooks(m, target, bash_hooks, BASH_N_HOOKS);

	if (err)
		return err;
	if (!m->config->readlineso && has_readline(m, target))
		return attach_hooks(m, target, bash_readline_hooks, BASH_N_READLINE_HOOKS);
	return find_readline(m);
}

/* The shell of the user, when it is a bash. */
static const char *usual_bash(void)
{
	const char *shell = getenv("SHELL"), *name = shell ? strrchr(shell, '/') : NULL;

	return name && !strcmp(name, "/bash") ? shell : "/bin/bash";
}

static int bash_start(void *state)
{
	struct bash *m = state;
	const struct ecap_target_spec spec = {
		.struct_size = sizeof(spec), .pid = ECAP_ANY,
		.path = m->config->bash ? m->config->bash : usual_bash(),
	};
	int n = ecap_targets(m->ctx)->find(m->ctx->self, &spec, on_bash, m);

	if (n < 0)
		ecap_links_cut(&m->links, 0);
	return n < 0 ? n : 0;
}

static int bash_stop(void *state)
{
	ecap_links_cut(&((struct bash *)state)->links, 0);
	return 0;
}

static void bash_close(void *state)
{
	struct bash *m = state;

	ecap_links_cut(&m->links, 0);
	bpf_object__close(m->object);
	bash_lines_free(&m->lines);
	free(m);
}

static int bash_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		       struct ecap_event *ev)
{
	const struct bash_record *r = rec;

	(void)state, (void)map_id;
	if (len < sizeof(*r) || len - sizeof(*r) < r->len)
		return -EINVAL;
	ev->dest = ECAP_DEST_MODULE;
	ev->kind = "command";
	ecap_event_task(ev, r);
	ev->priv = (void *)(uintptr_t)rec;
	return 1;
}

/* Hands the shell's command on, when it has one and its status is wanted. */
static int emit_command(struct bash *m, const struct ecap_event *from, int status)
{
	char *command = bash_lines_take(&m->lines, from->pid);
	struct ecap_field fields[] = {
		{ .name = "command", .str = command },
		{ .name = "status", .num = (uint64_t)status },
	};
	struct ecap_event ev = *from;
	int wanted = m->config->errnumber == ANY_STATUS ||
		     (int)m->config->errnumber == status;
	int err = 0;

	if (command && *command && wanted) {
		ev.dest = ECAP_DEST_OUTPUT;
		ev.fields = fields;
		ev.n_fields = status == NO_STATUS ? 1 : 2;
		ev.priv = NULL;
		err = m->ctx->host->emit(m->ctx->self, &ev);
	}
	free(command);
	return err;
}

static int bash_dispatch(void *state, struct ecap_event *ev)
{
	struct bash *m = state;
	const struct bash_record *r = ev->priv;

	switch (r->type) {
	case BASH_RECORD_LINE:
		return bash_lines_add(&m->lines, r->pid, (const char *)(r + 1), r->len,
				      (int)r->first);
	case BASH_RECORD_BEGIN:
		return emit_command(m, ev, NO_STATUS);
	case BASH_RECORD_STATUS:
	case BASH_RECORD_EXIT:
		return emit_command(m, ev, r->status);
	default:
		return -EINVAL;
	}
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops),
	.init = bash_init,
	.load = bash_load,
	.maps = bash_maps,
	.start = bash_start,
	.stop = bash_stop,
	.close = bash_close,
	.decode = bash_decode,
	.dispatch = bash_dispatch,
	.survey = bash_survey,
};

#define OPT(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct bash_config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option options[] = {
	OPT(bash, ECAP_OPT_PATH, "bash", .metavar = "FILE", .flags = ECAP_OPT_MUST_EXIST,
	    .group = "Target", .help = "the bash to watch; default: $SHELL when it is a bash, else /bin/bash"),
	OPT(readlineso, ECAP_OPT_PATH, "readlineso", .metavar = "FILE",
	    .flags = ECAP_OPT_MUST_EXIST, .group = "Target",
	    .help = "the libreadline that it uses; default: its own, else found by ld.so.cache"),
	OPT(errnumber, ECAP_OPT_U32, "errnumber", .short_name = 'e', .metavar = "N", .def = "128",
	    .min = 0, .max = 255, .group = "What to show",
	    .help = "only commands that ended with this status; 128: all"),
};

static const char *const services[] = { ECAP_ELF_SERVICE, ECAP_TARGETS_SERVICE, NULL };

ECAP_MODULE(
	.name = "bash", .command = "bash", .version = "0.1.0", .license = "Apache-2.0",
	.summary = "commands typed into bash",
	.description = "Shows each command of interactive shells, with the status that it ended with.",
	.examples = "  ecapture bash\n  ecapture bash -e 1 -o json",
	.targets = "bash, libreadline.so",
	.services = services, .ops = &ops,
	.options = options, .n_options = ECAP_COUNT(options),
	.config_size = sizeof(struct bash_config),
	.bpf = objects, .n_bpf = ECAP_COUNT(objects));
