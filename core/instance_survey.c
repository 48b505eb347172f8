/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module can capture in a file, asked by its survey(): the one operation that stands
 * beside the life cycle. The caller has made a process for it, so nothing needs to be undone.
 */
#include <errno.h>
#include <string.h>

#include "abi_copy.h"
#include "err.h"
#include "event_check.h"
#include "instance_private.h"
#include "module_call.h"
#include "rules.h"

int ecap_instance_survey(struct ecap_instance *self, const struct ecap_target *target)
{
	/* What fails without a word must not be blamed with an older one. */
	ecap_err(0, "%s", "");
	int err = ecap_call_survey(self, target);

	if (err && !*ecap_err_text())
		ecap_err(err, "%s", strerror(-err));
	return err ? err : ecap_rules_error(self);
}

/* What is wrong with it, or NULL. */
static const char *fault_of(const struct ecap_finding *f)
{
	if (f->kind < ECAP_FINDING_FACT || f->kind > ECAP_FINDING_MISSING)
		return "kind is no ECAP_FINDING_*";
	if (f->reserved || f->emulated > 1)
		return "reserved is not 0, or emulated neither 0 nor 1";
	if (!f->what || !*f->what || !f->text)
		return "what or text is missing";
	if (f->kind == ECAP_FINDING_FACT && !ecap_event_name_valid(f->what))
		return "what is called a fact is not [a-z_]+";
	return NULL;
}

int ecap_instance_finding(struct ecap_instance *self, const struct ecap_finding *given)
{
	struct ecap_finding finding;
	const char *fault;

	if (ecap_crumb->op != ECAP_OP_SURVEY)
		return ecap_rule_broken(self, "finding() belongs to survey()");
	if (!given || given->struct_size < ECAP_END(struct ecap_finding, offset))
		return ecap_rule_broken(self, "finding() called without one; set its struct_size");
	if (ecap_abi_in(&finding, sizeof(finding), given, given->struct_size))
		return ecap_rule_broken(self, "a finding with members that this ecapture does not "
					"know");
	fault = fault_of(&finding);
	if (fault)
		return ecap_rule_broken(self, "a finding that is not as it should be: %s", fault);
	if (self->n_findings == ECAP_FINDINGS_MAX)
		return ecap_err(-ENOSPC, "more than %u findings", ECAP_FINDINGS_MAX);
	self->n_findings++;
	finding.struct_size = sizeof(finding);
	return self->options.on_finding(self->options.on_finding_arg, &finding);
}
