/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON lines: one object a line. jansson builds and writes what is short. It needs about
 * 6 us more for a payload of 1 KiB, which it copies and escapes byte by byte, against a goal of
 * 5 us for the whole event; so the payload goes straight into the sink by our own escaping, which
 * also needs no memory for large ones.
 */
#include "render_private.h"

#include <jansson.h>

#include "err.h"
#include "utf8.h"
#include "util.h"

static const char *const own_keys[] = {
	"time", "module", "kind", "pid", "tid", "uid", "comm", "direction", "fd", "src", "dst",
	"conn", "len", "offset", "total", "truncated", "payload", "payload_base64",
};

static const char *const directions[] = {
	[ECAP_DIR_RECV] = "recv",
	[ECAP_DIR_SEND] = "send",
};

/* RFC 4648 section 4. @out: 4 characters for every 3 bytes or less. */
static char *put_base64(char *out, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len >= 3; p += 3, len -= 3) {
		*out++ = digits[p[0] >> 2];
		*out++ = digits[(p[0] & 3) << 4 | p[1] >> 4];
		*out++ = digits[(p[1] & 15) << 2 | p[2] >> 6];
		*out++ = digits[p[2] & 63];
	}
	if (!len)
		return out;
	uint8_t second = len == 2 ? p[1] : 0;

	*out++ = digits[p[0] >> 2];
	*out++ = digits[(p[0] & 3) << 4 | second >> 4];
	*out++ = len == 2 ? digits[(second & 15) << 2] : '=';
	*out++ = '=';
	return out;
}

/* Any bytes as a string; those that are not UTF-8 become U+FFFD. NULL when there is no memory. */
static json_t *to_string(const char *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes, *end = p + len;

	if (ecap_utf8_valid(bytes, len))
		return json_stringn_nocheck(bytes, len);
	_cleanup_free_ char *clean = malloc(len * 3);

	if (!clean)
		return NULL;
	char *out = clean;

	while (p < end) {
		size_t n = ecap_utf8_char(p, end);

		if (n) {
			memcpy(out, p, n);
			out += n;
			p += n;
		} else {
			out = ecap_put(out, "\xef\xbf\xbd");
			p++;
		}
	}
	return json_stringn_nocheck(clean, (size_t)(out - clean));
}

static json_t *to_base64(const char *bytes, size_t len)
{
	_cleanup_free_ char *text = malloc((len + 2) / 3 * 4);

	if (!text)
		return NULL;
	char *end = put_base64(text, (const uint8_t *)bytes, len);

	return json_stringn_nocheck(text, (size_t)(end - text));
}

/* jansson's integers end at 2^63 - 1, so the few beyond become strings. */
static json_t *to_number(uint64_t number)
{
	char text[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	return json_stringn_nocheck(text, (size_t)(ecap_put_number(text, number) - text));
}

/* @value may be NULL for lack of memory. Returns -1 then; the setters below add them up by |. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new_nocheck(object, key, value);
}

static int set_head(json_t *object, struct ecap_renderer *renderer, const struct ecap_event *event)
{
	char time[ECAP_TIME_MAX];
	char *end = ecap_put_time(time, renderer, event);
	const char *module = renderer->module, *kind = event->kind ? event->kind : "data";
	size_t comm_len = strnlen(event->comm, sizeof(event->comm));

	return set(object, "time", json_stringn_nocheck(time, (size_t)(end - time))) |
	       set(object, "module", to_string(module, strlen(module))) |
	       set(object, "kind", to_string(kind, strlen(kind))) |
	       set(object, "pid", json_integer(event->pid)) |
	       set(object, "tid", json_integer(event->tid)) |
	       set(object, "uid", json_integer(event->uid)) |
	       set(object, "comm", to_string(event->comm, comm_len));
}

static int set_where(json_t *object, const struct ecap_event *event)
{
	char source[ECAP_ADDRESS_MAX], destination[ECAP_ADDRESS_MAX];
	int bad = 0;

	if (event->direction && event->direction < ARRAY_SIZE(directions))
		bad |= set(object, "direction", json_string_nocheck(directions[event->direction]));
	if (event->fd >= 0)
		bad |= set(object, "fd", json_integer(event->fd));
	if (ecap_has_addresses(event)) {
		size_t n = (size_t)(ecap_put_source(source, event) - source);
		size_t m = (size_t)(ecap_put_destination(destination, event) - destination);

		bad |= set(object, "src", json_stringn_nocheck(source, n));
		bad |= set(object, "dst", json_stringn_nocheck(destination, m));
	}
	if (event->conn)
		bad |= set(object, "conn", to_number(event->conn));
	return bad;
}

static int set_size(json_t *object, const struct ecap_event *event, size_t shown)
{
	int bad = 0;

	if (!(event->flags & ECAP_EVENT_F_PAYLOAD))
		return 0;
	bad |= set(object, "len", to_number(event->payload_len));
	if (ecap_is_part(event)) {
		bad |= set(object, "offset", to_number(event->offset));
		bad |= set(object, "total", to_number(event->total));
	}
	if (shown < event->payload_len)
		bad |= set(object, "truncated", json_true());
	return bad;
}

/* A module's field must not pass for one of ours: then it gets "field_" before its name. */
static json_t *to_key(const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_keys); i++)
		if (!strcmp(field, own_keys[i]))
			return json_sprintf("field_%s", field);
	return to_string(field, strlen(field));
}

static int set_field(json_t *object, const struct ecap_field *field)
{
	json_t *key = to_key(field->name);

	if (!key)
		return -1;
	const char *name = json_string_value(key), *str = field->str;
	int bad;

	if (!str) {
		bad = set(object, name, to_number(field->num));
	} else {
		bad = set(object, name, to_string(str, strlen(str)));
		if (!ecap_utf8_valid(str, strlen(str))) {
			json_t *second = json_sprintf("%s_base64", name);

			bad |= second ? set(object, json_string_value(second),
					    to_base64(str, strlen(str))) : -1;
			json_decref(second);
		}
	}
	json_decref(key);
	return bad;
}

static json_t *to_object(struct ecap_renderer *renderer, const struct ecap_event *event,
			 size_t shown)
{
	json_t *object = json_object();

	if (!object)
		return NULL;
	int bad = set_head(object, renderer, event) | set_where(object, event) |
		  set_size(object, event, shown);

	for (uint32_t i = 0; i < event->n_fields; i++)
		bad |= set_field(object, &event->fields[i]);
	if (!bad)
		return object;
	json_decref(object);
	return NULL;
}

static int put_part(const char *text, size_t len, void *sink)
{
	return ecap_put_escaped(sink, ecap_escape_json_text, text, len);
}

static int put_object(struct ecap_sink *sink, const json_t *object)
{
	/* Without its braces: the payload follows. */
	if (!json_dump_callback(object, put_part, sink, JSON_COMPACT | JSON_EMBED))
		return 0;
	int err = ecap_sink_error(sink);

	return err ? err : ecap_err(-ENOMEM, "JSON of an event");
}

static int put_base64_pieces(struct ecap_sink *sink, const uint8_t *p, size_t len)
{
	_Static_assert(ECAP_PIECE % 3 == 0, "padding only at the end");

	while (len) {
		size_t n = len < ECAP_PIECE ? len : ECAP_PIECE;
		char *out = ecap_sink_reserve(sink, (n + 2) / 3 * 4);

		if (!out)
			return ecap_sink_error(sink);
		ecap_sink_commit(sink, (size_t)(put_base64(out, p, n) - out));
		p += n;
		len -= n;
	}
	return 0;
}

static int put_payload(struct ecap_sink *sink, const void *payload, size_t len, int is_text)
{
	int err = ecap_put_string(sink, is_text ? ",\"payload\":\"" : ",\"payload_base64\":\"");

	if (!err)
		err = is_text ? ecap_put_escaped(sink, ecap_escape_json, payload, len)
			      : put_base64_pieces(sink, payload, len);
	return err ? err : ecap_put_string(sink, "\"");
}

int ecap_render_json(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink)
{
	int has_payload = event->flags & ECAP_EVENT_F_PAYLOAD;
	size_t len = has_payload ? event->payload_len : 0, shown = len;
	uint64_t truncate = renderer->options.truncate;
	int is_text = ecap_utf8_valid(event->payload, len);

	if (truncate && truncate < len)
		shown = is_text ? ecap_utf8_cut(event->payload, len, truncate) : truncate;
	json_t *object = to_object(renderer, event, shown);

	if (!object)
		return ecap_err(-ENOMEM, "JSON of an event");
	int err = ecap_put_string(sink, "{");

	if (!err)
		err = put_object(sink, object);
	json_decref(object);
	if (!err && has_payload)
		err = put_payload(sink, event->payload, shown, is_text);
	return err ? err : ecap_put_string(sink, "}\n");
}
