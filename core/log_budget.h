/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many lines a module may log: a thousand at once, ten a second for good. What is more is
 * left out, counted, and told. Any thread.
 */
#ifndef ECAPTURE_CORE_LOG_BUDGET_H
#define ECAPTURE_CORE_LOG_BUDGET_H

#include <stdatomic.h>
#include <stdint.h>

#define ECAP_LOG_BURST     1000
#define ECAP_LOG_RATE      10 /* lines a second */
#define ECAP_LOG_TELL_SECS 10 /* how often it is told that lines are left out */

struct ecap_log_budget {
	_Atomic int64_t left;
	_Atomic uint64_t second;   /* of the clock, up to which lines were granted */
	_Atomic uint64_t left_out; /* lines, in all */
	_Atomic uint64_t told, told_at;
};

/* Seconds of a clock that only goes on. */
uint64_t ecap_log_budget_clock(void);

void ecap_log_budget_init(struct ecap_log_budget *budget, uint64_t second);

/*
 * 1 when a line may be written at @second, else 0. @tell: lines left out since that was last
 * told, when it is to be told now; else 0.
 */
int ecap_log_budget_take(struct ecap_log_budget *budget, uint64_t second, uint64_t *tell);

/* The lines left out so far. */
uint64_t ecap_log_budget_left_out(const struct ecap_log_budget *budget);

#endif
