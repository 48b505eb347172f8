/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs of another size. Each lies in memory of exactly the size that it says, so that the
 * sanitizer sees the first byte that is touched behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi_copy.h"
#include "err.h"
#include "render_output.h"

struct now {
	uint32_t struct_size, a;
	uint64_t b, c;
};

/* @size bytes, of which byte i is i + 1 below @used and 0 from there on. */
static uint8_t *bytes_new(uint32_t size, uint32_t used)
{
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = i < used ? (uint8_t)(i + 1) : 0;
	return bytes;
}

static void takes_structs_in(void **state)
{
	static const struct {
		uint32_t given, used;
		int err;
	} structs[] = {
		{ 24, 24, 0 }, { 16, 16, 0 }, { 8, 8, 0 }, { 0, 0, 0 },
		{ 32, 24, 0 }, { 32, 25, -E2BIG }, { 4096, 24, 0 }, { 4096, 4096, -E2BIG },
		{ 4097, 24, -E2BIG }, { 1 << 20, 24, -E2BIG },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(structs); i++) {
		uint32_t given = structs[i].given;
		_cleanup_free_ uint8_t *from = bytes_new(given ? given : 1, structs[i].used);
		_cleanup_free_ uint8_t *expected = bytes_new(sizeof(struct now), given);
		_cleanup_free_ struct now *to = malloc(sizeof(*to));

		assert_non_null(to);
		memset(to, 0xee, sizeof(*to));
		assert_int_equal(ecap_abi_in(to, sizeof(*to), from, given), structs[i].err);
		if (!structs[i].err)
			assert_memory_equal(to, expected, sizeof(*to));
		assert_int_equal(ecap_abi_exceeds(from, given, sizeof(*to)), structs[i].err < 0);
	}
}

static void fills_structs(void **state)
{
	static const uint32_t rooms[] = { 16, 24, 32, 4096 };
	const struct now made = { 99, 1, 2, 3 };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		uint32_t room = rooms[i], size;
		_cleanup_free_ uint8_t *to = malloc(room);

		assert_non_null(to);
		memset(to, 0xee, room);
		memcpy(to, &room, sizeof(room));
		assert_int_equal(ecap_abi_out(to, &made, sizeof(made), 16), 0);
		/* the size stays the module's */
		memcpy(&size, to, sizeof(size));
		assert_int_equal(size, room);
		assert_memory_equal(to + 4, (const char *)&made + 4,
				    (room < sizeof(made) ? room : sizeof(made)) - 4);
		/* what only the module knows is not left to chance */
		assert_false(ecap_abi_exceeds(to, room, sizeof(made)));
	}
}

static void refuses_structs_without_size(void **state)
{
	static const struct {
		uint32_t size;
		const char *text;
	} sizes[] = {
		{ 0, "a struct of 0 bytes where at least 16 are needed; set its struct_size" },
		{ 15, "a struct of 15 bytes where at least 16 are needed; set its struct_size" },
		{ 4097, "a struct of 4097 bytes where at least 16 are needed; set its struct_size" },
	};
	const struct now made = { 99, 1, 2, 3 };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t to[1] = { sizes[i].size };

		assert_int_equal(ecap_abi_out(to, &made, sizeof(made), 16), -EINVAL);
		assert_string_equal(ecap_err_text(), sizes[i].text);
		assert_int_equal(to[0], sizes[i].size);
	}
}

/* Fields of a module of a later minor: rows are longer, and what is new must not be used. */
static void renders_longer_fields(void **state)
{
	struct {
		struct ecap_field now;
		uint64_t new_number;
	} fields[] = {
		{ { .name = "status", .num = 1 }, 0 },
		{ { .name = "line", .str = "ls" }, 0 },
	};
	struct ecap_render_options options = with(ECAP_FORMAT_JSON, 0);
	struct ecap_event event = {
		.fd = -1, .kind = "command", .fields = &fields[0].now, .n_fields = 2,
	};
	struct ecap_renderer *renderer = NULL;
	struct ecap_sink *sink = NULL;
	(void)state;

	options.field_size = sizeof(fields[0]);
	json_t *object = parsed(&options, &event);

	assert_int_equal(json_integer_value(json_object_get(object, "status")), 1);
	assert_string_equal(text_of(object, "line"), "ls");
	json_decref(object);
	options.format = ECAP_FORMAT_TEXT;
	struct output output = rendered(&options, &event, 1);

	assert_non_null(strstr(output.data, " status=1 line=\"ls\"\n"));
	free(output.data);

	fields[1].new_number = 1;
	assert_int_equal(ecap_renderer_new(&options, &renderer), 0);
	assert_int_equal(ecap_sink_open(output_path, &sink), 0);
	assert_int_equal(ecap_render(renderer, &event, sink), -E2BIG);
	assert_int_equal(ecap_sink_flush(sink), 0);
	assert_int_equal(ecap_sink_written(sink), 0);
	assert_int_equal(ecap_sink_close(sink), 0);
	ecap_renderer_free(renderer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_structs_in),
		cmocka_unit_test(fills_structs),
		cmocka_unit_test(refuses_structs_without_size),
		cmocka_unit_test(renders_longer_fields),
	};

	return cmocka_run_group_tests_name("abi_copy", tests, set_up, clean_up);
}
