/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest module, with a name, command and aliases from the command line of the compiler,
 * and one deviation at a time.
 */
#include <ecapture/module.h>

#include <stdlib.h>

#ifndef NAME
#define NAME "small"
#endif
#ifndef COMMAND
#define COMMAND NAME
#endif
#ifndef ALIASES
#define ALIASES NULL
#endif

/* PADDING moves the text, and nothing else, to the end of the module. */
#ifndef PADDING
#define PADDING 8
#endif

static struct {
	char padding[PADDING], text[16];
} small_summary = { "padding", "a small module" };

#ifdef UNDEFINED /* a function that no library has */
extern void small_undefined_function(void);
#endif

#ifdef LIBRARY /* the function of tests/unit/modules/library.c */
extern int small_library(void);
#endif

#ifdef TEXTREL /* a pointer between the instructions */
__asm__(".pushsection .text\n.balign 8\n.quad small_pointed\n.popsection\n"
	".pushsection .data\nsmall_pointed: .quad 0\n.popsection\n");
#endif

static int init(const struct ecap_context *ctx, void **state)
{
	*state = (void *)ctx;
#ifdef UNDEFINED
	small_undefined_function();
#endif
#ifdef LIBRARY
	return small_library();
#endif
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

#ifdef CHANGES
#define CONST
#else
#define CONST const
#endif
static CONST struct ecap_ops ops = {
	.struct_size = sizeof(ops), .init = init, .load = step, .maps = maps, .start = step,
	.close = free, /* of another library: known to the dynamic linker only */
	.decode = decode,
};

#ifdef CHANGES /* what the file says is not what the program would see */
static void __attribute__((constructor)) change(void)
{
	CHANGES;
}
#endif

ECAP_BPF_OBJECT(object, "object.o");
static const struct ecap_bpf bpf[] = { { "object", object, object_end, 0, ECAP_BTF_NONCORE, 0 } };

#ifdef FOREIGN /* a text in another library */
extern const char small_foreign_text[];
#define SUMMARY small_foreign_text
#else
#define SUMMARY small_summary.text
#endif

#ifdef OPTION /* an option of this name */
struct small_config {
	uint8_t on;
};

static const struct ecap_option options[] = {
	ECAP_OPT(struct small_config, on, ECAP_OPT_BOOL, OPTION, .help = "a switch"),
};
#define OPTIONS .options = options, .n_options = 1, .config_size = sizeof(struct small_config),
#else
#define OPTIONS
#endif

ECAP_MODULE(OPTIONS .name = NAME, .command = COMMAND, .aliases = ALIASES, .version = "0.1.0",
	    .summary = SUMMARY, .ops = &ops, .bpf = bpf, .n_bpf = ECAP_COUNT(bpf));
