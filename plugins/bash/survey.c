/* SPDX-License-Identifier: Apache-2.0 */
/* What can be captured in a file that may be a bash, or a libreadline: "ecapture modules probe". */
#include "hooks.h"

#include <stdio.h>

static const char *const sources[] = {
	[ECAP_ELF_FROM_DYNSYM] = "symbol in .dynsym",
	[ECAP_ELF_FROM_SYMTAB] = "symbol in .symtab",
	[ECAP_ELF_FROM_DEBUGFILE] = "symbol in its debug file",
	[ECAP_ELF_FROM_DEBUGDATA] = "symbol in .gnu_debugdata",
};

static int tell_place(const struct ecap_context *ctx, const struct bash_hook *hook,
		      const struct bash_place *place)
{
	const uint32_t source = place->found.source;
	const struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_PLACE, .what = hook->what,
		.text = source && source < ECAP_COUNT(sources) ? sources[source] : "symbol",
		.function = place->symbol, .insn = place->site.insn,
		.emulated = place->site.emulated, .addr = place->site.addr,
		.offset = place->site.offset,
	};

	return ctx->host->finding(ctx->self, &finding);
}

static int tell_missing(const struct ecap_context *ctx, const char *what, const char *why)
{
	const struct ecap_finding finding = {
		.struct_size = sizeof(finding), .kind = ECAP_FINDING_MISSING, .what = what,
		.text = why,
	};

	return ctx->host->finding(ctx->self, &finding);
}

static int survey_hook(const struct ecap_context *ctx, const struct ecap_elf *elf,
		       struct ecap_elf_file *file, const struct bash_hook *hook)
{
	struct bash_place place;
	char why[160];

	if (!bash_find_hook(elf, file, hook, &place))
		return tell_place(ctx, hook, &place);
	snprintf(why, sizeof(why), "no function %s%s%s", hook->symbol, hook->other ? " or " : "",
		 hook->other ? hook->other : "");
	return tell_missing(ctx, hook->what, why);
}

/* 1 when the file has one of the hooks. */
static int has_any(const struct ecap_elf *elf, struct ecap_elf_file *file,
		   const struct bash_hook *hooks, uint32_t n)
{
	struct bash_place place;

	for (uint32_t i = 0; i < n; i++)
		if (!bash_find_hook(elf, file, &hooks[i], &place))
			return 1;
	return 0;
}

/* A bash may leave the reading of lines to a libreadline, which has nothing of bash. */
static int survey_file(const struct ecap_context *ctx, const struct ecap_elf *elf,
		       struct ecap_elf_file *file)
{
	int bash = has_any(elf, file, bash_hooks, BASH_N_HOOKS), err = 0;

	if (!bash && !has_any(elf, file, bash_readline_hooks, BASH_N_READLINE_HOOKS))
		return tell_missing(ctx, "commands", "neither a bash nor a libreadline: no function "
				    "execute_command, and no readline");
	for (uint32_t i = 0; i < BASH_N_READLINE_HOOKS && !err; i++)
		err = survey_hook(ctx, elf, file, &bash_readline_hooks[i]);
	for (uint32_t i = 0; bash && i < BASH_N_HOOKS && !err; i++)
		err = survey_hook(ctx, elf, file, &bash_hooks[i]);
	return err;
}

int bash_survey(const struct ecap_context *ctx, const struct ecap_target *target)
{
	const struct ecap_elf *elf = ecap_elf(ctx);
	struct ecap_elf_file *file;
	int err = elf->open(target->path, &file);

	if (err)
		return ecap_fail(ctx, err, "%s: no ELF file that can be read", target->shown);
	err = survey_file(ctx, elf, file);
	elf->close(file);
	return err;
}
