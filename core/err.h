/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are a negative errno and one text of this thread, made where the failure is known and
 * printed once, at the top. The text says what was tried and with what.
 */
#ifndef ECAPTURE_CORE_ERR_H
#define ECAPTURE_CORE_ERR_H

#include <stdarg.h>

/* Keeps the text for this thread and returns @err, so that `return ecap_err(...)` does both. */
int ecap_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ecap_verr(int err, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Puts "text: " before the text that is there; returns @err. For a caller that knows more. */
int ecap_err_context(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The last text of this thread; "" when there is none. Valid until the next error. */
const char *ecap_err_text(void);

#endif
