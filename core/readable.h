/* SPDX-License-Identifier: Apache-2.0 */
/* Whether memory that a module points to is there: asked of the kernel, without touching it. */
#ifndef ECAPTURE_CORE_READABLE_H
#define ECAPTURE_CORE_READABLE_H

#include <stddef.h>

/* 1 when all of it can be read, or when the kernel does not say. A few system calls. */
int ecap_readable(const void *data, size_t len);

/* The same for a string of at most @max bytes before its NUL. */
int ecap_readable_string(const char *string, size_t max);

#endif
