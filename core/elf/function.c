/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the function around an address starts and ends: by the search table in .eh_frame_hdr,
 * else by a symbol with a size, else between the nearest starts that symbols and the targets of
 * direct calls show.
 */
#include "insn.h"

#include "../err.h"
#include "../util.h"

/* Longer than functions are: between two guessed starts this far apart lies something else. */
#define MAX_GUESSED_SIZE 0x8000

#define MAX_STARTS (1u << 24) /* node 24 has 200,000 */

/*
 * The header of .eh_frame_hdr in the only form that linkers write: version 1, pointer to
 * .eh_frame as DW_EH_PE_pcrel|sdata4, count as udata4, table as datarel|sdata4 (LSB Core,
 * "The .eh_frame_hdr section").
 */
static const uint8_t eh_header[4] = { 1, 0x1b, 0x03, 0x3b };

struct eh_table {
	uint64_t base; /* address of .eh_frame_hdr, to which the entries are relative */
	const uint8_t *entries;
	uint32_t n;
};

static bool eh_table_read(const struct ecap_elf_file *file, struct eh_table *t)
{
	struct ecap_elf_segment hdr;

	if (elf_file_program_header(file, PT_GNU_EH_FRAME, &hdr) != 0 || hdr.size < 12)
		return false;

	const uint8_t *p = file->map + hdr.offset;

	if (memcmp(p, eh_header, sizeof(eh_header)) != 0)
		return false;

	uint64_t room = (hdr.size - 12) / 8;

	t->base = hdr.addr;
	t->entries = p + 12;
	t->n = elf_u32(p + 8) < room ? elf_u32(p + 8) : (uint32_t)room;
	return t->n > 0;
}

static uint64_t relative(uint64_t base, const uint8_t *p)
{
	return base + (uint64_t)(int64_t)(int32_t)elf_u32(p);
}

static uint64_t eh_start(const struct eh_table *t, uint32_t index)
{
	return relative(t->base, t->entries + 8 * (size_t)index);
}

/*
 * Length of the function at @start from its FDE at @fde: { length, CIE pointer, start, size }.
 * How the start is written is said by the CIE; as the start is known, the form that yields it
 * is the right one.
 */
static uint64_t fde_size(const struct ecap_elf_file *file, uint64_t fde, uint64_t start)
{
	const uint8_t *p = elf_file_data(file, fde, 24);

	if (!p)
		return 0;
	if (relative(fde + 8, p + 8) == start || elf_u32(p + 8) == start)
		return elf_u32(p + 12);
	if (fde + 8 + elf_u64(p + 8) == start || elf_u64(p + 8) == start)
		return elf_u64(p + 16);
	return 0;
}

static int by_eh_frame(const struct ecap_elf_file *file, uint64_t addr, uint64_t *start,
		       uint64_t *end)
{
	struct eh_table t;

	if (!eh_table_read(file, &t) || eh_start(&t, 0) > addr)
		return -ENOENT;

	uint32_t low = 0, high = t.n; /* start(low) <= addr < start(high) */

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (eh_start(&t, mid) <= addr)
			low = mid;
		else
			high = mid;
	}

	uint64_t from = eh_start(&t, low);
	uint64_t size = fde_size(file, relative(t.base, t.entries + 8 * (size_t)low + 4), from);

	if (addr - from >= size)
		return -ENOENT;
	*start = from;
	*end = from + size;
	return 0;
}

static int by_symbol(struct ecap_elf_file *file, uint64_t addr, uint64_t *start, uint64_t *end)
{
	elf_symbols_read(file);
	if (elf_work(file, (uint64_t)file->symbols[0].n + file->symbols[1].n))
		return -ENOENT;
	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < file->symbols[i].n; k++) {
			const Elf64_Sym *sym = &file->symbols[i].syms[k];

			if (!elf_symbol_is_defined(sym) ||
			    ELF64_ST_TYPE(sym->st_info) != STT_FUNC ||
			    addr < sym->st_value || addr - sym->st_value >= sym->st_size ||
			    sym->st_value + sym->st_size < sym->st_value)
				continue;
			*start = sym->st_value;
			*end = sym->st_value + sym->st_size;
			return 0;
		}
	return -ENOENT;
}

struct list {
	uint64_t *items;
	size_t n, room;
};

static void list_freep(struct list *list)
{
	free(list->items);
}

static int list_add(struct list *list, uint64_t addr)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 4096;

		if (room > MAX_STARTS)
			return ecap_err(-E2BIG, "more than %u functions", MAX_STARTS);

		uint64_t *items = realloc(list->items, room * sizeof(*items));

		if (!items)
			return ecap_err(-ENOMEM, "no memory for %zu function starts", room);
		list->items = items;
		list->room = room;
	}
	list->items[list->n++] = addr;
	return 0;
}

static int on_call_target(void *arg, uint64_t target)
{
	return list_add(arg, target);
}

static int add_call_targets(struct ecap_elf_file *file, struct list *list)
{
	int err = 0;

	for (uint32_t i = 0; i < file->n_segments && !err; i++)
		if (file->segments[i].flags & PF_X)
			err = elf_work(file, file->segments[i].size);
	for (uint32_t i = 0; i < file->n_segments && !err; i++)
		if (file->segments[i].flags & PF_X)
			err = file->arch->each_call(file, &file->segments[i], on_call_target, list);
	return err;
}

static int add_symbols(struct ecap_elf_file *file, struct list *list)
{
	elf_symbols_read(file);
	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < file->symbols[i].n; k++) {
			const Elf64_Sym *sym = &file->symbols[i].syms[k];
			int err = 0;

			if (elf_symbol_is_defined(sym) && elf_file_is_code(file, sym->st_value))
				err = list_add(list, sym->st_value);
			if (err)
				return err;
		}
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int read_starts(struct ecap_elf_file *file)
{
	_cleanup_(list_freep) struct list list = { 0 };
	int err = add_symbols(file, &list);

	if (!err)
		err = add_call_targets(file, &list);
	if (err)
		return err;
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare_u64);
	file->n_starts = list.n;
	file->starts = TAKE_PTR(list.items);
	file->starts_read = true;
	return 0;
}

static int by_starts(struct ecap_elf_file *file, uint64_t addr, uint64_t *start, uint64_t *end)
{
	int err = file->starts_read ? 0 : read_starts(file);

	if (err)
		return err;

	size_t low = 0, high = file->n_starts; /* starts[low - 1] <= addr < starts[high] */

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (file->starts[mid] <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || addr - file->starts[low - 1] >= MAX_GUESSED_SIZE)
		return -ENOENT;

	uint64_t limit = file->starts[low - 1] + MAX_GUESSED_SIZE;

	*start = file->starts[low - 1];
	*end = low < file->n_starts && file->starts[low] < limit ? file->starts[low] : limit;
	return 0;
}

int elf_function_bounds(struct ecap_elf_file *file, uint64_t addr, uint64_t *start, uint64_t *end)
{
	int err = elf_file_is_code(file, addr) ? by_eh_frame(file, addr, start, end) : -EFAULT;

	if (err == -ENOENT)
		err = by_symbol(file, addr, start, end);
	if (err == -ENOENT)
		err = by_starts(file, addr, start, end);
	if (err == -EFAULT || err == -ENOENT)
		return ecap_err(-ENOENT,
				"no function around %#llx by .eh_frame_hdr, symbols or calls",
				(unsigned long long)addr);
	return err;
}
