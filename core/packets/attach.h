/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a BPF program (type sched_cls, which returns TC_ACT_UNSPEC so that those of others go on) on
 * an interface's packets: a tcx link, which the kernel removes with our process; before Linux 6.6
 * a filter on a clsact qdisc, noted in a journal, so that what a crash leaves is removed at the
 * next start. Nothing of anybody else is touched.
 */
#ifndef ECAPTURE_CORE_PACKETS_ATTACH_H
#define ECAPTURE_CORE_PACKETS_ATTACH_H

#include <stdint.h>

enum ecap_tc_side { ECAP_TC_INGRESS, ECAP_TC_EGRESS };

struct ecap_tc_link; /* an attached program */

/*
 * [main] Removes what processes that are gone have left in this network namespace. Returns the number
 * of filters, or a negative errno with a text, which is a reason to warn and not to stop.
 */
int ecap_tc_recover(void);

/*
 * [main] The program sees the packets before those of others do, and all of them: on the way out also
 * those that others then drop or change. Returns 0 or a negative errno with a text that names the
 * interface, what was tried and what to do. @program_fd stays the caller's.
 *
 * An interface that is moved to another network namespace takes a tcx link along, and loses a
 * filter: ecap_interfaces_changed() tells, and what ecap_interfaces_find() has no more is to be
 * detached.
 */
int ecap_tc_attach(int program_fd, uint32_t interface, enum ecap_tc_side side,
		   struct ecap_tc_link **link);

/*
 * [main] NULL is allowed. After it returns, the program runs for no packet that comes later. That
 * the interface is gone, or is in another network namespace now, is no error.
 */
void ecap_tc_detach(struct ecap_tc_link *link);

#endif
