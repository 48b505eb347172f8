/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue and the loading, with real modules in directories that are root's up to /:
 * the loader takes no others, so all of it needs root.
 */
#define _GNU_SOURCE 1 /* nftw(3) */
#include "modules/build.h"

#include "err.h"
#include "loader.h"
#include "util.h"

static void catalog_freep(struct ecap_catalog **catalog)
{
	ecap_catalog_free(*catalog);
}

static char one[PATH_MAX + 8], two[PATH_MAX + 8]; /* the plugin directories */

static int setup(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	/* hier(7): made by the system, writable by root only */
	if (work_make("/var/lib"))
		return -1;
	snprintf(one, sizeof(one), "%s/one", work);
	snprintf(two, sizeof(two), "%s/two", work);
	return 0;
}

/* Each test begins with two empty directories. */
static int fresh(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	nftw(one, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	nftw(two, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return mkdir(one, 0755) || mkdir(two, 0755);
}

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("only root can make modules that are root's\n");
	skip();
}

static struct ecap_catalog *scan(void)
{
	const char *const dirs[] = { one, two };
	struct ecap_catalog *catalog = NULL;

	if (ecap_catalog_scan(dirs, ARRAY_SIZE(dirs), 1, NULL, &catalog))
		fail_msg("%s", ecap_err_text());
	return catalog;
}

static void text_is(const char *text, const char *expected)
{
	if (!text || !strstr(text, expected))
		fail_msg("\"%s\" does not say \"%s\"", text, expected);
}

static void entry_is(const struct ecap_catalog *catalog, uint32_t i, const char *dir,
		     const char *file, const char *name)
{
	char path[PATH_MAX + 32];

	assert_in_range(i, 0, catalog->n - 1);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	assert_string_equal(catalog->entries[i]->path, path);
	assert_null(catalog->entries[i]->handle);
	if (name && catalog->entries[i]->error)
		fail_msg("%s", catalog->entries[i]->error);
	assert_int_equal(!name, !catalog->entries[i]->desc);
	if (name)
		assert_string_equal(catalog->entries[i]->desc->module.name, name);
}

static void lists_directories_in_order(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	char path[PATH_MAX + 32];
	(void)state;

	need_root();
	build("one/zoo.so", "small", "-DNAME=\"zoo\"");
	build("one/bar.so", "small", "-DNAME=\"bar\"");
	build("two/ape.so", "full", "-O2");
	build("two/.hidden.so", "small", "-DNAME=\"hidden\"");
	build("two/old.so.1", "small", "-DNAME=\"old\"");
	snprintf(path, sizeof(path), "%s/.so", two);
	write_file(path, "", 0);
	catalog = scan();
	assert_int_equal(catalog->n, 3);
	entry_is(catalog, 0, one, "bar.so", "bar");
	entry_is(catalog, 1, one, "zoo.so", "zoo");
	entry_is(catalog, 2, two, "ape.so", "full");
}

static void misses_directories(void **state)
{
	const char *const dirs[] = { "/nonexistent/plugins" };
	struct ecap_catalog *catalog = NULL;
	(void)state;

	assert_int_equal(ecap_catalog_scan(dirs, 1, 1, NULL, &catalog), -ENOENT);
	assert_null(catalog);
	assert_string_equal(ecap_err_text(), "plugin directory /nonexistent/plugins: No such file "
			    "or directory");
	assert_int_equal(ecap_catalog_scan(dirs, 1, 0, NULL, &catalog), 0);
	assert_int_equal(catalog->n, 0);
	assert_null(ecap_catalog_find(catalog, "foo"));
	assert_string_equal(ecap_err_text(), "no module \"foo\"; no usable module was found, see "
			    "--plugin-dir");
	ecap_catalog_free(catalog);
}

static void lists_a_file_once(void **state)
{
	const char *const dirs[] = { one, two, one };
	struct ecap_catalog *catalog = NULL;
	char from[PATH_MAX + 32], to[PATH_MAX + 32];
	(void)state;

	need_root();
	snprintf(to, sizeof(to), "%s", build("one/foo.so", "small", "-DNAME=\"foo\""));
	snprintf(from, sizeof(from), "%s/other.so", two);
	assert_int_equal(symlink(to, from), 0);
	assert_int_equal(ecap_catalog_scan(dirs, ARRAY_SIZE(dirs), 1, NULL, &catalog), 0);
	assert_int_equal(catalog->n, 1);
	entry_is(catalog, 0, one, "foo.so", "foo");
	ecap_catalog_free(catalog);
}

static void keeps_the_reason(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	char path[PATH_MAX + 32];
	static const struct {
		const char *word, *text;
	} reasons[] = {
		{ "dangling", "/one/dangling.so: cannot open it: No such file or directory" },
		{ "dir", "/one/dir.so: refused: not a regular file" },
		{ "fifo", "/one/fifo.so: refused: not a regular file" },
		{ "group", "/one/group.so: refused: writable by group (mode 0775), and it would "
			   "act as root; chmod g-w it" },
		{ "text", "/one/text.so: not an ELF file" },
	};
	(void)state;

	need_root();
	snprintf(path, sizeof(path), "%s/dangling.so", one);
	assert_int_equal(symlink("/nonexistent/file.so", path), 0);
	snprintf(path, sizeof(path), "%s/dir.so", one);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/fifo.so", one);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/text.so", one);
	write_file(path, "text", 4);
	chmod(build("one/group.so", "small", "-DNAME=\"group\""), 0775);
	build("one/zoo.so", "small", "-DNAME=\"group-zoo\"");
	catalog = scan();
	assert_int_equal(catalog->n, ARRAY_SIZE(reasons) + 1);
	for (uint32_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		assert_null(catalog->entries[i]->desc);
		text_is(catalog->entries[i]->error, reasons[i].text);
		/* "group" is also the beginning of another module, which must not stand in */
		assert_null(ecap_catalog_find(catalog, reasons[i].word));
		assert_string_equal(ecap_err_text(), catalog->entries[i]->error);
	}
	assert_ptr_equal(ecap_catalog_find(catalog, "group-"), catalog->entries[5]);
}

/* Of a module that is refused its words are known, so that who asks for it is told why. */
static void knows_what_is_refused(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	_cleanup_free_ char *by_word = NULL, *by_file = NULL, *by_path = NULL, *none = NULL;
	char path[PATH_MAX + 32];
	(void)state;

	need_root();
	snprintf(path, sizeof(path), "%s", build("one/file.so", "small", "-DNAME=\"name\" "
						 "-DCOMMAND=\"word\" -DALIASES=\"other\""));
	assert_int_equal(chmod(path, 0775), 0);
	catalog = scan();
	assert_int_equal(catalog->n, 1);
	assert_null(catalog->entries[0]->desc);
	assert_non_null(catalog->entries[0]->seen);
	assert_string_equal(catalog->entries[0]->seen->module.name, "name");
	assert_string_equal(catalog->entries[0]->dir, one);
	for (const char *word = "word"; word; word = strcmp(word, "word") ? NULL : "other") {
		assert_null(ecap_catalog_find(catalog, word));
		text_is(ecap_err_text(), "/file.so: refused: writable by group");
	}
	assert_int_equal(ecap_catalog_locate(catalog, "name", &by_word), 0);
	assert_string_equal(by_word, path);
	assert_int_equal(ecap_catalog_locate(catalog, "file", &by_file), 0);
	assert_string_equal(by_file, path);
	assert_int_equal(ecap_catalog_locate(catalog, path, &by_path), 0);
	assert_string_equal(by_path, path);
	assert_true(ecap_catalog_locate(catalog, "nothing", &none) < 0);
	assert_null(none);
}

static void refuses_a_directory_of_others(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	(void)state;

	need_root();
	build("one/foo.so", "small", "-DNAME=\"foo\"");
	assert_int_equal(chmod(one, 01777), 0);
	catalog = scan();
	text_is(catalog->entries[0]->error, "/one is writable by others (mode 1777); move the file");
}

/* What a section of an ini file says of the module itself cannot be an option of it. */
static void refuses_keys_of_sections(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	(void)state;

	need_root();
	build("one/bar.so", "small", "-DNAME=\"bar\" -DOPTION=\"enable\"");
	build("one/foo.so", "small", "-DNAME=\"foo\" -DOPTION=\"enabled\"");
	catalog = scan();
	entry_is(catalog, 0, one, "bar.so", "bar");
	text_is(catalog->entries[1]->error, "option --enabled: in an ini file that key says whether the "
		"module is started; choose another name");
}

static void first_directory_wins(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	(void)state;

	need_root();
	build("one/foo.so", "small", "-DNAME=\"foo\"");
	build("two/any.so", "small", "-DNAME=\"foo\" -DCOMMAND=\"any\"");
	catalog = scan();
	assert_int_equal(catalog->n, 2);
	entry_is(catalog, 1, two, "any.so", "foo");
	assert_null(catalog->entries[0]->shadowed_by);
	assert_ptr_equal(catalog->entries[1]->shadowed_by, catalog->entries[0]);
	assert_ptr_equal(ecap_catalog_find(catalog, "foo"), catalog->entries[0]);
	/* a module that is not used has no words either */
	assert_null(ecap_catalog_find(catalog, "any"));
}

static void refuses_words_that_are_taken(void **state)
{
	static const char *const later[] = {
		"-DNAME=\"x\" -DCOMMAND=\"foo\"", "-DNAME=\"x\" -DCOMMAND=\"foo-cmd\"",
		"-DNAME=\"x\" -DALIASES=\"y,foo-b\"", "-DNAME=\"foo-a\" -DCOMMAND=\"x\"",
	};
	static const char *const words[] = { "foo", "foo-cmd", "foo-b", "foo-a" };
	(void)state;

	need_root();
	build("one/foo.so", "small", "-DNAME=\"foo\" -DCOMMAND=\"foo-cmd\" "
	      "-DALIASES=\"foo-a,foo-b\"");
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
		char text[PATH_MAX + 128];

		build("two/later.so", "small", later[i]);
		catalog = scan();
		snprintf(text, sizeof(text), "/two/later.so: refused: \"%s\" already stands for "
			 "module foo of %s/foo.so; remove one of the files", words[i], one);
		assert_int_equal(catalog->n, 2);
		entry_is(catalog, 0, one, "foo.so", "foo");
		assert_null(catalog->entries[1]->desc);
		text_is(catalog->entries[1]->error, text);
	}
}

static int is_command(const char *word)
{
	return !strcmp(word, "modules") || !strcmp(word, "help");
}

/* "ecapture help" would never reach a module. */
static void refuses_words_of_commands(void **state)
{
	static const char *const flags[] = {
		"-DNAME=\"modules\"", "-DNAME=\"modules\" -DCOMMAND=\"x\"",
		"-DNAME=\"x\" -DCOMMAND=\"help\"", "-DNAME=\"x\" -DALIASES=\"y,help\"",
	};
	static const char *const words[] = { "modules", "modules", "help", "help" };
	const char *const dirs[] = { one };
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
		char text[PATH_MAX + 256];

		build("one/x.so", "small", flags[i]);
		assert_int_equal(ecap_catalog_scan(dirs, 1, 1, is_command, &catalog), 0);
		snprintf(text, sizeof(text), "%s/x.so: refused: \"%s\" is a command of ecapture "
			 "itself, and the module could not be reached by it; give the module "
			 "another word", one, words[i]);
		entry_is(catalog, 0, one, "x.so", NULL);
		assert_string_equal(catalog->entries[0]->error, text);
	}
}

static void finds_by_word(void **state)
{
	static const struct {
		const char *word;
		int entry; /* or -1 */
		const char *text;
	} finds[] = {
		{ "alpha", 0, NULL },     /* command, and the beginning of alphabet */
		{ "alphabet", 1, NULL },
		{ "alphab", 1, NULL },
		{ "first", 0, NULL },     /* name */
		{ "fir", 0, NULL },       /* of name and alias of the same module */
		{ "firmament", 0, NULL }, /* alias */
		{ "sec", 1, NULL },
		{ "al", -1, "\"al\" stands for several modules: alpha, alphabet; write more" },
		{ "alphabets", -1, "no module \"alphabets\"; did you mean alphabet" },
		{ "fisrt", -1, "no module \"fisrt\"; did you mean first" },
		{ "zzzzzz", -1, "no module \"zzzzzz\"; see ecapture modules list" },
		{ "", -1, "no module \"\"" },
		{ ",", -1, "no module \",\"" },
		{ "firmament,x", -1, "did you mean" },
	};
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	(void)state;

	need_root();
	build("one/1.so", "small", "-DNAME=\"first\" -DCOMMAND=\"alpha\" "
	      "-DALIASES=\"firmament,x\"");
	build("one/2.so", "small", "-DNAME=\"second\" -DCOMMAND=\"alphabet\"");
	catalog = scan();
	for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
		struct ecap_catalog_entry *entry = ecap_catalog_find(catalog, finds[i].word);

		if (entry != (finds[i].entry < 0 ? NULL : catalog->entries[finds[i].entry]))
			fail_msg("\"%s\" finds %s", finds[i].word, entry ? entry->path : "nothing");
		if (finds[i].text)
			text_is(ecap_err_text(), finds[i].text);
	}
}

/* Each form of relocation, compared in memory with what the file said. */
static void loads_what_was_read(void **state)
{
	static const struct {
		const char *source, *flags, *name;
	} modules[] = {
		{ "full", "-O2", "full" },
		{ "full", "-Wl,-z,pack-relative-relocs", "full" },
		{ "full", "-DSTATIC= -fvisibility=default", "full" },
		{ "small", "-O2 -s", "small" }, /* close() is the C library's free() */
		{ "later", "-O2", "later" },
	};
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
		const struct ecap_module *module = NULL, *again = NULL;
		char name[32];

		fresh(NULL);
		snprintf(name, sizeof(name), "one/load%zu.so", i);
		build(name, modules[i].source, modules[i].flags);
		catalog = scan();
		if (ecap_module_load(catalog->entries[0], &module))
			fail_msg("%s", ecap_err_text());
		assert_string_equal(module->name, modules[i].name);
		assert_non_null(catalog->entries[0]->handle);
		assert_int_equal(ecap_module_load(catalog->entries[0], &again), 0);
		assert_ptr_equal(module, again);
	}
}

/* Loads the first module and expects the text. */
static void load_refused(const struct ecap_catalog *catalog, const char *text)
{
	const struct ecap_module *module = NULL;

	if (!catalog->entries[0]->desc)
		fail_msg("%s", catalog->entries[0]->error);
	assert_true(ecap_module_load(catalog->entries[0], &module) < 0);
	assert_null(module);
	text_is(ecap_err_text(), catalog->entries[0]->path);
	text_is(ecap_err_text(), text);
}

static void refuses_what_changes_itself(void **state)
{
	static const struct {
		const char *flags, *text;
	} changes[] = {
		{ "-DCHANGES=small_summary.text[0]='A'", "(a text differs)" },
		{ "-DCHANGES=ops.stop=step", "(its table of operations differs)" },
		{ "-DCHANGES=ops.start=0", "(its table of operations differs)" },
		{ "-DCHANGES=ops.close=0", "(its table of operations differs)" },
		{ "-DCHANGES=ops.reserved=1", "(its table of operations differs)" },
	};
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
		char name[32];

		fresh(NULL);
		snprintf(name, sizeof(name), "one/changes%zu.so", i);
		build(name, "small", changes[i].flags);
		catalog = scan();
		load_refused(catalog, "refused: its descriptor in memory is not the one in the file");
		text_is(ecap_err_text(), changes[i].text);
	}
}

static void refuses_what_was_replaced(void **state)
{
	static const struct {
		const char *before, *flags, *after, *text;
	} files[] = {
		{ "small", "-DNAME=\"prior\"", "small", "(a text differs)" },
		{ "full", "-O2", "small", "(its place differs)" },
		{ "small", "-O2", "full", "(its place differs)" },
		/* as long as the descriptor is at the same place, its parts are not */
		{ "small", "-DPADDING=100000", "small", "(its size differs)" },
	};
	(void)state;

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
		char name[32];

		fresh(NULL);
		snprintf(name, sizeof(name), "one/replaced%zu.so", i);
		build(name, files[i].before, files[i].flags);
		catalog = scan();
		build(name, files[i].after, "-DNAME=\"after\"");
		load_refused(catalog, "refused: its descriptor in memory is not the one in the file");
		text_is(ecap_err_text(), files[i].text);
	}
}

static void looks_again_before_loading(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	(void)state;

	need_root();
	const char *path = build("one/open.so", "small", "-DNAME=\"open\"");

	catalog = scan();
	assert_int_equal(chmod(path, 0777), 0);
	load_refused(catalog, "refused: writable by others (mode 0777)");
	assert_null(catalog->entries[0]->handle);
	assert_int_equal(unlink(path), 0);
	load_refused(catalog, "cannot open it: No such file or directory");
}

static void says_why_dlopen_refuses(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *undefined = NULL, *missing = NULL;
	char flags[PATH_MAX + 64];
	(void)state;

	need_root();
	build("one/undefined.so", "small", "-DUNDEFINED");
	undefined = scan();
	load_refused(undefined, "/one/undefined.so: cannot load: undefined symbol: "
		     "small_undefined_function; see ldd -r ");
	fresh(NULL);
	snprintf(flags, sizeof(flags), "-DLIBRARY %s", build("library.so", "library",
		 "-fvisibility=default -Wl,-soname,libmissing.so.7"));
	build("one/missing.so", "small", flags);
	missing = scan();
	load_refused(missing, "/one/missing.so: cannot load: libmissing.so.7: cannot open shared "
		     "object file: No such file or directory; see ldd -r ");
}

static void gives_the_reason_on_load(void **state)
{
	_cleanup_(catalog_freep) struct ecap_catalog *catalog = NULL;
	const struct ecap_module *module = NULL;
	char path[PATH_MAX + 32];
	(void)state;

	need_root();
	snprintf(path, sizeof(path), "%s/text.so", one);
	write_file(path, "text", 4);
	catalog = scan();
	assert_int_equal(ecap_module_load(catalog->entries[0], &module), -ENOEXEC);
	text_is(ecap_err_text(), "/one/text.so: not an ELF file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lists_directories_in_order, fresh),
		cmocka_unit_test_setup(misses_directories, fresh),
		cmocka_unit_test_setup(lists_a_file_once, fresh),
		cmocka_unit_test_setup(keeps_the_reason, fresh),
		cmocka_unit_test_setup(knows_what_is_refused, fresh),
		cmocka_unit_test_setup(refuses_a_directory_of_others, fresh),
		cmocka_unit_test_setup(refuses_keys_of_sections, fresh),
		cmocka_unit_test_setup(first_directory_wins, fresh),
		cmocka_unit_test_setup(refuses_words_that_are_taken, fresh),
		cmocka_unit_test_setup(refuses_words_of_commands, fresh),
		cmocka_unit_test_setup(finds_by_word, fresh),
		cmocka_unit_test_setup(loads_what_was_read, fresh),
		cmocka_unit_test_setup(refuses_what_changes_itself, fresh),
		cmocka_unit_test_setup(refuses_what_was_replaced, fresh),
		cmocka_unit_test_setup(looks_again_before_loading, fresh),
		cmocka_unit_test_setup(says_why_dlopen_refuses, fresh),
		cmocka_unit_test_setup(gives_the_reason_on_load, fresh),
	};

	return cmocka_run_group_tests_name("loader", tests, setup, work_remove);
}
