/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as text for people: a header line, then the payload as text or as a hex dump. Whatever a
 * captured program put into comm, fields or payload, nothing of it acts on a terminal.
 */
#include "render_private.h"

#include "utf8.h"

/* Time, comm (16 * 4), five numbers with names, kind, two addresses, colours: below 800. */
#define HEADER_MAX 1024
#define KIND_MAX 64

#define COLOUR_OFF "\033[0m"
#define COLOUR_DIM "\033[2m"

static const struct {
	const char *name, *coloured;
} directions[] = {
	[ECAP_DIR_NONE] = { NULL, NULL },
	[ECAP_DIR_RECV] = { "recv", "\033[32mrecv" COLOUR_OFF },
	[ECAP_DIR_SEND] = { "send", "\033[35msend" COLOUR_OFF },
};

static char *put_quoted(char *out, const char *string, size_t max)
{
	return ecap_escape_quoted(out, (const uint8_t *)string,
				  (const uint8_t *)string + strnlen(string, max));
}

static char *put_named(char *out, const char *name, uint64_t number)
{
	return ecap_put_number(ecap_put(out, name), number);
}

/* "curl[1234] tid 1235 uid 0", or "sh[77] command uid=0" for what has no payload. */
static char *put_who(char *out, const struct ecap_event *event)
{
	int data = event->flags & ECAP_EVENT_F_PAYLOAD;

	out = put_quoted(out, event->comm, sizeof(event->comm));
	out = put_named(out, "[", event->pid);
	*out++ = ']';
	if (data && event->tid)
		out = put_named(out, " tid ", event->tid);
	if (data)
		out = put_named(out, " uid ", event->uid);
	if (event->kind && strcmp(event->kind, "data")) {
		*out++ = ' ';
		out = put_quoted(out, event->kind, KIND_MAX);
	}
	return data ? out : put_named(out, " uid=", event->uid);
}

/* " send 79 bytes", " send bytes 65536-131071 of 1048576" */
static char *put_what(char *out, const struct ecap_event *event, int colour)
{
	if (event->direction && event->direction < sizeof(directions) / sizeof(directions[0])) {
		*out++ = ' ';
		out = ecap_put(out, colour ? directions[event->direction].coloured
					   : directions[event->direction].name);
	}
	if (!(event->flags & ECAP_EVENT_F_PAYLOAD))
		return out;
	if (ecap_is_part(event) && event->payload_len) {
		out = put_named(out, " bytes ", event->offset);
		out = put_named(out, "-", event->offset + event->payload_len - 1);
		return put_named(out, " of ", event->total);
	}
	out = put_named(out, " ", event->payload_len);
	return ecap_put(out, " bytes");
}

/* " fd 5 127.0.0.1:51208 -> 127.0.0.1:14433 conn 4096" */
static char *put_where(char *out, const struct ecap_event *event, int colour)
{
	if (event->fd >= 0)
		out = put_named(out, " fd ", (uint64_t)event->fd);
	if (ecap_has_addresses(event)) {
		out = ecap_put(out, colour ? " " COLOUR_DIM : " ");
		out = ecap_put_source(out, event);
		out = ecap_put(out, " -> ");
		out = ecap_put_destination(out, event);
		if (colour)
			out = ecap_put(out, COLOUR_OFF);
	}
	if (event->conn)
		out = put_named(out, " conn ", event->conn);
	return out;
}

static int put_header(struct ecap_renderer *renderer, const struct ecap_event *event,
		      struct ecap_sink *sink)
{
	int colour = renderer->options.colour;
	char *start = ecap_sink_reserve(sink, HEADER_MAX);

	if (!start)
		return ecap_sink_error(sink);
	char *out = ecap_put_time(start, renderer, event);

	*out++ = ' ';
	if (renderer->options.label) {
		out = put_quoted(out, renderer->options.label, KIND_MAX);
		*out++ = ' ';
	}
	out = put_who(out, event);
	out = put_what(out, event, colour);
	out = put_where(out, event, colour);
	ecap_sink_commit(sink, (size_t)(out - start));
	return 0;
}

/* Bytes of any length in one line, between two strings. */
static int put_between(struct ecap_sink *sink, const char *before, const char *bytes,
		       const char *after)
{
	int err = ecap_put_string(sink, before);

	if (!err)
		err = ecap_put_escaped(sink, ecap_escape_quoted, bytes, strlen(bytes));
	return err ? err : ecap_put_string(sink, after);
}

/* " line=\"echo hi\"", " status=0" */
static int put_field(struct ecap_sink *sink, const struct ecap_field *field)
{
	int err = put_between(sink, " ", field->name, "=");

	if (err)
		return err;
	if (field->str)
		return put_between(sink, "\"", field->str, "\"");
	char number[24];

	*ecap_put_number(number, field->num) = '\0';
	return ecap_put_string(sink, number);
}

static char *put_hex(char *out, uint64_t number, int digits)
{
	for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[number >> shift & 0xf];
	return out;
}

/* "00000010  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|" */
#define HEX_ROW_MAX 96
static char *put_hex_row(char *out, uint64_t offset, const uint8_t *p, size_t len)
{
	out = put_hex(out, offset, offset > UINT32_MAX ? 16 : 8);
	for (size_t i = 0; i < 16; i++) {
		out = ecap_put(out, i % 8 ? " " : "  ");
		out = i < len ? put_hex(out, p[i], 2) : ecap_put(out, "  ");
	}
	out = ecap_put(out, "  |");
	for (size_t i = 0; i < len; i++)
		*out++ = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.';
	return ecap_put(out, "|\n");
}

/* Offsets are those in what the call moved, so that parts of one call read on. */
static int put_hex_dump(struct ecap_sink *sink, const struct ecap_event *event, size_t shown)
{
	const uint8_t *p = event->payload;

	for (size_t i = 0; i < shown; i += 16) {
		size_t n = shown - i < 16 ? shown - i : 16;
		char *out = ecap_sink_reserve(sink, HEX_ROW_MAX);

		if (!out)
			return ecap_sink_error(sink);
		char *end = put_hex_row(out, event->offset + i, p + i, n);

		ecap_sink_commit(sink, (size_t)(end - out));
	}
	return 0;
}

static int put_lines(struct ecap_sink *sink, const struct ecap_event *event, size_t shown)
{
	const char *p = event->payload;
	int err = ecap_put_escaped(sink, ecap_escape_text, p, shown);

	if (err || !shown || p[shown - 1] == '\n')
		return err;
	return ecap_put_string(sink, "\n");
}

/* "[... 1234 of 5678 bytes shown]" */
static int put_cut(struct ecap_sink *sink, size_t shown, size_t len)
{
	char line[80], *out = put_named(line, "[... ", shown);

	out = put_named(out, " of ", len);
	*ecap_put(out, " bytes shown]\n") = '\0';
	return ecap_put_string(sink, line);
}

static int put_payload(struct ecap_renderer *renderer, const struct ecap_event *event,
		       struct ecap_sink *sink)
{
	size_t len = event->payload_len, shown = len;
	uint64_t truncate = renderer->options.truncate;
	int err;

	if (truncate && truncate < len)
		shown = renderer->options.hex ? truncate
					      : ecap_utf8_cut(event->payload, len, truncate);
	if (renderer->options.hex)
		err = put_hex_dump(sink, event, shown);
	else
		err = put_lines(sink, event, shown);
	return err || shown == len ? err : put_cut(sink, shown, len);
}

int ecap_render_text(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink)
{
	int err = put_header(renderer, event, sink);

	for (uint32_t i = 0; !err && i < event->n_fields; i++) {
		struct ecap_field field = ecap_field_at(renderer, event, i);

		err = put_field(sink, &field);
	}
	if (!err)
		err = ecap_put_string(sink, "\n");
	if (err || !(event->flags & ECAP_EVENT_F_PAYLOAD))
		return err;
	return put_payload(renderer, event, sink);
}
