/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols by name and by address, from .dynsym and then .symtab. A table's names are hashed when
 * one is first looked up in it: a locator asks for some twenty, and most of them are not there.
 */
#include "file.h"

#include <gelf.h>

#include "../err.h"
#include "../util.h"

/* At half load a run of full slots is some dozens long at most. */
#define MAX_PROBES 1024

/* A versioned name in .symtab reads "name@VERSION" or "name@@VERSION". */
static uint32_t hash_name(const char *name)
{
	uint32_t h = 5381; /* the hash of DT_GNU_HASH */

	for (; *name && *name != '@'; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a != '@' && *a == *b) {
		a++;
		b++;
	}
	return (!*a || *a == '@') && (!*b || *b == '@');
}

bool elf_symbol_is_defined(const Elf64_Sym *sym)
{
	unsigned int type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && sym->st_shndx < SHN_LORESERVE && sym->st_name &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC ||
		type == STT_NOTYPE);
}

static const char *symbol_string(const struct elf_symbols *t, uint32_t index)
{
	uint32_t at = t->syms[index].st_name;

	return at < t->names_len ? t->names + at : NULL;
}

/*
 * The slot of @name, or the empty one where it belongs; NULL when the table is so uneven that
 * somebody made it so.
 */
static struct elf_symbol_slot *slot_of(const struct elf_symbols *t, const char *name)
{
	uint32_t hash = hash_name(name);

	for (uint32_t i = 0; i < MAX_PROBES; i++) {
		struct elf_symbol_slot *slot = &t->slots[(hash + i) & t->mask];

		if (!slot->index_1)
			slot->hash = hash;
		if (!slot->index_1 ||
		    (slot->hash == hash && same_name(symbol_string(t, slot->index_1 - 1), name)))
			return slot;
	}
	return NULL;
}

/* Hashes the table's names: of equal ones the first counts. */
static void hash_symbols(struct elf_symbols *t)
{
	uint32_t size = 16;

	while (size < t->n * UINT64_C(2) && size < UINT32_C(1) << 31)
		size *= 2;
	t->slots = calloc(size, sizeof(*t->slots));
	if (!t->slots) {
		t->n = 0;
		return;
	}
	t->mask = size - 1;
	for (uint32_t i = 0; i < t->n; i++) {
		const char *name = symbol_string(t, i);
		struct elf_symbol_slot *slot =
			name && elf_symbol_is_defined(&t->syms[i]) ? slot_of(t, name) : NULL;

		if (slot && !slot->index_1)
			slot->index_1 = i + 1;
	}
}

static void read_table(struct ecap_elf_file *file, Elf_Scn *scn, const GElf_Shdr *sh,
		       struct elf_symbols *t)
{
	Elf_Scn *str = elf_getscn(file->elf, sh->sh_link);
	const Elf_Data *syms = elf_getdata(scn, NULL);
	const Elf_Data *names = str ? elf_getdata(str, NULL) : NULL;

	if (!syms || !syms->d_buf || !names || !names->d_buf || t->syms)
		return;
	t->syms = syms->d_buf;
	t->n = (uint32_t)(syms->d_size / sizeof(Elf64_Sym));
	t->names = names->d_buf;
	t->names_len = names->d_size;
	while (t->names_len && t->names[t->names_len - 1])
		t->names_len--;
}

void elf_symbols_read(struct ecap_elf_file *file)
{
	if (file->symbols_read)
		return;
	file->symbols_read = true;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(file->elf, scn));) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type == SHT_DYNSYM)
			read_table(file, scn, &sh, &file->symbols[0]);
		else if (sh.sh_type == SHT_SYMTAB)
			read_table(file, scn, &sh, &file->symbols[1]);
	}
}

static const Elf64_Sym *lookup(struct elf_symbols *t, const char *name)
{
	if (t->n && !t->slots)
		hash_symbols(t);

	const struct elf_symbol_slot *slot = t->n ? slot_of(t, name) : NULL;

	return slot && slot->index_1 ? &t->syms[slot->index_1 - 1] : NULL;
}

int elf_symbols_find(struct ecap_elf_file *file, const char *name, struct ecap_elf_symbol *symbol)
{
	elf_symbols_read(file);
	for (uint32_t i = 0; i < 2; i++) {
		const Elf64_Sym *sym = lookup(&file->symbols[i], name);

		if (!sym)
			continue;
		*symbol = (struct ecap_elf_symbol){
			.addr = sym->st_value,
			.size = sym->st_size,
			.dynamic = i == 0,
		};
		return 0;
	}
	return ecap_err(-ENOENT, "no symbol %s in .dynsym or .symtab", name);
}

const char *elf_symbols_name(struct ecap_elf_file *file, uint64_t addr)
{
	elf_symbols_read(file);
	for (uint32_t i = 0; i < 2; i++) {
		const struct elf_symbols *t = &file->symbols[i];

		for (uint32_t k = 0; k < t->n; k++)
			if (t->syms[k].st_value == addr && elf_symbol_is_defined(&t->syms[k]) &&
			    symbol_string(t, k))
				return symbol_string(t, k);
	}
	return NULL;
}
