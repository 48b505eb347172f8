/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas: what is said of each type, who has a name that several tables want, what is required. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "options_internal.h"
#include "schema.h"
#include "util.h"

struct config {
	uint64_t u64, size, duration;
	const char *path, *rest, *text, *device;
	const char *const *list;
	uint32_t u32, choice;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static struct ecap_options *bind(const struct ecap_option *rows, uint32_t n)
{
	struct ecap_options *options;

	assert_int_equal(ecap_options_new("x", rows, n, sizeof(struct config), &options), 0);
	return options;
}

static void assert_schema(const json_t *schema, const char *expected)
{
	_cleanup_free_ char *text = json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
}

/* What the schema of a table with this row alone says of it. */
static void assert_row(struct ecap_option row, const char *expected)
{
	struct ecap_options *table = bind(&row, 1);
	json_t *schema = ecap_schema_object(&table, 1, 0, (struct ecap_schema_place){ "#", NULL });

	assert_schema(json_object_get(json_object_get(schema, "properties"), row.name), expected);
	json_decref(schema);
	ecap_options_free(table);
}

#define ASSERT_ROW(EXPECTED, ...) assert_row((struct ecap_option)ROW(__VA_ARGS__), EXPECTED)

static void each_type_has_its_schema(void **state)
{
	(void)state;
	ASSERT_ROW("{\"type\":[\"integer\",\"string\"],\"minimum\":2,\"maximum\":3,"
		   "\"pattern\":\"^((0*([23])|0[xX]0*([23])))$\",\"default\":3}",
		   u32, ECAP_OPT_U32, "x", .min = 2, .max = 3, .def = "0x3");
	ASSERT_ROW("{\"type\":[\"integer\",\"string\"],\"minimum\":1,\"maximum\":2048,\"pattern\":\"^("
		   "(0*([1-9][0-9]{0,2}|(1[0-9]{3}|20([0-3][0-9]|4[0-8])))"
		   "|0[xX]0*([1-9a-fA-F][0-9a-fA-F]{0,1}|([1-7][0-9a-fA-F]{2}|800)))"
		   "|(0*([12])|0[xX]0*([12]))[kK])$\",\"default\":\"1K\"}",
		   size, ECAP_OPT_SIZE, "x", .min = 1, .max = 2048, .def = "1K");
	/* no whole second lies between them: there is no number, but a text with a unit */
	ASSERT_ROW("{\"type\":\"string\",\"pattern\":\"^("
		   "(0*(100000(0[0-9]|1[0-5]))|0[xX]0*(98968[0-9a-fA-F]))[nN][sS]"
		   "|(0*(10000)|0[xX]0*(2710))[uU][sS]|(0*(10)|0[xX]0*([aA]))[mM][sS])$\"}",
		   duration, ECAP_OPT_DURATION, "x", .min = 10000000, .max = 10000015);
	ASSERT_ROW("{\"type\":[\"boolean\",\"string\"],\"pattern\":\"^("
		   "[yY][eE][sS]|[tT][rR][uU][eE]|[oO][nN]|1|[nN][oO]|[fF][aA][lL][sS][eE]|[oO][fF][fF]|0)$\","
		   "\"default\":true}",
		   flag, ECAP_OPT_BOOL, "x", .def = "on");
	ASSERT_ROW("{\"type\":\"string\",\"description\":\"h\\n\\nd\",\"writeOnly\":true}",
		   text, ECAP_OPT_STRING, "x", .def = "secret", .flags = ECAP_OPT_SECRET,
		   .help = "h", .doc = "d");
	ASSERT_ROW("{\"type\":\"string\",\"minLength\":1,\"deprecated\":true}",
		   path, ECAP_OPT_PATH, "x", .flags = ECAP_OPT_DEPRECATED);
	ASSERT_ROW("{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"b\"}",
		   choice, ECAP_OPT_ENUM, "x", .choices = "a||b|a|", .def = "b");
	ASSERT_ROW("{\"type\":\"string\",\"pattern\":\"^[^/: \\\\t\\\\n\\\\v\\\\f\\\\r]+$\","
		   "\"maxLength\":15,\"not\":{\"enum\":[\".\",\"..\"]}}",
		   device, ECAP_OPT_IFNAME, "x");
	ASSERT_ROW("{\"type\":\"string\"}", rest, ECAP_OPT_REST, "x");
	ASSERT_ROW("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[\"a\"]}",
		   list, ECAP_OPT_LIST, "x", .def = "a");
}

static void largest_numbers_are_those_of_the_type(void **state)
{
	struct ecap_option row = ROW(u64, ECAP_OPT_U64, "x", .def = "18446744073709551615");
	struct ecap_options *table = bind(&row, 1);
	json_t *schema = ecap_schema_object(&table, 1, 0, (struct ecap_schema_place){ "#", NULL });
	json_t *x = json_object_get(json_object_get(schema, "properties"), "x");

	(void)state;
	assert_schema(json_object_get(x, "exclusiveMaximum"), "1.8446744073709552e19");
	assert_null(json_object_get(x, "maximum"));
	/* more than an integer of jansson can say: as the user would type it */
	assert_schema(json_object_get(x, "default"), "\"18446744073709551615\"");
	json_decref(schema);
	ecap_options_free(table);
}

static void names_belong_to_the_first_table(void **state)
{
	static const struct ecap_option own[] = {
		ROW(rest, ECAP_OPT_REST, "words", .alias = "needles", .flags = ECAP_OPT_REQUIRED),
		ROW(path, ECAP_OPT_PATH, "file", .flags = ECAP_OPT_REQUIRED),
		ROW(text, ECAP_OPT_STRING, "given", .def = "x", .flags = ECAP_OPT_REQUIRED),
		ROW(device, ECAP_OPT_STRING, "pid", .help = "ours"),
	};
	static const struct ecap_option shared[] = {
		ROW(text, ECAP_OPT_STRING, "pid", .alias = "process"),
		ROW(path, ECAP_OPT_STRING, "group", .alias = "file"),
		ROW(rest, ECAP_OPT_STRING, "user", .alias = "uid"),
		ROW(device, ECAP_OPT_STRING, "config", .flags = ECAP_OPT_NO_FILE),
	};
	struct ecap_options *tables[] = { bind(own, ARRAY_SIZE(own)),
					  bind(shared, ARRAY_SIZE(shared)) };
	const struct ecap_schema_place place = { "#/properties/x", "#/properties/global" };
	json_t *schema = ecap_schema_object(tables, 2, ECAP_OPT_NO_FILE, place);
	json_t *alone = ecap_schema_object(tables, 1, 0, (struct ecap_schema_place){ "#", NULL });

	(void)state;
	assert_schema(json_object_get(alone, "required"), "[\"file\"]");
	assert_schema(json_object_get(alone, "allOf"),
		"[{\"not\":{\"required\":[\"words\",\"needles\"]}},"
		"{\"anyOf\":[{\"required\":[\"words\"]},{\"required\":[\"needles\"]}]}]");
	json_decref(alone);
	assert_schema(schema,
		"{\"type\":\"object\",\"properties\":{"
		"\"words\":{\"type\":\"string\"},"
		"\"needles\":{\"$ref\":\"#/properties/x/properties/words\"},"
		"\"file\":{\"type\":\"string\",\"minLength\":1},"
		"\"given\":{\"type\":\"string\",\"default\":\"x\"},"
		"\"pid\":{\"type\":\"string\",\"description\":\"ours\"},"
		"\"process\":{\"$ref\":\"#/properties/global/properties/pid\"},"
		"\"group\":{\"$ref\":\"#/properties/global/properties/group\"},"
		"\"user\":{\"$ref\":\"#/properties/global/properties/user\"},"
		"\"uid\":{\"$ref\":\"#/properties/global/properties/user\"}},"
		"\"additionalProperties\":false,"
		"\"allOf\":["
		"{\"not\":{\"required\":[\"words\",\"needles\"]}},"
		"{\"not\":{\"required\":[\"user\",\"uid\"]}},"
		"{\"if\":{\"required\":[\"enabled\"],\"properties\":{\"enabled\":{\"anyOf\":["
		"{\"const\":true},{\"type\":\"string\",\"pattern\":"
		"\"^([yY][eE][sS]|[tT][rR][uU][eE]|[oO][nN]|1)$\"}]}}},"
		"\"then\":{\"required\":[\"file\"],\"allOf\":["
		"{\"anyOf\":[{\"required\":[\"words\"]},{\"required\":[\"needles\"]}]}]}}]}");
	json_decref(schema);
	ecap_options_free(tables[0]);
	ecap_options_free(tables[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_has_its_schema),
		cmocka_unit_test(largest_numbers_are_those_of_the_type),
		cmocka_unit_test(names_belong_to_the_first_table),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
