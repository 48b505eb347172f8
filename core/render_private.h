/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the renderers share. They write into space reserved in the sink, by functions that take
 * where to write and return where they ended: one printf for each event would cost more than all
 * the rest.
 */
#ifndef ECAPTURE_CORE_RENDER_PRIVATE_H
#define ECAPTURE_CORE_RENDER_PRIVATE_H

#include <string.h>

#include "render.h"

struct ecap_renderer {
	struct ecap_render_options options; /* its module is a copy of the caller's */
	int (*render)(struct ecap_renderer *renderer, const struct ecap_event *event,
		      struct ecap_sink *sink);
	char *module;
	int second_known;
	int64_t second;       /* that second_text is for */
	char second_text[20]; /* date and time, 19 characters */
};

int ecap_render_text(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink);
int ecap_render_json(struct ecap_renderer *renderer, const struct ecap_event *event,
		     struct ecap_sink *sink);

static inline char *ecap_put(char *out, const char *string)
{
	size_t n = strlen(string);

	memcpy(out, string, n);
	return out + n;
}

/* The i-th field of the event, whatever its size in the module. */
struct ecap_field ecap_field_at(const struct ecap_renderer *renderer,
				const struct ecap_event *event, uint32_t i);

/* At most 20 digits. */
char *ecap_put_number(char *out, uint64_t number);

/*
 * "2026-11-22 10:53:30.123456789" in local time for text, RFC 3339 in UTC for JSON: at most 30
 * characters.
 */
char *ecap_put_time(char *out, struct ecap_renderer *renderer, const struct ecap_event *event);

/* The two ends, sender first, each at most 48 characters. Only when the family is known. */
int ecap_has_addresses(const struct ecap_event *event);
char *ecap_put_source(char *out, const struct ecap_event *event);
char *ecap_put_destination(char *out, const struct ecap_event *event);

/* 1 when the payload is one of several parts of what a call moved. */
int ecap_is_part(const struct ecap_event *event);

/*
 * Makes bytes harmless: writes at most ECAP_ESCAPE_MAX(n) bytes for n, and returns the end. Up to
 * ECAP_ESCAPE_SLACK more may be scribbled over behind it.
 */
typedef char *ecap_escape_fn(char *out, const uint8_t *p, const uint8_t *end);

#define ECAP_ESCAPE_SLACK 16
#define ECAP_ESCAPE_MAX(n) ((n) * 6)

/* Text with lines: \xNN for what is not shown. */
ecap_escape_fn ecap_escape_text;
/* One line in quotes: \n, \t, \" and \\ too. */
ecap_escape_fn ecap_escape_quoted;
/* Inside a JSON string; each byte that is not UTF-8 becomes U+FFFD. */
ecap_escape_fn ecap_escape_json;

/* Escapes data of any length into the sink, piece by piece. Returns 0 or the sink's error. */
int ecap_put_escaped(struct ecap_sink *sink, ecap_escape_fn *escape, const void *data, size_t len);

/* Adds a short string. Returns 0 or the sink's error. */
int ecap_put_string(struct ecap_sink *sink, const char *string);

/* Pieces in which payloads go to the sink: so its buffer need not grow with them. */
#define ECAP_PIECE ((size_t)48 << 10)

#endif
