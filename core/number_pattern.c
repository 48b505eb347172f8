/* SPDX-License-Identifier: Apache-2.0 */
/* Which digits make a number within bounds, as a regular expression. */
#include "number_pattern.h"

#include <string.h>

#define MAX_DIGITS 20u /* of UINT64_MAX in base 10 */

/* The digits of a number, the first one first. */
struct digits {
	uint8_t d[MAX_DIGITS];
	uint32_t n;
};

static struct digits digits_of(uint64_t number, unsigned int base)
{
	struct digits digits = { .n = 1 };

	for (uint64_t rest = number / base; rest; rest /= base)
		digits.n++;
	for (uint32_t i = digits.n; i; i--, number /= base)
		digits.d[i - 1] = (uint8_t)(number % base);
	return digits;
}

/* @n times the same digit, and before it perhaps another. */
static struct digits repeated(uint8_t first, uint8_t digit, uint32_t n)
{
	struct digits digits = { .n = n };

	memset(digits.d, digit, n);
	digits.d[0] = first;
	return digits;
}

static int all(const uint8_t *digits, uint32_t n, uint8_t digit)
{
	for (uint32_t i = 0; i < n; i++)
		if (digits[i] != digit)
			return 0;
	return 1;
}

/* @from to @to, or the one character where they are the same. */
static void put_span(FILE *out, char from, char to)
{
	fputc(from, out);
	if (to > from + 1)
		fputc('-', out);
	if (to > from)
		fputc(to, out);
}

static void put_class(FILE *out, uint8_t low, uint8_t high)
{
	if (low == high && low < 10) {
		fputc('0' + low, out);
		return;
	}
	fputc('[', out);
	if (low < 10)
		put_span(out, (char)('0' + low), (char)('0' + (high < 10 ? high : 9)));
	if (high >= 10) {
		int first = low < 10 ? 0 : low - 10, last = high - 10;

		put_span(out, (char)('a' + first), (char)('a' + last));
		put_span(out, (char)('A' + first), (char)('A' + last));
	}
	fputc(']', out);
}

static void put_any(FILE *out, uint8_t last, uint32_t n)
{
	if (n)
		put_class(out, 0, last);
	if (n > 1)
		fprintf(out, "{%u}", n);
}

/* What lies between two numbers of @n digits; @last: the last digit of the base. */
static void put_between(FILE *out, const uint8_t *low, const uint8_t *high, uint32_t n,
			uint8_t last)
{
	static const struct digits zeros;
	const struct digits lasts = repeated(last, last, MAX_DIGITS);

	if (!n)
		return;
	if (*low == *high) {
		put_class(out, *low, *high);
		put_between(out, low + 1, high + 1, n - 1, last);
		return;
	}
	/* The first digit is the lowest, one between, or the highest; then the rest is free. */
	int low_free = all(low + 1, n - 1, 0), high_free = all(high + 1, n - 1, last);
	uint8_t from = (uint8_t)(*low + !low_free), to = (uint8_t)(*high - !high_free);
	int group = !low_free + !high_free + (from <= to) > 1;

	if (group)
		fputc('(', out);
	if (!low_free) {
		put_class(out, *low, *low);
		put_between(out, low + 1, lasts.d, n - 1, last);
		fputc('|', out);
	}
	if (from <= to) {
		put_class(out, from, to);
		put_any(out, last, n - 1);
	}
	if (!high_free) {
		fputs(from <= to ? "|" : "", out);
		put_class(out, *high, *high);
		put_between(out, zeros.d, high + 1, n - 1, last);
	}
	if (group)
		fputc(')', out);
}

/* Numbers of @from to @to digits, all of them. */
static void put_lengths(FILE *out, uint32_t from, uint32_t to, uint8_t last)
{
	put_class(out, 1, last);
	if (from < to) {
		put_class(out, 0, last);
		fprintf(out, "{%u,%u}", from - 1, to - 1);
	} else {
		put_any(out, last, to - 1);
	}
}

/* As put_between(), for any two numbers but 0: by the lengths that they have. */
static void put_range(FILE *out, const struct digits *low, const struct digits *high, uint8_t last)
{
	const struct digits first_low = repeated(1, 0, low->n), last_low = repeated(last, last, low->n);
	const struct digits first_high = repeated(1, 0, high->n);
	const struct digits last_high = repeated(last, last, high->n);
	int low_free = !memcmp(low->d, first_low.d, low->n);
	int high_free = !memcmp(high->d, last_high.d, high->n);
	uint32_t from = low->n + !low_free, to = high->n - !high_free;

	if (low->n == high->n && !(low_free && high_free)) {
		put_between(out, low->d, high->d, low->n, last);
		return;
	}
	if (!low_free)
		put_between(out, low->d, last_low.d, low->n, last);
	if (from <= to) {
		fputs(low_free ? "" : "|", out);
		put_lengths(out, from, to, last);
	}
	if (!high_free) {
		fputc('|', out);
		put_between(out, first_high.d, high->d, high->n, last);
	}
}

void ecap_number_pattern(FILE *out, uint64_t low, uint64_t high, unsigned int base)
{
	const struct digits lo = digits_of(low ? low : 1, base), hi = digits_of(high, base);

	fputs("0*(", out);
	if (!low)
		fputs(high ? "0|" : "0", out);
	if (high)
		put_range(out, &lo, &hi, (uint8_t)(base - 1));
	fputc(')', out);
}
