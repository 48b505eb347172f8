/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds module files in the plugin directories, reads their descriptors, and dlopens the one
 * that is asked for.
 */
#ifndef ECAPTURE_CORE_LOADER_H
#define ECAPTURE_CORE_LOADER_H

#include <stdint.h>

#include "descriptor.h"

struct ecap_catalog_entry {
	char *path;             /* canonical where that could be found */
	const char *dir;        /* the directory that it was found in, as given; NULL: in none */
	struct ecap_desc *desc; /* NULL: not usable, see error */
	struct ecap_desc *seen; /* what could be read of one that is not usable, or NULL: to be shown */
	char *error;            /* why not usable, or NULL */
	const struct ecap_catalog_entry *shadowed_by; /* a module of the same name that came first */
	int read_only;          /* by ecap_catalog_read(): nobody checked who could change the file */
	void *handle;           /* of dlopen, once loaded */
};

struct ecap_catalog {
	struct ecap_catalog_entry **entries;
	uint32_t n;
	char **dirs;
	uint32_t n_dirs;
	int (*is_reserved)(const char *word); /* or NULL */
};

/*
 * Reads every *.so of the directories, in their order; a file that cannot be used becomes an
 * entry with its error. A directory that does not exist is an error only when @dirs_given.
 * @is_reserved: whether a word is a command of the program, so that no module can have it.
 * Returns 0 or a negative errno.
 */
int ecap_catalog_scan(const char *const *dirs, uint32_t n_dirs, int dirs_given,
		      int (*is_reserved)(const char *word), struct ecap_catalog **catalog);
void ecap_catalog_free(struct ecap_catalog *catalog);

/*
 * The module whose section of an ini file is called @name: a usable one by its command, one that
 * cannot be used (its desc is NULL) by its file as well. -ENOENT: there is none. -EINVAL with a
 * text: the module's section has another name.
 */
int ecap_catalog_by_section(const struct ecap_catalog *catalog, const char *name,
			    struct ecap_catalog_entry **entry);

/*
 * The usable module whose command, name or alias is @word, or of which @word is the beginning
 * of exactly one. NULL with an error text that names the nearest word, or the reason why the
 * module of that name cannot be used.
 */
struct ecap_catalog_entry *ecap_catalog_find(struct ecap_catalog *catalog, const char *word);

/*
 * The module that @word names, to be read and not run: a file (a word with '/', or that ends in
 * ".so") whoever may have written it, else as ecap_catalog_find(). Its entry is the catalog's.
 */
int ecap_catalog_read(struct ecap_catalog *catalog, const char *word,
		      struct ecap_catalog_entry **entry);

/* The canonical path of the file that @word names or stands for, be it usable or not. */
int ecap_catalog_locate(struct ecap_catalog *catalog, const char *word, char **path);

/*
 * Refuses a module with a word that is a command's, or stands for another module. One of the
 * same name is no error but @same_name, which is NULL otherwise. @path: of the module's own
 * entry, which is passed over.
 */
int ecap_catalog_check_words(const struct ecap_catalog *catalog, const char *path,
			     const struct ecap_module *module,
			     const struct ecap_catalog_entry **same_name);

/*
 * Checks what does not concern the file alone: services that the module needs (@has_service),
 * a BPF object that fits @features and @btf_mode (ECAP_BTF_CORE, ECAP_BTF_NONCORE, 0: any).
 */
int ecap_module_check(const struct ecap_desc *desc, const char *path, uint64_t features,
		      uint32_t btf_mode, int (*has_service)(const char *id));

/* What a BPF object cannot do without: ECAP_FEAT_*. */
uint64_t ecap_module_bpf_needs(const struct ecap_desc_bpf *bpf);

/* Index of the first BPF object of the descriptor that fits, or a negative errno with a text. */
int ecap_module_pick_bpf(const struct ecap_desc *desc, uint64_t features, uint32_t btf_mode,
			 uint32_t *index);

/*
 * dlopens the module (RTLD_NOW | RTLD_LOCAL) and checks that the descriptor in memory is the
 * one that was read from the file. The module stays loaded until the process ends.
 */
int ecap_module_load(struct ecap_catalog_entry *entry, const struct ecap_module **module);

/*
 * Refuses a file that somebody but root (or, when not root, but the caller) could change: its
 * owner and mode and those of every directory above it. @path must be canonical.
 */
int ecap_secure_path(int fd, const char *path);
/* The two halves of it, whose texts do not name the file. */
int ecap_secure_file(int fd, const char *path);
int ecap_secure_directories(const char *path);
/*
 * The open directory alone, called @path: enough for one that was opened without following links,
 * for then whoever may write above it can hide it, and not change what is in it.
 */
int ecap_secure_directory(int fd, const char *path);

#endif
