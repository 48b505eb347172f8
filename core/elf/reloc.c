/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers in data as they are once the file is loaded at address 0: from the relocations that
 * PT_DYNAMIC names (RELA and RELR), else the bytes in the file.
 * Formats: elf(5); RELR as in the System V ABI's generic chapter on relocation.
 */
#include "insn.h"

#include "../err.h"
#include "../util.h"

#define MAX_PLACES   (1u << 23) /* node 24 has 400,000 */
#define PLACE_WORK   300        /* of elf_work(), to read and sort one, */
#define POINTER_WORK 50         /* and to find it */

struct tables {
	uint64_t rela, rela_size, plt, plt_size, relr, relr_size, symtab;
};

static void read_dynamic(const struct ecap_elf_file *file, struct tables *t)
{
	struct ecap_elf_segment dynamic;

	if (elf_file_program_header(file, PT_DYNAMIC, &dynamic) != 0)
		return;

	const uint8_t *p = file->map + dynamic.offset;

	for (uint64_t n = dynamic.size / 16; n--; p += 16) {
		uint64_t value = elf_u64(p + 8);

		switch (elf_u64(p)) {
		case DT_NULL: return;
		case DT_RELA: t->rela = value; break;
		case DT_RELASZ: t->rela_size = value; break;
		case DT_JMPREL: t->plt = value; break;
		case DT_PLTRELSZ: t->plt_size = value; break;
		case DT_RELR: t->relr = value; break;
		case DT_RELRSZ: t->relr_size = value; break;
		case DT_SYMTAB: t->symtab = value; break;
		default: break;
		}
	}
}

/* The places as they are collected. */
struct list {
	struct elf_place *items;
	size_t n, room;
};

static void list_freep(struct list *list)
{
	free(list->items);
}

static int list_add(struct list *list, uint64_t addr, uint64_t value, bool known)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 1024;

		/* A few bytes of RELR may stand for many, and for the same ones again and again. */
		if (room > MAX_PLACES)
			return ecap_err(-E2BIG, "more than %u relocations", MAX_PLACES);

		struct elf_place *items = realloc(list->items, room * sizeof(*items));

		if (!items)
			return ecap_err(-ENOMEM, "no memory for %zu relocations", room);
		list->items = items;
		list->room = room;
	}
	list->items[list->n++] = (struct elf_place){ addr, value, known };
	return 0;
}

/* The value of a relocation; false when it is of a type that stores no pointer. */
static bool rela_value(const struct ecap_elf_file *file, const struct tables *t, uint64_t info,
		       uint64_t addend, uint64_t *value, bool *known)
{
	const uint32_t *types = file->arch->relocations;
	uint32_t type = (uint32_t)info;

	*known = true;
	if (type == types[0]) {
		*value = addend;
		return true;
	}
	if (type != types[1] && type != types[2] && type != types[3])
		return false;

	const uint8_t *p = elf_file_data(file, t->symtab + (info >> 32) * sizeof(Elf64_Sym),
					 sizeof(Elf64_Sym));
	Elf64_Sym sym = { .st_shndx = SHN_UNDEF };

	if (p)
		memcpy(&sym, p, sizeof(sym));
	*known = sym.st_shndx != SHN_UNDEF;
	*value = sym.st_value + addend;
	return true;
}

static int read_rela(const struct ecap_elf_file *file, const struct tables *t, uint64_t addr,
		     uint64_t size, struct list *list)
{
	const uint8_t *p = elf_file_data(file, addr, size);

	if (!p)
		return 0;
	for (uint64_t n = size / sizeof(Elf64_Rela); n--; p += sizeof(Elf64_Rela)) {
		uint64_t value;
		bool known;

		if (!rela_value(file, t, elf_u64(p + 8), elf_u64(p + 16), &value, &known))
			continue;

		int err = list_add(list, elf_u64(p), value, known);

		if (err)
			return err;
	}
	return 0;
}

static int add_relr(const struct ecap_elf_file *file, uint64_t addr, struct list *list)
{
	const uint8_t *p = elf_file_data(file, addr, 8);

	return p ? list_add(list, addr, elf_u64(p), true) : 0;
}

/* An even word is an address; an odd one is a bitmap of the 63 words that follow it. */
static int read_relr(const struct ecap_elf_file *file, const struct tables *t, struct list *list)
{
	const uint8_t *p = elf_file_data(file, t->relr, t->relr_size);
	uint64_t at = 0;
	int err = 0;

	if (!p)
		return 0;
	for (uint64_t n = t->relr_size / 8; n-- && !err; p += 8) {
		uint64_t entry = elf_u64(p);

		if (!(entry & 1)) {
			err = add_relr(file, entry, list);
			at = entry + 8;
			continue;
		}
		for (uint64_t bits = entry >> 1, k = 0; bits && !err; bits >>= 1, k++)
			if (bits & 1)
				err = add_relr(file, at + 8 * k, list);
		at += UINT64_C(63) * 8;
	}
	return err;
}

static int compare_places(const void *a, const void *b)
{
	const struct elf_place *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int elf_reloc_read(struct ecap_elf_file *file)
{
	if (file->places_read)
		return 0;

	_cleanup_(list_freep) struct list list = { 0 };
	struct tables t = { 0 };

	read_dynamic(file, &t);

	int err = read_rela(file, &t, t.rela, t.rela_size, &list);

	if (!err && t.plt != t.rela)
		err = read_rela(file, &t, t.plt, t.plt_size, &list);
	if (!err)
		err = read_relr(file, &t, &list);
	if (elf_work(file, list.n * PLACE_WORK))
		return -E2BIG;
	if (err)
		return err;
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare_places);
	file->n_places = list.n;
	file->places = TAKE_PTR(list.items);
	file->places_read = true;
	return 0;
}

int elf_reloc_pointer(struct ecap_elf_file *file, uint64_t addr, uint64_t *value)
{
	int err = elf_reloc_read(file);

	if (!err)
		err = elf_work(file, POINTER_WORK);
	if (err)
		return err;

	struct elf_place key = { .addr = addr };
	const struct elf_place *place = file->n_places
		? bsearch(&key, file->places, file->n_places, sizeof(key), compare_places) : NULL;

	if (place && !place->known)
		return ecap_err(-ENXIO, "the pointer at %#llx comes from another file",
				(unsigned long long)addr);
	if (place) {
		*value = place->value;
		return 0;
	}

	const uint8_t *p = elf_file_data(file, addr, 8);

	if (!p)
		return ecap_err(-ENOENT, "no pointer at %#llx: it is in no segment of the file",
				(unsigned long long)addr);
	*value = elf_u64(p);
	return 0;
}
