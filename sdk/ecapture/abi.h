/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Version of the module ABI and the few macros that every SDK header needs.
 *
 * Rules for every struct that crosses the boundary between host and module: fixed-width
 * integers and pointers only, no holes (explicit reserved members, which are zero), and new
 * members only at the end. How a struct can grow stands in brackets before it:
 *   [grows: struct_size]  It begins with its size. Who makes the struct sets it; for one that
 *                         the other side fills, that is who provides the memory.
 *   [grows: X_size]       It is the element of an array, and the member X_size of the module's
 *                         descriptor is the distance between two; ECAP_MODULE sets it.
 *   [grows: value_size]   It is the value of a BPF map, and the map knows its size.
 *   [fixed]               It is part of another struct and keeps its size.
 *   [inside]              It stays inside one module: its own parts share it.
 *   [private]             It is for the functions of these headers only, and may change.
 */
#ifndef ECAPTURE_ABI_H
#define ECAPTURE_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Version of the ABI that these headers are of. Modules of another major cannot be loaded. */
#define ECAP_ABI_MAJOR 1
#define ECAP_ABI_MINOR 0

/*
 * Lowest host minor the module must still run on. Define it before including to go lower: what
 * came later is hidden then.
 */
#ifndef ECAP_ABI_TARGET
#define ECAP_ABI_TARGET ECAP_ABI_MINOR
#endif

/*
 * Up to which minor members are shown nevertheless: for a module that uses what is new where
 * the host has it, and asks by ECAP_HAS or ECAP_ROOM each time.
 */
#ifndef ECAP_ABI_OPTIONAL
#define ECAP_ABI_OPTIONAL ECAP_ABI_TARGET
#endif

#if ECAP_ABI_TARGET > ECAP_ABI_OPTIONAL || ECAP_ABI_OPTIONAL > ECAP_ABI_MINOR
#error "this SDK has no such ECAP_ABI_TARGET or ECAP_ABI_OPTIONAL"
#endif

/* For #if around what came with a minor, in these headers and in modules. */
#define ECAP_SINCE(minor) (ECAP_ABI_OPTIONAL >= (minor))

/* For the one symbol that a module exports, and for functions like printf. */
#if defined(__GNUC__)
#define ECAP_EXPORT __attribute__((visibility("default")))
#define ECAP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ECAP_EXPORT
#define ECAP_PRINTF(f, a)
#endif

/* Offset of the first byte behind @member. */
#define ECAP_END(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* True when a struct from the other side is long enough to hold @member. */
#define ECAP_ROOM(type, p, member) ((p)->struct_size >= ECAP_END(type, member))

/* True when it also fills it. */
#define ECAP_HAS(type, p, member) (ECAP_ROOM(type, p, member) && (p)->member)

/* Number of rows of an array, as the descriptor wants it. */
#define ECAP_COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

#endif
