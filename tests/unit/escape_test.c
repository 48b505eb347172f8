/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come: nothing raw in any format, and the same bytes again out of JSON, which
 * jansson parses here. With payloads of all sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "render_output.h"
#include "render_private.h"

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The bytes of base64 text; checks its length and its padding. */
static uint8_t *from_base64(const char *text, size_t *len)
{
	size_t n = strlen(text), bits = 0, made = 0;
	uint8_t *bytes = malloc(n + 1);
	uint32_t held = 0;

	assert_non_null(bytes);
	assert_int_equal(n % 4, 0);
	while (n && text[n - 1] == '=')
		n--;
	assert_true(strlen(text) - n <= 2);
	for (size_t i = 0; i < n; i++) {
		assert_true(digit(text[i]) >= 0);
		held = held << 6 | (uint32_t)digit(text[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[made++] = (uint8_t)(held >> bits);
		}
	}
	*len = made;
	return bytes;
}

/* What jansson, not our own reading, takes for UTF-8. */
static int is_utf8(const uint8_t *bytes, size_t len)
{
	json_t *string = json_stringn((const char *)bytes, len);
	int valid = string != NULL;

	json_decref(string);
	return valid;
}

static void assert_comes_back(const uint8_t *payload, size_t len)
{
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);
	struct ecap_event event = event_of(payload, len);
	json_t *object = parsed(&options, &event), *text = json_object_get(object, "payload");

	assert_int_equal(json_integer_value(json_object_get(object, "len")), len);
	assert_int_equal(text != NULL, is_utf8(payload, len));
	if (text) {
		assert_int_equal(json_string_length(text), len);
		assert_true(!len || !memcmp(json_string_value(text), payload, len));
		assert_null(json_object_get(object, "payload_base64"));
	} else {
		size_t got;
		uint8_t *bytes = from_base64(text_of(object, "payload_base64"), &got);

		assert_int_equal(got, len);
		assert_memory_equal(bytes, payload, len);
		free(bytes);
	}
	json_decref(object);
}

static size_t put_code_point(uint8_t *out, uint32_t c)
{
	if (c < 0x80)
		return out[0] = (uint8_t)c, 1;
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)((0xf00 >> n & 0xff) | c);
	return n;
}

static uint32_t random_code_point(void)
{
	static const uint32_t limits[] = { 0x20, 0x7f, 0xa0, 0x800, 0x2070, 0x10000, 0x110000 };
	uint32_t c = (uint32_t)random() % limits[random() % (long)ARRAY_SIZE(limits)];

	return c >= 0xd800 && c < 0xe000 ? 'x' : c;
}

/* Plain text, any characters, the same with a wrong byte, or random bytes. */
static size_t random_payload(uint8_t *out, size_t max)
{
	size_t len = (size_t)random() % max, at = 0;
	int kind = (int)(random() % 4);

	while (at + 4 <= len) {
		if (kind == 3)
			out[at++] = (uint8_t)random();
		else if (kind == 0 || random() % 4)
			out[at++] = (uint8_t)(0x20 + random() % 0x5f);
		else
			at += put_code_point(out + at, random_code_point());
	}
	if (kind == 2 && at)
		out[(size_t)random() % at] = (uint8_t)(0x80 | random());
	return at;
}

static void test_json_random_payloads(void **state)
{
	uint8_t payload[3000];

	(void)state;
	srandom(1);
	for (int i = 0; i < 5000; i++)
		assert_comes_back(payload, random_payload(payload, i % 10 ? 100 : sizeof(payload)));
}

/* Of each length, ending where its memory does; each digit comes at each place. */
static void test_base64(void **state)
{
	(void)state;
	srandom(5);
	for (size_t i = 0; i < 5000; i++) {
		size_t len = 1 + i % 50;
		_cleanup_free_ uint8_t *bytes = malloc(len);

		assert_non_null(bytes);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)(random() >> 7);
		bytes[random() % (long)len] = 0xff;
		assert_comes_back(bytes, len);
	}
}

static int is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static size_t char_len(uint8_t first)
{
	return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
	uint32_t c = n == 1 ? *p : *p & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Valid UTF-8 and nothing in it that acts on a terminal, but newlines and, when allowed, tabs. */
static void assert_harmless(const struct output *output, int tabs)
{
	json_t *string = json_stringn(output->data, output->len);
	const uint8_t *p = (uint8_t *)output->data, *end = p + output->len;

	assert_non_null(string); /* valid, so that the lengths below are right */
	json_decref(string);
	while (p < end) {
		size_t n = char_len(*p);
		uint32_t c = code_point(p, n);

		if (is_harmful(c) && c != '\n' && !(tabs && c == '\t'))
			fail_msg("U+%04X at %td", c, p - (uint8_t *)output->data);
		p += n;
	}
}

static void assert_all_harmless(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ char *string = calloc(1, len + 1);

	assert_non_null(string);
	for (size_t i = 0; i < len; i++)
		string[i] = bytes[i] ? (char)bytes[i] : '0';
	struct ecap_field field = { .name = "name", .str = string };
	struct ecap_event event = event_of(bytes, len);

	event.fields = &field;
	event.n_fields = 1;
	memcpy(event.comm, string, len < 15 ? len : 15);
	for (int i = 0; i < 3; i++) {
		struct ecap_render_options options = plain_text;

		options.format = i == 1 ? ECAP_FORMAT_JSON : ECAP_FORMAT_TEXT;
		options.hex = i == 2;
		struct output output = rendered(&options, &event, 1);

		assert_harmless(&output, i == 0);
		free(output.data);
	}
}

static void test_nothing_raw(void **state)
{
	uint8_t bytes[3000];

	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		for (unsigned int d = 0; d < 256; d++) {
			bytes[2 * d] = (uint8_t)c;
			bytes[2 * d + 1] = (uint8_t)d;
		}
		assert_all_harmless(bytes, 512);
		bytes[0] = (uint8_t)c;
		assert_all_harmless(bytes, 1);
	}
	srandom(2);
	for (int i = 0; i < 1000; i++)
		assert_all_harmless(bytes, random_payload(bytes, sizeof(bytes)));
}

/* Each character there is, in JSON and text. */
static void test_every_character(void **state)
{
	enum { BLOCK = 0x1000 };
	static uint8_t bytes[BLOCK * 4];

	(void)state;
	for (uint32_t start = 0; start < 0x110000; start += BLOCK) {
		size_t len = 0;

		for (uint32_t c = start; c < start + BLOCK; c++)
			if (c < 0xd800 || c >= 0xe000)
				len += put_code_point(bytes + len, c);
		assert_comes_back(bytes, len);
		assert_all_harmless(bytes, len);
	}
}

enum style { LINES, QUOTED, JSON };

static ecap_escape_fn *const escapes[] = {
	[LINES] = ecap_escape_text, [QUOTED] = ecap_escape_quoted, [JSON] = ecap_escape_json,
};

static int put_byte(char *out, uint8_t c, enum style style)
{
	static const char letters[] = "n\nr\rt\t\"\"\\\\";

	if (style == LINES && (c == '\n' || c == '\t'))
		return sprintf(out, "%c", c);
	for (const char *letter = letters; style != LINES && *letter; letter += 2)
		if (c == letter[1])
			return sprintf(out, "\\%c", *letter);
	if (c >= 0x20 && c < 0x7f)
		return sprintf(out, "%c", c);
	if (style == JSON && c >= 0x80)
		return sprintf(out, "\xef\xbf\xbd");
	return sprintf(out, style == JSON ? "\\u%04x" : "\\x%02x", c);
}

/* What escaping must make of @p, character by character and with no thought of speed. */
static size_t expect_escaped(char *out, const uint8_t *p, const uint8_t *end, enum style style)
{
	char *start = out;

	while (p < end) {
		size_t n = char_len(*p);

		if (n > (size_t)(end - p) || !is_utf8(p, n))
			n = 1;
		uint32_t c = code_point(p, n);

		if (n > 1 && is_harmful(c) && style != JSON)
			n = 1;
		if (style == LINES && end - p > 1 && p[0] == '\r' && p[1] == '\n')
			; /* nothing */
		else if (n == 1)
			out += put_byte(out, *p, style);
		else if (is_harmful(c))
			out += sprintf(out, "\\u%04x", c);
		else
			out += sprintf(out, "%.*s", (int)n, (const char *)p);
		p += n;
	}
	return (size_t)(out - start);
}

static void assert_escapes(const uint8_t *p, size_t len)
{
	static char expected[20000], got[20000];

	for (enum style style = LINES; style <= JSON; style++) {
		size_t n = expect_escaped(expected, p, p + len, style);

		assert_int_equal(escapes[style](got, p, p + len) - got, n);
		assert_memory_equal(got, expected, n);
	}
}

/* Each pair of bytes, at each place of a block of 16, and whatever chance brings. */
static void test_exact(void **state)
{
	uint8_t bytes[3000];

	(void)state;
	for (unsigned int pair = 0; pair < 0x10000; pair++) {
		memset(bytes, pair % 3 ? 'x' : '"', 40);
		bytes[pair % 31] = (uint8_t)pair;
		bytes[pair % 31 + 1] = (uint8_t)(pair >> 8);
		assert_escapes(bytes, 40 - pair % 7);
	}
	srandom(4);
	for (int i = 0; i < 5000; i++) {
		size_t len = random_payload(bytes, i % 10 ? 100 : sizeof(bytes));

		for (size_t at = 0; i % 2 && at + 2 < len; at += (size_t)random() % 30)
			memcpy(bytes + at, random() % 2 ? "\r\n" : "\"\r", 2);
		assert_escapes(bytes, len);
	}
}

/* Just the space that is promised, so that the sanitizer sees a byte too many. */
static void test_keeps_to_its_space(void **state)
{
	uint8_t bytes[200];

	(void)state;
	srandom(3);
	for (int i = 0; i < 20000; i++) {
		size_t len = random_payload(bytes, sizeof(bytes));
		ecap_escape_fn *escape = escapes[i % 3];

		if (i % 5 == 0)
			memset(bytes, 0x1b, len);
		_cleanup_free_ uint8_t *in = malloc(len + 1);
		_cleanup_free_ char *out = malloc(ECAP_ESCAPE_MAX(len) + ECAP_ESCAPE_SLACK);

		assert_non_null(in);
		assert_non_null(out);
		memcpy(in + 1, bytes, len); /* ends where its memory does */
		assert_true((size_t)(escape(out, in + 1, in + 1 + len) - out) <= ECAP_ESCAPE_MAX(len));
	}
}

/* The payload goes in pieces: none may end within a character or a line's end. */
static void test_text_pieces(void **state)
{
	enum { LEN = 100000 };
	static char payload[LEN + 1], expected[LEN + 1];

	(void)state;
	for (int shift = 0; shift < 6; shift++) {
		struct ecap_event event;
		size_t at = 0, out = 0;

		for (int i = 0; i < shift; i++)
			payload[at++] = expected[out++] = 'x';
		while (at + 6 <= LEN) {
			memcpy(payload + at, "\r\n\xf0\x9f\x98\x80", 6);
			memcpy(expected + out, "\n\xf0\x9f\x98\x80", 5);
			at += 6;
			out += 5;
		}
		event = event_of(payload, at);
		struct output output = rendered(&plain_text, &event, 1);
		char *body = strchr(output.data, '\n') + 1;

		assert_int_equal(output.data + output.len - body, out + 1);
		assert_memory_equal(body, expected, out);
		free(output.data);
	}
}

static void test_large_payloads(void **state)
{
	size_t len = (16 << 20) + 3;
	uint8_t *payload = malloc(len);
	struct ecap_event event = event_of(payload, len);

	(void)state;
	assert_non_null(payload);
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(0x20 + i % 95);
	struct output output = rendered(&plain_text, &event, 1);
	char *body = strchr(output.data, '\n') + 1;

	assert_int_equal(output.data + output.len - body, len + 1);
	assert_memory_equal(body, payload, len);
	free(output.data);
	assert_comes_back(payload, len);
	payload[len / 2] = 0xff;
	assert_comes_back(payload, len);
	memset(payload, 0, len);
	assert_comes_back(payload, len);
	output = rendered(&plain_text, &event, 1);
	body = strchr(output.data, '\n') + 1;
	assert_int_equal(output.data + output.len - body, len * 4 + 1);
	free(output.data);
	free(payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_random_payloads),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_nothing_raw),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_keeps_to_its_space),
		cmocka_unit_test(test_text_pieces),
		cmocka_unit_test(test_large_payloads),
	};

	return cmocka_run_group_tests_name("escape", tests, set_up, clean_up);
}
