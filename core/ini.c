/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads ini files into option tables: [section], "key = value" or "key: value", comments that
 * begin a line with ; or #, and " ;" behind a value. The same four forms as libinih, which is
 * not enough here: as packaged it cuts lines at 200 bytes, reads the rest as another line, and
 * counts no lines for its handler. It also passes over what stands behind "]".
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "loader.h"
#include "options_internal.h"
#include "util.h"

struct reader {
	const char *path;
	uint32_t line;
	const struct ecap_ini_reader *ops;
	int in_section;
	struct ecap_ini_section section; /* that the lines are in */
};

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*s))
		s++;
	return s;
}

/* The first of @chars, or the ; of a comment behind a blank, or the end. */
static char *find_or_comment(char *s, const char *chars)
{
	for (int after_blank = 0; *s; s++) {
		if (strchr(chars, *s) || (after_blank && *s == ';'))
			break;
		after_blank = is_blank(*s);
	}
	return s;
}

static int unknown_section(const struct reader *r, const char *name)
{
	const char *near = r->ops->sections ? ecap_nearest(name, r->ops->sections) : NULL;
	struct ecap_shown shown = ecap_show(name, 0);

	if (!near)
		return ecap_err(-EINVAL, "%s:%u: unknown section [%s]", r->path, r->line, shown.s);
	return ecap_err(-EINVAL, "%s:%u: unknown section [%s]; did you mean [%s]?", r->path,
			r->line, shown.s, near);
}

static int begin_section(struct reader *r, char *line)
{
	char *end = find_or_comment(line + 1, "]");

	/* Of a section that is refused, the keys say nothing more. */
	r->in_section = 1;
	r->section = (struct ecap_ini_section){ 0 };
	if (*end != ']')
		return ecap_err(-EINVAL, "%s:%u: no ] in %s", r->path, r->line,
				ecap_show(line, '"').s);
	*end = '\0';
	const char *behind = trim(end + 1), *name = trim(line + 1);

	if (*behind && *behind != ';' && *behind != '#')
		return ecap_err(-EINVAL, "%s:%u: %s behind [%s]", r->path, r->line,
				ecap_show(behind, '"').s, ecap_show(name, 0).s);
	struct ecap_ini_section section = { .line = r->line };
	int known = r->ops->section(r->ops->arg, name, &section);

	if (!known)
		return unknown_section(r, name);
	if (known < 0)
		return ecap_err(known, "%s:%u: [%s] %s", r->path, r->line, ecap_show(name, 0).s,
				ecap_err_text());
	r->section = section;
	return 0;
}

static int unknown_key(const struct reader *r, const char *key)
{
	const struct ecap_ini_section *section = &r->section;
	const char *near = ecap_nearest_option(key, section->tables, section->n_tables, 1, NULL);
	struct ecap_shown shown = ecap_show(key, '"');

	if (!near)
		return ecap_err(-EINVAL, "%s:%u: [%s] unknown key %s", r->path, r->line,
				section->name, shown.s);
	return ecap_err(-EINVAL, "%s:%u: [%s] unknown key %s; did you mean \"%s\"?", r->path,
			r->line, section->name, shown.s, near);
}

static int set_key(const struct reader *r, char *line)
{
	char *separator = find_or_comment(line, "=:");

	if (*separator != '=' && *separator != ':')
		return ecap_err(-EINVAL, "%s:%u: expected \"key = value\", found %s", r->path,
				r->line, ecap_show(line, '"').s);
	*separator = '\0';
	*find_or_comment(separator + 1, "") = '\0';
	const char *key = trim(line), *value = trim(separator + 1);

	if (!*key)
		return ecap_err(-EINVAL, "%s:%u: no key before the value", r->path, r->line);
	if (!r->in_section)
		return ecap_err(-EINVAL, "%s:%u: key %s stands before the first [section]",
				r->path, r->line, ecap_show(key, '"').s);
	if (!r->section.n_tables)
		return 0;
	const struct ecap_origin origin = {
		.kind = r->section.kind, .line = r->line, .file = r->path,
		.section = r->section.kind == ECAP_FROM_SECTION ? r->section.name : NULL,
	};

	for (uint32_t t = 0; t < r->section.n_tables; t++) {
		struct ecap_options *table = r->section.tables[t];
		const struct ecap_option *row = ecap_options_by_name(table, key);

		if (row)
			return ecap_options_set(table, row, value, origin);
	}
	return r->section.any_key ? 0 : unknown_key(r, key);
}

static int parse_line(struct reader *r, char *line, size_t len)
{
	if (memchr(line, '\0', len))
		return ecap_err(-EINVAL, "%s:%u: a NUL byte; this is not a text file", r->path,
				r->line);
	if (r->line == 1 && !strncmp(line, "\xef\xbb\xbf", 3)) /* byte order mark, RFC 3629 */
		line += 3;
	line = trim(line);
	if (!*line || *line == ';' || *line == '#')
		return 0;
	return *line == '[' ? begin_section(r, line) : set_key(r, line);
}

static int parse_file(struct reader *r, FILE *file)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int first = 0;

	while (!first || r->ops->error) {
		errno = 0;
		ssize_t len = getline(&line, &size, file);

		if (len < 0 && !feof(file))
			return ecap_err(errno ? -errno : -EIO, "%s:%u: %s", r->path, r->line + 1,
					strerror(errno ? errno : EIO));
		if (len < 0)
			break;
		r->line++;
		int err = parse_line(r, line, (size_t)len);

		if (err && r->ops->error)
			r->ops->error(r->ops->arg);
		first = first ? first : err;
	}
	return first;
}

/* A regular file that nobody can change who could not change this program as well. */
static int open_file(const char *path, int *opened)
{
	/* O_NONBLOCK: a FIFO must not hang the open. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, "%s: is %s", path,
				S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	_cleanup_free_ char *canonical = realpath(path, NULL);

	if (!canonical)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	int err = ecap_secure_path(fd, canonical);

	if (!err)
		*opened = TAKE_FD(fd);
	return err;
}

int ecap_ini_load(const char *path, const struct ecap_ini_reader *ops)
{
	struct reader r = { .path = path, .ops = ops };
	_cleanup_close_ int fd = -1;
	_cleanup_fclose_ FILE *file = NULL;
	int err = open_file(path, &fd);

	if (!err) {
		file = fdopen(fd, "r");
		err = file ? 0 : ecap_err(-errno, "%s: %s", path, strerror(errno));
	}
	if (err && ops->error)
		ops->error(ops->arg);
	if (err)
		return err;
	TAKE_FD(fd);
	return parse_file(&r, file);
}
