/* SPDX-License-Identifier: Apache-2.0 */
/* Renderers: see render.h. The choice of one, and what they share: time, numbers, addresses. */
#include "render.h"

#include <string.h>
#include <time.h>

#include "abi_copy.h"
#include "err.h"
#include "render_private.h"
#include "utf8.h"
#include "util.h"

int ecap_renderer_new(const struct ecap_render_options *options, struct ecap_renderer **renderer)
{
	_cleanup_free_ struct ecap_renderer *made = calloc(1, sizeof(*made));
	_cleanup_free_ char *module = strdup(options->module);

	if (!made || !module)
		return ecap_err(-ENOMEM, "renderer for %s", options->module);
	made->options = *options;
	made->options.module = made->module = TAKE_PTR(module);
	made->render = options->format == ECAP_FORMAT_JSON ? ecap_render_json : ecap_render_text;
	*renderer = TAKE_PTR(made);
	return 0;
}

void ecap_renderer_free(struct ecap_renderer *renderer)
{
	if (!renderer)
		return;
	free(renderer->module);
	free(renderer);
}

static const void *field_row(const struct ecap_renderer *renderer, const struct ecap_event *event,
			     uint32_t i)
{
	return (const char *)event->fields + (size_t)i * renderer->options.field_size;
}

struct ecap_field ecap_field_at(const struct ecap_renderer *renderer,
				const struct ecap_event *event, uint32_t i)
{
	struct ecap_field field = { .name = NULL };

	ecap_abi_in(&field, sizeof(field), field_row(renderer, event, i),
		    renderer->options.field_size);
	return field;
}

int ecap_render(struct ecap_renderer *renderer, const struct ecap_event *event,
		struct ecap_sink *sink)
{
	uint32_t size = renderer->options.field_size;

	for (uint32_t i = 0; size > sizeof(struct ecap_field) && i < event->n_fields; i++) {
		if (ecap_abi_exceeds(field_row(renderer, event, i), size, sizeof(struct ecap_field)))
			return ecap_err(-E2BIG, "event field with members that this ecapture does "
					"not know");
	}
	int err = renderer->render(renderer, event, sink);

	ecap_sink_end_event(sink);
	return err;
}

char *ecap_put_number(char *out, uint64_t number)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	memcpy(out, digits + n, sizeof(digits) - n);
	return out + sizeof(digits) - n;
}

/* Time zone rules are slow to apply, and thousands of events share a second. */
static void know_second(struct ecap_renderer *renderer, int64_t second)
{
	int json = renderer->options.format == ECAP_FORMAT_JSON;
	time_t t = (time_t)second;
	struct tm tm;

	if (renderer->second_known && renderer->second == second)
		return;
	if (json)
		gmtime_r(&t, &tm);
	else
		localtime_r(&t, &tm);
	strftime(renderer->second_text, sizeof(renderer->second_text),
		 json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	renderer->second = second;
	renderer->second_known = 1;
}

char *ecap_put_time(char *out, struct ecap_renderer *renderer, const struct ecap_event *event)
{
	/* Modulo 2^64, so that a senseless time from a module stays a senseless time. */
	int64_t ns = (int64_t)(event->mono_ns + (uint64_t)renderer->options.mono_to_real_ns);
	int64_t second = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) {
		second--;
		rest += 1000000000;
	}
	know_second(renderer, second);
	out = ecap_put(out, renderer->second_text);
	*out = '.';
	for (int i = 9; i > 0; i--, rest /= 10)
		out[i] = (char)('0' + rest % 10);
	out += 10;
	if (renderer->options.format == ECAP_FORMAT_JSON)
		*out++ = 'Z';
	return out;
}

static char *put_ipv4(char *out, const uint8_t *a)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*out++ = '.';
		out = ecap_put_number(out, a[i]);
	}
	return out;
}

static char *put_group(char *out, unsigned int group)
{
	int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[group >> shift & 0xf];
	return out;
}

/* The first of the longest runs of zero groups, when it has two or more. */
static int zero_run(const unsigned int *groups, int *length)
{
	int best = -1, best_length = 1;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && !groups[i + n])
			n++;
		if (n > best_length) {
			best = i;
			best_length = n;
		}
	}
	*length = best_length;
	return best;
}

/*
 * RFC 5952 section 4; the last 32 bits dotted where inet_ntop(3) does it too, so that an address
 * reads as the captured program itself reports it.
 */
static char *put_ipv6(char *out, const uint8_t *a)
{
	unsigned int groups[8];
	int length;

	for (int i = 0; i < 8; i++)
		groups[i] = (unsigned int)a[2 * i] << 8 | a[2 * i + 1];
	int zeros = zero_run(groups, &length);

	for (int i = 0; i < 8; i++) {
		if (i == zeros) {
			*out++ = ':';
			*out++ = ':';
			i += length - 1;
			continue;
		}
		if (i && i != zeros + length)
			*out++ = ':';
		if (i == 6 && zeros == 0 && (length == 6 || (length == 5 && groups[5] == 0xffff)))
			return put_ipv4(out, a + 12);
		out = put_group(out, groups[i]);
	}
	return out;
}

static char *put_end(char *out, const struct ecap_tuple *tuple, int remote)
{
	const uint8_t *address = remote ? tuple->raddr : tuple->laddr;

	if (tuple->family == 6) {
		*out++ = '[';
		out = put_ipv6(out, address);
		*out++ = ']';
	} else {
		out = put_ipv4(out, address);
	}
	*out++ = ':';
	return ecap_put_number(out, remote ? tuple->rport : tuple->lport);
}

int ecap_has_addresses(const struct ecap_event *event)
{
	return event->tuple.family == 4 || event->tuple.family == 6;
}

char *ecap_put_source(char *out, const struct ecap_event *event)
{
	return put_end(out, &event->tuple, event->direction == ECAP_DIR_RECV);
}

char *ecap_put_destination(char *out, const struct ecap_event *event)
{
	return put_end(out, &event->tuple, event->direction != ECAP_DIR_RECV);
}

int ecap_is_part(const struct ecap_event *event)
{
	return event->total && event->total != event->payload_len;
}

/* Neither through a character nor between the \r and \n of a line's end. */
static size_t next_piece(const uint8_t *p, size_t len)
{
	size_t n = ecap_utf8_cut(p, len, ECAP_PIECE);

	return n < len && p[n - 1] == '\r' ? n - 1 : n;
}

int ecap_put_escaped(struct ecap_sink *sink, ecap_escape_fn *escape, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t n = next_piece(p, len);
		char *out = ecap_sink_reserve(sink, ECAP_ESCAPE_MAX(n) + ECAP_ESCAPE_SLACK);

		if (!out)
			return ecap_sink_error(sink);
		ecap_sink_commit(sink, (size_t)(escape(out, p, p + n) - out));
		p += n;
		len -= n;
	}
	return 0;
}

int ecap_put_string(struct ecap_sink *sink, const char *string)
{
	char *out = ecap_sink_reserve(sink, strlen(string));

	if (!out)
		return ecap_sink_error(sink);
	ecap_sink_commit(sink, (size_t)(ecap_put(out, string) - out));
	return 0;
}
