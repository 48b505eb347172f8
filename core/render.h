/* SPDX-License-Identifier: Apache-2.0 */
/* Turns events into text, hex dumps or JSON lines, straight into the sink's buffer. */
#ifndef ECAPTURE_CORE_RENDER_H
#define ECAPTURE_CORE_RENDER_H

#include <ecapture/event.h>

#include "sink.h"

enum ecap_format { ECAP_FORMAT_TEXT, ECAP_FORMAT_JSON };

struct ecap_render_options {
	enum ecap_format format;
	int hex;                 /* text: payload as a hex dump */
	int colour;              /* text: for a terminal */
	uint64_t truncate;       /* payload bytes shown of each event; 0: all */
	int64_t mono_to_real_ns; /* for the time of an event */
	const char *module;      /* name of the module */
	const char *label;       /* text: before each event where several modules write; or NULL */
	uint32_t field_size;     /* of the module's struct ecap_field */
};

struct ecap_renderer;

int ecap_renderer_new(const struct ecap_render_options *options, struct ecap_renderer **renderer);
void ecap_renderer_free(struct ecap_renderer *renderer);

/*
 * Renders one event into @sink. Returns 0, or a negative errno when the sink has failed; -E2BIG,
 * and nothing is written, when the event's fields have members that are not known here.
 */
int ecap_render(struct ecap_renderer *renderer, const struct ecap_event *event,
		struct ecap_sink *sink);

#endif
