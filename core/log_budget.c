/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget: see log_budget.h. Lines are granted for the seconds that have passed, when there are
 * none left: so a line costs one subtraction, and one too many a look at the clock.
 */
#include "log_budget.h"

#include <time.h>

uint64_t ecap_log_budget_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec;
}

void ecap_log_budget_init(struct ecap_log_budget *budget, uint64_t second)
{
	atomic_init(&budget->left, ECAP_LOG_BURST);
	atomic_init(&budget->second, second);
	atomic_init(&budget->left_out, 0);
	atomic_init(&budget->told, 0);
	/* The first is told as soon as lines are granted again. */
	atomic_init(&budget->told_at, 0);
}

static int take(struct ecap_log_budget *budget)
{
	/* Looked at first, so that the number cannot fall for ever. */
	return atomic_load_explicit(&budget->left, memory_order_relaxed) > 0 &&
	       atomic_fetch_sub(&budget->left, 1) > 0;
}

static void grant(struct ecap_log_budget *budget, uint64_t second)
{
	uint64_t before = atomic_load(&budget->second);

	if (second <= before || !atomic_compare_exchange_strong(&budget->second, &before, second))
		return;
	uint64_t lines = (second - before) * ECAP_LOG_RATE;

	atomic_store(&budget->left, lines < ECAP_LOG_BURST ? (int64_t)lines : ECAP_LOG_BURST);
}

/* For one thread at a time: who moves told_at tells. */
static uint64_t to_tell(struct ecap_log_budget *budget, uint64_t second)
{
	uint64_t left_out = atomic_load(&budget->left_out), at = atomic_load(&budget->told_at);

	if (left_out == atomic_load(&budget->told) || (at && second < at + ECAP_LOG_TELL_SECS) ||
	    !atomic_compare_exchange_strong(&budget->told_at, &at, second ? second : 1))
		return 0;
	return left_out - atomic_exchange(&budget->told, left_out);
}

int ecap_log_budget_take(struct ecap_log_budget *budget, uint64_t second, uint64_t *tell)
{
	*tell = 0;
	if (!take(budget)) {
		grant(budget, second);
		if (!take(budget)) {
			atomic_fetch_add_explicit(&budget->left_out, 1, memory_order_relaxed);
			return 0;
		}
	}
	*tell = to_tell(budget, second);
	return 1;
}

uint64_t ecap_log_budget_left_out(const struct ecap_log_budget *budget)
{
	return atomic_load(&budget->left_out);
}
