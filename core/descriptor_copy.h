/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of what a descriptor consists of in the file: tables and strings, each with its
 * address. They own the memory of a struct ecap_desc, and once the module is loaded they are
 * what its memory is compared with.
 */
#ifndef ECAPTURE_CORE_DESCRIPTOR_COPY_H
#define ECAPTURE_CORE_DESCRIPTOR_COPY_H

#include "abi_copy.h"
#include "module_reloc.h"

#define ECAP_MAX_STRING 4096u /* bytes of one string, with its NUL */

/* A struct of the SDK and where its pointers are. */
struct ecap_layout {
	const char *name;         /* for messages */
	uint32_t size;            /* today's */
	uint32_t min_size;        /* of ABI 1.0 */
	const uint16_t *pointers; /* offsets; NULL: all words from @code on */
	uint32_t n_pointers;
	uint32_t code;            /* offset of the first of pointers to functions, perhaps of other
				     libraries; 0: they lead to data of the module */
};

struct ecap_copies;

int ecap_copies_new(const struct ecap_module_elf *elf, struct ecap_copies **copies);
void ecap_copies_free(struct ecap_copies *copies);

/* Forgets the file; the copies stay. */
void ecap_copies_detach(struct ecap_copies *copies);

/*
 * Copies a table of @n rows of @stride bytes at @addr. The rows get today's size, members that
 * the module does not have are zero, and each pointer is replaced by the address in the file
 * that it leads to.
 */
int ecap_copy_rows(struct ecap_copies *copies, const struct ecap_layout *layout, uint64_t addr,
		   uint32_t n, uint32_t stride, void **rows);
int ecap_copy_string(struct ecap_copies *copies, uint64_t addr, const char **string);
/* Zeroed memory that is freed with the copies. */
int ecap_copies_room(struct ecap_copies *copies, uint64_t size, void **room);

/* Refuses rows that are longer than today's, when the rest of one is not zero. */
int ecap_copies_check_later(const struct ecap_copies *copies);
/* Refuses texts that are not UTF-8, or that would act on a terminal. */
int ecap_copies_check_texts(const struct ecap_copies *copies);

/*
 * Compares all copies with the memory of the module, which is loaded at @base with these
 * program headers. -ESTALE with a text that names what differs.
 */
int ecap_copies_compare(const struct ecap_copies *copies, uintptr_t base, const Elf64_Phdr *ph,
			uint32_t n_ph);

#endif
