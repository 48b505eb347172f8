/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a module's descriptor (struct ecap_module) from its ELF file without dlopen: no code
 * of the module runs. All strings, option rows and lists are copied; pointers to functions
 * stay addresses in the file.
 */
#ifndef ECAPTURE_CORE_DESCRIPTOR_H
#define ECAPTURE_CORE_DESCRIPTOR_H

#include <stdint.h>

#include <ecapture/module.h>

struct ecap_desc_bpf {
	const char *name;
	uint64_t offset, size; /* of the object in the module's file */
	uint64_t features;
	uint32_t variant;
};

struct ecap_desc {
	/*
	 * Pointers lead to memory of the descriptor. ops, options and bpf are replaced by the
	 * members below; module.options and module.n_options lead to rows of today's size.
	 */
	struct ecap_module module;
	uint32_t n_services;
	struct ecap_desc_bpf *bpf; /* module.n_bpf of them */
	const struct ecap_module *row; /* as in the file: addresses there instead of pointers */
	uint64_t addr;             /* of the descriptor in the file */
	uint64_t ops_set;          /* bit i: the i-th operation behind ops.reserved is given */
	void *memory;              /* owns all of the above */
};

/*
 * Reads and checks the descriptor of the module file open at @fd (checks 4 to 9 of the load
 * checks, and of check 10 what concerns the file alone); @path is for messages.
 * Returns 0, or a negative errno with a text that begins with @path.
 */
int ecap_desc_read(int fd, const char *path, struct ecap_desc **desc);
/* Name of the i-th operation behind ops.reserved, as of ops_set. */
const char *ecap_desc_operation(uint32_t i);
void ecap_desc_free(struct ecap_desc *desc);

#endif
