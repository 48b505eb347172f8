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

#endif
