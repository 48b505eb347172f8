/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches the empty probes of empty.bpf.c to one process, at the file offsets given, says
 * "attached" and keeps them until its standard input ends.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int attach(struct bpf_object *object, const char *name, bool at_return, int pid,
		  const char *path, size_t offset)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_link *link = program ? bpf_program__attach_uprobe(program, at_return, pid,
								     path, offset) : NULL;

	/* The link stays open until the process ends. */
	return libbpf_get_error(link) || !link ? -1 : 0;
}

int main(int argc, char **argv)
{
	char byte;

	if (argc < 5) {
		fprintf(stderr, "usage: empty OBJECT PID FILE OFFSET...\n");
		return 2;
	}

	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);

	if (libbpf_get_error(object) || bpf_object__load(object)) {
		fprintf(stderr, "%s does not load\n", argv[1]);
		return 1;
	}
	for (int i = 4; i < argc; i++) {
		size_t offset = strtoull(argv[i], NULL, 0);

		if (attach(object, "at_entry", false, atoi(argv[2]), argv[3], offset) ||
		    attach(object, "at_return", true, atoi(argv[2]), argv[3], offset)) {
			fprintf(stderr, "%s: no probe at %#zx\n", argv[3], offset);
			return 1;
		}
	}
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
