/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that each shell has read and not run yet. [reader] */
#ifndef BASH_LINES_H
#define BASH_LINES_H

#include <stddef.h>
#include <stdint.h>

struct bash_lines;

/* Adds bytes to the shell's command; @new_line: they begin a line. 0 or -ENOMEM. */
int bash_lines_add(struct bash_lines **list, uint32_t pid, const char *text, size_t len,
		   int new_line);

/* The command of the shell, NUL-ended, or NULL when it has none; the caller frees it. */
char *bash_lines_take(struct bash_lines **list, uint32_t pid);

void bash_lines_free(struct bash_lines **list);

#endif
