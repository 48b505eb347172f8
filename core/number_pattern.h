/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which digits make a number within bounds, as a regular expression: what a JSON Schema can say
 * of a number that is written in a string, as "64K".
 */
#ifndef ECAPTURE_CORE_NUMBER_PATTERN_H
#define ECAPTURE_CORE_NUMBER_PATTERN_H

#include <stdint.h>
#include <stdio.h>

/*
 * Prints what matches the numbers from @low to @high in @base (10, or 16 in both cases), with any
 * zeros before them: no anchors, and nothing but classes, groups, | and {}, so that it means the
 * same as an extended expression of POSIX and in ECMA-262, the one of JSON Schema.
 */
void ecap_number_pattern(FILE *out, uint64_t low, uint64_t high, unsigned int base);

#endif
