/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the module ABI while a module runs: who may call what, and when. What breaks one is
 * refused with -EPERM, counted, and told the first time; the capture then ends with an error. With
 * --strict-modules the first one ends it at once, and shows from where it came.
 */
#ifndef ECAPTURE_CORE_RULES_H
#define ECAPTURE_CORE_RULES_H

#include <stdint.h>

struct ecap_instance;

/* Counts a broken rule; the text says which. Returns -EPERM with the text. [any thread] */
int ecap_rule_broken(struct ecap_instance *instance, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * 0 when the module may call the host's @function here: during a [reader] call of this instance,
 * during a [main] one, or before the end of its close(). Else what ecap_rule_broken() returns.
 */
int ecap_rule_reader(struct ecap_instance *instance, const char *function);
int ecap_rule_main(struct ecap_instance *instance, const char *function);
int ecap_rule_any(struct ecap_instance *instance, const char *function);

/* How many were broken; the error for the end, with the first one's text, or 0. [any thread] */
uint64_t ecap_rules_broken(const struct ecap_instance *instance);
int ecap_rules_error(struct ecap_instance *instance);

#endif
