/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that uses every member of the descriptor. The test builds it in many ways:
 * STATIC empty exports its tables, MARK is a file that its constructor makes.
 */
#include <ecapture/module.h>

#include <fcntl.h>
#include <unistd.h>

#ifndef STATIC
#define STATIC static
#endif

struct full_config {
	uint64_t bytes, wait, id;
	const char *file, *text, *rest, *device;
	const char *const *list;
	uint32_t number, model;
	uint8_t on;
};

#ifdef MARK
static void __attribute__((constructor)) mark(void)
{
	int fd = open(MARK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}
#endif

static int init(const struct ecap_context *ctx, void **state)
{
	*state = (void *)ctx;
	return 0;
}

static int step(void *state)
{
	return state ? 0 : -1;
}

static int maps(void *state, const struct ecap_map **list, uint32_t *n)
{
	*list = state;
	*n = 0;
	return 0;
}

static void end(void *state)
{
	(void)state;
}

static int decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		  struct ecap_event *ev)
{
	(void)state;
	(void)rec;
	ev->tid = map_id + len;
	return 0;
}

static int dispatch(void *state, struct ecap_event *ev)
{
	return step(state) + (int)ev->flags;
}

static int reconfigure(void *state, const void *config)
{
	return step(state) + !config;
}

static int survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	(void)ctx;
	return target ? 0 : -1;
}

STATIC const struct ecap_ops full_ops = {
	.struct_size = sizeof(full_ops), .init = init, .load = step, .maps = maps,
	.start = step, .stop = step, .close = end, .decode = decode, .dispatch = dispatch,
	.reconfigure = reconfigure, .survey = survey,
};

STATIC const struct ecap_option full_options[] = {
	ECAP_OPT(struct full_config, bytes, ECAP_OPT_SIZE, "bytes", .def = "64K", .min = 1,
		 .max = 1 << 20, .short_name = 'B', .group = "Sizes", .help = "bytes to keep"),
	ECAP_OPT(struct full_config, model, ECAP_OPT_ENUM, "model", .alias = "mode",
		 .def = "text", .choices = "text|pcap|keylog", .help = "what to make"),
	ECAP_OPT(struct full_config, wait, ECAP_OPT_DURATION, "wait", .def = "10ms",
		 .flags = ECAP_OPT_RUNTIME, .help = "how long to wait"),
	ECAP_OPT(struct full_config, id, ECAP_OPT_U64, "id", .help = "a number"),
	ECAP_OPT(struct full_config, file, ECAP_OPT_PATH, "file", .def = "/nonexistent/file",
		 .flags = ECAP_OPT_MUST_EXIST, .metavar = "FILE", .help = "a file",
		 .doc = "A paragraph about the file.\nIt has two lines."),
	ECAP_OPT(struct full_config, text, ECAP_OPT_STRING, "text", .flags = ECAP_OPT_SECRET,
		 .help = "a secret"),
	ECAP_OPT(struct full_config, rest, ECAP_OPT_REST, "words", .help = "all words"),
	ECAP_OPT(struct full_config, device, ECAP_OPT_IFNAME, "device", .help = "a device"),
	ECAP_OPT(struct full_config, list, ECAP_OPT_LIST, "list", .help = "many"),
	ECAP_OPT(struct full_config, number, ECAP_OPT_U32, "number", .def = "128", .max = 128,
		 .short_name = 'n', .help = "a number"),
	ECAP_OPT(struct full_config, on, ECAP_OPT_BOOL, "on", .flags = ECAP_OPT_HIDDEN,
		 .help = "a switch"),
};

struct full_named {
	uint64_t at;
	const char *word;
};

STATIC const struct ecap_option full_named[] = {
	ECAP_OPT(struct full_named, at, ECAP_OPT_U64, "at", .def = "12", .help = "where"),
	ECAP_OPT(struct full_named, word, ECAP_OPT_STRING, "word", .help = "a word",
		 .doc = "A paragraph about the word."),
};

ECAP_BPF_OBJECT(first, "object.o");
ECAP_BPF_OBJECT(second, "object.o");
STATIC const struct ecap_bpf full_bpf[] = {
	{ "first", first, first_end, ECAP_FEAT_RINGBUF | ECAP_FEAT_UPROBE_MULTI, ECAP_BTF_CORE, 0 },
	{ "second", second, second_end, 0, ECAP_BTF_NONCORE, 0 },
};

STATIC const char *const full_services[] = { "ecap.elf/1", "ecap.targets/1", NULL };

ECAP_MODULE(.name = "full", .command = "fill", .aliases = "openfull,full-alias",
	    .version = "1.2.3", .summary = "a module with everything",
	    .description = "First line.\n\n\tThird line.", .examples = "ecapture fill --on",
	    .license = "Apache-2.0", .author = "somebody", .url = "https://example.org/full",
	    .targets = "libfull.so", .services = full_services, .ops = &full_ops,
	    .options = full_options, .n_options = ECAP_COUNT(full_options),
	    .config_size = sizeof(struct full_config), .bpf = full_bpf,
	    .n_bpf = ECAP_COUNT(full_bpf),
	    .named = "place", .named_help = "where it is", .named_options = full_named,
	    .n_named_options = ECAP_COUNT(full_named), .named_size = sizeof(struct full_named));
