/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings that are damaged, cut, or made by somebody who means ill: refused with the offset of
 * the frame, and never a wrong record.
 */
#include "recording_help.h"

#include <zlib.h>

static uint8_t *whole;
static size_t whole_size;

static uint32_t crc_of(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

/* A recording under construction. */
struct image {
	uint8_t *data;
	size_t size;
};

static void image_add(struct image *image, const void *data, size_t len)
{
	image->data = realloc(image->data, image->size + len);
	assert_non_null(image->data);
	memcpy(image->data + image->size, data, len);
	image->size += len;
}

/* A sound frame, whatever it says. */
static void add_frame(struct image *image, uint16_t type, uint16_t flags, uint32_t map,
		      const void *data, uint32_t len)
{
	static const uint8_t zeros[8];
	struct recording_frame frame = { .type = type, .flags = flags, .map = map, .len = len,
					 .payload_crc = crc_of(data, len) };

	frame.crc = crc_of(&frame, offsetof(struct recording_frame, crc));
	image_add(image, &frame, sizeof(frame));
	image_add(image, data, len);
	image_add(image, zeros, recording_padded(len) - len);
}

static void add_start(struct image *image, uint16_t major, uint16_t minor)
{
	struct recording_start start = { .magic = RECORDING_MAGIC, .major = major,
					 .minor = minor };

	start.crc = crc_of(&start, offsetof(struct recording_start, crc));
	image_add(image, &start, sizeof(start));
}

static const struct recording_context context = { .n_cpus = 1, .page_size = 4096 };
static const char module[] = "probe\0001\0002";
static const struct {
	struct recording_map map;
	char name[8];
} map = { { 7, 4 }, "map" };

/* All that must stand before the records. */
static void add_head(struct image *image)
{
	add_start(image, RECORDING_MAJOR, RECORDING_MINOR);
	add_frame(image, RECORDING_CONTEXT, 0, 0, &context, sizeof(context));
	add_frame(image, RECORDING_MODULE, 0, 0, module, sizeof(module));
	add_frame(image, RECORDING_MAP, 0, 0, &map, sizeof(map));
}

/* Reads and frees it; the end of the text is in @text. */
static int read_image(struct image *image, uint64_t *records)
{
	struct ecap_recording *r = NULL;
	int err = ecap_recording_of_memory("image", image->data, image->size, &r);
	struct ecap_recording_item item;
	uint64_t bytes = 0;

	*records = 0;
	if (!err) {
		while ((item = ecap_recording_next(r)).kind != ECAP_RECORDING_END) {
			*records += item.kind == ECAP_RECORDING_RECORD;
			for (uint32_t i = 0; i < item.len; i++)
				bytes += ((const uint8_t *)item.data)[i];
			assert_true(item.map < ecap_recording_head(r)->n_maps);
		}
		err = ecap_recording_complete(r);
	}
	assert_true(bytes < UINT64_MAX);
	ecap_recording_free(r);
	free(image->data);
	*image = (struct image){ 0 };
	return err;
}

static void assert_refused(struct image *image, size_t offset, const char *why)
{
	char text[256];
	uint64_t records;

	snprintf(text, sizeof(text), "image: damaged at offset %zu: %s", offset, why);
	assert_int_equal(read_image(image, &records), -EBADMSG);
	assert_string_equal(ecap_err_text(), text);
	assert_int_equal(records, 0);
}

/* Where the frame begins that has the byte at @offset; the beginning of the file counts as one. */
static size_t frame_of(size_t offset)
{
	size_t at = sizeof(struct recording_start), next;

	if (offset < at)
		return 0;
	for (;; at = next) {
		const struct recording_frame *frame = (const void *)(whole + at);

		next = at + sizeof(*frame) + recording_padded(frame->len);
		if (offset < next)
			return at;
	}
}

static void test_every_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < whole_size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct ecap_recording *r = NULL;
			char where[64];

			whole[i] ^= (uint8_t)(1 << bit);
			int err = ecap_recording_of_memory("image", whole, whole_size, &r);

			whole[i] ^= (uint8_t)(1 << bit);
			assert_null(r);
			if (i == 8 || i == 9) {
				assert_int_equal(err, -EPROTONOSUPPORT);
				continue;
			}
			assert_int_equal(err, -EBADMSG);
			snprintf(where, sizeof(where), "image: damaged at offset %zu%c",
				 frame_of(i), i < 8 ? ',' : ':');
			assert_memory_equal(ecap_err_text(), where, strlen(where));
		}
	}
}

/* All bytes of a frame's head, and others than single bits. */
static void test_every_byte(void **state)
{
	static const uint8_t values[] = { 0x00, 0xff, 0x0d, 0x80 };

	(void)state;
	for (size_t i = 0; i < whole_size; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
			struct ecap_recording *r = NULL;
			uint8_t before = whole[i];

			whole[i] = values[k];
			int err = ecap_recording_of_memory("image", whole, whole_size, &r);

			whole[i] = before;
			assert_int_equal(err != 0, values[k] != before);
			ecap_recording_free(r);
		}
	}
}

/* At any length: those items that are whole, and the offset where that ends; or a refusal. */
static void test_every_length(void **state)
{
	size_t most = 0;

	(void)state;
	for (size_t size = 0; size < whole_size; size++) {
		_cleanup_free_ uint8_t *data = malloc(size ? size : 1);
		struct ecap_recording *r = NULL;
		char where[64];

		memcpy(data, whole, size);
		int err = ecap_recording_of_memory("image", data, size, &r);

		if (err) {
			assert_int_equal(err, size ? -ENODATA : -EBADMSG);
			assert_int_equal(most, 0);
			continue;
		}
		size_t n = items_as_sent(r);

		assert_true(n >= most);
		most = n;
		assert_int_equal(ecap_recording_complete(r), -ENODATA);
		snprintf(where, sizeof(where), "image: cut short at offset %zu, after ",
			 frame_of(size));
		assert_memory_equal(ecap_err_text(), where, strlen(where));
		ecap_recording_free(r);
	}
	assert_int_equal(most, ARRAY_SIZE(sent));
}

static void test_no_recording(void **state)
{
	static const char *const texts[] = { "", "x", "\x89" "ECAP\n", "{\"time\":\"2026\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct image image = { 0 };
		uint64_t records;

		image_add(&image, texts[i], strlen(texts[i]));
		assert_int_equal(read_image(&image, &records), -EBADMSG);
		assert_string_equal(ecap_err_text(), "image: damaged at offset 0, or not a "
				    "recording: it does not begin as one");
	}
}

static void test_other_version(void **state)
{
	struct image image = { 0 };
	uint64_t records;

	(void)state;
	add_start(&image, 2, 5);
	assert_int_equal(read_image(&image, &records), -EPROTONOSUPPORT);
	assert_string_equal(ecap_err_text(), "image: format 2.5, this ecapture reads format 1; "
			    "use the ecapture that recorded it, or a newer one");
}

/* What a later minor version may do: longer payloads, frames that may be passed over. */
static void test_later_minor(void **state)
{
	struct {
		struct recording_context context;
		uint64_t more;
	} longer = { context, 1 };
	struct {
		struct recording_end end;
		struct recording_end_row row;
		uint64_t more;
	} end = { { 1, 0, 1, 48 }, { .records = 4 }, 2 };
	struct image image = { 0 };
	uint64_t records;

	(void)state;
	add_start(&image, RECORDING_MAJOR, 9);
	add_frame(&image, RECORDING_CONTEXT, 0, 0, &longer, sizeof(longer));
	add_frame(&image, RECORDING_MODULE, 0, 0, module, sizeof(module));
	add_frame(&image, 99, RECORDING_F_OPTIONAL, 1, "later", 5);
	add_frame(&image, RECORDING_MAP, 0, 0, &map, sizeof(map));
	add_frame(&image, RECORDING_RECORD, 0, 0, "four", 4);
	add_frame(&image, RECORDING_END, 0, 0, &end, sizeof(end));
	assert_int_equal(read_image(&image, &records), 0);
	assert_int_equal(records, 1);

	add_head(&image);
	add_frame(&image, 99, 0, 0, "later", 5);
	assert_int_equal(read_image(&image, &records), -EPROTONOSUPPORT);
	assert_non_null(strstr(ecap_err_text(), "a frame of type 99 at offset"));
}

/* Each frame is sound, but it cannot stand where it does. */
static void test_senseless(void **state)
{
	static const struct recording_end missing = { .records = 1, .row_size = 40 };
	static const struct recording_end fewer = { .lost = 1, .row_size = 40 };
	static const struct recording_end no_rows = { .row_size = 40 };
	static const struct {
		struct recording_end end;
		struct recording_end_row row;
	} rows[] = {
		{ { .n_maps = 2, .row_size = 40 }, { .records = 0 } },
		{ { .n_maps = 1, .row_size = 32 }, { .records = 0 } },
		{ { .n_maps = 1, .row_size = 0 }, { .records = 0 } },
		{ { .n_maps = 1, .row_size = 44 }, { .records = 0 } },
		{ { .n_maps = 1, .row_size = UINT32_MAX - 7 }, { .records = 0 } },
		{ { .n_maps = 1, .row_size = 40 }, { .records = 0 } },
	};
	static const struct {
		uint32_t type, map, len;
		const void *data;
		const char *why;
	} cases[] = {
		{ RECORDING_CONTEXT, 0, sizeof(context), &context,
		  "not the frame that belongs here" },
		{ RECORDING_MODULE, 0, sizeof(module), module, "not the frame that belongs here" },
		{ RECORDING_MAP, 0, 7, &map, "a frame shorter than those of its type" },
		{ RECORDING_MAP, 0, 11, &map, "a name without its end" },
		{ RECORDING_MAP, 0, 8, &map, "a name without its end" },
		{ RECORDING_OPTIONS, 0, 3, "abc", "a text without its end" },
		{ RECORDING_OPTIONS, 0, 0, "", "a text without its end" },
		{ RECORDING_RECORD, 0, 3, "abc", "a record shorter than those of its map" },
		{ RECORDING_RECORD, 1, 4, "abcd", "a record of a map that was not named" },
		{ RECORDING_LOST, 0, 7, "1234567", "a frame shorter than those of its type" },
		{ RECORDING_LOST, 1, 8, "12345678", "losses of a map that was not named" },
		{ RECORDING_END, 0, 23, &missing, "a frame shorter than those of its type" },
		{ RECORDING_END, 0, 24, &missing, "frames are missing before it" },
		{ RECORDING_END, 0, 24, &fewer, "frames are missing before it" },
		{ RECORDING_END, 0, 24, &no_rows, "not one row for each map" },
		{ RECORDING_END, 0, 64, &rows[0], "not one row for each map" },
		{ RECORDING_END, 0, 64, &rows[1], "not one row for each map" },
		{ RECORDING_END, 0, 64, &rows[2], "not one row for each map" },
		{ RECORDING_END, 0, 64, &rows[3], "not one row for each map" },
		{ RECORDING_END, 0, 64, &rows[4], "not one row for each map" },
		{ RECORDING_END, 0, 63, &rows[5], "not one row for each map" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image = { 0 };

		add_head(&image);
		size_t at = image.size;

		add_frame(&image, (uint16_t)cases[i].type, 0, cases[i].map, cases[i].data,
			  cases[i].len);
		assert_refused(&image, at, cases[i].why);
	}
}

static void test_beginnings(void **state)
{
	static const struct {
		struct recording_end end;
		struct recording_end_row row;
	} none = { { .n_maps = 1, .row_size = 40 }, { .records = 0 } };
	struct image image = { 0 };
	size_t at;

	(void)state;
	add_start(&image, RECORDING_MAJOR, RECORDING_MINOR);
	add_frame(&image, RECORDING_MODULE, 0, 0, module, sizeof(module));
	assert_refused(&image, 16, "not the frame that belongs here");
	add_start(&image, RECORDING_MAJOR, RECORDING_MINOR);
	add_frame(&image, RECORDING_CONTEXT, 0, 0, &context, sizeof(context));
	at = image.size;
	add_frame(&image, RECORDING_MAP, 0, 0, &map, sizeof(map));
	assert_refused(&image, at, "not the frame that belongs here");
	add_start(&image, RECORDING_MAJOR, RECORDING_MINOR);
	add_frame(&image, RECORDING_CONTEXT, 0, 0, &context, sizeof(context));
	at = image.size;
	add_frame(&image, RECORDING_MODULE, 0, 0, module, sizeof(module) - 1);
	assert_refused(&image, at, "a name without its end");
	add_head(&image);
	add_frame(&image, RECORDING_END, 0, 0, &none, sizeof(none));
	at = image.size;
	add_frame(&image, RECORDING_END, 0, 0, &none, sizeof(none));
	assert_refused(&image, at, "something follows the end");
}

/* A frame taken out of the middle leaves a file of sound frames. */
static void test_missing_frame(void **state)
{
	size_t last = frame_of(whole_size - 1), at = sizeof(struct recording_start);
	uint32_t n = 0;

	(void)state;
	for (; at < last; n++) {
		const struct recording_frame *frame = (const void *)(whole + at);
		size_t size = sizeof(*frame) + recording_padded(frame->len);
		struct image image = { 0 };
		uint64_t records;

		image_add(&image, whole, at);
		image_add(&image, whole + at + size, whole_size - at - size);
		/* The options are for a human. */
		assert_int_equal(read_image(&image, &records),
				 frame->type == RECORDING_OPTIONS ? 0 : -EBADMSG);
		at += size;
	}
	assert_int_equal(n, 2 + ARRAY_SIZE(maps) + 1 + ARRAY_SIZE(sent));
}

static uint32_t random_state = 4711;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u; /* Numerical Recipes, 7.1 */
	return (uint32_t)((uint64_t)random_state * n >> 32);
}

/* What somebody may write who knows the format: any bytes, with the right checksums. */
static void test_ill_will(void **state)
{
	uint32_t accepted = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct image image = { 0 };
		uint64_t records;

		add_start(&image, RECORDING_MAJOR, RECORDING_MINOR);
		for (size_t at = sizeof(struct recording_start); at < whole_size;) {
			struct recording_frame frame;
			uint8_t payload[256];

			memcpy(&frame, whole + at, sizeof(frame));
			at += sizeof(frame);
			memcpy(payload, whole + at, frame.len);
			at += recording_padded(frame.len);
			if (!random_below(8))
				payload[random_below(sizeof(payload))] = (uint8_t)random_below(256);
			if (!random_below(16))
				frame.len = random_below(sizeof(payload) + 1);
			if (!random_below(32))
				frame.type = (uint16_t)random_below(9);
			if (!random_below(32))
				frame.map = random_below(9);
			add_frame(&image, frame.type, frame.flags, frame.map, payload, frame.len);
		}
		accepted += !read_image(&image, &records);
	}
	assert_true(accepted > 100 && accepted < 19900);
}

static int make_whole(void **state)
{
	if (make_dir(state))
		return -1;
	make_recording(in_dir("file"));
	whole = read_file(in_dir("file"), &whole_size);
	return 0;
}

static int free_whole(void **state)
{
	free(whole);
	return remove_dir(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_no_recording),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_later_minor),
		cmocka_unit_test(test_senseless),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_missing_frame),
		cmocka_unit_test(test_ill_will),
	};

	return cmocka_run_group_tests_name("recording_damage", tests, make_whole, free_whole);
}
