/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: see utf8.h. */
#include "utf8.h"

#include <string.h>

static int follows(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* RFC 3629 section 4: the first byte limits the second more than the others. */
size_t ecap_utf8_long_char(const uint8_t *p, const uint8_t *end)
{
	uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	size_t n = p[0] < 0xf0 ? 3 : 4;

	if ((size_t)(end - p) < n || p[0] > 0xf4 || p[1] < low || p[1] > high || !follows(p[2]))
		return 0;
	return n == 3 || follows(p[3]) ? n : 0;
}

uint32_t ecap_utf8_decode(const uint8_t *p, size_t n)
{
	uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* U+202A..U+202E and U+2066..U+2069: explicit directional formatting (UAX #9, section 2). */
static int turns_direction(const uint8_t *p)
{
	return p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
				(p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

size_t ecap_utf8_shown(const uint8_t *p, const uint8_t *end)
{
	size_t n = ecap_utf8_char(p, end);

	switch (n) {
	case 1: return p[0] >= 0x20 && p[0] != 0x7f;
	case 2: return p[0] == 0xc2 && p[1] < 0xa0 ? 0 : n; /* C1: U+0080..U+009F */
	case 3: return turns_direction(p) ? 0 : n;
	default: return n;
	}
}

int ecap_utf8_valid(const void *data, size_t len)
{
	const uint8_t *p = data, *end = p + len;

	while (p < end) {
		uint64_t word;

		if (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080u))) {
			p += 8;
			continue;
		}
		size_t n = ecap_utf8_char(p, end);

		if (!n)
			return 0;
		p += n;
	}
	return 1;
}

size_t ecap_utf8_cut(const void *data, size_t len, size_t max)
{
	const uint8_t *p = data;

	if (max >= len)
		return len;
	size_t start = max;

	while (start > 0 && max - start < 3 && follows(p[start]))
		start--;
	return start + ecap_utf8_char(p + start, p + len) > max ? start : max;
}
