/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules inspect: all that a module's descriptor says, in text. The file is read and
 * nothing of it is run, so it may be anybody's; what cannot be read is left out.
 */
#include <string.h>

#include "commands/command.h"
#include "commands/examine.h"
#include "commands/inspect.h"
#include "commands/shown.h"
#include "err.h"
#include "options_internal.h"
#include "render.h"
#include "util.h"

struct inspect_config {
	uint8_t json;
};

static const char *const type_names[] = {
	[ECAP_OPT_BOOL] = "bool", [ECAP_OPT_U32] = "u32", [ECAP_OPT_U64] = "u64",
	[ECAP_OPT_SIZE] = "size", [ECAP_OPT_DURATION] = "duration", [ECAP_OPT_STRING] = "string",
	[ECAP_OPT_PATH] = "path", [ECAP_OPT_ENUM] = "enum", [ECAP_OPT_IFNAME] = "ifname",
	[ECAP_OPT_REST] = "rest", [ECAP_OPT_LIST] = "list",
};

const char *ecap_inspect_type(const struct ecap_option *row, char *text)
{
	if (row->type < ARRAY_SIZE(type_names) && type_names[row->type])
		return type_names[row->type];
	snprintf(text, 16, "type %u", row->type);
	return text;
}

static const struct {
	uint32_t flag;
	const char *name;
} flags[] = {
	{ ECAP_OPT_REQUIRED, "required" }, { ECAP_OPT_RUNTIME, "runtime" },
	{ ECAP_OPT_HIDDEN, "hidden" }, { ECAP_OPT_DEPRECATED, "deprecated" },
	{ ECAP_OPT_SECRET, "secret" }, { ECAP_OPT_MUST_EXIST, "must-exist" },
};

const char *ecap_inspect_flag(uint32_t bit, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].flag == UINT32_C(1) << bit)
			return flags[i].name;
	snprintf(text, 16, "flag-%u", bit);
	return text;
}

/* The names of the bits that are set, each by @name, with @between them. */
static char *join_bits(uint64_t bits, const char *between,
		       const char *(*name)(uint32_t bit, char *text))
{
	char *text = NULL, number[32];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *before = "";

	if (!out)
		return NULL;
	for (uint32_t bit = 0; bit < 64; bit++) {
		if (!(bits >> bit & 1))
			continue;
		fprintf(out, "%s%s", before, name(bit, number));
		before = between;
	}
	fclose(out);
	return text;
}

static char *join_list(const char *const *list, uint32_t n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (uint32_t i = 0; out && i < n; i++)
		fprintf(out, "%s%s", i ? ", " : "", list[i]);
	if (out)
		fclose(out);
	return text;
}

static const char *operation_name(uint32_t bit, char *text)
{
	(void)text;
	return ecap_desc_operation(bit);
}

static void columns_freep(struct ecap_columns **columns)
{
	ecap_columns_free(*columns);
}

static void add_fact(struct ecap_columns *columns, const char *what, const char *text)
{
	if (text && *text)
		ecap_columns_add(columns, (const char *const[]){ what, text });
}

static void add_abi(struct ecap_columns *columns, const struct ecap_module *m)
{
	char text[96];

	snprintf(text, sizeof(text), "built with %u.%u, needs %u.%u; this ecapture offers %d.%d",
		 m->abi_major, m->abi_minor, m->abi_major, m->abi_target, ECAP_ABI_MAJOR,
		 ECAP_ABI_MINOR);
	add_fact(columns, "ABI", text);
}

static int print_facts(const struct ecap_examined *examined)
{
	const struct ecap_desc *desc = ecap_examined_desc(examined);
	const struct ecap_module *m = &desc->module;
	_cleanup_(columns_freep) struct ecap_columns *columns = ecap_columns_new(NULL, 2);
	_cleanup_free_ char *services = join_list(m->services, desc->n_services);
	_cleanup_free_ char *operations = join_bits(desc->ops_set, ", ", operation_name);

	add_fact(columns, "name", m->name);
	add_fact(columns, "file", examined->path);
	add_fact(columns, "command", m->command);
	add_fact(columns, "aliases", m->aliases);
	add_fact(columns, "version", m->version);
	add_abi(columns, m);
	add_fact(columns, "licence", m->license);
	add_fact(columns, "author", m->author);
	add_fact(columns, "url", m->url);
	add_fact(columns, "summary", m->summary);
	add_fact(columns, "targets", m->targets);
	add_fact(columns, "services", services);
	add_fact(columns, "operations", operations);
	return ecap_columns_print(columns, stdout, 0);
}

static void print_paragraph(const char *heading, const char *text)
{
	if (!text || !*text)
		return;
	printf("\n%s:\n", heading);
	ecap_shown_lines(stdout, text, 2);
}

char *ecap_inspect_range(const struct ecap_option *row)
{
	char *text = NULL;

	/* of a type that is not known, nothing can be said */
	if (!ecap_value_size(row->type) || !ecap_value_bounded(row))
		return NULL;
	if (asprintf(&text, "%s to %s",
		     ecap_value_format(row, row->min > 0 ? (uint64_t)row->min : 0).s,
		     ecap_value_format(row, (uint64_t)row->max).s) < 0)
		return NULL;
	return text;
}

static void add_option(struct ecap_columns *columns, const struct ecap_option *row)
{
	char flag[80], letter[3] = { '-', row->short_name, 0 }, type[16];
	_cleanup_free_ char *range = ecap_inspect_range(row);
	_cleanup_free_ char *words = join_bits(row->flags, ", ", ecap_inspect_flag);

	snprintf(flag, sizeof(flag), "%s%s", row->type == ECAP_OPT_REST ? "" : "--",
		 row->name ? row->name : "?");
	const char *const cells[] = {
		flag, row->short_name ? letter : NULL, row->alias, ecap_inspect_type(row, type),
		row->metavar, row->flags & ECAP_OPT_SECRET ? NULL : row->def, row->choices, range,
		words, row->group, row->help,
	};

	ecap_columns_add(columns, cells);
}

static int print_options(const char *of, const struct ecap_option *options, uint32_t n,
			 uint32_t config_size)
{
	static const char *const headings[] = {
		"FLAG", "SHORT", "ALIAS", "TYPE", "VALUE", "DEFAULT", "CHOICES", "RANGE", "FLAGS",
		"GROUP", "HELP",
	};
	_cleanup_(columns_freep) struct ecap_columns *columns =
		ecap_columns_new(headings, ARRAY_SIZE(headings));

	if (!n)
		return 0;
	printf("\nOptions%s, a config of %u bytes:\n", of, config_size);
	for (uint32_t i = 0; i < n; i++)
		add_option(columns, &options[i]);
	return ecap_columns_print(columns, stdout, 2);
}

static void print_docs(const struct ecap_option *options, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = options[i].name ? ecap_shown_line(options[i].name)
							    : NULL;

		if (!options[i].doc || !name)
			continue;
		printf("\nOn --%s:\n", name);
		ecap_shown_lines(stdout, options[i].doc, 2);
	}
}

static int print_named(const struct ecap_module *m)
{
	_cleanup_free_ char *word = m->named ? ecap_shown_line(m->named) : NULL;
	char of[160];
	int err;

	if (!word)
		return 0;
	print_paragraph("Named sections", m->named_help);
	snprintf(of, sizeof(of), " of sections named by \"%.100s\"", word);
	err = print_options(of, m->named_options, m->n_named_options, m->named_size);
	print_docs(m->named_options, m->n_named_options);
	return err;
}

static int print_bpf(const struct ecap_examined *examined)
{
	static const char *const headings[] = { "NAME", "VARIANT", "SIZE", "SHA-256", "NEEDS" };
	_cleanup_(columns_freep) struct ecap_columns *columns =
		ecap_columns_new(headings, ARRAY_SIZE(headings));
	const struct ecap_desc *desc = ecap_examined_desc(examined);

	if (!desc->module.n_bpf)
		return 0;
	printf("\nBPF objects, the first that fits is used:\n");
	for (uint32_t i = 0; i < desc->module.n_bpf; i++) {
		const struct ecap_desc_bpf *bpf = &desc->bpf[i];
		_cleanup_free_ char *needs = join_bits(ecap_module_bpf_needs(bpf), ", ",
						       ecap_examined_feature);
		char size[24], hex[65], variant[16];

		snprintf(size, sizeof(size), "%llu", (unsigned long long)bpf->size);
		ecap_examined_sha256(examined, bpf, hex);
		const char *const cells[] = {
			bpf->name, ecap_examined_variant(bpf, variant), size, hex, needs,
		};

		ecap_columns_add(columns, cells);
	}
	return ecap_columns_print(columns, stdout, 2);
}

static void print_faults(const struct ecap_examined *examined)
{
	const char *before = "\nNot usable:\n";

	for (enum ecap_check check = 0; check < ECAP_N_CHECKS; check++) {
		if (examined->result[check] >= 0 || !examined->reason[check])
			continue;
		fputs(before, stdout);
		before = "";
		ecap_shown_lines(stdout, examined->reason[check], 2);
	}
	if (!*before || !examined->file.same_name)
		return;
	printf("\nNot used, a module of that name comes first:\n");
	ecap_shown_lines(stdout, examined->file.same_name->path, 2);
}

static int print_text(const struct ecap_examined *examined)
{
	const struct ecap_module *m = &ecap_examined_desc(examined)->module;
	int err = print_facts(examined);

	print_paragraph("Description", m->description);
	print_paragraph("Examples", m->examples);
	if (!err)
		err = print_options("", m->options, m->n_options, m->config_size);
	print_docs(m->options, m->n_options);
	if (!err)
		err = print_named(m);
	if (!err)
		err = print_bpf(examined);
	print_faults(examined);
	return err ? err : ecap_shown_end();
}

static int inspect(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);
	const struct inspect_config *own = config;
	const struct ecap_module_host host = { .catalog = line->catalog };
	_cleanup_(ecap_examined_free) struct ecap_examined examined = { 0 };
	int err = ecap_examine(line->catalog, line->words[0], &host, ECAP_CHECK_WORDS, &examined);

	if (!err && !ecap_examined_desc(&examined))
		err = ecap_err(-ENOEXEC, "%s", examined.error);
	if (!err && (own->json || common->output == ECAP_FORMAT_JSON))
		err = ecap_shown_print_json(ecap_inspect_json(&examined));
	else if (!err)
		err = print_text(&examined);
	return err ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
}

static const struct ecap_option rows[] = {
	ECAP_OPT(struct inspect_config, json, ECAP_OPT_BOOL, "json", .help = "as --output json"),
};

const struct ecap_command ecap_modules_inspect = {
	.name = "inspect", .arguments = "FILE|NAME",
	.summary = "all that a module says of itself; nothing of it is run",
	.rows = rows, .n_rows = ARRAY_SIZE(rows), .config_size = sizeof(struct inspect_config),
	.min_words = 1, .max_words = 1, .run = inspect,
};
