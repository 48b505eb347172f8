/* SPDX-License-Identifier: Apache-2.0 */
/* What "modules check" has found out about one module, for its text and its JSON. */
#include <stdio.h>

#include "commands/check.h"

void ecap_checked_end(struct ecap_checked *checked)
{
	ecap_trial_end(&checked->trial);
	ecap_examined_free(&checked->examined);
}

struct ecap_check_line ecap_checked_line(const struct ecap_checked *checked, uint32_t i)
{
	if (i >= ECAP_N_STATIC)
		return checked->trial.lines[i - ECAP_N_STATIC];
	return (struct ecap_check_line){
		.name = ecap_check_name(i), .sentence = ecap_check_sentence(i),
		.result = checked->examined.result[i], .reason = checked->examined.reason[i],
	};
}

uint32_t ecap_checked_n_lines(const struct ecap_checked *checked)
{
	return ECAP_N_STATIC + (checked->tried ? ECAP_N_TRIAL : 0);
}

uint32_t ecap_checked_count(const struct ecap_checked *checked, int failed)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ecap_checked_n_lines(checked); i++) {
		int result = ecap_checked_line(checked, i).result;

		n += failed ? result < 0 : result == ECAP_NOT_CHECKED;
	}
	return n;
}

const char *ecap_checked_answer(int result)
{
	return !result ? "yes" : result < 0 ? "no" : "not checked";
}

const char *ecap_checked_why_not(const struct ecap_checked *checked, uint32_t i, char *text)
{
	const struct ecap_module_file *file = &checked->examined.file;
	const struct ecap_desc_bpf *bpf = &file->desc->bpf[i];

	if (!checked->examined.file.host.probed)
		return NULL;
	if (file->host.btf_mode && bpf->variant != file->host.btf_mode) {
		snprintf(text, 128, "is for --btf %u", bpf->variant);
		return text;
	}
	if (ecap_module_bpf_needs(bpf) & ~file->host.features)
		return "needs what this kernel does not have";
	return NULL;
}

int ecap_checked_used(const struct ecap_checked *checked, uint32_t i)
{
	return !checked->examined.result[ECAP_CHECK_FEATURES] &&
	       checked->examined.file.bpf_index == i;
}

const char *ecap_checked_feature(const struct ecap_checked *checked, uint32_t bit)
{
	if (!checked->examined.file.host.probed)
		return "not checked";
	return checked->examined.file.host.features >> bit & 1 ? "yes" : "no";
}

const char *ecap_checked_missing(const struct ecap_checked *checked, uint32_t bit)
{
	const struct ecap_module_host *host = &checked->examined.file.host;

	if (!host->probed)
		return host->why_not;
	if (host->features >> bit & 1)
		return NULL;
	if (UINT64_C(1) << bit == ECAP_FEAT_BTF)
		return "there is no /sys/kernel/btf/vmlinux; --btf-path names another BTF";
	return ecap_feature_name(UINT64_C(1) << bit) ? "this kernel does not have it"
						     : "not known; upgrade ecapture";
}
