/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols by name and by address: from .dynsym, .symtab, and what debug.c finds beside the file.
 * A table's names are hashed when one is first looked up in it: a locator asks for some twenty,
 * and most of them are not there.
 */
#include "file.h"

#include <gelf.h>

#include "../err.h"
#include "../util.h"

/* At half load a run of full slots is some dozens long at most. */
#define MAX_PROBES 1024
/* Of a name; what follows is not looked at. Nobody looks for longer ones. */
#define MAX_NAME   1024
/* Of elf_work(), to hash a name and to compare two. */
#define HASH_WORK    100
#define COMPARE_WORK 100

/* A versioned name in .symtab reads "name@VERSION" or "name@@VERSION". */
static uint32_t hash_name(const char *name)
{
	uint32_t h = 5381; /* the hash of DT_GNU_HASH */

	for (int i = 0; name[i] && name[i] != '@' && i < MAX_NAME; i++)
		h = h * 33 + (unsigned char)name[i];
	return h;
}

static bool same_name(const char *a, const char *b)
{
	const char *end = a + MAX_NAME;

	while (*a && *a != '@' && *a == *b && a < end) {
		a++;
		b++;
	}
	return a == end || ((!*a || *a == '@') && (!*b || *b == '@'));
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
static struct elf_symbol_slot *slot_of(struct ecap_elf_file *file, const struct elf_symbols *t,
				       const char *name)
{
	uint32_t hash = hash_name(name);

	if (elf_work(file, HASH_WORK))
		return NULL;
	for (uint32_t i = 0; i < MAX_PROBES; i++) {
		struct elf_symbol_slot *slot = &t->slots[(hash + i) & t->mask];

		if (i && elf_work(file, slot->hash == hash ? COMPARE_WORK : 1))
			return NULL;

		if (!slot->index_1)
			slot->hash = hash;
		if (!slot->index_1 ||
		    (slot->hash == hash && same_name(symbol_string(t, slot->index_1 - 1), name)))
			return slot;
	}
	return NULL;
}

/* Hashes the table's names: of equal ones the first counts. */
static void hash_symbols(struct ecap_elf_file *file, struct elf_symbols *t)
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
			name && elf_symbol_is_defined(&t->syms[i]) ? slot_of(file, t, name) : NULL;

		if (slot && !slot->index_1)
			slot->index_1 = i + 1;
	}
}

static void read_table(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct elf_symbols *t)
{
	Elf_Scn *str = elf_getscn(elf, sh->sh_link);
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

static void read_tables(Elf *elf, uint32_t type, struct elf_symbols *t)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_type == type)
			read_table(elf, scn, &sh, t);
	}
}

void elf_symbols_read(struct ecap_elf_file *file)
{
	if (file->symbols_read)
		return;
	file->symbols_read = true;
	read_tables(file->elf, SHT_DYNSYM, &file->symbols[0]);
	read_tables(file->elf, SHT_SYMTAB, &file->symbols[1]);
}

/* Those that are not in the file: once something is asked for that the file does not tell. */
static void read_debug(struct ecap_elf_file *file)
{
	if (file->debug_read)
		return;
	file->debug_read = true;
	elf_debug_open(file);
	for (int i = ELF_N_OWN_TABLES; i < ELF_N_TABLES; i++)
		if (file->debug[i - ELF_N_OWN_TABLES].elf)
			read_tables(file->debug[i - ELF_N_OWN_TABLES].elf, SHT_SYMTAB,
				    &file->symbols[i]);
}

static const Elf64_Sym *lookup(struct ecap_elf_file *file, struct elf_symbols *t,
			       const char *name)
{
	if (t->n && !t->slots)
		hash_symbols(file, t);

	const struct elf_symbol_slot *slot = t->n ? slot_of(file, t, name) : NULL;

	return slot && slot->index_1 ? &t->syms[slot->index_1 - 1] : NULL;
}

int elf_symbols_find(struct ecap_elf_file *file, const char *name, struct ecap_elf_symbol *symbol)
{
	elf_symbols_read(file);
	for (uint32_t i = 0; i < ELF_N_TABLES; i++) {
		if (i == ELF_N_OWN_TABLES)
			read_debug(file);

		const Elf64_Sym *sym = lookup(file, &file->symbols[i], name);

		if (!sym)
			continue;
		*symbol = (struct ecap_elf_symbol){
			.addr = sym->st_value,
			.size = sym->st_size,
			.source = i + 1,
		};
		return 0;
	}
	return ecap_err(-ENOENT, "no symbol %s in .dynsym, .symtab or debug data", name);
}

const char *elf_symbols_name(struct ecap_elf_file *file, uint64_t addr)
{
	elf_symbols_read(file);
	for (uint32_t i = 0; i < ELF_N_TABLES; i++) {
		const struct elf_symbols *t = &file->symbols[i];

		if (elf_work(file, t->n))
			return NULL;

		for (uint32_t k = 0; k < t->n; k++)
			if (t->syms[k].st_value == addr && elf_symbol_is_defined(&t->syms[k]) &&
			    symbol_string(t, k))
				return symbol_string(t, k);
	}
	return NULL;
}
