/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of "modules check" share: the lines that it prints, and the trial in a child. */
#ifndef ECAPTURE_CORE_COMMANDS_CHECK_H
#define ECAPTURE_CORE_COMMANDS_CHECK_H

#include "commands/examine.h"
#include "common_options.h"
#include "kernel.h"

/* One check and what came of it. */
struct ecap_check_line {
	const char *name, *sentence;
	int result;   /* 0, a negative errno, or ECAP_NOT_CHECKED */
	char *reason; /* unless it passed; owned by the line */
};

/* The steps of a trial, in their order: struct ecap_trial.lines. */
enum ecap_trial_step {
	ECAP_TRIAL_DLOPEN, ECAP_TRIAL_MEMORY, ECAP_TRIAL_DEFAULTS, ECAP_TRIAL_INIT,
	ECAP_TRIAL_LOAD, ECAP_TRIAL_MAPS, ECAP_TRIAL_CLOSE, ECAP_TRIAL_UNLOAD, ECAP_N_TRIAL,
};

struct ecap_trial {
	const struct ecap_common_config *common;
	const struct ecap_features *features; /* of this kernel */
	uint64_t patience_ns;                 /* for each step */
	struct ecap_check_line lines[ECAP_N_TRIAL];
};

/*
 * Loads the module, runs it up to its maps and unloads it, in a child process: what it does to
 * that one is told and does no harm. All checks of the file must have passed. Fills the lines.
 */
int ecap_trial_run(const struct ecap_examined *examined, struct ecap_trial *trial);
/* Fills the lines with why there was no trial. */
void ecap_trial_skip(struct ecap_trial *trial, const char *why);
void ecap_trial_end(struct ecap_trial *trial);

/* Those checks that run no code of the module; what does is left to the trial. */
#define ECAP_N_STATIC ECAP_CHECK_DLOPEN

/* All that is found out about one module. */
struct ecap_checked {
	struct ecap_examined examined;
	struct ecap_trial trial;
	int tried;               /* whether the trial's lines are to be shown */
	uint32_t kernel_version; /* when the kernel was probed */
};

void ecap_checked_end(struct ecap_checked *checked);

/* The checks in their order, those of the trial behind the others. */
uint32_t ecap_checked_n_lines(const struct ecap_checked *checked);
struct ecap_check_line ecap_checked_line(const struct ecap_checked *checked, uint32_t i);
/* How many failed, or with 0 were not made. */
uint32_t ecap_checked_count(const struct ecap_checked *checked, int failed);
/* "yes", "no" or "not checked". */
const char *ecap_checked_answer(int result);

/* Whether the i-th BPF object would be used here. */
int ecap_checked_used(const struct ecap_checked *checked, uint32_t i);
/* Why it does not fit, or NULL: it does, or that is not known. @text: 128 bytes. */
const char *ecap_checked_why_not(const struct ecap_checked *checked, uint32_t i, char *text);
/* Whether the kernel has the feature: "yes", "no" or "not checked". Why not, or NULL. */
const char *ecap_checked_feature(const struct ecap_checked *checked, uint32_t bit);
const char *ecap_checked_missing(const struct ecap_checked *checked, uint32_t bit);

int ecap_checked_print(const struct ecap_checked *checked);
json_t *ecap_checked_json(const struct ecap_checked *checked);

#endif
