/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs of the SDK that cross between host and module: the two may know different sizes of
 * one, and what the shorter does not have counts as zero.
 */
#ifndef ECAPTURE_CORE_ABI_COPY_H
#define ECAPTURE_CORE_ABI_COPY_H

#include <stdint.h>

/* Nothing that crosses is longer, in the far future. */
#define ECAP_ABI_MAX_SIZE 4096u

/* 1 when a struct of @given bytes uses members behind the first @size. */
int ecap_abi_exceeds(const void *from, uint32_t given, uint32_t size);

/*
 * Takes over a struct of @given bytes from a module as one of @size bytes.
 * Returns 0, or -E2BIG without a text when members that are not known here are used.
 */
int ecap_abi_in(void *to, uint32_t size, const void *from, uint32_t given);

/*
 * Fills a module's struct, which begins with its own size. @least: the size in ABI 1.0.
 * Returns 0, or -EINVAL with a text when the module has set less than that.
 */
int ecap_abi_out(void *to, const void *from, uint32_t size, uint32_t least);

#endif
