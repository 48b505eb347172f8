/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of filters on a clsact qdisc: ours, and those of somebody else. */
#ifndef TESTS_UNIT_CLSACT_HELP_H
#define TESTS_UNIT_CLSACT_HELP_H

#include "packets_help.h"

#include <bpf/libbpf.h>

#include "packets/attach_private.h"

#define OURS_SHOWN "handle 0xeca0000"

static struct counter counters[2], theirs; /* of ours by side, and one of somebody else */

static inline int set_up(void **state)
{
	own_network(state);
	for (int side = 0; side < 2 && !*why_not; side++)
		if (load_counter(TC_ACT_UNSPEC, &counters[side]))
			snprintf(why_not, sizeof(why_not), "no BPF programs: %s", strerror(errno));
	if (*why_not)
		return 0;
	assert_int_equal(load_counter(TC_ACT_OK, &theirs), 0); /* ends the list */
	if (run_command("tc qdisc add dev lo clsact"))
		snprintf(why_not, sizeof(why_not), "no clsact qdisc: %.200s", said);
	else
		run("tc qdisc del dev lo clsact");
	return 0;
}

/* No filter is on lo, and the journal is not there. */
static inline int clean_up(void **state)
{
	(void)state;
	if (*why_not)
		return 0;
	run_command("tc qdisc del dev lo clsact");
	run_command("tc qdisc del dev lo ingress");
	run("rm -rf /run/ecapture");
	return 0;
}

static inline struct ecap_tc_link *attach(enum ecap_tc_side side)
{
	struct ecap_tc_link *link = NULL;

	if (ecap_tc_attach_by(&ecap_clsact, counters[side].program, LO, side, &link))
		fail_msg("%s", ecap_err_text());
	return link;
}

/* Somebody else's program on the way in, as "tc filter replace ... bpf da" puts it there. */
static inline void add_theirs(uint32_t prio, uint32_t handle, uint32_t flags)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = theirs.program, .handle = handle,
		    .priority = prio, .flags = flags);

	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
}

/* How often the last command's output has the text. */
static inline int times(const char *text)
{
	int n = 0;

	for (const char *at = said; (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

static inline void show_in(void)
{
	run("tc filter show dev lo ingress");
}

#endif
