/* SPDX-License-Identifier: Apache-2.0 */
/* What tc(8) has on an interface, asked over rtnetlink(7): its clsact qdisc, and filters. [main] */
#ifndef ECAPTURE_CORE_PACKETS_RTNL_H
#define ECAPTURE_CORE_PACKETS_RTNL_H

#include <stdint.h>

#include "packets/attach.h"

#define ECAP_TC_KIND 16 /* IFNAMSIZ: struct Qdisc_ops and tcf_proto_ops in the kernel */

/* The qdisc of packets that come in, "clsact" or "ingress"; "" when there is none. */
int ecap_tc_qdisc(uint32_t interface, char kind[ECAP_TC_KIND]);

struct ecap_tc_filter {
	uint32_t chain, prio, handle; /* handle: 0 for the chain's link of that prio itself */
	uint32_t program_id;          /* 0: none */
	uint16_t protocol;            /* ETH_P_*, in host order */
	char kind[ECAP_TC_KIND];
};

/* All of one side, in the kernel's order. The caller frees *filters. 0 or a negative errno with a text. */
int ecap_tc_filters(uint32_t interface, enum ecap_tc_side side, struct ecap_tc_filter **filters,
		    uint32_t *n);

#endif
