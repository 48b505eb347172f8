/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes captured bytes fit for a terminal and for JSON. They come from strangers: a raw control
 * character could rewrite the user's screen. Plain runs are copied 16 bytes at a time; the rest
 * goes character by character.
 */
#include "render_private.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "utf8.h"

static const char hex_digits[] = "0123456789abcdef";

/* Plain is 0x20..0x7e, with @a and @b the other way round: plain where they would not be. */
static inline int is_plain(uint8_t c, uint8_t a, uint8_t b)
{
	return (c >= 0x20 && c < 0x7f) ^ (c == a || c == b);
}

/* Copies plain bytes up to the first that is not; returns how many. Inlined for constant @a, @b. */
static inline __attribute__((always_inline)) size_t copy_plain(char *out, const uint8_t *p,
							       size_t len, uint8_t a, uint8_t b)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; len - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + i));
		/* Signed: takes in 0x80..0xff too. */
		__m128i special = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
					       _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
		__m128i turned = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8((char)a)),
					      _mm_cmpeq_epi8(v, _mm_set1_epi8((char)b)));
		unsigned int mask = (unsigned int)_mm_movemask_epi8(_mm_xor_si128(special, turned));

		_mm_storeu_si128((__m128i *)(out + i), v);
		if (mask)
			return i + (size_t)__builtin_ctz(mask);
	}
#endif
	for (; i < len && is_plain(p[i], a, b); i++)
		out[i] = (char)p[i];
	return i;
}

/* @c when @plain is 1, else \xNN. No branch: in binary data none is foreseen. Scribbles 4 bytes. */
static inline char *put_byte(char *out, uint8_t c, int plain)
{
	char escaped[4] = { '\\', 'x', hex_digits[c >> 4], hex_digits[c & 0xf] };

	escaped[0] = plain ? (char)c : '\\';
	memcpy(out, escaped, sizeof(escaped));
	return out + 4 - 3 * plain;
}

static inline char *copy_char(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)p[i];
	return out + n;
}

/* A character that is shown as it is, or one escaped byte. Moves @p behind what it took. */
static inline char *put_shown(char *out, const uint8_t **p, const uint8_t *end, uint8_t a,
			      uint8_t b)
{
	const uint8_t *at = *p;

	if (end - at > 1 && ((at[0] >= 0xc2) & ((at[1] & 0xc0) == 0x80))) {
		size_t n = ecap_utf8_shown(at, end);

		if (n) {
			*p += n;
			return copy_char(out, at, n);
		}
	}
	(*p)++;
	return put_byte(out, *at, is_plain(*at, a, b));
}

/* Puts one character, plain or not. */
typedef char *put_char_fn(char *out, const uint8_t **p, const uint8_t *end);

/*
 * Special characters come alone, as at the ends of lines, or in crowds, as in binary data: the
 * closer they follow each other, the longer it stays with @put_char.
 */
static inline __attribute__((always_inline)) char *escape(char *out, const uint8_t *p,
							  const uint8_t *end, uint8_t a, uint8_t b,
							  put_char_fn *put_char)
{
	ptrdiff_t stay = 1;

	while (p < end) {
		size_t n = copy_plain(out, p, (size_t)(end - p), a, b);

		out += n;
		p += n;
		stay = n >= 4 ? 1 : stay < 64 ? stay * 2 : stay;
		const uint8_t *until = end - p > stay ? p + stay : end;

		while (p < until)
			out = put_char(out, &p, end);
	}
	return out;
}

static inline char *put_text_char(char *out, const uint8_t **p, const uint8_t *end)
{
	if (**p == '\r' && end - *p > 1 && (*p)[1] == '\n') {
		(*p)++; /* the line's end is the \n */
		return out;
	}
	return put_shown(out, p, end, '\n', '\t');
}

char *ecap_escape_text(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape(out, p, end, '\n', '\t', put_text_char);
}

/* The letter behind the backslash in C and JSON. */
static const char letters[256] = {
	['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\',
};

static inline char *put_letter(char *out, char c)
{
	out[0] = '\\';
	out[1] = c;
	return out + 2;
}

static inline char *put_quoted_char(char *out, const uint8_t **p, const uint8_t *end)
{
	if (letters[**p])
		return put_letter(out, letters[*(*p)++]);
	return put_shown(out, p, end, '"', '\\');
}

char *ecap_escape_quoted(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape(out, p, end, '"', '\\', put_quoted_char);
}

/* RFC 8259 section 7. What is escaped here lies below U+10000, so no surrogate pairs. */
static char *put_code(char *out, uint32_t c)
{
	out = put_letter(out, 'u');
	for (int shift = 12; shift >= 0; shift -= 4)
		*out++ = hex_digits[c >> shift & 0xf];
	return out;
}

static inline char *put_json_char(char *out, const uint8_t **p, const uint8_t *end)
{
	const uint8_t *at = *p;

	if (letters[*at]) {
		(*p)++;
		return put_letter(out, letters[*at]);
	}
	size_t n = ecap_utf8_char(at, end);

	*p += n ? n : 1;
	if (!n)
		return ecap_put(out, "\xef\xbf\xbd"); /* U+FFFD */
	return ecap_utf8_shown(at, end) ? copy_char(out, at, n)
					: put_code(out, ecap_utf8_decode(at, n));
}

char *ecap_escape_json(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape(out, p, end, '"', '\\', put_json_char);
}
