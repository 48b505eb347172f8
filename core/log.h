/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line an entry, "level component: text", to stderr or to the file of --logaddr.
 * Events never go here and the log never goes to the event sink. Any thread.
 */
#ifndef ECAPTURE_CORE_LOG_H
#define ECAPTURE_CORE_LOG_H

#include <stdarg.h>

#include <ecapture/host.h> /* ECAP_LOG_* */

/* Lines above this level (numerically greater) are left out. Default ECAP_LOG_INFO. */
void ecap_log_set_level(int level);
int ecap_log_level(void);

/* Sends the log to a file (appended, made with mode 0600). Returns 0 or a negative errno. */
int ecap_log_open(const char *path);

/* For a signal handler. Async-signal-safe. */
int ecap_log_fd(void);

/*
 * What would act on a terminal (control characters, those that turn the direction of writing)
 * or is no UTF-8 is escaped: the text may hold what other programs chose. Lines that begin with
 * four blanks stay lines, which go on with the one before.
 */
void ecap_logf(int level, const char *component, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ecap_vlogf(int level, const char *component, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

#define log_error(component, ...) ecap_logf(ECAP_LOG_ERROR, component, __VA_ARGS__)
#define log_warn(component, ...)  ecap_logf(ECAP_LOG_WARN, component, __VA_ARGS__)
#define log_info(component, ...)  ecap_logf(ECAP_LOG_INFO, component, __VA_ARGS__)
#define log_debug(component, ...) ecap_logf(ECAP_LOG_DEBUG, component, __VA_ARGS__)

#endif
