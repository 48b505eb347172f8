/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers the relocations of a module, sorted by address: RELA entries, and RELR words, which
 * name places whose bytes are the addend ("Proposal for a new section type SHT_RELR",
 * generic-abi list; gABI chapter 4). Types are from the psABI of each machine.
 */
#include "module_reloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "util.h"

#if defined(__x86_64__)
#define TYPE_RELATIVE R_X86_64_RELATIVE
#define TYPE_ABSOLUTE R_X86_64_64
#elif defined(__aarch64__)
#define TYPE_RELATIVE R_AARCH64_RELATIVE
#define TYPE_ABSOLUTE R_AARCH64_ABS64
#endif

struct reloc {
	uint64_t addr;
	int64_t addend;
	uint32_t symbol;
	uint32_t type; /* TYPE_RELATIVE for a RELR word too, with its addend */
};

struct ecap_relocs {
	const struct ecap_module_elf *elf;
	struct reloc *all; /* by address */
	uint64_t n, room;
};

static void relocs_freep(struct ecap_relocs **relocs)
{
	ecap_relocs_free(*relocs);
}

static int add(struct ecap_relocs *relocs, const struct reloc *reloc)
{
	/* each patches a word of its own, so there cannot be more than words in the file */
	if (relocs->n > ecap_module_elf_file_size(relocs->elf) / sizeof(uint64_t))
		return ecap_err(-ENOEXEC, "damaged: more relocations than it has room for");
	if (relocs->n == relocs->room) {
		uint64_t room = relocs->room ? 2 * relocs->room : 64;
		struct reloc *all = reallocarray(relocs->all, room, sizeof(*all));

		if (!all)
			return ecap_err(-ENOMEM, "out of memory for its relocations");
		relocs->all = all;
		relocs->room = room;
	}
	relocs->all[relocs->n++] = *reloc;
	return 0;
}

static int read_rela(struct ecap_relocs *relocs)
{
	const struct ecap_module_elf *elf = relocs->elf;
	uint64_t size = ecap_module_elf_dynamic(elf, DT_RELASZ);
	uint64_t entry = ecap_module_elf_dynamic(elf, DT_RELAENT);

	if (!size)
		return 0;
	const uint8_t *table = ecap_module_elf_at(elf, ecap_module_elf_dynamic(elf, DT_RELA), size);

	if (!table || entry != sizeof(Elf64_Rela))
		return ecap_err(-ENOEXEC, "damaged: its table of relocations");
	for (uint64_t i = 0; i < size / entry; i++) {
		Elf64_Rela rela;

		memcpy(&rela, table + i * entry, sizeof(rela));
		int err = add(relocs, &(struct reloc){
			.addr = rela.r_offset, .addend = rela.r_addend,
			.symbol = (uint32_t)ELF64_R_SYM(rela.r_info),
			.type = (uint32_t)ELF64_R_TYPE(rela.r_info),
		});
		if (err)
			return err;
	}
	return 0;
}

static int add_relr(struct ecap_relocs *relocs, uint64_t addr)
{
	const void *word = ecap_module_elf_at(relocs->elf, addr, sizeof(int64_t));
	struct reloc reloc = { .addr = addr, .type = TYPE_RELATIVE };

	if (!word)
		return ecap_err(-ENOEXEC, "damaged: a relocation outside of its data");
	memcpy(&reloc.addend, word, sizeof(reloc.addend));
	return add(relocs, &reloc);
}

/* An even word is the address of one place; an odd one has a bit for each of the next 63 words. */
static int read_relr(struct ecap_relocs *relocs)
{
	const struct ecap_module_elf *elf = relocs->elf;
	uint64_t size = ecap_module_elf_dynamic(elf, DT_RELRSZ), next = 0;

	if (!size)
		return 0;
	const uint8_t *table = ecap_module_elf_at(elf, ecap_module_elf_dynamic(elf, DT_RELR),
						  size);

	if (!table)
		return ecap_err(-ENOEXEC, "damaged: its table of relative relocations");
	for (uint64_t i = 0; i < size / sizeof(uint64_t); i++) {
		uint64_t word;
		int err = 0;

		memcpy(&word, table + i * sizeof(word), sizeof(word));
		if (!(word & 1)) {
			err = add_relr(relocs, word);
			next = word + sizeof(word);
		} else {
			for (uint32_t bit = 1; bit < 64 && !err; bit++) {
				if (word >> bit & 1)
					err = add_relr(relocs, next + (bit - 1) * sizeof(word));
			}
			next += 63 * sizeof(word);
		}
		if (err)
			return err;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct reloc *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int ecap_relocs_read(const struct ecap_module_elf *elf, struct ecap_relocs **relocs)
{
	_cleanup_(relocs_freep) struct ecap_relocs *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	made->elf = elf;
	int err = read_rela(made);
	if (!err)
		err = read_relr(made);
	if (err)
		return err;
	if (made->n)
		qsort(made->all, made->n, sizeof(*made->all), by_address);
	*relocs = TAKE_PTR(made);
	return 0;
}

void ecap_relocs_free(struct ecap_relocs *relocs)
{
	if (!relocs)
		return;
	free(relocs->all);
	free(relocs);
}

/* The first relocation at @addr or above, or NULL. */
static const struct reloc *first_from(const struct ecap_relocs *relocs, uint64_t addr)
{
	uint64_t low = 0, high = relocs->n;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (relocs->all[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < relocs->n ? &relocs->all[low] : NULL;
}

static int symbol_target(const struct ecap_relocs *relocs, const struct reloc *reloc,
			 uint64_t *target)
{
	Elf64_Sym symbol;

	if (ecap_module_elf_symbol(relocs->elf, reloc->symbol, &symbol))
		return ecap_err(-ENOEXEC, "damaged: a relocation of a symbol that is not there");
	if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE ||
	    ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC)
		*target = ECAP_ADDR_FOREIGN;
	else
		*target = symbol.st_value + (uint64_t)reloc->addend;
	return 0;
}

int ecap_relocs_pointer(const struct ecap_relocs *relocs, uint64_t addr, uint64_t *target)
{
	const void *bytes = ecap_module_elf_at(relocs->elf, addr, sizeof(*target));
	const struct reloc *reloc = first_from(relocs, addr);
	uint64_t value;

	if (!bytes)
		return ecap_err(-ENOEXEC, "damaged: its data ends within the descriptor");
	memcpy(&value, bytes, sizeof(value));
	if (!reloc || reloc->addr != addr) {
		if (value)
			return ecap_err(-ENOEXEC, "damaged: a pointer without a relocation at "
					"%#llx", (unsigned long long)addr);
		*target = 0;
		return 0;
	}
	if (reloc->type == TYPE_ABSOLUTE)
		return symbol_target(relocs, reloc, target);
	*target = reloc->type == TYPE_RELATIVE ? (uint64_t)reloc->addend : ECAP_ADDR_FOREIGN;
	return 0;
}

int ecap_relocs_is_zero(const struct ecap_relocs *relocs, uint64_t addr, uint64_t len)
{
	const uint8_t *bytes = ecap_module_elf_at(relocs->elf, addr, len);
	const struct reloc *reloc = first_from(relocs, addr);

	if (!bytes || (reloc && reloc->addr - addr < len))
		return 0;
	for (uint64_t i = 0; i < len; i++) {
		if (bytes[i])
			return 0;
	}
	return 1;
}
