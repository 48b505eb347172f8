/* SPDX-License-Identifier: Apache-2.0 */
/* Events that lie, one member at a time, and those at the very bounds, which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include "err.h"
#include "event_check.h"
#include "readable.h"
#include "util.h"

/* A record with a payload, a text with its NUL and one without. */
static struct {
	char head[16], payload[40], text[5], open[3];
} record = { .payload = "forty bytes", .text = "text", .open = "abc" };

static const char *const end = record.open + sizeof(record.open);
static char *pages; /* three, of which the second cannot be read */
static size_t page;

static const char name_63[] = "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_abcdefghi";
static const char name_64[] = "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_abcdefghij";

static struct ecap_event good(void)
{
	struct ecap_event event = {
		.struct_size = sizeof(event), .fd = -1, .kind = "data", .comm = "comm",
		.flags = ECAP_EVENT_F_PAYLOAD, .payload = record.payload,
		.payload_len = sizeof(record.payload),
	};

	return event;
}

static int check(const struct ecap_event *event, int probe)
{
	const struct ecap_event_rules rules = {
		.field_size = sizeof(struct ecap_field), .probe = probe,
	};

	return ecap_event_check(event, &rules, &record, sizeof(record));
}

/* The text begins with the member that is wrong. */
static void refused(const struct ecap_event *event, const char *text)
{
	assert_int_equal(check(event, 0), -EINVAL);
	if (strncmp(ecap_err_text(), text, strlen(text)))
		fail_msg("\"%s\" where \"%s\" was expected", ecap_err_text(), text);
	assert_int_equal(check(event, 1), -EINVAL);
}

static void passes(const struct ecap_event *event)
{
	for (int probe = 0; probe < 2; probe++)
		if (check(event, probe))
			fail_msg("%s", ecap_err_text());
}

#define REFUSED(CHANGE, TEXT) do { struct ecap_event e = good(); CHANGE; refused(&e, TEXT); } while (0)
#define PASSES(CHANGE) do { struct ecap_event e = good(); CHANGE; passes(&e); } while (0)

static void test_head(void **state)
{
	(void)state;
	PASSES();
	REFUSED(e.struct_size = 0, "struct_size: 0 where");
	REFUSED(e.struct_size = sizeof(e) - 8, "struct_size:");
	REFUSED(e.struct_size = sizeof(e) + 8, "struct_size:");
	PASSES(e.dest = ECAP_DEST_PROCESSOR);
	REFUSED(e.dest = 3, "dest: 3");
	PASSES(e.direction = ECAP_DIR_SEND);
	REFUSED(e.direction = 3, "direction: 3");
	PASSES(e.flags |= ECAP_EVENT_F_EOS);
	REFUSED(e.flags |= 4, "flags: 0x4");
	REFUSED(e.reserved = 1, "reserved:");
	REFUSED(e.tuple.reserved[2] = 1, "reserved:");
	PASSES(e.tuple.family = 4);
	PASSES(e.tuple.family = 6);
	REFUSED(e.tuple.family = 2, "tuple.family: 2");
	PASSES(memset(e.comm, 'x', 15));
	PASSES(e.comm[15] = 'x'); /* behind the NUL */
	REFUSED(memset(e.comm, 'x', 16), "comm:");
	PASSES(e.fd = -77);
}

/* What only the module reads is the module's own. */
static void test_for_the_module(void **state)
{
	(void)state;
	PASSES(e.dest = ECAP_DEST_MODULE; e.direction = 9; e.payload = NULL; e.n_fields = 9;
	       e.kind = "A B"; e.priv = &e);
}

static void test_names(void **state)
{
	(void)state;
	PASSES(e.kind = NULL);
	PASSES(e.kind = "_");
	PASSES(e.kind = name_63);
	REFUSED(e.kind = name_64, "kind: \"abc");
	REFUSED(e.kind = "", "kind: \"\" is not");
	REFUSED(e.kind = "Data", "kind: \"Data\"");
	REFUSED(e.kind = "data2", "kind:");
	REFUSED(e.kind = "a b", "kind:");
	assert_true(ecap_event_name_valid("status"));
	assert_false(ecap_event_name_valid("st\xc3\xa4tus"));
}

static void test_payload(void **state)
{
	(void)state;
	PASSES(e.payload_len = 0; e.payload = NULL);
	PASSES(e.payload_len = 0; e.payload = NULL; e.flags = 0);
	REFUSED(e.flags = 0, "payload_len: 40 without");
	REFUSED(e.payload = NULL, "payload: NULL");
	REFUSED(e.payload_len = ECAP_BYTES_MAX + 1, "payload_len: 67108865 is more");
	PASSES(e.payload_len = (size_t)(end - record.payload));
	REFUSED(e.payload_len = (size_t)(end - record.payload) + 1,
		"payload_len: 49 reaches 1 bytes past");
	PASSES(e.payload = end; e.payload_len = 0);
	REFUSED(e.payload = end; e.payload_len = 1, "payload_len: 1 reaches 1 bytes past");
	REFUSED(e.payload_len = UINT64_MAX, "payload_len:");
}

static void test_offset(void **state)
{
	(void)state;
	PASSES(e.total = 40);
	PASSES(e.total = 100; e.offset = 60);
	REFUSED(e.total = 100; e.offset = 61, "offset: 61 and payload_len 40 go beyond total 100");
	REFUSED(e.total = 39, "offset: 0");
	REFUSED(e.offset = 1, "offset: 1");
	REFUSED(e.total = 100; e.offset = UINT64_MAX - 10, "offset:");
	PASSES(e.total = UINT64_MAX; e.offset = UINT64_MAX - 40);
	PASSES(e.payload_len = 0; e.total = 100; e.offset = 100);
}

static void test_fields(void **state)
{
	struct ecap_field fields[ECAP_FIELDS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = (struct ecap_field){ .name = "number", .num = i };
	PASSES(e.fields = fields; e.n_fields = ECAP_FIELDS_MAX);
	REFUSED(e.fields = fields; e.n_fields = ECAP_FIELDS_MAX + 1, "n_fields: 65");
	REFUSED(e.n_fields = 1, "fields: NULL");
	REFUSED(e.n_fields = UINT32_MAX, "n_fields:");
	fields[3].name = "Three";
	REFUSED(e.fields = fields; e.n_fields = 5, "fields[3]: \"Three\"");
	PASSES(e.fields = fields; e.n_fields = 3);
	fields[3].name = NULL;
	REFUSED(e.fields = fields; e.n_fields = 5, "fields[3]: no name");
	fields[3] = (struct ecap_field){ .name = "text", .str = record.text };
	PASSES(e.fields = fields; e.n_fields = 5);
	fields[3].str = record.open;
	REFUSED(e.fields = fields; e.n_fields = 5, "fields[3]: a text without NUL before the end");
	fields[3].str = end;
	REFUSED(e.fields = fields; e.n_fields = 5, "fields[3]: a text without NUL before the end");
	fields[3].str = "elsewhere";
	PASSES(e.fields = fields; e.n_fields = 5);
}

/* Rows of a later minor are longer. */
static void test_longer_fields(void **state)
{
	const struct {
		struct ecap_field field;
		uint64_t more;
	} rows[] = { { { .name = "one" }, 0 }, { { .name = "Two" }, 0 } };
	const struct ecap_event_rules rules = { .field_size = sizeof(rows[0]) };
	struct ecap_event event = good();

	(void)state;
	event.fields = &rows[0].field;
	event.n_fields = 1;
	assert_int_equal(ecap_event_check(&event, &rules, NULL, 0), 0);
	event.n_fields = 2;
	assert_int_equal(ecap_event_check(&event, &rules, NULL, 0), -EINVAL);
	assert_memory_equal(ecap_err_text(), "fields[1]: \"Two\"", 16);
}

#define UNREADABLE(CHANGE, TEXT) do {						\
		struct ecap_event e = good();					\
		CHANGE;								\
		assert_int_equal(check(&e, 1), -EINVAL);			\
		assert_memory_equal(ecap_err_text(), TEXT, strlen(TEXT));	\
		assert_non_null(strstr(ecap_err_text(), "cannot be read"));	\
	} while (0)

static void test_unreadable(void **state)
{
	struct ecap_field field = { .name = "field", .str = pages + page };

	(void)state;
	UNREADABLE(e.kind = pages + page, "kind: at 0x");
	UNREADABLE(e.payload = pages + page, "payload: 40 bytes at 0x");
	UNREADABLE(e.payload = pages + page - 39, "payload: 40 bytes at 0x");
	UNREADABLE(e.payload = (void *)(uintptr_t)8, "payload: 40 bytes at 0x8");
	UNREADABLE(e.payload = (void *)(UINTPTR_MAX - 10), "payload: 40 bytes at 0x");
	UNREADABLE(e.fields = (void *)(pages + page); e.n_fields = 1, "fields: 1 at 0x");
	UNREADABLE(e.fields = &field; e.n_fields = 1, "fields[0]: text at 0x");
	field = (struct ecap_field){ .name = pages + page };
	UNREADABLE(e.fields = &field; e.n_fields = 1, "fields[0]: at 0x");
	PASSES(e.payload = pages + page - 40);
	PASSES(e.payload = pages + 2 * page);
}

static void test_readable(void **state)
{
	(void)state;
	assert_true(ecap_readable(NULL, 0));
	assert_false(ecap_readable(NULL, 1));
	assert_true(ecap_readable(pages, page));
	assert_false(ecap_readable(pages, page + 1));
	assert_false(ecap_readable(pages + page - 1, 2));
	assert_false(ecap_readable(pages, 3 * page)); /* though both ends can be */
	assert_true(ecap_readable(pages + 2 * page, page));
	assert_false(ecap_readable(pages, SIZE_MAX));

	/* More pages than one system call looks at, with the last one bad, and with none. */
	char *many = mmap(NULL, 200 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(many, MAP_FAILED);
	for (size_t n = 1; n <= 200; n++)
		assert_true(ecap_readable(many, n * page));
	assert_int_equal(mprotect(many + 199 * page, page, PROT_NONE), 0);
	assert_true(ecap_readable(many, 199 * page));
	assert_false(ecap_readable(many, 199 * page + 1));
	munmap(many, 200 * page);
}

static void test_readable_string(void **state)
{
	(void)state;
	memset(pages, 'x', page);
	assert_false(ecap_readable_string(pages + page - 3, 100));
	assert_true(ecap_readable_string(pages + page - 3, 2)); /* no more of it is read */
	pages[page - 1] = 0;
	assert_true(ecap_readable_string(pages + page - 3, 100));
	assert_false(ecap_readable_string(pages + page, 100));
	assert_true(ecap_readable_string("", 100));
}

static int set_up(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_for_the_module),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_longer_fields),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_readable_string),
	};

	return cmocka_run_group_tests_name("event_check", tests, set_up, NULL);
}
