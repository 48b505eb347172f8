/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef ECAPTURE_CORE_UTF8_H
#define ECAPTURE_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character at @p when it begins with 0xe0 or more; part of ecap_utf8_char(). */
size_t ecap_utf8_long_char(const uint8_t *p, const uint8_t *end);

/* Bytes of the character at @p (1 to 4), or 0 when none starts there. @p is before @end. */
static inline size_t ecap_utf8_char(const uint8_t *p, const uint8_t *end)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xe0)
		return ecap_utf8_long_char(p, end);
	return p[0] >= 0xc2 && end - p >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
}

/*
 * The same, and 0 also for the characters that act on a terminal instead of showing there:
 * C0 and C1 controls, DEL, and those that turn the direction of writing.
 */
size_t ecap_utf8_shown(const uint8_t *p, const uint8_t *end);

/* The code point of the @n bytes at @p, which ecap_utf8_char() has counted. */
uint32_t ecap_utf8_decode(const uint8_t *p, size_t n);

/* 1 when all of it is UTF-8. */
int ecap_utf8_valid(const void *data, size_t len);

/* The largest cut of @len bytes that is at most @max and splits no character. */
size_t ecap_utf8_cut(const void *data, size_t len, size_t max);

#endif
