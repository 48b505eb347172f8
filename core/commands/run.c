/* SPDX-License-Identifier: Apache-2.0 */
/* ecapture run: captures with every module that the ini file enables, in one process. */
#include <sys/stat.h>

#include "commands/plan.h"
#include "err.h"
#include "log.h"
#include "util.h"

static void plan_freep(struct ecap_plan **plan)
{
	ecap_plan_free(*plan);
}

static void report(void *arg)
{
	(void)arg;
	log_error("run", "%s", ecap_err_text());
}

/* A service has nowhere to show what goes to standard output. */
static void warn_of_nowhere(const struct ecap_job *jobs, uint32_t n)
{
	struct stat out, null;

	if (fstat(STDOUT_FILENO, &out) || stat("/dev/null", &null) || !S_ISCHR(out.st_mode) ||
	    out.st_rdev != null.st_rdev)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (!jobs[i].common->eventaddr)
			log_warn(jobs[i].entry->desc->module.command, "events go to standard "
				 "output, which is /dev/null; \"eventaddr\" names a file");
}

int ecap_command_run_file(struct ecap_command_line *line, const void *config)
{
	const struct ecap_common_config *common = ecap_options_config(line->common);
	_cleanup_(plan_freep) struct ecap_plan *plan = NULL;
	_cleanup_free_ struct ecap_job *jobs = NULL;
	uint32_t n = 0;

	(void)config;
	if (ecap_plan_read(line, common->config ? common->config : ecap_plan_usual_path(), report,
			   NULL, &plan))
		return ECAP_EXIT_USAGE;
	jobs = calloc(plan->n_enabled, sizeof(*jobs));
	if (!jobs) {
		ecap_err(-ENOMEM, "out of memory");
		return ecap_command_fail("run", ECAP_EXIT_FAILURE);
	}
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct ecap_planned *planned = &plan->modules[i];

		if (ecap_planned_enabled(planned))
			jobs[n++] = (struct ecap_job){ planned->entry,
						       ecap_options_config(planned->common),
						       ecap_options_config(planned->own),
						       planned->own,
						       ecap_named_list(planned->named) };
	}
	warn_of_nowhere(jobs, n);
	return ecap_command_jobs(line, jobs, n);
}
