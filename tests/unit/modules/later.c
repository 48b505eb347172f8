/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of a later minor: each struct and row is longer. MINOR is what it is built with,
 * TARGET what it runs on. With MAJOR, one of another major. NEW_MODULE, NEW_OPS, NEW_OPTION
 * and NEW_BPF set the new member of one of them.
 */
#include <ecapture/module.h>

#include <stdlib.h>

#ifndef MINOR
#define MINOR 7
#endif
#ifndef TARGET
#define TARGET 0
#endif
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef NEW_MODULE
#define NEW_MODULE NULL
#endif
#ifndef NEW_OPS
#define NEW_OPS NULL
#endif
#ifndef NEW_OPTION
#define NEW_OPTION 0
#endif
#ifndef NEW_BPF
#define NEW_BPF 0
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define SYMBOL      JOIN(ecapture_module_, MAJOR)

struct later_module {
	struct ecap_module now;
	const char *new_text;
	uint64_t new_number;
};

struct later_ops {
	struct ecap_ops now;
	int (*new_operation)(void *state);
};

struct later_option {
	struct ecap_option now;
	uint64_t new_number;
};

struct later_bpf {
	struct ecap_bpf now;
	uint64_t new_number;
};

struct later_config {
	uint32_t first, second;
};

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

static int decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		  struct ecap_event *ev)
{
	(void)state;
	(void)rec;
	ev->tid = map_id + len;
	return 0;
}

static const struct later_ops ops = {
	{ .struct_size = sizeof(ops), .init = init, .load = step, .maps = maps, .start = step,
	  .close = free, .decode = decode },
	NEW_OPS,
};

static const struct later_option options[] = {
	{ ECAP_OPT(struct later_config, first, ECAP_OPT_U32, "first", .help = "the first"), 0 },
	{ ECAP_OPT(struct later_config, second, ECAP_OPT_U32, "second", .def = "2",
		   .help = "the second"), NEW_OPTION },
};

ECAP_BPF_OBJECT(object, "object.o");
static const struct later_bpf bpf[] = {
	{ { "first", object, object_end, 0, ECAP_BTF_NONCORE, 0 }, 0 },
	{ { "second", object, object_end, 1, ECAP_BTF_CORE, 0 }, NEW_BPF },
};

extern ECAP_EXPORT const struct later_module SYMBOL;
const struct later_module SYMBOL = {
	{ .struct_size = sizeof(SYMBOL), .abi_major = MAJOR, .abi_minor = MINOR,
	  .abi_target = TARGET, .config_size = sizeof(struct later_config), .name = "later",
	  .command = "later", .version = "2.0.0", .summary = "a module of a later minor",
	  .ops = &ops.now, .options = &options[0].now, .n_options = ECAP_COUNT(options),
	  .option_size = sizeof(options[0]), .bpf = &bpf[0].now, .n_bpf = ECAP_COUNT(bpf),
	  .bpf_size = sizeof(bpf[0]), .map_size = sizeof(struct ecap_map),
	  .field_size = sizeof(struct ecap_field) },
	NEW_MODULE, 0,
};
