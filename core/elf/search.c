/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches a file: bytes in its data, and instructions in its code that take an address.
 * Code is searched for the encodings themselves, at every byte: decoding 100 MB would take
 * seconds, and a chance match of a whole address is next to impossible.
 */
#include "file.h"

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

struct ref_search {
	const uint64_t *targets;
	uint32_t n;
	uint64_t lowest, highest;
	int (*cb)(void *arg, uint64_t insn, uint64_t target);
	void *arg;
};

static bool is_target(const struct ref_search *r, uint64_t addr)
{
	if (addr < r->lowest || addr > r->highest)
		return false;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->targets[i] == addr)
			return true;
	return false;
}

/* lea r64, [rip + disp32]: REX.W (48 or 4c), 8d, ModRM 00 reg 101 (Intel SDM volume 2). */
static int search_lea(const struct ref_search *r, const uint8_t *code, uint64_t size, uint64_t addr)
{
	const uint8_t *end = code + size;

	for (const uint8_t *p = code + 1; end - p >= 6; p++) {
		p = memchr(p, 0x8d, (size_t)(end - p) - 5);
		if (!p)
			return 0;
		if ((p[1] & 0xc7) != 0x05 || (p[-1] & 0xfb) != 0x48)
			continue;

		uint64_t at = addr + (uint64_t)(p - code);
		uint64_t target = at + 6 + (uint64_t)(int64_t)(int32_t)elf_u32(p + 2);
		int stop = is_target(r, target) ? r->cb(r->arg, at - 1, target) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

/*
 * Length of the instruction up to its imm32 at @p when it is a mov that takes an address:
 * mov r32, imm32; mov r/m64, imm32 to a register or to the stack. 0: it is something else.
 */
static unsigned int mov_length(const uint8_t *p, uint64_t before)
{
	static const struct {
		uint8_t len, bytes[4];
	} stores[] = {
		{ 4, { 0x48, 0xc7, 0x45, 0 } },    /* [rbp + disp8] */
		{ 7, { 0x48, 0xc7, 0x85, 0 } },    /* [rbp + disp32] */
		{ 5, { 0x48, 0xc7, 0x44, 0x24 } }, /* [rsp + disp8] */
		{ 8, { 0x48, 0xc7, 0x84, 0x24 } }, /* [rsp + disp32] */
	};

	if (before >= 1 && (p[-1] & 0xf8) == 0xb8)
		return before >= 2 && p[-2] == 0x41 ? 2 : 1;
	if (before >= 3 && (p[-1] & 0xf8) == 0xc0 && p[-2] == 0xc7 && (p[-3] & 0xfe) == 0x48)
		return 3;
	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		size_t n = stores[i].bytes[3] ? 4 : 3;

		if (before >= stores[i].len && memcmp(p - stores[i].len, stores[i].bytes, n) == 0)
			return stores[i].len;
	}
	return 0;
}

static int search_immediate(const struct ref_search *r, const uint8_t *code, uint64_t size,
			    uint64_t addr)
{
	for (uint64_t i = 1; i + 4 <= size; i++) {
		uint64_t value = (uint64_t)(int64_t)(int32_t)elf_u32(code + i);

		if (!is_target(r, value))
			continue;

		unsigned int len = mov_length(code + i, i);
		int stop = len ? r->cb(r->arg, addr + i - len, value) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

int elf_search_refs(struct ecap_elf_file *file, const uint64_t *targets, uint32_t n,
		    int (*cb)(void *arg, uint64_t insn, uint64_t target), void *arg)
{
	struct ref_search r = {
		.targets = targets, .n = n, .lowest = UINT64_MAX, .cb = cb, .arg = arg,
	};

	if (file->machine != EM_X86_64)
		return ecap_err(-EOPNOTSUPP, "references in code are found on x86-64 only");
	for (uint32_t i = 0; i < n; i++) {
		r.lowest = targets[i] < r.lowest ? targets[i] : r.lowest;
		r.highest = targets[i] > r.highest ? targets[i] : r.highest;
	}
	for (uint32_t i = 0; i < file->n_segments && n; i++) {
		const struct ecap_elf_segment *s = &file->segments[i];
		const uint8_t *code = file->map + s->offset;

		if (!(s->flags & PF_X) || s->size < 7)
			continue;

		int stop = search_lea(&r, code, s->size, s->addr);

		if (!stop && file->type == ET_EXEC)
			stop = search_immediate(&r, code, s->size, s->addr);
		if (stop)
			return stop < 0 ? stop : 0;
	}
	return 0;
}
