/* SPDX-License-Identifier: Apache-2.0 */
/* Where among the filters of others ours goes. [main] */
#ifndef ECAPTURE_CORE_PACKETS_PLACE_H
#define ECAPTURE_CORE_PACKETS_PLACE_H

#include "packets/rtnl.h"

struct ecap_tc_place {
	uint32_t prio, handle;
	const struct ecap_tc_filter *before; /* of others, that keeps packets from ours, or NULL */
};

/* -ENOSPC: there is no room. */
int ecap_tc_place(const struct ecap_tc_filter *filters, uint32_t n, struct ecap_tc_place *place);

#endif
