/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a capture, in lines of the log: by map, the module's own counters, and in all. */
#include "instance_private.h"
#include "log.h"
#include "rules.h"

static void summarise_map(const struct ecap_instance *self, const struct ecap_map_result *result)
{
	const struct ecap_reader_count *c = &result->count;
	int level = c->lost_records || c->fault_bytes || c->short_records ? ECAP_LOG_WARN
									  : ECAP_LOG_INFO;

	ecap_logf(level, self->name,
		  "map %s: %llu records, %llu lost (%llu bytes), %llu bytes unreadable, "
		  "%llu records too short", result->name, (unsigned long long)c->records,
		  (unsigned long long)c->lost_records, (unsigned long long)c->lost_bytes,
		  (unsigned long long)c->fault_bytes, (unsigned long long)c->short_records);
}

void ecap_instance_summary(struct ecap_instance *self)
{
	uint64_t lost = 0, damaged = atomic_load(&self->tally.damaged);
	uint64_t left_out = ecap_log_budget_left_out(&self->log_budget);
	uint64_t broken = ecap_rules_broken(self);

	for (uint32_t i = 0; i < self->n_results; i++) {
		summarise_map(self, &self->results[i]);
		lost += self->results[i].count.lost_records;
	}
	for (uint32_t i = 0; i < self->n_counters; i++)
		log_info(self->name, "%s: %llu", self->counters[i].name,
			 (unsigned long long)self->counters[i].value);
	if (left_out)
		log_warn(self->name, "%llu lines of the module left out of the log",
			 (unsigned long long)left_out);
	if (broken)
		log_warn(self->name, "against the rules: %llu", (unsigned long long)broken);
	ecap_logf(damaged ? ECAP_LOG_WARN : ECAP_LOG_INFO, self->name,
		  "%llu events, %llu bytes, %llu lost, %llu damaged",
		  (unsigned long long)atomic_load(&self->tally.events),
		  (unsigned long long)atomic_load(&self->tally.bytes),
		  (unsigned long long)lost, (unsigned long long)damaged);
}
