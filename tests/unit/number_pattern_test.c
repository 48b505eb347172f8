/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of numbers: they match what lies between the bounds, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "number_pattern.h"
#include "util.h"

static void compile(regex_t *re, uint64_t low, uint64_t high, unsigned int base)
{
	_cleanup_free_ char *pattern = NULL;
	size_t size;
	FILE *out = open_memstream(&pattern, &size);

	fputs("^(", out);
	ecap_number_pattern(out, low, high, base);
	fputs(")$", out);
	fclose(out);
	assert_int_equal(regcomp(re, pattern, REG_EXTENDED | REG_NOSUB), 0);
}

static int matches(const regex_t *re, const char *text)
{
	return !regexec(re, text, 0, NULL, 0);
}

static int matches_number(const regex_t *re, uint64_t number, unsigned int base)
{
	static const char *const formats[] = { "%" PRIu64, "%" PRIx64, "%" PRIX64 };
	char text[32];

	snprintf(text, sizeof(text), formats[base == 10 ? 0 : 1 + number % 2], number);
	return matches(re, text);
}

static void check_bounds(uint64_t low, uint64_t high, unsigned int base, uint64_t from, uint64_t to)
{
	regex_t re;

	compile(&re, low, high, base);
	for (uint64_t n = from;; n++) {
		if (matches_number(&re, n, base) != (n >= low && n <= high))
			fail_msg("%" PRIu64 " to %" PRIu64 " in %u: %" PRIu64, low, high, base, n);
		if (n == to)
			break;
	}
	regfree(&re);
}

static void small_bounds_hold_for_every_number(void **state)
{
	(void)state;
	for (uint64_t low = 0; low < 140; low += 1 + low / 7)
		for (uint64_t high = low; high < 300; high += 1 + high / 9)
			for (unsigned int base = 10; base <= 16; base += 6)
				check_bounds(low, high, base, 0, 1200);
}

static void large_bounds_hold_where_they_are(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, 9, 10, 255, 256, 4096, 65535, 99999, 100000, 4194304, UINT32_MAX,
		999999999999, UINT64_C(0x7fffffffffffffff), UINT64_C(10000000000000000000),
		UINT64_MAX - 1, UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (size_t j = i; j < ARRAY_SIZE(numbers); j++) {
			for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
				uint64_t n = numbers[k];
				uint64_t from = n > 20 ? n - 20 : 0;
				uint64_t to = n < UINT64_MAX - 20 ? n + 20 : UINT64_MAX;

				check_bounds(numbers[i], numbers[j], 10, from, to);
				check_bounds(numbers[i], numbers[j], 16, from, to);
			}
		}
	}
}

static void only_digits_match(void **state)
{
	static const struct {
		const char *text;
		unsigned int base;
		int matches;
	} cases[] = {
		{ "18446744073709551615", 10, 1 }, { "18446744073709551616", 10, 0 },
		{ "0000018446744073709551615", 10, 1 }, { "99999999999999999999", 10, 0 },
		{ "100000000000000000000", 10, 0 }, { "ffffffffffffffff", 16, 1 },
		{ "FFFFffffFFFFffff", 16, 1 }, { "10000000000000000", 16, 0 }, { "fg", 16, 0 },
		{ "", 10, 0 }, { "000", 10, 1 }, { "-1", 10, 0 }, { "+1", 10, 0 }, { " 1", 10, 0 },
		{ "1 ", 10, 0 }, { "1.0", 10, 0 }, { "1e3", 10, 0 }, { "a", 10, 0 }, { "", 16, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		regex_t re;

		compile(&re, 0, UINT64_MAX, cases[i].base);
		if (matches(&re, cases[i].text) != cases[i].matches)
			fail_msg("\"%s\"", cases[i].text);
		regfree(&re);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_bounds_hold_for_every_number),
		cmocka_unit_test(large_bounds_hold_where_they_are),
		cmocka_unit_test(only_digits_match),
	};

	return cmocka_run_group_tests_name("number pattern", tests, NULL, NULL);
}
