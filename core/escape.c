/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes captured bytes fit for a terminal and for JSON. They come from strangers: a raw control
 * character could rewrite the user's screen. A table has for each byte what is shown for it: to
 * copy all of that and then move on by its length takes no branch, and in binary data none would
 * be foreseen. It goes 16 bytes at a time, so that plain runs need no table and most characters
 * of several bytes are seen without a look at each.
 */
#include "render_private.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "utf8.h"

/* What is shown for a byte. */
struct shown {
	char text[7];
	uint8_t len;
};

#define BYTE(len, ...) { { __VA_ARGS__ }, len }

#define PLAIN(c) ((c) >= 0x20 && (c) < 0x7f)
#define HEX(n) ((n) < 10 ? '0' + (n) : 'a' + (n) - 10)

/* The letter behind the backslash in C and JSON, or 0. */
#define LETTER(c) ((c) == '\n' ? 'n' : (c) == '\r' ? 'r' : (c) == '\t' ? 't' : \
		   (c) == '"' || (c) == '\\' ? (c) : 0)

#define TEXT_PLAIN(c) (PLAIN(c) || (c) == '\n' || (c) == '\t')
#define TEXT(c) BYTE(TEXT_PLAIN(c) ? 1 : 4, TEXT_PLAIN(c) ? (c) : '\\', 'x', \
		     HEX((c) >> 4), HEX((c) & 15))

#define QUOTED_PLAIN(c) (PLAIN(c) && !LETTER(c))
#define QUOTED(c) BYTE(LETTER(c) ? 2 : PLAIN(c) ? 1 : 4, QUOTED_PLAIN(c) ? (c) : '\\', \
		       LETTER(c) ? LETTER(c) : 'x', HEX((c) >> 4), HEX((c) & 15))

/* RFC 8259 section 7; U+FFFD for bytes that are no UTF-8. */
#define JSON_LOW(c) BYTE(LETTER(c) ? 2 : PLAIN(c) ? 1 : 6, QUOTED_PLAIN(c) ? (c) : '\\', \
			 LETTER(c) ? LETTER(c) : 'u', '0', '0', HEX((c) >> 4), HEX((c) & 15))
#define JSON_HIGH(c) BYTE(3, '\xef', '\xbf', '\xbd')

#define PART(c) BYTE(1, (char)(c))

#define TIMES_4(x, c) x(c), x((c) + 1), x((c) + 2), x((c) + 3)
#define TIMES_16(x, c) TIMES_4(x, c), TIMES_4(x, (c) + 4), TIMES_4(x, (c) + 8), TIMES_4(x, (c) + 12)
#define TIMES_64(x, c) TIMES_16(x, c), TIMES_16(x, (c) + 16), TIMES_16(x, (c) + 32), \
		       TIMES_16(x, (c) + 48)
#define TIMES_128(x, c) TIMES_64(x, c), TIMES_64(x, (c) + 64)
#define PARTS { TIMES_128(PART, 0), TIMES_128(PART, 128) }

/* What is shown for a byte by itself, and as a part of a character of several. */
typedef const struct shown shown_table[2][256];

static shown_table text = { { TIMES_128(TEXT, 0), TIMES_128(TEXT, 128) }, PARTS };
static shown_table quoted = { { TIMES_128(QUOTED, 0), TIMES_128(QUOTED, 128) }, PARTS };
static shown_table json = { { TIMES_128(JSON_LOW, 0), TIMES_128(JSON_HIGH, 128) }, PARTS };

#define ALWAYS __attribute__((always_inline))

/* How far it has come in what it reads and writes; by value, so that both stay in registers. */
struct at {
	const uint8_t *p;
	char *out;
};

/* Puts what begins at @at with 0xc2 or more, or in lines \r; nothing when that is only a byte. */
typedef struct at put_longer_fn(struct at at, const uint8_t *end);

static inline struct at put_char(struct at at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at.out[i] = (char)at.p[i];
	return (struct at){ at.p + n, at.out + n };
}

static struct at put_shown(struct at at, const uint8_t *end)
{
	return put_char(at, ecap_utf8_shown(at.p, end));
}

/* A line's end is \n: of \r\n the \r is left out. */
static struct at put_text(struct at at, const uint8_t *end)
{
	if (*at.p != '\r')
		return put_shown(at, end);
	at.p += end - at.p > 1 && at.p[1] == '\n';
	return at;
}

/* What is escaped here lies below U+10000, so no surrogate pairs. */
static struct at put_json(struct at at, const uint8_t *end)
{
	size_t n = ecap_utf8_char(at.p, end);

	if (!n || ecap_utf8_shown(at.p, end))
		return put_char(at, n);
	uint32_t c = ecap_utf8_decode(at.p, n);

	at.p += n;
	at.out = ecap_put(at.out, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		*at.out++ = (char)HEX(c >> shift & 0xf);
	return at;
}

/* The @n bytes at @p; a bit in @parts says which are parts of longer characters. */
static inline ALWAYS char *put_bytes(char *out, const uint8_t *p, size_t n, unsigned int parts,
				     shown_table table)
{
#pragma GCC unroll 4
	for (size_t i = 0; i < n; i++) {
		const struct shown *shown = &table[parts >> i & 1][p[i]];

		memcpy(out, shown, sizeof(*shown));
		out += shown->len;
	}
	return out;
}

/*
 * First bytes of characters that put_longer() must look at: not all that may follow is allowed
 * (RFC 3629 section 4) or shown. So are those of four bytes, which are rare.
 */
static inline int is_hard(uint8_t c)
{
	return c >= 0xf0 || c == 0xc2 || c == 0xe0 || c == 0xe2 || c == 0xed;
}

#ifdef __SSE2__
static inline unsigned int mask(__m128i v)
{
	return (unsigned int)_mm_movemask_epi8(v);
}

static inline __m128i equal(__m128i v, int c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}

/* Compares signed: @low and @high are both in 0x01..0x7e or both in 0x81..0xfe. */
static inline __m128i between(__m128i v, int low, int high)
{
	return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(low - 1))),
			     _mm_cmplt_epi8(v, _mm_set1_epi8((char)(high + 1))));
}

/* Masks for 16 bytes, one bit each, the first byte's lowest. */
struct block {
	unsigned int special;  /* not shown as they are */
	unsigned int parts;    /* of characters of several bytes that are all in here and shown */
	unsigned int line_end; /* \r before \n: left out */
	unsigned int stop;     /* @line_end, and what may begin something longer: not known here */
};

/* What is behind the block is not known, and may belong to what is in it. */
static inline void find_chars(__m128i v, struct block *block)
{
	unsigned int follow = mask(_mm_cmplt_epi8(v, _mm_set1_epi8((char)0xc0)));
	unsigned int two = mask(between(v, 0xc2, 0xdf)) & (follow >> 1 | 0x8000);
	unsigned int more = mask(between(v, 0xe0, 0xf4)) & (follow >> 1 | 0x8000) &
			    (follow >> 2 | 0xc000);
	unsigned int hard = mask(_mm_or_si128(_mm_or_si128(equal(v, 0xc2), equal(v, 0xe0)),
					      _mm_or_si128(equal(v, 0xe2), equal(v, 0xed)))) |
			    mask(between(v, 0xf0, 0xf4)); /* is_hard() */

	block->stop = (two & (hard | 0x8000)) | (more & (hard | 0xc000));
	two &= ~block->stop;
	more &= ~block->stop;
	block->parts = two | two << 1 | more | more << 1 | more << 2;
}

static inline ALWAYS struct block look_at(__m128i v, int lines)
{
	__m128i turned = lines ? _mm_or_si128(equal(v, '\n'), equal(v, '\t'))
			       : _mm_or_si128(equal(v, '"'), equal(v, '\\'));
	__m128i plain = _mm_xor_si128(between(v, 0x20, 0x7e), turned);
	struct block block = { .special = mask(plain) ^ 0xffff };

	if (mask(v)) {
		find_chars(v, &block);
		block.special &= ~block.parts;
	}
	if (lines && block.special) {
		unsigned int cr = mask(equal(v, '\r'));

		block.line_end = cr & mask(equal(v, '\n')) >> 1;
		block.stop |= block.line_end | (cr & 0x8000);
	}
	return block;
}

static inline ALWAYS char *put_block(char *out, const uint8_t *p, size_t n,
				     const struct block *block, shown_table table)
{
	if (block->special & ((1u << n) - 1))
		return block->parts ? put_bytes(out, p, n, block->parts, table)
				    : put_bytes(out, p, n, 0, table);
	memcpy(out, p, 16);
	return out + n;
}

/* Up to something that is not known here, or until fewer than 16 bytes are left. */
static inline ALWAYS struct at put_blocks(struct at at, const uint8_t *end, int lines,
					  shown_table table)
{
	while (end - at.p >= 16) {
		struct block block = look_at(_mm_loadu_si128((const __m128i *)at.p), lines);

		if (!block.stop) {
			at.out = put_block(at.out, at.p, 16, &block, table);
			at.p += 16;
			continue;
		}
		unsigned int n = (unsigned int)__builtin_ctz(block.stop);

		at.out = put_block(at.out, at.p, n, &block, table);
		n += block.line_end >> n & 1;
		at.p += n;
		if (!n)
			break;
	}
	return at;
}
#endif

/* Inlined three times, so that all but the first two arguments are constants. */
static inline ALWAYS char *escape(struct at at, const uint8_t *end, int lines, shown_table table,
				  put_longer_fn *put_longer)
{
	while (at.p < end) {
#ifdef __SSE2__
		at = put_blocks(at, end, lines, table);
		if (at.p == end)
			break;
#endif
		do {
			const uint8_t *before = at.p;

			if (*at.p >= 0xc2 || (lines && *at.p == '\r'))
				at = put_longer(at, end);
			if (at.p == before)
				at = (struct at){ at.p + 1, put_bytes(at.out, at.p, 1, 0, table) };
		} while (at.p < end && is_hard(*at.p));
	}
	return at.out;
}

char *ecap_escape_text(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape((struct at){ p, out }, end, 1, text, put_text);
}

char *ecap_escape_quoted(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape((struct at){ p, out }, end, 0, quoted, put_shown);
}

char *ecap_escape_json(char *out, const uint8_t *p, const uint8_t *end)
{
	return escape((struct at){ p, out }, end, 0, json, put_json);
}
