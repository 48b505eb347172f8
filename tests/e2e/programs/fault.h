/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the fault module share: see fault.c. */
#ifndef TESTS_E2E_FAULT_H
#define TESTS_E2E_FAULT_H

#include <ecapture/module.h>

struct bpf_object;
struct bpf_program;
struct bpf_link;

struct fault_config {
	const char *in, *fault;
	uint32_t records, at, len;
	uint8_t endless;
};

#define FAULT_MANY_MAPS 300

struct fault {
	const struct ecap_context *ctx;
	const struct fault_config *config;
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_link *link;
	int program_fd;
	const char *record_end;
	struct ecap_map maps[FAULT_MANY_MAPS];
	struct ecap_field fields[2];
	char name[64];
};

/* 1 when there is a lie of this name, which is told: about an event, about the list of maps. */
int fault_lie(struct fault *f, const char *name, struct ecap_event *ev);
int fault_lie_in_maps(struct fault *f, const char *name, const struct ecap_map **maps,
		      uint32_t *n);

#endif
