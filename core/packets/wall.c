/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock of packets: see wall.h. */
#include "packets/wall.h"

#include <time.h>

#define FIRST_LOOKS 16   /* of which the shortest is taken */
#define SLACK_NS    1000 /* both clocks are rounded; and nobody sets a clock by less */

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void ecap_wall_see(struct ecap_wall *wall, uint64_t before, uint64_t real, uint64_t after)
{
	uint64_t span = after - before;

	if (wall->is_known && real - wall->distance - before + SLACK_NS <= span + 2 * SLACK_NS)
		return;
	wall->distance = real - (before + span / 2);
	wall->is_known = 1;
}

void ecap_wall_look(struct ecap_wall *wall)
{
	uint64_t best[3] = { 0, 0, UINT64_MAX };

	for (int i = 0; i < (wall->is_known ? 1 : FIRST_LOOKS); i++) {
		uint64_t before = read_clock(CLOCK_MONOTONIC), real = read_clock(CLOCK_REALTIME);
		uint64_t after = read_clock(CLOCK_MONOTONIC);

		if (after - before < best[2] - best[0]) {
			best[0] = before;
			best[1] = real;
			best[2] = after;
		}
	}
	ecap_wall_see(wall, best[0], best[1], best[2]);
}
