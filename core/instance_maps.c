/* SPDX-License-Identifier: Apache-2.0 */
/* The maps that a module hands out: whether the list makes sense, and a copy of it. */
#include <string.h>

#include "abi_copy.h"
#include "err.h"
#include "instance_private.h"
#include "readable.h"
#include "util.h"

/* The module's row may have another size than ours. */
static int take_map(struct ecap_map *map, struct ecap_map_result *result, const void *row,
		    uint32_t size)
{
	const uint32_t longest = sizeof(result->name) - 1;

	if (ecap_abi_in(map, sizeof(*map), row, size))
		return ecap_err(-E2BIG, "it has members that this ecapture does not know; upgrade "
				"ecapture");
	if (!map->name || !ecap_readable_string(map->name, longest))
		return ecap_err(-EINVAL, "its name is at %p, which cannot be read",
				(const void *)map->name);
	if (!*map->name || strnlen(map->name, longest + 1) > longest)
		return ecap_err(-EINVAL, "its name has not 1 to %u bytes", longest);
	snprintf(result->name, sizeof(result->name), "%s", map->name);
	map->name = result->name;
	return 0;
}

int ecap_instance_take_maps(struct ecap_instance *self, const void *rows, uint32_t n)
{
	uint32_t size = self->options.desc->module.map_size;

	if (!n || !rows)
		return ecap_err(-EINVAL, "the module has no map to read");
	if (n > ECAP_MAPS_MAX)
		return ecap_err(-EINVAL, "the module has %u maps, more than %u", n, ECAP_MAPS_MAX);
	if (!ecap_readable(rows, (size_t)n * size))
		return ecap_err(-EINVAL, "the module's list of %u maps is at %p, which cannot be "
				"read", n, rows);
	self->maps = calloc(n, sizeof(*self->maps));
	self->results = calloc(n, sizeof(*self->results));
	if (!self->maps || !self->results)
		return ecap_err(-ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		int err = take_map(&self->maps[i], &self->results[i],
				   (const char *)rows + (size_t)i * size, size);

		if (err)
			return ecap_err_context(err, "map %u", i + 1);
	}
	self->n_maps = self->n_results = n;
	return 0;
}
