/* SPDX-License-Identifier: Apache-2.0 */
/* The shared libraries that /etc/ld.so.cache lists for programs of this machine. */
#ifndef ECAPTURE_CORE_TARGETS_CACHE_H
#define ECAPTURE_CORE_TARGETS_CACHE_H

#define ECAP_LDCACHE_PATH "/etc/ld.so.cache"

/*
 * Calls @cb with the path of each library; one file may come under several. @cb: not 0 ends it
 * and is returned. -ENOENT: no such file. -EBADMSG: not a cache of the known format.
 */
int ecap_ldcache_each(const char *file, int (*cb)(void *arg, const char *path), void *arg);

#endif
