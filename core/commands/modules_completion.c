/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecapture modules completion: the script that makes a shell complete ecapture. And ecapture
 * modules complete: what the script asks while completing.
 */
#include <string.h>

#include "commands/command.h"
#include "commands/shown.h"
#include "complete.h"
#include "err.h"
#include "util.h"

/* The file as it is installed, in constant data. The assembler finds it in the include path. */
#define SCRIPT(NAME, PATH)						\
	extern const char NAME[], NAME##_end[];				\
	__asm__(".pushsection .rodata.completion,\"a\"\n"		\
		".local " #NAME "\n.local " #NAME "_end\n"		\
		#NAME ":\n.incbin \"" PATH "\"\n" #NAME "_end:\n.byte 0\n.popsection\n")

SCRIPT(bash_script, "completion/bash/ecapture");
SCRIPT(zsh_script, "completion/zsh/_ecapture");

static const struct {
	const char *shell, *begin, *end;
} scripts[] = {
	{ "bash", bash_script, bash_script_end },
	{ "zsh", zsh_script, zsh_script_end },
};

static int print_script(struct ecap_command_line *line, const void *config)
{
	(void)config;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		if (strcmp(line->words[0], scripts[i].shell))
			continue;
		fwrite(scripts[i].begin, 1, (size_t)(scripts[i].end - scripts[i].begin), stdout);
		return ecap_shown_end() ? ecap_command_fail("modules", ECAP_EXIT_FAILURE) : 0;
	}
	ecap_err(-EINVAL, "no completion for \"%.32s\"; there are bash and zsh", line->words[0]);
	return ecap_command_fail("modules", ECAP_EXIT_USAGE);
}

const struct ecap_command ecap_modules_completion = {
	.name = "completion", .arguments = "bash|zsh",
	.summary = "what makes a shell complete ecapture", .min_words = 1, .max_words = 1,
	.run = print_script,
};

/* The words of another command line: they are not to be parsed as if they were ours. */
static int complete(struct ecap_command_line *line, const void *config)
{
	int last = line->argc - 1;

	(void)config;
	if (line->argc < 2 || strcmp(line->argv[last - 1], "--")) {
		ecap_err(-EINVAL, "complete wants %s", ecap_modules_complete.arguments);
		return ecap_command_fail("modules", ECAP_EXIT_USAGE);
	}
	line->argc -= 2;
	if (ecap_complete(stdout, line, line->argv[last]))
		return ecap_command_fail("modules", ECAP_EXIT_FAILURE);
	return 0;
}

const struct ecap_command ecap_modules_complete = {
	.name = "complete", .arguments = "[WORD...] -- CURRENT",
	.summary = "what CURRENT may become behind these words: asked by the completion of shells",
	.unparsed = 1, .run = complete,
};
