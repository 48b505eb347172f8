/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters run by their prio, the lowest first, until one says what becomes of the packet; so ours
 * has to be first to see all. But a prio belongs to one kind and protocol, and prio 1 is what
 * others ask for by number: were ours there, theirs could not be added any more.
 */
#include "packets/place.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stddef.h>
#include <string.h>

#define PRIO       236        /* before 0xc000, which is what one gets who asks for none */
#define HANDLE     0xeca00001 /* far from 1, 2, ..., which others name when they replace theirs */
#define MAX_PRIO   0xffff
#define MAIN_CHAIN 0          /* where packets begin: tc-actions(8), goto chain */

static const struct ecap_tc_filter *at_prio(const struct ecap_tc_filter *filters, uint32_t n,
					    uint32_t prio)
{
	for (uint32_t i = 0; i < n; i++)
		if (filters[i].chain == MAIN_CHAIN && filters[i].prio == prio)
			return &filters[i];
	return NULL;
}

static const struct ecap_tc_filter *first(const struct ecap_tc_filter *filters, uint32_t n)
{
	const struct ecap_tc_filter *lowest = NULL;

	for (uint32_t i = 0; i < n; i++)
		if (filters[i].chain == MAIN_CHAIN && (!lowest || filters[i].prio < lowest->prio))
			lowest = &filters[i];
	return lowest;
}

static int is_used(const struct ecap_tc_filter *filters, uint32_t n, uint32_t prio, uint32_t handle)
{
	for (uint32_t i = 0; i < n; i++)
		if (filters[i].prio == prio && filters[i].handle == handle)
			return 1;
	return 0;
}

/* Programs for all protocols can share a prio: cls_bpf_change() puts the new one before the others. */
static int can_share(const struct ecap_tc_filter *filter)
{
	return !strcmp(filter->kind, "bpf") && filter->protocol == ETH_P_ALL;
}

int ecap_tc_place(const struct ecap_tc_filter *filters, uint32_t n, struct ecap_tc_place *place)
{
	const struct ecap_tc_filter *lowest = first(filters, n);
	struct ecap_tc_place found = { .prio = PRIO, .handle = HANDLE };

	if (lowest && lowest->prio <= PRIO)
		found.prio = lowest->prio > 1 ? lowest->prio - 1 : 1;
	while (lowest && found.prio >= lowest->prio && found.prio <= MAX_PRIO) {
		const struct ecap_tc_filter *other = at_prio(filters, n, found.prio);

		if (!other || can_share(other))
			break;
		found.before = lowest;
		found.prio++;
	}
	if (found.prio > MAX_PRIO)
		return -ENOSPC;
	while (is_used(filters, n, found.prio, found.handle))
		found.handle++;
	*place = found;
	return 0;
}
