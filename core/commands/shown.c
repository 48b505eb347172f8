/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of modules on a terminal and in JSON: see shown.h. */
#include "commands/shown.h"

#include <string.h>

#include "err.h"
#include "render_private.h"
#include "utf8.h"
#include "util.h"

/* The text with \xNN for what acts on a terminal; line ends and tabs stay. */
static char *escaped(const char *text)
{
	size_t n = strlen(text);
	char *made = malloc(ECAP_ESCAPE_MAX(n) + ECAP_ESCAPE_SLACK + 1);

	if (made)
		*ecap_escape_text(made, (const uint8_t *)text, (const uint8_t *)text + n) = 0;
	return made;
}

char *ecap_shown_line(const char *text)
{
	char *line = escaped(text);

	for (char *p = line; p && *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return line;
}

void ecap_shown_lines(FILE *out, const char *text, uint32_t indent)
{
	_cleanup_free_ char *shown = escaped(text);

	for (const char *line = shown; line && *line;) {
		size_t n = strcspn(line, "\n");

		fprintf(out, "%*s%.*s\n", n ? (int)indent : 0, "", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

json_t *ecap_shown_json(const char *text)
{
	if (!text)
		return json_null();
	const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
	/* three bytes for one */
	_cleanup_free_ char *made = malloc(3 * strlen(text) + 1);
	char *out = made;

	while (made && p < end) {
		size_t n = ecap_utf8_char(p, end);

		if (!n || *p == 0x7f) { /* DEL is in ASCII, and JSON does not escape it */
			out = ecap_put(out, "\xef\xbf\xbd");
			p++;
			continue;
		}
		memcpy(out, p, n);
		out += n;
		p += n;
	}
	return made ? json_stringn(made, (size_t)(out - made)) : NULL;
}

int ecap_shown_print_json(json_t *value)
{
	/* ASCII only: some characters beyond it act on a terminal too */
	int err = value ? json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) : -1;

	json_decref(value);
	putchar('\n');
	return err ? ecap_err(-EIO, "standard output cannot be written") : ecap_shown_end();
}

int ecap_shown_end(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return ecap_err(-EIO, "standard output cannot be written");
}
