/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches a file: bytes in its data, and instructions in its code that take an address, which
 * search_x86.c and search_arm64.c know.
 */
#include "insn.h"

#include "../err.h"

#define HIT_WORK 200 /* of elf_work(), to tell of something found */

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
	int err;

	if (!len)
		return ecap_err(-EINVAL, "a search for no bytes");
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct ecap_elf_segment *s = &file->segments[i];
		const uint8_t *start = file->map + s->offset, *end = start + s->size;

		if ((s->flags & PF_X) && !in_code)
			continue;
		err = elf_work(file, s->size / 4);
		if (err)
			return err;
		for (const uint8_t *p = start;
		     (p = memmem(p, (size_t)(end - p), bytes, len)) != NULL; p++) {
			int stop = elf_work(file, HIT_WORK);

			if (!stop)
				stop = cb(arg, s->addr + (uint64_t)(p - start));
			if (stop)
				return stop < 0 ? stop : 0;
		}
	}
	return 0;
}

/* A caller's cb() for instructions, each of which counts as work. */
struct hits {
	struct ecap_elf_file *file;
	int (*cb)(void *arg, uint64_t insn, uint64_t target);
	void *arg;
};

static int on_ref(void *arg, uint64_t insn, uint64_t target)
{
	struct hits *hits = arg;
	int err = elf_work(hits->file, HIT_WORK);

	return err ? err : hits->cb(hits->arg, insn, target);
}

int elf_search_refs(struct ecap_elf_file *file, const uint64_t *targets, uint32_t n,
		    int (*cb)(void *arg, uint64_t insn, uint64_t target), void *arg)
{
	struct hits hits = { .file = file, .cb = cb, .arg = arg };
	struct elf_ref_search search = {
		.file = file, .targets = targets, .n = n, .lowest = UINT64_MAX, .cb = on_ref,
		.arg = &hits,
	};
	int stop = 0;

	for (uint32_t i = 0; i < n; i++) {
		search.lowest = targets[i] < search.lowest ? targets[i] : search.lowest;
		search.highest = targets[i] > search.highest ? targets[i] : search.highest;
	}
	for (uint32_t i = 0; i < file->n_segments && n && !stop; i++)
		if (file->segments[i].flags & PF_X) {
			stop = elf_work(file, file->segments[i].size);
			if (!stop)
				stop = file->arch->search_refs(&search, &file->segments[i]);
		}
	return stop < 0 ? stop : 0;
}
