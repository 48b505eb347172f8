/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that are probed: see hooks.h. */
#include "hooks.h"

#include <ecapture/libbpf.h>

const struct bash_hook bash_readline_hooks[BASH_N_READLINE_HOOKS] = {
	/*
	 * The last thing that readline() calls, with the same result: a shell that waits at its
	 * prompt when we come is already in readline(), whose return we would not see.
	 */
	{ "readline_internal_teardown", "readline", "line_read", "lines typed", 0, ECAP_AT_RETURN, 0 },
};

const struct bash_hook bash_hooks[BASH_N_HOOKS] = {
	{ "execute_command", NULL, "command_ran", "status of a command", 0, ECAP_AT_RETURN, 0 },
	{ "execute_command", NULL, "command_runs", "begin of a command", 0, ECAP_AT_ENTRY, 0 },
	{ "read_command", NULL, "command_begins", "syntax errors", 0, ECAP_AT_ENTRY, 1 },
	{ "exit_shell", NULL, "shell_exits", "end of the shell", 1, ECAP_AT_ENTRY, 1 },
};

int bash_find_hook(const struct ecap_elf *elf, struct ecap_elf_file *file,
		   const struct bash_hook *hook, struct bash_place *place)
{
	int err;

	*place = (struct bash_place){
		.symbol = hook->symbol, .found = { .struct_size = sizeof(place->found) },
		.site = { .struct_size = sizeof(place->site) },
	};
	err = elf->symbol(file, hook->symbol, &place->found);
	if (err && hook->other) {
		place->symbol = hook->other;
		err = elf->symbol(file, hook->other, &place->found);
	}
	return err ? err : elf->site(file, place->found.addr, hook->n_args, &place->site);
}
