/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version of the module ABI and the few macros that every SDK header needs.
 *
 * Rules for every struct that crosses the boundary between host and module: fixed-width
 * integers and pointers only, no holes (explicit reserved members, which are zero), the size
 * first in tables, and new members only at the end.
 */
#ifndef ECAPTURE_ABI_H
#define ECAPTURE_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ECAP_ABI_MAJOR 1
#define ECAP_ABI_MINOR 0

/* Lowest host minor the module must still run on. Define it before including to go lower. */
#ifndef ECAP_ABI_TARGET
#define ECAP_ABI_TARGET ECAP_ABI_MINOR
#endif

#if defined(__GNUC__)
#define ECAP_EXPORT __attribute__((visibility("default")))
#define ECAP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ECAP_EXPORT
#define ECAP_PRINTF(f, a)
#endif

/* Offset of the first byte behind @member. */
#define ECAP_END(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* True when a table from the other side is long enough to hold @member and fills it. */
#define ECAP_HAS(type, p, member) ((p)->struct_size >= ECAP_END(type, member) && (p)->member)

#define ECAP_COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

#endif
