/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches arm64 code for instructions that take an address: adr, ldr of a literal, and adrp
 * with what adds to the page or loads from it, which may be far behind it. Of each adrp of a page
 * that matters, a quick look at the code behind it tells which instructions may belong to it;
 * elf_constant_at() then tells whether one does.
 */
#include "insn.h"

#include "../err.h"
#include "../util.h"

/*
 * GCC adds twice, first to an anchor that it shares among the data of a file (section anchors):
 * what is taken lies at most this far behind the page.
 */
#define REACH 0x3000u

#define MAX_BEHIND 0x4000u /* bytes looked at behind an adrp */

/* No file makes us go on for ever: those of 100 MB that were tried need a hundredth of this. */
#define MAX_LOOKS    (1u << 28) /* instructions looked at behind all */
#define MAX_CONFIRMS (1u << 13)

/* Words that the dynamic loader fills with targets, by address: code takes them from there. */
struct slots {
	uint64_t *items;
	size_t n, room;
};

static void slots_free(struct slots *slots)
{
	free(slots->items);
}

static int add_slot(struct slots *slots, uint64_t addr)
{
	if (slots->n == slots->room) {
		size_t room = slots->room ? slots->room * 2 : 16;
		uint64_t *items = realloc(slots->items, room * sizeof(*items));

		if (!items)
			return ecap_err(-ENOMEM, "no memory for %zu pointers", room);
		slots->items = items;
		slots->room = room;
	}
	slots->items[slots->n++] = addr;
	return 0;
}

static int find_slots(const struct elf_ref_search *r, struct slots *slots)
{
	int err = elf_reloc_read(r->file);

	for (size_t i = 0; i < r->file->n_places && !err; i++)
		if (r->file->places[i].known && elf_search_is_target(r, r->file->places[i].value))
			err = add_slot(slots, r->file->places[i].addr);
	return err;
}

/* A segment's code and what is looked for in it. */
struct scan {
	const struct elf_ref_search *r;
	const struct slots *slots;
	const uint8_t *code;
	uint64_t addr, size;
	uint32_t looks, confirms; /* still allowed */
};

static unsigned int field(uint32_t w, unsigned int low, unsigned int bits)
{
	return w >> low & ((1u << bits) - 1);
}

/* True when there is one in the @size bytes from @addr on. */
static bool has_slot(const struct slots *slots, uint64_t addr, uint64_t size)
{
	size_t low = 0, high = slots->n; /* items[low - 1] < addr <= items[high] */

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slots->items[mid] < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < slots->n && slots->items[low] - addr < size;
}

static bool page_matters(const struct scan *s, uint64_t page)
{
	for (uint32_t i = 0; i < s->r->n; i++)
		if (s->r->targets[i] >= page && s->r->targets[i] - page < REACH)
			return true;
	return has_slot(s->slots, page, REACH);
}

static int give_up(const struct scan *s)
{
	return ecap_err(-E2BIG, "the code at %#llx seems to take addresses more often than code does",
			(unsigned long long)s->addr);
}

/* Reports the instruction when what it takes is a target. */
static int confirm(struct scan *s, uint64_t insn)
{
	unsigned int reg;
	uint64_t value;

	if (!s->confirms--)
		return give_up(s);
	if (!elf_constant_at(s->r->file, insn, &reg, &value) ||
	    !elf_search_is_target(s->r, value))
		return 0;
	return s->r->cb(s->r->arg, insn, value);
}

/*
 * What registers may hold, by adding to a page. Other instructions that write them are not
 * looked at: this finds too much, never too little.
 */
struct sums {
	uint32_t known; /* a set */
	uint64_t value[32];
};

/* True when the instruction may take a target. */
static bool follow_sums(const struct scan *s, struct sums *sums, uint32_t w)
{
	unsigned int to = field(w, 0, 5), from = field(w, 5, 5);

	if ((w & 0x9f000000) == 0x90000000) /* adrp: another page */
		sums->known &= ~(1u << to);
	if (!(sums->known >> from & 1))
		return false;
	if ((w & 0xffc00000) == 0xf9400000) /* ldr */
		return has_slot(s->slots, sums->value[from] + field(w, 10, 12) * UINT64_C(8), 1);
	if ((w & 0xff800000) != 0x91000000) /* add of a number */
		return false;
	sums->value[to] = sums->value[from] +
			  ((uint64_t)field(w, 10, 12) << (field(w, 22, 1) ? 12 : 0));
	sums->known |= 1u << to;
	return elf_search_is_target(s->r, sums->value[to]);
}

/* Looks at what may add to the page that the adrp at @i takes. */
static int scan_behind(struct scan *s, uint64_t i, uint64_t page)
{
	uint64_t end = s->size - i > MAX_BEHIND ? i + MAX_BEHIND : s->size;
	struct sums sums = { 0 };
	unsigned int reg = field(elf_u32(s->code + i), 0, 5);
	int stop = 0;

	sums.known = 1u << reg;
	sums.value[reg] = page;
	for (i += 4; i + 4 <= end && sums.known && !stop && s->looks; i += 4, s->looks--)
		if (follow_sums(s, &sums, elf_u32(s->code + i)))
			stop = confirm(s, s->addr + i);
	return s->looks ? stop : give_up(s);
}

static int scan_code(struct scan *s)
{
	int stop = 0;

	for (uint64_t i = -s->addr % 4; i + 4 <= s->size && !stop; i += 4) {
		uint32_t w = elf_u32(s->code + i);
		uint64_t at = s->addr + i;
		uint64_t offset = (uint64_t)((int64_t)(int32_t)(w << 8) >> 13) << 2 | field(w, 29, 2);

		if ((w & 0x9f000000) == 0x90000000) {
			uint64_t page = (at & ~UINT64_C(0xfff)) + (offset << 12);

			if (page_matters(s, page))
				stop = scan_behind(s, i, page);
		} else if ((w & 0x9f000000) == 0x10000000) {
			if (elf_search_is_target(s->r, at + offset))
				stop = confirm(s, at);
		} else if ((w & 0xff000000) == 0x58000000) {
			const uint8_t *word = elf_file_data(s->r->file, at + (offset & ~UINT64_C(3)), 8);

			if (word && elf_search_is_target(s->r, elf_u64(word)))
				stop = confirm(s, at);
		}
	}
	return stop;
}

int elf_search_arm64(const struct elf_ref_search *search, const struct ecap_elf_segment *segment)
{
	_cleanup_(slots_free) struct slots slots = { 0 };
	struct scan s = {
		.r = search, .slots = &slots, .code = search->file->map + segment->offset,
		.addr = segment->addr, .size = segment->size,
		.looks = MAX_LOOKS, .confirms = MAX_CONFIRMS,
	};
	int err = find_slots(search, &slots);

	return err ? err : scan_code(&s);
}
