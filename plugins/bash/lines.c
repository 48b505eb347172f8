/* SPDX-License-Identifier: Apache-2.0 */
/* Commands under way, one for each shell: a short list, as interactive shells are few. */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bash_lines {
	struct bash_lines *next;
	uint32_t pid;
	size_t len;
	char *text;
};

/* Where the shell's entry hangs, or the end of the list. */
static struct bash_lines **place_of(struct bash_lines **list, uint32_t pid)
{
	while (*list && (*list)->pid != pid)
		list = &(*list)->next;
	return list;
}

int bash_lines_add(struct bash_lines **list, uint32_t pid, const char *text, size_t len,
		   int new_line)
{
	struct bash_lines **place = place_of(list, pid), *lines = *place;
	size_t gap = lines && new_line;
	char *grown;

	if (!lines) {
		lines = calloc(1, sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		lines->pid = pid;
		*place = lines;
	}
	grown = realloc(lines->text, lines->len + gap + len + 1);
	if (!grown)
		return -ENOMEM;
	lines->text = grown;
	if (gap)
		lines->text[lines->len++] = '\n';
	memcpy(lines->text + lines->len, text, len);
	lines->len += len;
	lines->text[lines->len] = 0;
	return 0;
}

char *bash_lines_take(struct bash_lines **list, uint32_t pid)
{
	struct bash_lines **place = place_of(list, pid), *lines = *place;
	char *text;

	if (!lines)
		return NULL;
	text = lines->text;
	*place = lines->next;
	free(lines);
	return text;
}

void bash_lines_free(struct bash_lines **list)
{
	while (*list) {
		struct bash_lines *next = (*list)->next;

		free((*list)->text);
		free(*list);
		*list = next;
	}
}
