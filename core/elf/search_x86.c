/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches x86-64 code for instructions that take an address, by their encodings, at every byte:
 * decoding 100 MB would take seconds, and a chance match of a whole address is next to impossible.
 */
#include <elf.h>

#include "insn.h"

/* lea r64, [rip + disp32]: REX.W (48 or 4c), 8d, ModRM 00 reg 101 (Intel SDM volume 2). */
static int search_lea(const struct elf_ref_search *r, const uint8_t *code, uint64_t size, uint64_t addr)
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
		int stop = elf_search_is_target(r, target) ? r->cb(r->arg, at - 1, target) : 0;

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

static int search_immediate(const struct elf_ref_search *r, const uint8_t *code, uint64_t size,
			    uint64_t addr)
{
	for (uint64_t i = 1; i + 4 <= size; i++) {
		uint64_t value = (uint64_t)(int64_t)(int32_t)elf_u32(code + i);

		if (!elf_search_is_target(r, value))
			continue;

		unsigned int len = mov_length(code + i, i);
		int stop = len ? r->cb(r->arg, addr + i - len, value) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

int elf_search_x86(const struct elf_ref_search *search, const struct ecap_elf_segment *segment)
{
	const uint8_t *code = search->file->map + segment->offset;

	if (segment->size < 7)
		return 0;

	int stop = search_lea(search, code, segment->size, segment->addr);

	if (!stop && search->file->type == ET_EXEC)
		stop = search_immediate(search, code, segment->size, segment->addr);
	return stop;
}
