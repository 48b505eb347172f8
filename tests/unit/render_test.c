/* SPDX-License-Identifier: Apache-2.0 */
/* The renderers: exact output for made events in each format; times and addresses; errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "err.h"
#include "render_output.h"

static void assert_renders(struct ecap_render_options options, struct ecap_event event,
			   const char *expected)
{
	struct output output = rendered(&options, &event, 1);

	assert_string_equal(output.data, expected);
	assert_int_equal(output.len, strlen(expected));
	free(output.data);
}

/* --- text --- */

#define TIME "2026-11-22 10:53:30.123456789 "
#define WHO TIME "curl[1234] tid 1235 uid 0 "

static void test_text_send(void **state)
{
	(void)state;
	assert_renders(plain_text, event_of_string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		       WHO "send 27 bytes fd 5 127.0.0.1:51208 -> 10.1.2.3:443 conn 4096\n"
			   "GET / HTTP/1.1\nHost: a\n\n");
}

static void test_text_recv(void **state)
{
	struct ecap_event event = event_of_string("no newline");

	(void)state;
	event.direction = ECAP_DIR_RECV;
	assert_renders(plain_text, event,
		       WHO "recv 10 bytes fd 5 10.1.2.3:443 -> 127.0.0.1:51208 conn 4096\n"
			   "no newline\n");
}

/* What is unknown is left out. */
static void test_text_unknown(void **state)
{
	struct ecap_event event = event_of_string("x\n");
	struct ecap_render_options labelled = plain_text;

	(void)state;
	event.fd = -1;
	event.conn = 0;
	event.tuple.family = 0;
	event.tid = 0;
	event.uid = 4294967295u;
	assert_renders(plain_text, event, TIME "curl[1234] uid 4294967295 send 2 bytes\nx\n");
	labelled.label = "tls";
	assert_renders(labelled, event, TIME "tls curl[1234] uid 4294967295 send 2 bytes\nx\n");
	event.direction = ECAP_DIR_NONE;
	event.fd = 0;
	event.kind = "early_data";
	event.payload_len = 0;
	event.payload = NULL;
	assert_renders(plain_text, event,
		       TIME "curl[1234] uid 4294967295 early_data 0 bytes fd 0\n");
}

static void test_text_part(void **state)
{
	struct ecap_event event = event_of_string("abc\n");

	(void)state;
	event.conn = UINT64_MAX;
	event.offset = 65536;
	event.total = 1048576;
	assert_renders(plain_text, event,
		       WHO "send bytes 65536-65539 of 1048576 fd 5 127.0.0.1:51208 -> "
			   "10.1.2.3:443 conn 18446744073709551615\nabc\n");
	event.offset = 0;
	event.total = 4;
	event.conn = 1;
	assert_renders(plain_text, event,
		       WHO "send 4 bytes fd 5 127.0.0.1:51208 -> 10.1.2.3:443 conn 1\nabc\n");
}

static const struct ecap_field command_fields[] = {
	{ .name = "status", .num = 0 },
	{ .name = "line", .str = "echo \"hi\\\"\t\x1b[31m\n" },
	{ .name = "big", .num = UINT64_MAX },
	{ .name = "none", .str = "" },
};

static struct ecap_event command(void)
{
	return (struct ecap_event){
		.pid = 77, .tid = 78, .fd = -1, .kind = "command", .mono_ns = MONO_NS,
		.comm = "ba\nsh", .fields = command_fields,
		.n_fields = ARRAY_SIZE(command_fields),
	};
}

static void test_text_fields(void **state)
{
	(void)state;
	assert_renders(plain_text, command(),
		       TIME "ba\\nsh[77] command uid=0 status=0 "
			    "line=\"echo \\\"hi\\\\\\\"\\t\\x1b[31m\\n\" "
			    "big=18446744073709551615 none=\"\"\n");
}

static void test_text_colour(void **state)
{
	struct ecap_render_options options = plain_text;
	struct ecap_event event = event_of_string("\x1b[31m\n");

	(void)state;
	options.colour = 1;
	assert_renders(options, event,
		       WHO "\033[35msend\033[0m 6 bytes fd 5 "
			   "\033[2m127.0.0.1:51208 -> 10.1.2.3:443\033[0m conn 4096\n"
			   "\\x1b[31m\n");
}

static void test_text_truncated(void **state)
{
	struct ecap_event event = event_of_string("12\xc3\xa4" "56\n");

	(void)state;
	event.tuple.family = 0;
	event.fd = -1;
	event.conn = 0;
	assert_renders(with(ECAP_FORMAT_TEXT, 3), event,
		       WHO "send 7 bytes\n12\n[... 2 of 7 bytes shown]\n");
	assert_renders(with(ECAP_FORMAT_TEXT, 4), event,
		       WHO "send 7 bytes\n12\xc3\xa4\n[... 4 of 7 bytes shown]\n");
	assert_renders(with(ECAP_FORMAT_TEXT, 7), event,
		       WHO "send 7 bytes\n12\xc3\xa4" "56\n");
	event.payload = "\xc3\xa4xx";
	event.payload_len = 4;
	assert_renders(with(ECAP_FORMAT_TEXT, 1), event,
		       WHO "send 4 bytes\n[... 0 of 4 bytes shown]\n");
}

static void test_text_escapes(void **state)
{
	static const struct {
		const char *payload, *shown;
	} cases[] = {
		{ "a\tb\\n", "a\tb\\n" },
		{ "a\rb\r\nc\r\r\nd\r", "a\\x0db\nc\\x0d\nd\\x0d" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x85\xc2\x9f\xc2\xa0", "\\xc2\\x85\\xc2\\x9f\xc2\xa0" },
		{ "\xe2\x80\xae\xe2\x81\xa6", "\\xe2\\x80\\xae\\xe2\\x81\\xa6" },
		{ "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
		  "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa" },
		{ "\xff\xc0\x80", "\\xff\\xc0\\x80" },
		{ "\xd0\x90\xe4\xb8\xad\xf0\x9f\x98\x80", "\xd0\x90\xe4\xb8\xad\xf0\x9f\x98\x80" },
		{ "\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80" },
		{ "\xe4\xb8", "\\xe4\\xb8" },
	};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ecap_event event = event_of_string(cases[i].payload);

		event.tuple.family = 0;
		snprintf(expected, sizeof(expected), WHO "send %zu bytes fd 5 conn 4096\n%s\n",
			 strlen(cases[i].payload), cases[i].shown);
		assert_renders(plain_text, event, expected);
	}
}

static void test_hex(void **state)
{
	struct ecap_render_options options = plain_text;
	struct ecap_event event = event_of("GET / HTTP/1.1\r\n\0\x7f\xff~", 20);

	(void)state;
	options.hex = 1;
	event.tuple.family = 0;
	assert_renders(options, event,
		WHO "send 20 bytes fd 5 conn 4096\n"
		"00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
		"00000010  00 7f ff 7e                                       |...~|\n");
	options.truncate = 16;
	event.offset = 65536;
	event.total = 70000;
	assert_renders(options, event,
		WHO "send bytes 65536-65555 of 70000 fd 5 conn 4096\n"
		"00010000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
		"[... 16 of 20 bytes shown]\n");
	options.truncate = 1;
	event.offset = 0xfffffffffu;
	event.total = UINT64_MAX;
	assert_renders(options, event,
		WHO "send bytes 68719476735-68719476754 of 18446744073709551615 fd 5 conn 4096\n"
		"0000000fffffffff  47                                                |G|\n"
		"[... 1 of 20 bytes shown]\n");
}

/* --- time and addresses --- */

static void test_times(void **state)
{
	static const struct {
		uint64_t mono_ns;
		const char *time;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ 999999999, "1970-01-01T00:00:00.999999999Z" },
		{ 1000000000, "1970-01-01T00:00:01.000000000Z" },
		{ 951827696000000007, "2000-02-29T12:34:56.000000007Z" },
		{ 1000000001, "1970-01-01T00:00:01.000000001Z" },
		{ UINT64_MAX, "1969-12-31T23:59:59.999999999Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
	};
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);
	struct ecap_event events[ARRAY_SIZE(cases)];

	(void)state;
	options.mono_to_real_ns = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		events[i] = event_of_string("");
		events[i].mono_ns = cases[i].mono_ns;
	}
	struct output output = rendered(&options, events, ARRAY_SIZE(cases));
	char *line = output.data;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_memory_equal(line, "{\"time\":\"", 9);
		assert_memory_equal(line + 9, cases[i].time, 30);
		line = strchr(line, '\n') + 1;
	}
	assert_int_equal(*line, '\0');
	free(output.data);
}

/* inet_ntop(3) is what the captured programs use. */
static void test_ipv6_addresses(void **state)
{
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);
	struct ecap_event events[64];
	char expected[INET6_ADDRSTRLEN + 32], address[INET6_ADDRSTRLEN];

	(void)state;
	srandom(6);
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
			events[i] = event_of_string("");
			events[i].tuple.family = 6;
			events[i].tuple.lport = (uint16_t)random();
			/* Many groups of zero and of one digit. */
			for (int j = 0; j < 16; j++)
				events[i].tuple.laddr[j] =
					(uint8_t)(random() % 3 ? 0 : random() >> random() % 8);
			if (random() % 8 == 0)
				memcpy(events[i].tuple.laddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		}
		struct output output = rendered(&options, events, ARRAY_SIZE(events));
		char *line = output.data;

		for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
			inet_ntop(AF_INET6, events[i].tuple.laddr, address, sizeof(address));
			snprintf(expected, sizeof(expected), "\"src\":\"[%s]:%u\",", address,
				 events[i].tuple.lport);
			char *end = strchr(line, '\n');

			*end = '\0';
			if (!strstr(line, expected))
				fail_msg("%s not in %s", expected, line);
			line = end + 1;
		}
		free(output.data);
	}
}

static void test_text_ipv6(void **state)
{
	struct ecap_event event = event_of_string("x");

	(void)state;
	event.tuple.family = 6;
	memset(event.tuple.laddr, 0, 16);
	event.tuple.laddr[15] = 1;
	memcpy(event.tuple.raddr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04", 16);
	assert_renders(plain_text, event,
		       WHO "send 1 bytes fd 5 [::1]:51208 -> [::ffff:1.2.3.4]:443 conn 4096\nx\n");
}

/* --- JSON --- */

#define JSON_WHO "{\"time\":\"2026-11-22T08:53:30.123456789Z\",\"module\":\"tls\"," \
	"\"kind\":\"data\",\"pid\":1234,\"tid\":1235,\"uid\":0,\"comm\":\"curl\","

static void test_json_send(void **state)
{
	(void)state;
	assert_renders(with(ECAP_FORMAT_JSON, 0), event_of_string("a\"b\\c\r\n\x01/"),
		       JSON_WHO "\"direction\":\"send\",\"fd\":5,\"src\":\"127.0.0.1:51208\","
		       "\"dst\":\"10.1.2.3:443\",\"conn\":4096,\"len\":9,"
		       "\"payload\":\"a\\\"b\\\\c\\r\\n\\u0001/\"}\n");
}

static void test_json_recv_part(void **state)
{
	struct ecap_event event = event_of("\xff\0", 2);

	(void)state;
	event.direction = ECAP_DIR_RECV;
	event.tuple.family = 6;
	memset(event.tuple.laddr, 0, 16);
	event.tuple.raddr[15] = 0x10;
	event.offset = 65536;
	event.total = 65538;
	assert_renders(with(ECAP_FORMAT_JSON, 0), event,
		       JSON_WHO "\"direction\":\"recv\",\"fd\":5,"
		       "\"src\":\"[a01:203::10]:443\",\"dst\":\"[::]:51208\",\"conn\":4096,\"len\":2,"
		       "\"offset\":65536,\"total\":65538,\"payload_base64\":\"/wA=\"}\n");
}

static void test_json_unknown(void **state)
{
	struct ecap_event event = event_of(NULL, 0);

	(void)state;
	event.direction = ECAP_DIR_NONE;
	event.fd = -1;
	event.conn = 0;
	assert_renders(with(ECAP_FORMAT_JSON, 0), event,
		       JSON_WHO "\"src\":\"127.0.0.1:51208\",\"dst\":\"10.1.2.3:443\","
				"\"len\":0,\"payload\":\"\"}\n");
	event.tuple.family = 0;
	event.flags = 0;
	assert_renders(with(ECAP_FORMAT_JSON, 0), event,
		       "{\"time\":\"2026-11-22T08:53:30.123456789Z\",\"module\":\"tls\","
		       "\"kind\":\"data\",\"pid\":1234,\"tid\":1235,\"uid\":0,\"comm\":\"curl\"}\n");
}

static void test_json_fields(void **state)
{
	static const struct ecap_field fields[] = {
		{ .name = "status", .num = 127 },
		{ .name = "big", .num = UINT64_MAX },
		{ .name = "pid", .num = 1 },
		{ .name = "payload", .str = "mine" },
		{ .name = "line", .str = "a\xff\xe4\xb8z" },
		{ .name = "order", .str = "\x7f\xc2\x80\xe2\x80\xae\xd0\x90" },
	};
	struct ecap_event event = event_of_string("x");

	(void)state;
	memcpy(event.comm, "c\xfe\x7f\n", 5);
	event.tuple.family = 0;
	event.fields = fields;
	event.n_fields = ARRAY_SIZE(fields);
	assert_renders(with(ECAP_FORMAT_JSON, 0), event,
		"{\"time\":\"2026-11-22T08:53:30.123456789Z\",\"module\":\"tls\",\"kind\":\"data\","
		"\"pid\":1234,\"tid\":1235,\"uid\":0,\"comm\":\"c\xef\xbf\xbd\\u007f\\n\","
		"\"direction\":\"send\",\"fd\":5,\"conn\":4096,\"len\":1,\"status\":127,"
		"\"big\":\"18446744073709551615\",\"field_pid\":1,\"field_payload\":\"mine\","
		"\"line\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\",\"line_base64\":\"Yf/kuHo=\","
		"\"order\":\"\\u007f\\u0080\\u202e\xd0\x90\",\"payload\":\"x\"}\n");
}

static void test_json_number_limits(void **state)
{
	static const struct ecap_field fields[] = {
		{ .name = "zero", .num = 0 },
		{ .name = "largest", .num = INT64_MAX },
		{ .name = "beyond", .num = (uint64_t)INT64_MAX + 1 },
	};
	struct ecap_event event = event_of_string("x");

	(void)state;
	event.pid = event.tid = event.uid = UINT32_MAX;
	event.fd = INT32_MAX;
	event.tuple.lport = UINT16_MAX;
	event.tuple.rport = 0;
	memset(event.tuple.laddr, 255, 4);
	memset(event.tuple.raddr, 0, 4);
	event.conn = UINT64_MAX;
	event.offset = (uint64_t)INT64_MAX;
	event.total = (uint64_t)INT64_MAX + 1;
	event.fields = fields;
	event.n_fields = ARRAY_SIZE(fields);
	assert_renders(with(ECAP_FORMAT_JSON, 0), event,
		"{\"time\":\"2026-11-22T08:53:30.123456789Z\",\"module\":\"tls\",\"kind\":\"data\","
		"\"pid\":4294967295,\"tid\":4294967295,\"uid\":4294967295,\"comm\":\"curl\","
		"\"direction\":\"send\",\"fd\":2147483647,\"src\":\"255.255.255.255:65535\","
		"\"dst\":\"0.0.0.0:0\",\"conn\":\"18446744073709551615\",\"len\":1,"
		"\"offset\":9223372036854775807,\"total\":\"9223372036854775808\",\"zero\":0,"
		"\"largest\":9223372036854775807,\"beyond\":\"9223372036854775808\","
		"\"payload\":\"x\"}\n");
}

/* Each byte there is, in each string there is. */
static void test_json_every_byte(void **state)
{
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);

	(void)state;
	for (int c = 1; c < 256; c++) {
		char string[] = { (char)c, '~', '\0' };
		const char *expected = c < 0x80 ? string : "\xef\xbf\xbd~";
		const struct ecap_field fields[] = {
			{ .name = string, .num = 1 }, { .name = "line", .str = string },
		};
		struct ecap_event event = event_of(string, 2);

		options.module = event.kind = string;
		memcpy(event.comm, string, sizeof(string));
		event.fields = fields;
		event.n_fields = ARRAY_SIZE(fields);
		json_t *object = parsed(&options, &event);

		assert_string_equal(text_of(object, "module"), expected);
		assert_string_equal(text_of(object, "kind"), expected);
		assert_string_equal(text_of(object, "comm"), expected);
		assert_string_equal(text_of(object, "line"), expected);
		assert_int_equal(json_integer_value(json_object_get(object, expected)), 1);
		assert_int_equal(text_of(object, "line_base64") != NULL, c >= 0x80);
		if (c < 0x80)
			assert_string_equal(text_of(object, "payload"), expected);
		else
			assert_non_null(text_of(object, "payload_base64"));
		json_decref(object);
	}
}

/* The longest head, from each place near the buffer's end: the sanitizer sees a byte too many. */
static void test_head_keeps_to_its_space(void **state)
{
	char controls[101] = "";
	struct ecap_event event = event_of_string("payload");

	(void)state;
	memset(controls, 0x1b, 100);
	memset(event.comm, 0x1b, sizeof(event.comm));
	memset(&event.tuple, 255, sizeof(event.tuple));
	event.tuple.family = 6;
	event.kind = controls;
	event.pid = event.tid = event.uid = UINT32_MAX;
	event.fd = INT32_MAX;
	event.conn = event.offset = event.total = UINT64_MAX;
	for (size_t i = 0; i < 5000; i++) {
		struct ecap_render_options options =
			with(i % 2 ? ECAP_FORMAT_JSON : ECAP_FORMAT_TEXT, 1);
		struct ecap_renderer *renderer = NULL;
		struct ecap_sink *sink = NULL;
		size_t used = ((size_t)1 << 20) - i / 2; /* of 1 MiB */

		options.colour = 1;
		options.module = controls;
		assert_int_equal(ecap_renderer_new(&options, &renderer), 0);
		assert_int_equal(ecap_sink_open("/dev/null", &sink), 0);
		assert_non_null(ecap_sink_reserve(sink, used));
		ecap_sink_commit(sink, used);
		assert_int_equal(ecap_render(renderer, &event, sink), 0);
		assert_int_equal(ecap_sink_close(sink), 0);
		ecap_renderer_free(renderer);
	}
}

static void test_json_truncated(void **state)
{
	struct ecap_event event = event_of_string("12\xc3\xa4" "56");
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 3);
	json_t *object = parsed(&options, &event);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "len")), 6);
	assert_true(json_is_true(json_object_get(object, "truncated")));
	assert_string_equal(text_of(object, "payload"), "12");
	json_decref(object);
	event.payload = "12\xc3\xa4\xff" "6";
	object = parsed(&options, &event);
	assert_int_equal(json_integer_value(json_object_get(object, "len")), 6);
	assert_true(json_is_true(json_object_get(object, "truncated")));
	assert_string_equal(text_of(object, "payload_base64"), "MTLD");
	json_decref(object);
	options.truncate = 6;
	object = parsed(&options, &event);
	assert_null(json_object_get(object, "truncated"));
	json_decref(object);
}

/* --- several events, errors --- */

/* Lines of several events follow each other without a gap. */
static void test_many_events(void **state)
{
	enum { N = 5000 };
	static struct ecap_event events[N];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		events[i] = event_of_string("0123456789\n");
		events[i].mono_ns += i;
	}
	struct output output = rendered(&plain_text, events, N);

	for (size_t i = 0; i < N; i++) {
		char time[40];

		snprintf(time, sizeof(time), "2026-11-22 10:53:30.%09zu ", 123456789 + i);
		assert_memory_equal(output.data + len, time, strlen(time));
		len = (size_t)(strstr(output.data + len, "\n0123456789\n") - output.data) + 12;
	}
	assert_int_equal(len, output.len);
	free(output.data);
}

static void test_sink_error(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ecap_render_options options =
			with(i ? ECAP_FORMAT_JSON : ECAP_FORMAT_TEXT, 0);
		struct ecap_event event = event_of_string("payload");
		struct ecap_renderer *renderer = NULL;
		struct ecap_sink *sink = NULL;

		assert_int_equal(ecap_renderer_new(&options, &renderer), 0);
		assert_int_equal(ecap_sink_open("/dev/full", &sink), 0);
		assert_int_equal(ecap_render(renderer, &event, sink), 0);
		assert_int_equal(ecap_sink_flush(sink), -ENOSPC);
		assert_int_equal(ecap_render(renderer, &event, sink), -ENOSPC);
		assert_non_null(strstr(ecap_err_text(), "No space left on device"));
		assert_int_equal(ecap_sink_close(sink), -ENOSPC);
		ecap_renderer_free(renderer);
	}
	ecap_renderer_free(NULL);
}

/* The module's name belongs to the renderer. */
static void test_keeps_module_name(void **state)
{
	char name[] = "tls";
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);
	struct ecap_event event = event_of_string("");
	struct ecap_renderer *renderer = NULL;
	struct ecap_sink *sink = NULL;
	char line[256] = "";

	(void)state;
	options.module = name;
	assert_int_equal(truncate(output_path, 0), 0);
	assert_int_equal(ecap_renderer_new(&options, &renderer), 0);
	memset(name, 'x', 3);
	assert_int_equal(ecap_sink_open(output_path, &sink), 0);
	assert_int_equal(ecap_render(renderer, &event, sink), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	ecap_renderer_free(renderer);
	_cleanup_fclose_ FILE *f = fopen(output_path, "re");

	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(strstr(line, "\"module\":\"tls\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_send),
		cmocka_unit_test(test_text_recv),
		cmocka_unit_test(test_text_unknown),
		cmocka_unit_test(test_text_part),
		cmocka_unit_test(test_text_fields),
		cmocka_unit_test(test_text_colour),
		cmocka_unit_test(test_text_truncated),
		cmocka_unit_test(test_text_escapes),
		cmocka_unit_test(test_text_ipv6),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_ipv6_addresses),
		cmocka_unit_test(test_json_send),
		cmocka_unit_test(test_json_recv_part),
		cmocka_unit_test(test_json_unknown),
		cmocka_unit_test(test_json_fields),
		cmocka_unit_test(test_json_number_limits),
		cmocka_unit_test(test_json_every_byte),
		cmocka_unit_test(test_json_truncated),
		cmocka_unit_test(test_head_keeps_to_its_space),
		cmocka_unit_test(test_many_events),
		cmocka_unit_test(test_sink_error),
		cmocka_unit_test(test_keeps_module_name),
	};

	return cmocka_run_group_tests_name("render", tests, set_up, clean_up);
}
