/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that are probed: in bash itself, and in what reads its lines. */
#ifndef BASH_HOOKS_H
#define BASH_HOOKS_H

#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

/* By name, in bash itself, or in libreadline where bash has no copy of it. */
struct bash_hook {
	const char *symbol, *other; /* the other where the file lacks the first */
	const char *program;
	const char *what;           /* is seen there */
	uint32_t n_args, where;     /* ECAP_AT_ENTRY or ECAP_AT_RETURN */
	int optional;
};

#define BASH_N_READLINE_HOOKS 1u
#define BASH_N_HOOKS          4u

extern const struct bash_hook bash_readline_hooks[BASH_N_READLINE_HOOKS];
extern const struct bash_hook bash_hooks[BASH_N_HOOKS];

/* Where a hook is to be probed in a file. */
struct bash_place {
	const char *symbol; /* the name that the file has */
	struct ecap_elf_symbol found;
	struct ecap_site site;
};

/* -ENOENT: the file has no such function. */
int bash_find_hook(const struct ecap_elf *elf, struct ecap_elf_file *file,
		   const struct bash_hook *hook, struct bash_place *place);

/* survey() of the module. */
int bash_survey(const struct ecap_context *ctx, const struct ecap_target *target);

#endif
