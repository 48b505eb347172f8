/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the last error of each thread. */
#include "err.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char text[2048];

int ecap_verr(int err, const char *fmt, va_list ap)
{
	char made[sizeof(text)]; /* @fmt's arguments may point into text */

	vsnprintf(made, sizeof(made), fmt, ap);
	memcpy(text, made, sizeof(text));
	return err;
}

int ecap_err(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ecap_verr(err, fmt, ap);
	va_end(ap);
	return err;
}

int ecap_err_context(int err, const char *fmt, ...)
{
	char before[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(before, sizeof(before), fmt, ap);
	va_end(ap);
	return ecap_err(err, "%s: %.1700s", before, text);
}

const char *ecap_err_text(void)
{
	return text;
}
