/* SPDX-License-Identifier: Apache-2.0 */
/* The log: see log.h. A line is made whole and written by one write(2), so lines never mix. */
#include "log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "open_writer.h"
#include "utf8.h"
#include "util.h"

static atomic_int max_level = ECAP_LOG_INFO;
static atomic_int log_fd = STDERR_FILENO;

void ecap_log_set_level(int level)
{
	atomic_store(&max_level, level);
}

int ecap_log_level(void)
{
	return atomic_load(&max_level);
}

int ecap_log_open(const char *path)
{
	int fd = ecap_open_writer("log file", path, O_CREAT | O_APPEND);

	if (fd < 0)
		return fd;
	atomic_store(&log_fd, fd);
	return 0;
}

int ecap_log_fd(void)
{
	return atomic_load(&log_fd);
}

static const char *level_name(int level)
{
	switch (level) {
	case ECAP_LOG_ERROR: return "error";
	case ECAP_LOG_WARN: return "warning";
	case ECAP_LOG_INFO: return "info";
	default: return "debug";
	}
}

/* An indented line goes on with what is before it, and cannot pass for an entry of its own. */
static int goes_on(const uint8_t *p)
{
	return *p == '\n' && !strncmp((const char *)p + 1, "    ", 4);
}

/* What shows as it is, the rest as \xNN; returns the length, at most four times the text's. */
static size_t put_escaped(char *out, const char *text)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
	size_t n = 0;

	while (p < end) {
		size_t shown = *p == '\t' || goes_on(p) ? 1 : ecap_utf8_shown(p, end);

		if (!shown)
			n += (size_t)snprintf(out + n, 5, "\\x%02x", *p++);
		for (; shown; shown--)
			out[n++] = (char)*p++;
	}
	return n;
}

void ecap_vlogf(int level, const char *component, const char *fmt, va_list ap)
{
	char text[2048], line[sizeof(text) * 4 + 96];
	size_t n;

	if (level > atomic_load(&max_level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	n = (size_t)snprintf(line, 96, "%s %s: ", level_name(level), component);
	if (n >= 96)
		n = 95;
	n += put_escaped(line + n, text);
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to say so. */
	(void)!write(atomic_load(&log_fd), line, n);
}

void ecap_logf(int level, const char *component, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ecap_vlogf(level, component, fmt, ap);
	va_end(ap);
}
