/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module file as bytes: its segments, its dynamic section and its symbols, read without
 * dlopen. Every access is checked against the file, which may be damaged or hostile.
 * Addresses are those of the file, before the dynamic linker moves it.
 */
#ifndef ECAPTURE_CORE_MODULE_ELF_H
#define ECAPTURE_CORE_MODULE_ELF_H

#include <elf.h>
#include <stdint.h>

/* The gABI's values; elf.h has them since glibc 2.36. */
#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

struct ecap_module_elf;

/* Reads the file open at @fd: a shared object for this machine. Errors do not name the file. */
int ecap_module_elf_read(int fd, struct ecap_module_elf **elf);
void ecap_module_elf_free(struct ecap_module_elf *elf);

uint64_t ecap_module_elf_file_size(const struct ecap_module_elf *elf);

/* The bytes at @addr, or NULL when not all of them are in one readable segment of the file. */
const void *ecap_module_elf_at(const struct ecap_module_elf *elf, uint64_t addr, uint64_t len);
/* Where the bytes at @addr are in the file; only for what ecap_module_elf_at() gave. */
uint64_t ecap_module_elf_offset(const struct ecap_module_elf *elf, uint64_t addr);
/* Whether @addr is in a segment that can be executed. */
int ecap_module_elf_is_code(const struct ecap_module_elf *elf, uint64_t addr);

/* The last value of a tag of the gABI in the dynamic section; 0 when it is not there. */
uint64_t ecap_module_elf_dynamic(const struct ecap_module_elf *elf, uint32_t tag);
/* Flags of the stack that it asks for (PF_X and so on), or -1 when it does not say. */
int64_t ecap_module_elf_stack(const struct ecap_module_elf *elf);
/* The i-th entry of the dynamic section; -ENOENT behind the last. */
int ecap_module_elf_entry(const struct ecap_module_elf *elf, uint64_t i, Elf64_Dyn *entry);
/* A string of the dynamic section, or NULL when it is not within the table. */
const char *ecap_module_elf_string(const struct ecap_module_elf *elf, uint64_t offset);

/* -EINVAL when there is no such symbol. */
int ecap_module_elf_symbol(const struct ecap_module_elf *elf, uint64_t index, Elf64_Sym *symbol);

/* Finds the descriptor's symbol, of the ABI major that this host speaks. */
int ecap_module_elf_find(const struct ecap_module_elf *elf, Elf64_Sym *symbol);

/* Whether it is safe to dlopen (module_safe.c): each refuses one thing. */
int ecap_module_safe_stack(const struct ecap_module_elf *elf);
int ecap_module_safe_code(const struct ecap_module_elf *elf);
int ecap_module_safe_libraries(const struct ecap_module_elf *elf);

#endif
