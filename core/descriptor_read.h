/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of reading a descriptor and of checking what was read. module_checks.c has their
 * order. Errors name no file. A step that fails leaves empty what it could not read; the steps
 * after it can be taken all the same.
 */
#ifndef ECAPTURE_CORE_DESCRIPTOR_READ_H
#define ECAPTURE_CORE_DESCRIPTOR_READ_H

#include "descriptor.h"
#include "module_elf.h"

#define ECAP_MAX_OPTIONS 512u
#define ECAP_MAX_CONFIG  (1u << 20) /* bytes of a config struct */

/* The numbers of the descriptor that @symbol is; none of what it leads to. */
int ecap_desc_new(const struct ecap_module_elf *elf, const Elf64_Sym *symbol,
		  struct ecap_desc **desc);
/* What it leads to: its texts and services, and its three tables. */
int ecap_desc_read_words(struct ecap_desc *desc);
int ecap_desc_read_operations(const struct ecap_module_elf *elf, struct ecap_desc *desc);
int ecap_desc_read_options(struct ecap_desc *desc);
int ecap_desc_read_bpf(const struct ecap_module_elf *elf, struct ecap_desc *desc);
/* After the last step: forgets the ELF file, which the steps before needed. */
void ecap_desc_end(struct ecap_desc *desc);

/* Whether this host has the ABI that the module needs. */
int ecap_desc_check_abi(const struct ecap_module *module);
/* Of the structs that come from it at run time. */
int ecap_desc_check_sizes(const struct ecap_module *module);
int ecap_desc_check_names(const struct ecap_module *module);
/* Whether it can be a name, command or alias; @what: which of them, for the message. */
int ecap_desc_check_word(const char *what, const char *word, size_t len);
/* Whether the required ones are there. */
int ecap_desc_check_operations(const struct ecap_desc *desc);
/* The rows go through the option engine, defaults and all. */
int ecap_desc_check_options(const struct ecap_module *module);
/* Of all that has been read: texts fit for a terminal, nothing of a later SDK. */
int ecap_desc_check_texts(const struct ecap_desc *desc);
int ecap_desc_check_later(const struct ecap_desc *desc);

#endif
