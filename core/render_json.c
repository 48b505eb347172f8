/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON lines: one flat object a line, its keys always in the same order, written
 * straight into the sink. jansson needed 2.7 us for what stands before the payload, which takes
 * 0.1 us here, and would copy each payload twice. The tests read what comes out with jansson.
 */
#include "render_private.h"

#include <endian.h>

#include "utf8.h"
#include "util.h"

static const char *const own_keys[] = {
	"time", "module", "kind", "pid", "tid", "uid", "comm", "direction", "fd", "src", "dst",
	"conn", "len", "offset", "total", "truncated", "payload", "payload_base64",
};

static const char *const directions[] = {
	[ECAP_DIR_RECV] = ",\"direction\":\"recv\"",
	[ECAP_DIR_SEND] = ",\"direction\":\"send\"",
};

typedef int8_t sextets __attribute__((vector_size(16)));

/* RFC 4648 table 1: 0..63 to A-Z, a-z, 0-9, + and /. */
static inline sextets to_digits(sextets v)
{
	return v + 'A' + ((v > 25) & ('a' - 'Z' - 1)) + ((v > 51) & ('0' - 'z' - 1)) +
	       ((v > 61) & ('+' - '9' - 1)) + ((v > 62) & ('/' - '+' - 1));
}

/* Six bytes, the first one highest. Reads two more. */
static inline uint64_t six_bytes(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return be64toh(word) >> 16;
}

/* 12 bytes as 16 digits: the bits are halved three times, each higher half put before the lower. */
static inline void put_16_digits(char *out, const uint8_t *p)
{
	typedef uint64_t pair __attribute__((vector_size(16)));
	pair v = { six_bytes(p), six_bytes(p + 6) };

	v = v >> 24 | (v & 0xffffff) << 32;
	v = (v >> 12 & 0x00000fff00000fff) | (v & 0x00000fff00000fff) << 16;
	v = (v >> 6 & 0x003f003f003f003f) | (v & 0x003f003f003f003f) << 8;
	v = (pair)to_digits((sextets)v);
	for (int i = 0; i < 2; i++) {
		uint64_t digits = htole64(v[i]);

		memcpy(out + 8 * i, &digits, sizeof(digits));
	}
}

/* RFC 4648 section 4. @out: 4 characters for every 3 bytes or less. */
static char *put_base64(char *out, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len >= 14; p += 12, out += 16, len -= 12)
		put_16_digits(out, p);
	while (len) {
		size_t n = len < 3 ? len : 3;
		uint8_t second = n > 1 ? p[1] : 0, third = n > 2 ? p[2] : 0;

		*out++ = digits[p[0] >> 2];
		*out++ = digits[(p[0] & 3) << 4 | second >> 4];
		*out++ = n > 1 ? digits[(second & 15) << 2 | third >> 6] : '=';
		*out++ = n > 2 ? digits[third & 63] : '=';
		p += n;
		len -= n;
	}
	return out;
}

static char *put_string(char *out, const char *key, const char *string, size_t len)
{
	out = ecap_put(out, key);
	out = ecap_escape_json(out, (const uint8_t *)string, (const uint8_t *)string + len);
	*out++ = '"';
	return out;
}

/* Many parsers' integers end at 2^63 - 1, so the few beyond become strings. */
static char *put_number(char *out, uint64_t number)
{
	if (number <= INT64_MAX)
		return ecap_put_number(out, number);
	*out++ = '"';
	out = ecap_put_number(out, number);
	*out++ = '"';
	return out;
}

static char *put_named(char *out, const char *key, uint64_t number)
{
	return put_number(ecap_put(out, key), number);
}

static char *put_where(char *out, const struct ecap_event *event)
{
	if (event->direction && event->direction < ARRAY_SIZE(directions))
		out = ecap_put(out, directions[event->direction]);
	if (event->fd >= 0)
		out = put_named(out, ",\"fd\":", (uint64_t)event->fd);
	if (ecap_has_addresses(event)) {
		out = ecap_put_source(ecap_put(out, ",\"src\":\""), event);
		out = ecap_put_destination(ecap_put(out, "\",\"dst\":\""), event);
		*out++ = '"';
	}
	return event->conn ? put_named(out, ",\"conn\":", event->conn) : out;
}

static char *put_size(char *out, const struct ecap_event *event, size_t shown)
{
	out = put_named(out, ",\"len\":", event->payload_len);
	if (ecap_is_part(event)) {
		out = put_named(out, ",\"offset\":", event->offset);
		out = put_named(out, ",\"total\":", event->total);
	}
	return shown < event->payload_len ? ecap_put(out, ",\"truncated\":true") : out;
}

/* All but the three strings: keys below 180, time, eight numbers, two addresses. */
#define HEAD_MAX 640

static void put_head(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink, size_t shown)
{
	const char *module = renderer->module, *kind = event->kind ? event->kind : "data";
	size_t module_len = strlen(module), kind_len = strlen(kind);
	size_t comm_len = strnlen(event->comm, sizeof(event->comm));
	char *start = ecap_sink_reserve(sink, HEAD_MAX + ECAP_ESCAPE_SLACK +
					ECAP_ESCAPE_MAX(module_len + kind_len + comm_len));

	if (!start)
		return;
	char *out = ecap_put_time(ecap_put(start, "{\"time\":\""), renderer, event);

	out = put_string(out, "\",\"module\":\"", module, module_len);
	out = put_string(out, ",\"kind\":\"", kind, kind_len);
	out = put_named(out, ",\"pid\":", event->pid);
	out = put_named(out, ",\"tid\":", event->tid);
	out = put_named(out, ",\"uid\":", event->uid);
	out = put_string(out, ",\"comm\":\"", event->comm, comm_len);
	out = put_where(out, event);
	if (event->flags & ECAP_EVENT_F_PAYLOAD)
		out = put_size(out, event, shown);
	ecap_sink_commit(sink, (size_t)(out - start));
}

static void put_base64_pieces(struct ecap_sink *sink, const uint8_t *p, size_t len)
{
	_Static_assert(ECAP_PIECE % 3 == 0, "padding only at the end");

	while (len) {
		size_t n = len < ECAP_PIECE ? len : ECAP_PIECE;
		char *out = ecap_sink_reserve(sink, (n + 2) / 3 * 4);

		if (!out)
			return;
		ecap_sink_commit(sink, (size_t)(put_base64(out, p, n) - out));
		p += n;
		len -= n;
	}
}

/* A module's field must not pass for one of ours: then it gets "field_" before its name. */
static void put_key(struct ecap_sink *sink, const char *field, const char *after)
{
	const char *before = ",\"";

	for (size_t i = 0; i < ARRAY_SIZE(own_keys); i++)
		if (!strcmp(field, own_keys[i]))
			before = ",\"field_";
	ecap_put_string(sink, before);
	ecap_put_escaped(sink, ecap_escape_json, field, strlen(field));
	ecap_put_string(sink, after);
}

static void put_field(struct ecap_sink *sink, const struct ecap_field *field)
{
	const char *str = field->str;

	if (!str) {
		char number[24];

		*put_number(number, field->num) = '\0';
		put_key(sink, field->name, "\":");
		ecap_put_string(sink, number);
		return;
	}
	put_key(sink, field->name, "\":\"");
	ecap_put_escaped(sink, ecap_escape_json, str, strlen(str));
	if (!ecap_utf8_valid(str, strlen(str))) {
		ecap_put_string(sink, "\"");
		put_key(sink, field->name, "_base64\":\"");
		put_base64_pieces(sink, (const uint8_t *)str, strlen(str));
	}
	ecap_put_string(sink, "\"");
}

static void put_payload(struct ecap_sink *sink, const void *payload, size_t len, int is_text)
{
	ecap_put_string(sink, is_text ? ",\"payload\":\"" : ",\"payload_base64\":\"");
	if (is_text)
		ecap_put_escaped(sink, ecap_escape_json, payload, len);
	else
		put_base64_pieces(sink, payload, len);
	ecap_put_string(sink, "\"");
}

/* The sink's first error stays with it, so it is enough that the last step returns it. */
int ecap_render_json(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink)
{
	int has_payload = event->flags & ECAP_EVENT_F_PAYLOAD;
	size_t len = has_payload ? event->payload_len : 0, shown = len;
	uint64_t truncate = renderer->options.truncate;
	int is_text = ecap_utf8_valid(event->payload, len);

	if (truncate && truncate < len)
		shown = is_text ? ecap_utf8_cut(event->payload, len, truncate) : truncate;
	put_head(renderer, event, sink, shown);
	for (uint32_t i = 0; i < event->n_fields; i++) {
		struct ecap_field field = ecap_field_at(renderer, event, i);

		put_field(sink, &field);
	}
	if (has_payload)
		put_payload(sink, event->payload, shown, is_text);
	return ecap_put_string(sink, "}\n");
}
