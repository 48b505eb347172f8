/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.targets/1: the files that a module should probe: in ld.so.cache, in the maps of every
 * running process (as that process sees them, also in another mount namespace), in PATH, and,
 * while watching, as processes map them. Each file (device and inode) comes once.
 */
#ifndef ECAPTURE_SERVICE_TARGETS_H
#define ECAPTURE_SERVICE_TARGETS_H

#include <ecapture/host.h>

/* For .services of the descriptor. */
#define ECAP_TARGETS_SERVICE "ecap.targets/1"

/* How a file was found. */
#define ECAP_TARGET_GIVEN   1u /* spec.path */
#define ECAP_TARGET_CACHE   2u /* /etc/ld.so.cache */
#define ECAP_TARGET_PATH    3u /* a program in PATH */
#define ECAP_TARGET_MAPPED  4u /* in the maps of a running process */
#define ECAP_TARGET_WATCHED 5u /* mapped by a process after watch() */

/* [grows: struct_size] Valid during the callback. */
struct ecap_target {
	uint32_t struct_size;
	uint32_t how;       /* ECAP_TARGET_* */
	uint32_t pid;       /* a process that has it mapped, 0: none known */
	uint32_t reserved;
	const char *path;   /* to open or to probe it, also when it is deleted or in another namespace */
	const char *shown;  /* its path as that process sees it, for messages */
	uint64_t dev, ino;  /* st_dev and st_ino of stat(2): what makes two paths one file */
};

/* [grows: struct_size] What to look for. */
struct ecap_target_spec {
	uint32_t struct_size;
	uint32_t reserved;
	uint64_t pid;                  /* only what this process has mapped; ECAP_ANY: all */
	const char *path;              /* only this file; NULL: look for it */
	const char *const *libraries;  /* fnmatch(3) patterns of names, with a '/' of paths; NULL-ended */
	const char *const *symbols;    /* or: files whose .dynsym defines all of these, NULL-ended */
	const char *const *programs;   /* names to look up in PATH, NULL-ended; they need the symbols too */
};

/* [grows: struct_size] The service. */
struct ecap_targets {
	uint32_t struct_size;
	uint32_t reserved;
	/*
	 * [main] Calls @found for each file there is now. A negative return of @found ends the
	 * search and is returned; but a file that is only mapped, with neither .path nor .pid in
	 * the spec, is left out with a warning then, since any user can map one that cannot be
	 * probed. Returns the number of files that @found was called for, or a negative errno.
	 */
	int (*find)(struct ecap_instance *self, const struct ecap_target_spec *spec,
		    int (*found)(void *arg, const struct ecap_target *target), void *arg);
	/*
	 * [main] From now until the instance stops: calls @found [main] for each file that a
	 * process maps and that find() and watch() have not given yet. @spec is copied. One watch
	 * an instance. Returns 0, or -EOPNOTSUPP when the kernel cannot tell of new mappings.
	 */
	int (*watch)(struct ecap_instance *self, const struct ecap_target_spec *spec,
		     int (*found)(void *arg, const struct ecap_target *target), void *arg);
};

/* The service, or NULL when this host does not have it. */
static inline const struct ecap_targets *ecap_targets(const struct ecap_context *ctx)
{
	return (const struct ecap_targets *)ctx->host->service(ctx->self, ECAP_TARGETS_SERVICE);
}

#endif
