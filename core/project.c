/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the sources of a new module. Files are copied as text, with the name replaced; a
 * recording has checksums, so it is read and written again as one of the new module.
 */
#include "project.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "recording.h"
#include "util.h"

#define RECORDING_SUFFIX ".rec"

/* More than any file of a template has. */
#define MAX_FILE (1u << 20)

static int no_memory(void)
{
	return ecap_err(-ENOMEM, "out of memory");
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void files_free(struct dirent **files, int n)
{
	while (n > 0)
		free(files[--n]);
	free(files);
}

/* The @len bytes of @text with the template's name replaced; a NUL behind them. NULL: no memory. */
static char *renamed(const char *text, size_t len, const char *name, size_t *new_len)
{
	const size_t old = strlen(ECAP_PROJECT_TEMPLATE);
	const char *end = text + len, *next;
	char *made = NULL;
	FILE *out = open_memstream(&made, new_len);

	if (!out)
		return NULL;
	while ((next = memmem(text, (size_t)(end - text), ECAP_PROJECT_TEMPLATE, old))) {
		fwrite(text, 1, (size_t)(next - text), out);
		fputs(name, out);
		text = next + old;
	}
	fwrite(text, 1, (size_t)(end - text), out);
	if (fclose(out)) {
		free(made);
		return NULL;
	}
	return made;
}

static int read_file(const char *path, char **text, size_t *len)
{
	_cleanup_fclose_ FILE *in = fopen(path, "re");
	_cleanup_free_ char *made = malloc(MAX_FILE);

	if (!in)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	if (!made)
		return no_memory();
	*len = fread(made, 1, MAX_FILE, in);
	if (ferror(in))
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	if (!feof(in))
		return ecap_err(-EFBIG, "%s: too large for a file of a template", path);
	*text = TAKE_PTR(made);
	return 0;
}

/* Made by the project, so that it goes when the project fails. */
static int create(struct ecap_project *project, const char *path, FILE **out)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	char *kept = strdup(path);

	*out = kept ? fdopen(fd, "w") : NULL;
	if (!*out) {
		free(kept);
		close(fd);
		unlink(path);
		return no_memory();
	}
	project->files[project->n++] = kept;
	return 0;
}

static int copy_text(struct ecap_project *project, const char *from, const char *to,
		     const char *name)
{
	_cleanup_free_ char *text = NULL, *changed = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t len;
	int err = read_file(from, &text, &len);

	if (err)
		return err;
	changed = renamed(text, len, name, &len);
	if (!changed)
		return no_memory();
	err = create(project, to, &out);
	if (err)
		return err;
	fwrite(changed, 1, len, out);
	if (fclose(TAKE_PTR(out)))
		return ecap_err(-errno, "%s: %s", to, strerror(errno));
	return 0;
}

static void recording_freep(struct ecap_recording **recording)
{
	ecap_recording_free(*recording);
}

/* All that is in it, under the name that the new module has. */
static int write_recording(struct ecap_recording *recording, const char *to, const char *name)
{
	struct ecap_recording_head head = *ecap_recording_head(recording);
	struct ecap_reader_count counts[ECAP_MAPS_MAX];
	struct ecap_recording_item item;
	struct ecap_recorder *recorder;
	int err;

	head.module = name;
	err = ecap_recorder_open(to, &head, &recorder);
	if (err)
		return err;
	while ((item = ecap_recording_next(recording)).kind != ECAP_RECORDING_END) {
		if (item.kind == ECAP_RECORDING_RECORD)
			ecap_recorder_record(recorder, item.map, item.data, item.len);
		else
			ecap_recorder_lost(recorder, item.map, item.lost);
	}
	for (uint32_t i = 0; i < head.n_maps; i++)
		counts[i] = ecap_recording_count(recording, i);
	return ecap_recorder_close(recorder, counts);
}

static int copy_recording(struct ecap_project *project, const char *from, const char *to,
			  const char *name)
{
	_cleanup_(recording_freep) struct ecap_recording *recording = NULL;
	struct stat made;
	FILE *out;
	int err = ecap_recording_open(from, &recording);

	if (err)
		return err;
	err = create(project, to, &out);
	if (err)
		return err;
	/* The recorder keeps what was captured to itself; a sample is no secret. */
	err = fstat(fileno(out), &made) < 0 ? -errno : 0;
	fclose(out);
	if (!err)
		err = write_recording(recording, to, name);
	else
		ecap_err(err, "%s: %s", to, strerror(-err));
	if (!err && chmod(to, made.st_mode & 0777) < 0)
		err = ecap_err(-errno, "%s: %s", to, strerror(errno));
	return err;
}

static int is_recording(const char *file)
{
	size_t len = strlen(file), suffix = strlen(RECORDING_SUFFIX);

	return len > suffix && !strcmp(file + len - suffix, RECORDING_SUFFIX);
}

static int copy_file(struct ecap_project *project, const char *template, const char *file,
		     const char *name, const char *directory)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *to_name = NULL;
	size_t len;

	to_name = renamed(file, strlen(file), name, &len);
	if (!to_name || asprintf(&from, "%s/%s", template, file) < 0 ||
	    asprintf(&to, "%s/%s", directory, to_name) < 0)
		return no_memory();
	return is_recording(file) ? copy_recording(project, from, to, name)
				  : copy_text(project, from, to, name);
}

/* 1 when it was made, 0 when it is there and empty. */
static int make_directory(const char *directory)
{
	struct dirent **files;
	int n;

	if (!mkdir(directory, 0777))
		return 1;
	if (errno != EEXIST)
		return ecap_err(-errno, "%s: %s", directory, strerror(errno));
	n = scandir(directory, &files, NULL, NULL);
	if (n < 0)
		return ecap_err(-errno, "%s: %s", directory, strerror(errno));
	files_free(files, n);
	if (n > 2) /* "." and ".." */
		return ecap_err(-ENOTEMPTY, "%s: it is there already, and not empty; name another "
				"directory", directory);
	return 0;
}

static void undo(struct ecap_project *project, const char *directory, int made)
{
	for (uint32_t i = 0; i < project->n; i++)
		unlink(project->files[i]);
	if (made)
		rmdir(directory);
	ecap_project_end(project);
}

static int find_template(const char *template, struct dirent ***files)
{
	int n = scandir(template, files, is_shown, alphasort);

	if (n < 0)
		return ecap_err(-errno, "template %s: %s; it comes with ecapture's SDK, and "
				"--template names another one", template, strerror(errno));
	if (!n) {
		free(*files);
		return ecap_err(-ENOENT, "template %s: has no files", template);
	}
	return n;
}

int ecap_project_make(const char *template, const char *name, const char *directory,
		      struct ecap_project *project)
{
	struct ecap_project made = { 0 };
	struct dirent **files;
	int n = find_template(template, &files), made_directory, err = 0;

	if (n < 0)
		return n;
	made.files = calloc((size_t)n, sizeof(*made.files));
	made_directory = made.files ? make_directory(directory) : no_memory();
	if (made_directory < 0)
		err = made_directory;
	for (int i = 0; i < n && !err; i++)
		err = copy_file(&made, template, files[i]->d_name, name, directory);
	files_free(files, n);
	if (!err)
		*project = made;
	else
		undo(&made, directory, made_directory > 0);
	return err;
}

void ecap_project_end(struct ecap_project *project)
{
	for (uint32_t i = 0; i < project->n; i++)
		free(project->files[i]);
	free(project->files);
	*project = (struct ecap_project){ 0 };
}
