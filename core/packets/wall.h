/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CLOCK_REALTIME was at a time of CLOCK_MONOTONIC. Their distance changes only when somebody
 * sets the clock, as both are slewed alike (clock_gettime(2)); so it is kept as it is while a
 * look at the clocks agrees with it, lest the noise of looking bring packets out of order.
 */
#ifndef ECAPTURE_CORE_PACKETS_WALL_H
#define ECAPTURE_CORE_PACKETS_WALL_H

#include <stdint.h>

struct ecap_wall {
	uint64_t distance; /* real - monotonic, modulo 2^64 */
	uint8_t is_known;
	uint8_t reserved[7];
};

/* Looks at the clocks. */
void ecap_wall_look(struct ecap_wall *wall);

/* It was @real ns somewhen between @before and @after. */
void ecap_wall_see(struct ecap_wall *wall, uint64_t before, uint64_t real, uint64_t after);

static inline uint64_t ecap_wall_unix_ns(const struct ecap_wall *wall, uint64_t mono_ns)
{
	return mono_ns + wall->distance;
}

#endif
