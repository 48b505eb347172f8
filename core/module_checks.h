/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks between a file and a module that runs, in the order in which they are made. There
 * is one list of them: to load a module is to go down it to the first that fails, to look into
 * one ("modules check", "modules inspect") is to go on after that and be told of each. [main]
 */
#ifndef ECAPTURE_CORE_MODULE_CHECKS_H
#define ECAPTURE_CORE_MODULE_CHECKS_H

#include "descriptor.h"
#include "loader.h"
#include "module_elf.h"

enum ecap_check {
	/* of the file and who could change it */
	ECAP_CHECK_FILE,
	ECAP_CHECK_OWNER,
	ECAP_CHECK_DIRECTORIES,
	/* of its bytes: no code of the module has run */
	ECAP_CHECK_ELF,
	ECAP_CHECK_STACK,
	ECAP_CHECK_CODE,
	ECAP_CHECK_LIBRARIES,
	ECAP_CHECK_SYMBOL,
	ECAP_CHECK_DESCRIPTOR,
	ECAP_CHECK_STRINGS,
	ECAP_CHECK_ABI,
	ECAP_CHECK_NAMES,
	ECAP_CHECK_OPERATIONS,
	ECAP_CHECK_OPTIONS,
	ECAP_CHECK_BPF,
	ECAP_CHECK_TEXTS,
	ECAP_CHECK_LATER,
	/* of what there is beside it: other modules, this host, this kernel */
	ECAP_CHECK_WORDS,
	ECAP_CHECK_SERVICES,
	ECAP_CHECK_FEATURES,
	/* in memory: its constructors have run */
	ECAP_CHECK_DLOPEN,
	ECAP_CHECK_MEMORY,
	ECAP_N_CHECKS,
};

/* What the last checks compare a module with. */
struct ecap_module_host {
	const struct ecap_catalog *catalog; /* whose words are taken, or NULL */
	int (*has_service)(const char *id);
	int probed;                         /* 0: features are not known, and @why_not is the reason */
	const char *why_not;
	uint64_t features;                  /* ECAP_FEAT_* */
	uint32_t btf_mode;                  /* ECAP_BTF_*, or 0: any */
};

/* A module file on its way from a path to memory: what the checks have found out so far. */
struct ecap_module_file {
	const char *path;                   /* canonical; of the caller */
	struct ecap_module_host host;
	int fd;                             /* -1: not open yet */
	struct ecap_module_elf *elf;
	Elf64_Sym symbol;
	struct ecap_desc *desc;             /* as far as it could be read, or NULL */
	const struct ecap_catalog_entry *same_name; /* a module of this name that comes first */
	uint32_t bpf_index;                 /* of the object that would be used here */
	void *handle;                       /* of dlopen(); stays open */
	const struct ecap_module *module;   /* in memory */
	uint32_t failed;                    /* bit i: the i-th check has failed, or was not made */
};

#define ECAP_NOT_CHECKED 1

/*
 * Told of each check: @result is 0, a negative errno with the reason in ecap_err_text(), or
 * ECAP_NOT_CHECKED with why it was not made. The text does not name the file.
 */
struct ecap_check_report {
	void (*tell)(void *arg, enum ecap_check check, int result);
	void *arg;
};

/* A word for a check, and the sentence that is true when it passes. */
const char *ecap_check_name(enum ecap_check check);
const char *ecap_check_sentence(enum ecap_check check);

/*
 * Makes the checks from @first to @last. Without @report it ends at the first that fails; with
 * one, those that need what has failed are not made, all others are. Returns the first error,
 * with a text that begins with the path.
 */
int ecap_module_checks(struct ecap_module_file *file, enum ecap_check first, enum ecap_check last,
		       const struct ecap_check_report *report);

/* Hands out the descriptor, which then needs nothing else of the file; NULL: there is none. */
struct ecap_desc *ecap_module_file_desc(struct ecap_module_file *file);
/* Frees what the file has but the handle. */
void ecap_module_file_end(struct ecap_module_file *file);

#endif
