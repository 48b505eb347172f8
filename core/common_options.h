/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that every module shares: ini section [global], flags of every command, and but
 * for what concerns the whole program, keys of a module's section.
 */
#ifndef ECAPTURE_CORE_COMMON_OPTIONS_H
#define ECAPTURE_CORE_COMMON_OPTIONS_H

#include <stdint.h>

#include <ecapture/option.h>

enum ecap_on_error { ECAP_ON_ERROR_STOP, ECAP_ON_ERROR_CONTINUE };

/* As the user gave them; words are NULL where not given. */
struct ecap_common_config {
	uint64_t pid, uid;     /* 0: all */
	uint64_t tsize;        /* 0: all */
	const char *cgroup;
	const char *comm;
	const char *eventaddr, *logaddr, *record;
	const char *config;
	const char *btf_path;
	const char *const *plugin_dirs;
	uint32_t output;       /* enum ecap_format */
	uint32_t btf;          /* 0: chosen, or ECAP_BTF_* */
	uint32_t mapsize;      /* pages; 0: chosen */
	uint32_t on_error;     /* enum ecap_on_error */
	uint8_t hex, debug, strict_modules;
};

const struct ecap_option *ecap_common_rows(uint32_t *n);

/* What a module's section of a file may say beside the module's own options and those above. */
struct ecap_section_config {
	uint8_t enabled;
};

struct ecap_options;

const struct ecap_option *ecap_section_rows(uint32_t *n);
/* Binds them for the section of this name, as ecap_options_new() does. */
int ecap_section_options_new(const char *section, struct ecap_options **options);

/*
 * What no row can check alone, of options made from the rows above. -EINVAL with a text that says
 * which value, and where it came from.
 */
int ecap_common_check(struct ecap_options *options);

#endif
