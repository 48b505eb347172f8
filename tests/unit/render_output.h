/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the renderers: a made event, and what comes out for events, through a file. */
#ifndef ECAPTURE_TESTS_RENDER_OUTPUT_H
#define ECAPTURE_TESTS_RENDER_OUTPUT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "render.h"
#include "util.h"

/* 2026-11-22 08:53:30.123456789 UTC */
#define REAL_NS INT64_C(1795337610123456789)
#define MONO_NS UINT64_C(5000000000)

struct output {
	char *data;
	size_t len;
};

static char output_path[] = "/tmp/ecapture-render-XXXXXX";

static const struct ecap_render_options plain_text = {
	.format = ECAP_FORMAT_TEXT,
	.mono_to_real_ns = REAL_NS - (int64_t)MONO_NS,
	.module = "tls",
	.field_size = sizeof(struct ecap_field),
};

static inline struct ecap_render_options with(enum ecap_format format, uint64_t truncate)
{
	struct ecap_render_options options = plain_text;

	options.format = format;
	options.truncate = truncate;
	return options;
}

/* curl sends @len bytes at @payload from 127.0.0.1:51208 to 10.1.2.3:443. */
static inline struct ecap_event event_of(const void *payload, size_t len)
{
	return (struct ecap_event){
		.struct_size = sizeof(struct ecap_event),
		.direction = ECAP_DIR_SEND,
		.flags = ECAP_EVENT_F_PAYLOAD,
		.pid = 1234,
		.tid = 1235,
		.fd = 5,
		.kind = "data",
		.mono_ns = MONO_NS,
		.conn = 4096,
		.tuple = {
			.family = 4, .lport = 51208, .rport = 443,
			.laddr = { 127, 0, 0, 1 }, .raddr = { 10, 1, 2, 3 },
		},
		.comm = "curl",
		.payload = payload,
		.payload_len = len,
	};
}

static inline struct ecap_event event_of_string(const char *payload)
{
	return event_of(payload, strlen(payload));
}

static inline struct output rendered(const struct ecap_render_options *options,
				     const struct ecap_event *events, size_t n)
{
	struct ecap_renderer *renderer = NULL;
	struct ecap_sink *sink = NULL;
	struct output output = { 0 };
	struct stat st;

	assert_int_equal(truncate(output_path, 0), 0);
	assert_int_equal(ecap_renderer_new(options, &renderer), 0);
	assert_int_equal(ecap_sink_open(output_path, &sink), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ecap_render(renderer, &events[i], sink), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	ecap_renderer_free(renderer);
	assert_int_equal(stat(output_path, &st), 0);
	output.len = (size_t)st.st_size;
	output.data = calloc(1, output.len + 1);
	_cleanup_fclose_ FILE *f = fopen(output_path, "re");

	assert_non_null(output.data);
	assert_non_null(f);
	assert_int_equal(fread(output.data, 1, output.len, f), output.len);
	return output;
}

static inline const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static inline json_t *parsed(const struct ecap_render_options *options,
			     const struct ecap_event *event)
{
	struct output output = rendered(options, event, 1);
	json_error_t error;
	json_t *object = json_loadb(output.data, output.len,
				    JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	if (!object)
		print_error("%s in %s", error.text, output.data);
	assert_true(json_is_object(object));
	assert_ptr_equal(strchr(output.data, '\n'), output.data + output.len - 1);
	free(output.data);
	return object;
}

static inline int set_up(void **state)
{
	int fd = mkstemp(output_path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	setenv("TZ", "TST-2", 1); /* two hours east of UTC, no summer time */
	tzset();
	return 0;
}

static inline int clean_up(void **state)
{
	(void)state;
	return unlink(output_path);
}

#endif
