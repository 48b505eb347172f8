/* SPDX-License-Identifier: Apache-2.0 */
/* The option engine: each type with good and bad values, tables, origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "options.h"
#include "util.h"

struct config {
	uint64_t u64, size, duration, low;
	const char *string, *path, *file, *ifname, *rest, *secret, *old;
	const char *const *list;
	uint32_t u32, level, choice, pin;
	uint8_t flag;
};

#define ROW(MEMBER, TYPE, NAME, ...) ECAP_OPT(struct config, MEMBER, TYPE, NAME, __VA_ARGS__)

static const struct ecap_option rows[] = {
	ROW(flag, ECAP_OPT_BOOL, "flag", .short_name = 'f', .help = "a flag"),
	ROW(u32, ECAP_OPT_U32, "u32", .alias = "thirty-two", .short_name = 'n', .def = "7"),
	ROW(level, ECAP_OPT_U32, "level", .def = "128", .max = 128),
	ROW(u64, ECAP_OPT_U64, "u64"),
	ROW(low, ECAP_OPT_U64, "low", .def = "5", .min = 3, .max = INT64_MAX),
	ROW(size, ECAP_OPT_SIZE, "size", .min = 1024, .max = 1 << 20, .def = "4K"),
	ROW(duration, ECAP_OPT_DURATION, "duration", .def = "10ms"),
	ROW(string, ECAP_OPT_STRING, "string"),
	ROW(path, ECAP_OPT_PATH, "path", .def = "/a/b"),
	ROW(file, ECAP_OPT_PATH, "file", .flags = ECAP_OPT_MUST_EXIST),
	ROW(choice, ECAP_OPT_ENUM, "choice", .choices = "text|pcap|keylog", .def = "pcap"),
	ROW(ifname, ECAP_OPT_IFNAME, "ifname"),
	ROW(rest, ECAP_OPT_REST, "filter"),
	ROW(list, ECAP_OPT_LIST, "list", .def = "one"),
	ROW(secret, ECAP_OPT_STRING, "secret", .flags = ECAP_OPT_SECRET),
	ROW(pin, ECAP_OPT_U32, "pin", .max = 9999, .flags = ECAP_OPT_SECRET),
	ROW(old, ECAP_OPT_STRING, "old", .flags = ECAP_OPT_DEPRECATED, .help = "use string"),
};

static const struct ecap_origin from_default = { .kind = ECAP_FROM_DEFAULT };
static const struct ecap_origin from_line = { .kind = ECAP_FROM_COMMAND_LINE };
static const struct ecap_origin from_http = { .kind = ECAP_FROM_HTTP };

static struct ecap_origin from_file(uint32_t line)
{
	return (struct ecap_origin){ ECAP_FROM_FILE, line, "/etc/x.ini", NULL };
}

static int setup(void **state)
{
	struct ecap_options *options;
	int err = ecap_options_new("tls", rows, ARRAY_SIZE(rows), sizeof(struct config), &options);

	assert_int_equal(err, 0);
	*state = options;
	return 0;
}

static int teardown(void **state)
{
	ecap_options_free(*state);
	return 0;
}

static int set(struct ecap_options *options, const char *name, const char *value,
	       struct ecap_origin origin)
{
	const struct ecap_option *row = ecap_options_by_name(options, name);

	assert_non_null(row);
	return ecap_options_set(options, row, value, origin);
}

static void defaults_are_parsed(void **state)
{
	struct config *config = ecap_options_config(*state);

	assert_int_equal(config->flag, 0);
	assert_int_equal(config->u32, 7);
	assert_int_equal(config->level, 128);
	assert_int_equal(config->u64, 0);
	assert_int_equal(config->size, 4096);
	assert_int_equal(config->duration, 10000000);
	assert_null(config->string);
	assert_string_equal(config->path, "/a/b");
	assert_null(config->file);
	assert_int_equal(config->choice, 1);
	assert_string_equal(config->list[0], "one");
	assert_null(config->list[1]);
	assert_int_equal(ecap_options_finish(*state), 0);
	assert_string_equal(ecap_options_section(*state), "tls");
}

static uint64_t number_of(const struct config *config, const struct ecap_option *row)
{
	const void *member = (const char *)config + row->offset;

	switch (row->size) {
	case 1: return *(const uint8_t *)member;
	case 4: return *(const uint32_t *)member;
	default: return *(const uint64_t *)member;
	}
}

static void good_numbers(void **state)
{
	static const struct {
		const char *name, *text;
		uint64_t number;
	} cases[] = {
		{ "flag", "yes", 1 }, { "flag", "no", 0 }, { "flag", "TRUE", 1 },
		{ "flag", "False", 0 }, { "flag", "on", 1 }, { "flag", "off", 0 },
		{ "flag", "1", 1 }, { "flag", "0", 0 },
		{ "u32", "0", 0 }, { "u32", "4294967295", UINT32_MAX }, { "u32", "0xfF", 255 },
		{ "u32", "0Xa", 10 }, { "u32", "010", 10 }, { "u32", "0000000000000000000001", 1 },
		{ "level", "0", 0 }, { "level", "128", 128 },
		{ "u64", "18446744073709551615", UINT64_MAX },
		{ "u64", "0xffffffffffffffff", UINT64_MAX },
		{ "low", "3", 3 }, { "low", "9223372036854775807", INT64_MAX },
		{ "size", "1024", 1024 }, { "size", "1K", 1024 }, { "size", "1m", 1 << 20 },
		{ "size", "0x10k", 16384 },
		{ "duration", "0", 0 }, { "duration", "2", 2000000000 }, { "duration", "1ns", 1 },
		{ "duration", "3us", 3000 }, { "duration", "4ms", 4000000 },
		{ "duration", "5s", 5000000000 }, { "duration", "6m", 360000000000 },
		{ "duration", "18446744073709551615ns", UINT64_MAX },
		{ "choice", "text", 0 }, { "choice", "pcap", 1 }, { "choice", "keylog", 2 },
	};
	struct config *config = ecap_options_config(*state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (set(*state, cases[i].name, cases[i].text, from_line))
			fail_msg("%s = %s: %s", cases[i].name, cases[i].text, ecap_err_text());
		assert_int_equal(number_of(config, ecap_options_by_name(*state, cases[i].name)),
				 cases[i].number);
	}
}

static void bad_values(void **state)
{
	static const struct {
		const char *name, *text, *message;
	} cases[] = {
		{ "flag", "maybe", "\"maybe\" is not yes or no" },
		{ "flag", "", "\"\" is not yes or no" },
		{ "flag", "2", "\"2\" is not yes or no" },
		{ "u32", "", "\"\" is not a number" },
		{ "u32", "abc", "\"abc\" is not a number" },
		{ "u32", "-", "\"-\" is not a number" },
		{ "u32", "-1", "-1 is negative" },
		{ "u32", "+1", "\"+1\" is not a number" },
		{ "u32", " 1", "\" 1\" is not a number" },
		{ "u32", "1 ", "\"1 \" is not a number" },
		{ "u32", "1.5", "\"1.5\" is not a number" },
		{ "u32", "1K", "\"1K\" is not a number" },
		{ "u32", "0x", "\"0x\" is not a number" },
		{ "u32", "0x0x1", "\"0x0x1\" is not a number" },
		{ "u32", "0x-1", "\"0x-1\" is not a number" },
		{ "u32", "4294967296", "4294967296 is too large: at most 4294967295" },
		{ "u32", "99999999999999999999999", "99999999999999999999999 is too large: "
						    "at most 4294967295" },
		{ "level", "129", "must be between 0 and 128, not 129" },
		{ "level", "0x81", "must be between 0 and 128, not 0x81" },
		{ "level", "-1", "-1 is negative" },
		{ "level", "18446744073709551616",
		  "must be between 0 and 128, not 18446744073709551616" },
		{ "u64", "18446744073709551616",
		  "18446744073709551616 is too large: at most 18446744073709551615" },
		{ "low", "2", "must be between 3 and 9223372036854775807, not 2" },
		{ "low", "9223372036854775808",
		  "must be between 3 and 9223372036854775807, not 9223372036854775808" },
		{ "size", "1023", "must be between 1K and 1M, not 1023" },
		{ "size", "2M", "must be between 1K and 1M, not 2M" },
		{ "size", "17179869185G", "must be between 1K and 1M, not 17179869185G" },
		{ "size", "1T", "\"1T\" is not a size: bytes, or a number with K, M or G" },
		{ "size", "1KB", "\"1KB\" is not a size: bytes, or a number with K, M or G" },
		{ "size", "K", "\"K\" is not a size: bytes, or a number with K, M or G" },
		{ "size", "-4K", "-4K is negative" },
		{ "duration", "1h",
		  "\"1h\" is not a time: seconds, or a number with ns, us, ms, s or m" },
		{ "duration", "1.5s",
		  "\"1.5s\" is not a time: seconds, or a number with ns, us, ms, s or m" },
		{ "duration", "18446744074",
		  "18446744074 is too large: at most 18446744073709551615ns" },
		{ "path", "", "\"\" is not a path" },
		{ "file", "/nowhere/at-all", "/nowhere/at-all: No such file or directory" },
		{ "choice", "", "\"\" is not one of text|pcap|keylog" },
		{ "choice", "tex",
		  "\"tex\" is not one of text|pcap|keylog; did you mean \"text\"?" },
		{ "choice", "text|pcap", "\"text|pcap\" is not one of text|pcap|keylog; "
					 "did you mean \"text\"?" },
		{ "choice", "zzz", "\"zzz\" is not one of text|pcap|keylog" },
		{ "ifname", "", "\"\" cannot be the name of a network interface" },
		{ "ifname", "a/b", "\"a/b\" cannot be the name of a network interface" },
		{ "ifname", "a b", "\"a b\" cannot be the name of a network interface" },
		{ "ifname", "a:1", "\"a:1\" cannot be the name of a network interface" },
		{ "ifname", "..", "\"..\" cannot be the name of a network interface" },
		{ "ifname", "abcdefghijklmnop",
		  "\"abcdefghijklmnop\" cannot be the name of a network interface" },
		{ "pin", "swordfish", "the value is not a number" },
		{ "pin", "-12", "the value is negative" },
		{ "pin", "123456", "must be between 0 and 9999, not the value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config before = *(struct config *)ecap_options_config(*state);
		char expected[256];

		snprintf(expected, sizeof(expected), "--%s: %s", cases[i].name, cases[i].message);
		assert_true(set(*state, cases[i].name, cases[i].text, from_line) < 0);
		assert_string_equal(ecap_err_text(), expected);
		assert_memory_equal(&before, ecap_options_config(*state), sizeof(before));
	}
}

static void place_stands_before_the_reason(void **state)
{
	assert_int_equal(set(*state, "u32", "x", from_file(12)), -EINVAL);
	assert_string_equal(ecap_err_text(), "/etc/x.ini:12: [tls] u32: \"x\" is not a number");
	assert_int_equal(set(*state, "thirty-two", "x", from_http), -EINVAL);
	assert_string_equal(ecap_err_text(), "[tls] u32: \"x\" is not a number");
	assert_int_equal(set(*state, "file", "/nowhere", from_file(3)), -ENOENT);
	assert_string_equal(ecap_err_text(),
			    "/etc/x.ini:3: [tls] file: /nowhere: No such file or directory");
}

static void shown_values_are_short_and_clean(void **state)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(set(*state, "u32", text, from_line), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "--u32: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
			    "\" is not a number");
	memset(text + 57, 0, 2);
	memcpy(text + 56, "\xc3\xa9zzzzz", 8); /* the cut would fall within e acute */
	assert_int_equal(set(*state, "u32", text, from_line), -EINVAL);
	assert_string_equal(ecap_err_text(),
			    "--u32: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\""
			    " is not a number");
	assert_int_equal(set(*state, "u32", "1\033[31m\n", from_line), -EINVAL);
	assert_string_equal(ecap_err_text(), "--u32: \"1?[31m?\" is not a number");
}

static void words_are_copied(void **state)
{
	struct config *config = ecap_options_config(*state);
	char text[] = "hello";

	assert_int_equal(set(*state, "string", text, from_line), 0);
	assert_int_equal(set(*state, "filter", text, from_line), 0);
	assert_int_equal(set(*state, "ifname", "abcdefghijklmno", from_line), 0);
	text[0] = 'X';
	assert_string_equal(config->string, "hello");
	assert_string_equal(config->rest, "hello");
	assert_string_equal(config->ifname, "abcdefghijklmno");
	assert_int_equal(set(*state, "string", "", from_line), 0);
	assert_string_equal(config->string, "");
}

static void paths_become_absolute(void **state)
{
	struct config *config = ecap_options_config(*state);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	char expected[8192];

	assert_int_equal(set(*state, "path", "x/y.so", from_line), 0);
	snprintf(expected, sizeof(expected), "%s/x/y.so", cwd);
	assert_string_equal(config->path, expected);
	assert_int_equal(set(*state, "file", "/proc/self/exe", from_line), 0);
	assert_string_equal(config->file, "/proc/self/exe");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(set(*state, "path", "x", from_line), 0);
	assert_string_equal(config->path, "/x");
	assert_int_equal(chdir(cwd), 0);
}

static void higher_origin_wins_in_any_order(void **state)
{
	struct config *config = ecap_options_config(*state);
	const struct ecap_option *row = ecap_options_by_name(*state, "u32");

	assert_int_equal(ecap_options_origin(*state, row).kind, ECAP_FROM_DEFAULT);
	assert_int_equal(set(*state, "u32", "1", from_file(3)), 0);
	assert_int_equal(config->u32, 1);
	assert_int_equal(ecap_options_origin(*state, row).kind, ECAP_FROM_FILE);
	assert_int_equal(ecap_options_origin(*state, row).line, 3);
	assert_string_equal(ecap_options_origin(*state, row).file, "/etc/x.ini");
	assert_int_equal(set(*state, "u32", "2", from_line), 0);
	assert_int_equal(set(*state, "u32", "3", from_line), 0);
	assert_int_equal(set(*state, "u32", "9", from_default), 0);
	assert_int_equal(config->u32, 3);
	assert_int_equal(set(*state, "u32", "4", from_http), 0);
	assert_int_equal(config->u32, 4);

	/* The command line is read first: the file must not override it, and is still checked. */
	assert_int_equal(set(*state, "string", "line", from_line), 0);
	assert_int_equal(set(*state, "string", "file", from_file(4)), 0);
	assert_string_equal(config->string, "line");
	assert_int_equal(set(*state, "level", "5", from_line), 0);
	assert_int_equal(set(*state, "level", "500", from_file(5)), -EINVAL);
	assert_int_equal(config->level, 5);
}

static void file_names_an_option_once(void **state)
{
	const struct ecap_origin other = { ECAP_FROM_FILE, 1, "/etc/y.ini", NULL };
	struct config *config = ecap_options_config(*state);

	assert_int_equal(set(*state, "u32", "1", from_line), 0);
	assert_int_equal(set(*state, "u32", "2", from_file(3)), 0);
	assert_int_equal(set(*state, "thirty-two", "2", from_file(9)), -EINVAL);
	assert_string_equal(ecap_err_text(), "/etc/x.ini:9: [tls] u32: is already set in line 3");
	assert_int_equal(set(*state, "u64", "1", from_file(3)), 0);
	assert_int_equal(set(*state, "u64", "2", other), 0);
	assert_int_equal(config->u64, 2);
}

static struct ecap_origin from_section(uint32_t line)
{
	return (struct ecap_origin){ ECAP_FROM_SECTION, line, "/etc/x.ini", "tls" };
}

/* The same key in [global] and in a module's section is no mistake: the section's counts. */
static void section_overrides_global(void **state)
{
	struct config *config = ecap_options_config(*state);

	assert_int_equal(set(*state, "u32", "5", from_section(9)), 0);
	assert_int_equal(set(*state, "u32", "4", from_file(3)), 0);
	assert_int_equal(config->u32, 5);
	assert_int_equal(set(*state, "u32", "6", from_section(11)), -EINVAL);
	assert_string_equal(ecap_err_text(), "/etc/x.ini:11: [tls] u32: is already set in line 9");
	assert_int_equal(set(*state, "u32", "6", from_line), 0);
	assert_int_equal(config->u32, 6);
	assert_int_equal(set(*state, "u64", "x", from_section(12)), -EINVAL);
	assert_string_equal(ecap_err_text(), "/etc/x.ini:12: [tls] u64: \"x\" is not a number");
}

static void higher_origins_are_inherited(void **state)
{
	struct ecap_options *heir;
	struct config *config;

	assert_int_equal(ecap_options_new("tls", rows, ARRAY_SIZE(rows), sizeof(*config), &heir),
			 0);
	config = ecap_options_config(heir);
	assert_int_equal(set(heir, "u64", "1", from_section(2)), 0);
	assert_int_equal(set(heir, "string", "mine", from_section(3)), 0);
	assert_int_equal(set(heir, "level", "1", from_section(4)), 0);
	assert_int_equal(set(heir, "list", "mine", from_section(4)), 0);

	assert_int_equal(set(*state, "u64", "2", from_file(9)), 0);
	assert_int_equal(set(*state, "string", "line", from_line), 0);
	assert_int_equal(set(*state, "path", "/file", from_file(9)), 0);
	assert_int_equal(set(*state, "list", "a", from_line), 0);
	assert_int_equal(set(*state, "list", "b", from_line), 0);
	assert_int_equal(set(*state, "flag", "yes", from_file(9)), 0);
	assert_int_equal(set(*state, "choice", "keylog", from_line), 0);
	assert_int_equal(ecap_options_inherit(heir, *state), 0);
	/* What was inherited is the heir's own. */
	assert_int_equal(set(*state, "string", "changed", from_line), 0);
	assert_int_equal(set(*state, "list", "c", from_line), 0);

	assert_int_equal(config->u64, 1);
	assert_string_equal(config->string, "line");
	assert_int_equal(config->level, 1);
	assert_string_equal(config->path, "/file");
	assert_string_equal(config->list[0], "a");
	assert_string_equal(config->list[1], "b");
	assert_null(config->list[2]);
	assert_int_equal(config->flag, 1);
	assert_int_equal(config->choice, 2);
	assert_int_equal(config->u32, 7);
	struct ecap_origin origin = ecap_options_origin(heir, ecap_options_by_name(heir, "path"));

	assert_int_equal(origin.kind, ECAP_FROM_FILE);
	assert_int_equal(origin.line, 9);
	/* And may still be overridden. */
	assert_int_equal(set(heir, "list", "http", from_http), 0);
	assert_string_equal(config->list[0], "http");
	assert_null(config->list[1]);
	ecap_options_free(heir);
}

static void lists_grow_and_are_replaced(void **state)
{
	struct config *config = ecap_options_config(*state);

	for (uint32_t i = 0; i < 3000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "item%u", i);
		assert_int_equal(set(*state, "list", text, from_file(i + 1)), 0);
		assert_string_equal(config->list[i], text);
		assert_null(config->list[i + 1]);
	}
	assert_string_equal(config->list[0], "item0");
	assert_int_equal(set(*state, "list", "a", from_line), 0);
	assert_int_equal(set(*state, "list", "b", from_line), 0);
	assert_int_equal(set(*state, "list", "late", from_file(9000)), 0);
	assert_string_equal(config->list[0], "a");
	assert_string_equal(config->list[1], "b");
	assert_null(config->list[2]);
}

static void rows_are_found(void **state)
{
	uint32_t n;

	assert_ptr_equal(ecap_options_rows(*state, &n), rows);
	assert_int_equal(n, ARRAY_SIZE(rows));
	assert_ptr_equal(ecap_options_by_name(*state, "thirty-two"), &rows[1]);
	assert_ptr_equal(ecap_options_by_short(*state, 'n'), &rows[1]);
	assert_null(ecap_options_by_name(*state, "u3"));
	assert_null(ecap_options_by_name(*state, ""));
	assert_null(ecap_options_by_short(*state, 'z'));
	assert_null(ecap_options_by_short(*state, 0));
}

static void deprecated_option_says_so(void **state)
{
	char path[] = "/tmp/options-test-XXXXXX", text[256] = "";
	_cleanup_close_ int fd = mkstemp(path), saved = dup(STDERR_FILENO);

	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	int err = set(*state, "old", "x", from_line);

	dup2(saved, STDERR_FILENO);
	unlink(path);
	assert_int_equal(err, 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "warning options: --old is deprecated: use string\n");
}

static void required_values(void **state)
{
	static const struct ecap_option needy[] = {
		ROW(string, ECAP_OPT_STRING, "elfpath", .flags = ECAP_OPT_REQUIRED,
		    .help = "program to watch"),
		ROW(u32, ECAP_OPT_U32, "u32", .flags = ECAP_OPT_REQUIRED, .def = "1"),
		ROW(rest, ECAP_OPT_REST, "words", .flags = ECAP_OPT_REQUIRED),
	};
	struct ecap_options *options;

	(void)state;
	assert_int_equal(ecap_options_new("x", needy, 3, sizeof(struct config), &options), 0);
	assert_int_equal(ecap_options_finish(options), -EINVAL);
	assert_string_equal(ecap_err_text(), "--elfpath is missing: program to watch");
	assert_int_equal(set(options, "elfpath", "x", from_file(1)), 0);
	assert_int_equal(ecap_options_finish(options), -EINVAL);
	assert_string_equal(ecap_err_text(), "words is missing");
	assert_int_equal(set(options, "words", "tcp port 443", from_line), 0);
	assert_int_equal(ecap_options_finish(options), 0);
	ecap_options_free(options);
}

static void default_path_must_exist_only_when_used(void **state)
{
	static const struct ecap_option row[] = {
		ROW(path, ECAP_OPT_PATH, "bash", .def = "/nowhere/bash",
		    .flags = ECAP_OPT_MUST_EXIST),
	};
	struct ecap_options *options;

	(void)state;
	assert_int_equal(ecap_options_new("bash", row, 1, sizeof(struct config), &options), 0);
	assert_int_equal(ecap_options_finish(options), -ENOENT);
	assert_string_equal(ecap_err_text(),
			    "default of --bash: /nowhere/bash: No such file or directory");
	assert_int_equal(set(options, "bash", "/proc/self/exe", from_line), 0);
	assert_int_equal(ecap_options_finish(options), 0);
	ecap_options_free(options);
}

/* Tables come from other people's modules. */
static void bad_tables(void **state)
{
#define GOOD .name = "a", .type = ECAP_OPT_U32, .size = 4
	static const struct {
		struct ecap_option rows[2];
		const char *message;
	} cases[] = {
		{ { { .type = ECAP_OPT_U32, .size = 4 } }, "option 1: \"\" is not a usable name" },
		{ { { .name = "", .type = ECAP_OPT_U32, .size = 4 } },
		  "option 1: \"\" is not a usable name" },
		{ { { .name = "a=b", .type = ECAP_OPT_U32, .size = 4 } },
		  "option 1: \"a=b\" is not a usable name" },
		{ { { .name = "-a", .type = ECAP_OPT_U32, .size = 4 } },
		  "option 1: \"-a\" is not a usable name" },
		{ { { .name = "help", .type = ECAP_OPT_BOOL, .size = 1 } },
		  "option 1: \"help\" is not a usable name" },
		{ { { GOOD, .alias = "x y" } }, "option 1: \"x y\" is not a usable name" },
		{ { { GOOD, .short_name = 'h' } }, "option --a: short name 0x68 is not usable" },
		{ { { GOOD, .short_name = '-' } }, "option --a: short name 0x2d is not usable" },
		{ { { .name = "a", .type = 0, .size = 4 } }, "option --a: unknown type 0" },
		{ { { .name = "a", .type = 12, .size = 4 } }, "option --a: unknown type 12" },
		{ { { .name = "a", .type = 65535, .size = 4 } }, "option --a: unknown type 65535" },
		{ { { .name = "a", .type = ECAP_OPT_U64, .size = 4 } },
		  "option --a: its type takes 8 bytes, the member has 4" },
		{ { { GOOD, .offset = 13 } },
		  "option --a: offset 13 does not fit a config of 16 bytes" },
		{ { { GOOD, .offset = 16 } },
		  "option --a: offset 16 does not fit a config of 16 bytes" },
		{ { { GOOD, .offset = 4294967292 } },
		  "option --a: offset 4294967292 does not fit a config of 16 bytes" },
		{ { { GOOD, .min = 2, .max = 1 } },
		  "option --a: no number lies between its bounds" },
		{ { { GOOD, .min = -2, .max = -1 } },
		  "option --a: no number lies between its bounds" },
		{ { { .name = "a", .type = ECAP_OPT_ENUM, .size = 4 } }, "option --a: no choices" },
		{ { { .name = "a", .type = ECAP_OPT_ENUM, .size = 4, .choices = "" } },
		  "option --a: no choices" },
		{ { { GOOD, .def = "x" } }, "option --a: default \"x\" is not a number" },
		{ { { GOOD, .max = 1, .def = "2" } },
		  "option --a: default must be between 0 and 1, not 2" },
		{ { { .name = "a", .type = ECAP_OPT_ENUM, .size = 4, .choices = "text|pcap",
		      .def = "txt" } },
		  "option --a: default \"txt\" is not one of text|pcap; did you mean \"text\"?" },
		{ { { GOOD }, { GOOD } }, "options --a and --a share a name" },
		{ { { GOOD }, { .name = "b", .alias = "a", .type = ECAP_OPT_U32, .size = 4 } },
		  "options --a and --b share a name" },
		{ { { GOOD, .short_name = 'x' },
		    { .name = "b", .type = ECAP_OPT_U32, .size = 4, .short_name = 'x' } },
		  "options --a and --b share -x" },
		{ { { .name = "a", .type = ECAP_OPT_REST, .size = 8 },
		    { .name = "b", .type = ECAP_OPT_REST, .size = 8 } },
		  "2 options take the positional words" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t n = cases[i].rows[1].name ? 2 : 1;
		struct ecap_options *options = NULL;

		assert_int_equal(ecap_options_new("x", cases[i].rows, n, 16, &options), -EINVAL);
		/* what to do follows it */
		if (strncmp(ecap_err_text(), cases[i].message, strlen(cases[i].message)))
			fail_msg("\"%s\" is not \"%s\"", ecap_err_text(), cases[i].message);
		assert_null(options);
	}
}

static void empty_table(void **state)
{
	struct ecap_options *options;

	(void)state;
	assert_int_equal(ecap_options_new("x", NULL, 0, 0, &options), 0);
	assert_non_null(ecap_options_config(options));
	assert_null(ecap_options_by_name(options, "a"));
	assert_int_equal(ecap_options_finish(options), 0);
	ecap_options_free(options);
	ecap_options_free(NULL);
}

int main(void)
{
#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_TABLE(defaults_are_parsed),
		WITH_TABLE(good_numbers),
		WITH_TABLE(bad_values),
		WITH_TABLE(place_stands_before_the_reason),
		WITH_TABLE(shown_values_are_short_and_clean),
		WITH_TABLE(words_are_copied),
		WITH_TABLE(paths_become_absolute),
		WITH_TABLE(higher_origin_wins_in_any_order),
		WITH_TABLE(file_names_an_option_once),
		WITH_TABLE(section_overrides_global),
		WITH_TABLE(higher_origins_are_inherited),
		WITH_TABLE(lists_grow_and_are_replaced),
		WITH_TABLE(rows_are_found),
		WITH_TABLE(deprecated_option_says_so),
		cmocka_unit_test(required_values),
		cmocka_unit_test(default_path_must_exist_only_when_used),
		cmocka_unit_test(bad_tables),
		cmocka_unit_test(empty_table),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
