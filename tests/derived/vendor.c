/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module as somebody else may write one: options of every type and bound, and texts that mean
 * something to roff, to shells, to ini files and to terminals. Nothing of it is ever run.
 */
#include <ecapture/module.h>

#define NASTY "\n.so /etc/passwd\n'br \\fB\\n(.H \"$(touch pwned)\" `id` ;x #\n\n[tls]\nx = y\n  .z"

/* Any BPF object: the reader of descriptors wants one. */
ECAP_BPF_OBJECT(object, OBJECT);
static const struct ecap_bpf objects[] = {
	{ .name = "vendor", .data = object, .end = object_end, .variant = ECAP_BTF_NONCORE },
};

struct vendor_config {
	uint64_t u64, u64_bound, bytes, bytes_bound, time, time_bound;
	const char *text, *secret, *path, *there, *dir, *device, *words;
	const char *const *files, *const *list;
	uint32_t u32, u32_bound, choice, nasty;
	uint8_t flag, on, old, hidden;
};

static int step(void *state)
{
	return state ? 0 : -1;
}

static int init(const struct ecap_context *ctx, void **state)
{
	*state = (void *)ctx;
	return 0;
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
	(void)rec;
	ev->tid = map_id + len;
	return step(state);
}

static const struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = init, .load = step, .maps = maps, .start = step,
	.close = end, .decode = decode,
};

#define OPT(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct vendor_config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option options[] = {
	OPT(u32, ECAP_OPT_U32, "u32", .help = "any number of 32 bits"),
	OPT(u32_bound, ECAP_OPT_U32, "u32-bound", .alias = "bound32", .short_name = 'n', .def = "0x10",
	    .min = 7, .max = 1203, .help = "a number"),
	OPT(u64, ECAP_OPT_U64, "u64", .def = "18446744073709551615", .help = "any number"),
	OPT(u64_bound, ECAP_OPT_U64, "u64-bound", .min = 1, .max = 4194304, .def = "1"),
	OPT(bytes, ECAP_OPT_SIZE, "bytes", .help = "any size", .group = "Sizes"),
	OPT(bytes_bound, ECAP_OPT_SIZE, "bytes-bound", .min = 4096, .max = 3 << 20, .def = "64K",
	    .help = "a size", .group = "Sizes"),
	OPT(time, ECAP_OPT_DURATION, "time", .def = "10ms", .help = "any time", .group = "Sizes"),
	OPT(time_bound, ECAP_OPT_DURATION, "time-bound", .min = 1500000, .max = 90000000000,
	    .def = "1500us", .help = "a time", .flags = ECAP_OPT_RUNTIME, .group = "Sizes"),
	OPT(flag, ECAP_OPT_BOOL, "flag", .short_name = 'f', .help = "a switch"),
	OPT(on, ECAP_OPT_BOOL, "on", .def = "on", .help = "a switch that is on"),
	OPT(old, ECAP_OPT_BOOL, "old", .flags = ECAP_OPT_DEPRECATED, .help = "use --on"),
	OPT(hidden, ECAP_OPT_BOOL, "hidden", .flags = ECAP_OPT_HIDDEN, .help = "not for everybody"),
	OPT(choice, ECAP_OPT_ENUM, "choice", .choices = "red|green|blue", .def = "green",
	    .alias = "colour", .short_name = 'c', .help = "a colour"),
	OPT(nasty, ECAP_OPT_ENUM, "nasty", .choices = "a b|$(touch pwned)|`id`|\"q\"|b ;c|-x|.y|a b",
	    .def = "b ;c", .metavar = "\"[;#\\", .group = NASTY, .help = NASTY, .doc = NASTY),
	OPT(text, ECAP_OPT_STRING, "text", .def = " padded ", .help = "a text"),
	OPT(secret, ECAP_OPT_STRING, "secret", .def = "xyzzy", .flags = ECAP_OPT_SECRET,
	    .help = "a password"),
	OPT(path, ECAP_OPT_PATH, "path", .metavar = "FILE", .help = "a file"),
	OPT(there, ECAP_OPT_PATH, "there", .metavar = "FILE", .flags = ECAP_OPT_MUST_EXIST,
	    .help = "a file that is there", .doc = "A paragraph about it.\n\nAnd one more."),
	OPT(dir, ECAP_OPT_PATH, "dir", .metavar = "DIR", .def = "/", .help = "a directory"),
	OPT(device, ECAP_OPT_IFNAME, "device", .short_name = 'i', .help = "a device"),
	OPT(list, ECAP_OPT_LIST, "list", .help = "texts"),
	OPT(files, ECAP_OPT_LIST, "files", .metavar = "FILE", .def = "/dev/null", .help = "files"),
#ifdef REQUIRED
	OPT(words, ECAP_OPT_REST, "words", .metavar = "[WORD...]", .help = "what to look for",
	    .flags = ECAP_OPT_REQUIRED, .alias = "needles"),
#else
	OPT(words, ECAP_OPT_REST, "words", .metavar = "[WORD...]", .help = "what to look for"),
#endif
};

ECAP_MODULE(.name = "vendor", .command = "ven-dor", .aliases = "acme,v_2",
	    .version = "1.0" NASTY, .summary = "a module of a vendor" NASTY, .description = NASTY,
	    .examples = NASTY, .license = NASTY, .author = NASTY, .url = NASTY, .targets = NASTY,
	    .ops = &ops, .options = options, .n_options = ECAP_COUNT(options),
	    .config_size = sizeof(struct vendor_config), .bpf = objects,
	    .n_bpf = ECAP_COUNT(objects));
