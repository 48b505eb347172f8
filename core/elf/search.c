/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches a file: bytes in its data, and instructions in its code that take an address, which
 * search_x86.c and search_arm64.c know.
 */
#include "insn.h"

#include "../err.h"

/*
 * Older linkers put read-only data into the executable segment; then there is no segment that
 * is read-only.
 */
static bool code_holds_data(const struct ecap_elf_file *file)
{
	for (uint32_t i = 0; i < file->n_segments; i++)
		if (!(file->segments[i].flags & (PF_W | PF_X)))
			return false;
	return true;
}

int elf_search_bytes(struct ecap_elf_file *file, const void *bytes, uint32_t len,
		     int (*cb)(void *arg, uint64_t addr), void *arg)
{
	bool in_code = code_holds_data(file);

	if (!len)
		return ecap_err(-EINVAL, "a search for no bytes");
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct ecap_elf_segment *s = &file->segments[i];
		const uint8_t *start = file->map + s->offset, *end = start + s->size;

		if ((s->flags & PF_X) && !in_code)
			continue;
		for (const uint8_t *p = start;
		     (p = memmem(p, (size_t)(end - p), bytes, len)) != NULL; p++) {
			int stop = cb(arg, s->addr + (uint64_t)(p - start));

			if (stop)
				return stop < 0 ? stop : 0;
		}
	}
	return 0;
}

int elf_search_refs(struct ecap_elf_file *file, const uint64_t *targets, uint32_t n,
		    int (*cb)(void *arg, uint64_t insn, uint64_t target), void *arg)
{
	struct elf_ref_search search = {
		.file = file, .targets = targets, .n = n, .lowest = UINT64_MAX, .cb = cb,
		.arg = arg,
	};
	int stop = 0;

	for (uint32_t i = 0; i < n; i++) {
		search.lowest = targets[i] < search.lowest ? targets[i] : search.lowest;
		search.highest = targets[i] > search.highest ? targets[i] : search.highest;
	}
	for (uint32_t i = 0; i < file->n_segments && n && !stop; i++)
		if (file->segments[i].flags & PF_X)
			stop = file->arch->search_refs(&search, &file->segments[i]);
	return stop < 0 ? stop : 0;
}
