/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of a new module: what becomes of the template's, and what is left of a failure. */
#include "recording_help.h"

#include <dirent.h>
#include <fcntl.h>

#include "project.h"

/* in_dir() has one buffer. */
static char template[128], project[128];

static void put(const char *directory, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
}

static void assert_file(const char *name, const char *text)
{
	char path[256];
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", project, name);
	_cleanup_free_ uint8_t *data = read_file(path, &size);

	assert_int_equal(size, strlen(text));
	assert_memory_equal(data, text, size);
}

/* Names in the directory but "." and "..", or -1 when it is not there. */
static int n_files(const char *directory)
{
	DIR *d = opendir(directory);
	int n = -2;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int make(const char *name)
{
	struct ecap_project made = { 0 };
	int err = ecap_project_make(template, name, project, &made);

	ecap_project_end(&made);
	return err;
}

static void test_names(void **state)
{
	struct ecap_project made;

	(void)state;
	put(template, "Makefile", "MODULE = mymodule\nmymodulemymodule mymodul\n");
	put(template, "mymodule.bpf.c", "");
	put(template, ".swp", "what an editor left");
	assert_int_equal(ecap_project_make(template, "my-2", project, &made), 0);
	assert_int_equal(made.n, 2);
	assert_non_null(strstr(made.files[0], "/project/Makefile"));
	assert_non_null(strstr(made.files[1], "/project/my-2.bpf.c"));
	ecap_project_end(&made);
	assert_file("Makefile", "MODULE = my-2\nmy-2my-2 mymodul\n");
	assert_file("my-2.bpf.c", "");
	assert_int_equal(n_files(project), 2);
}

/* Its checksums would not bear another name put over the first. */
static void test_recording(void **state)
{
	struct ecap_recording *r;
	struct stat st;
	char path[256];

	(void)state;
	umask(022);
	snprintf(path, sizeof(path), "%s/sample.rec", template);
	make_recording(path);
	assert_int_equal(make("a-longer-name"), 0);
	snprintf(path, sizeof(path), "%s/sample.rec", project);
	if (ecap_recording_open(path, &r))
		fail_msg("%s", ecap_err_text());
	assert_string_equal(ecap_recording_head(r)->module, "a-longer-name");
	assert_string_equal(ecap_recording_head(r)->version, head.version);
	assert_string_equal(ecap_recording_head(r)->options, head.options);
	assert_int_equal(items_as_sent(r), ARRAY_SIZE(sent));
	assert_int_equal(ecap_recording_complete(r), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct ecap_reader_count got = ecap_recording_count(r, i);

		assert_memory_equal(&got, &counts[i], sizeof(got));
	}
	ecap_recording_free(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void test_there_already(void **state)
{
	(void)state;
	put(template, "Makefile", "new");
	mkdir(project, 0700);
	put(project, "Makefile", "old");
	assert_int_equal(make("other"), -ENOTEMPTY);
	assert_non_null(strstr(ecap_err_text(), "not empty"));
	assert_file("Makefile", "old");
	assert_int_equal(n_files(project), 1);
}

static void test_empty_directory(void **state)
{
	struct stat st;

	(void)state;
	put(template, "Makefile", "new");
	mkdir(project, 0700);
	assert_int_equal(make("other"), 0);
	assert_file("Makefile", "new");
	assert_int_equal(stat(project, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* Whichever file fails, and whether it had been begun: nothing is left, but what was there. */
static void test_failures(void **state)
{
	char path[256];

	(void)state;
	put(template, "a", "first");
	put(template, "z.rec", "no recording");
	assert_int_equal(make("other"), -EBADMSG);
	assert_int_equal(n_files(project), -1);
	mkdir(project, 0700);
	assert_int_equal(make("other"), -EBADMSG);
	assert_int_equal(n_files(project), 0);
	rmdir(project);

	snprintf(path, sizeof(path), "%s/z.rec", template);
	unlink(path);
	snprintf(path, sizeof(path), "%s/large", template);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	close(fd);
	assert_int_equal(make("other"), -EFBIG);
	assert_int_equal(n_files(project), -1);
}

/* A file as it is in the template cannot be made twice. */
static void test_clash(void **state)
{
	(void)state;
	put(template, "mymodule.c", "renamed to the next");
	put(template, "other.c", "");
	assert_int_equal(make("other"), -EEXIST);
	assert_int_equal(n_files(project), -1);
}

static void test_no_template(void **state)
{
	(void)state;
	assert_int_equal(make("other"), -ENOENT);
	assert_non_null(strstr(ecap_err_text(), "has no files"));
	rmdir(template);
	assert_int_equal(make("other"), -ENOENT);
	assert_non_null(strstr(ecap_err_text(), "--template"));
	assert_int_equal(n_files(project), -1);
}

static void test_nowhere(void **state)
{
	struct ecap_project made;

	(void)state;
	put(template, "Makefile", "new");
	assert_int_equal(ecap_project_make(template, "other", in_dir("no/where"), &made), -ENOENT);
	assert_non_null(strstr(ecap_err_text(), "/no/where: "));
}

static int empty(const char *directory)
{
	DIR *d = opendir(directory);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(directory);
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/ecapture-recording-XXXXXX");
	if (make_dir(state))
		return -1;
	strcpy(template, in_dir("template"));
	strcpy(project, in_dir("project"));
	return mkdir(template, 0755);
}

static int teardown(void **state)
{
	(void)state;
	empty(template);
	empty(project);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recording, setup, teardown),
		cmocka_unit_test_setup_teardown(test_there_already, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_template, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nowhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
