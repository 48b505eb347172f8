/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dynamic linker will write into a module's data: the bytes of a pointer in the file
 * are not its value, its relocation is.
 */
#ifndef ECAPTURE_CORE_MODULE_RELOC_H
#define ECAPTURE_CORE_MODULE_RELOC_H

#include "module_elf.h"

struct ecap_relocs;

int ecap_relocs_read(const struct ecap_module_elf *elf, struct ecap_relocs **relocs);
void ecap_relocs_free(struct ecap_relocs *relocs);

/* A pointer whose value only the dynamic linker knows: it leads to another library. */
#define ECAP_ADDR_FOREIGN UINT64_MAX

/*
 * Where the pointer at @addr will lead: an address of the file, 0 for NULL, or
 * ECAP_ADDR_FOREIGN. -EINVAL when there is no pointer.
 */
int ecap_relocs_pointer(const struct ecap_relocs *relocs, uint64_t addr, uint64_t *target);

/* Whether a range of the file is all zero and stays so: nothing is relocated in it. */
int ecap_relocs_is_zero(const struct ecap_relocs *relocs, uint64_t addr, uint64_t len);

#endif
