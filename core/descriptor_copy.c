/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copies are a list of pieces. A table's piece keeps its rows as the file has them, with
 * the targets in place of the pointers; so after dlopen each pointer must be base + target,
 * and all other bytes must be the same.
 */
#include "descriptor_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "options_internal.h"
#include "utf8.h"
#include "util.h"

struct piece {
	struct piece *next;
	const struct ecap_layout *layout; /* NULL: a string, or room when addr is 0 too */
	uint64_t addr;
	uint32_t n, stride;
	uint64_t size;                    /* of bytes */
	_Alignas(16) uint8_t bytes[];
};

struct ecap_copies {
	const struct ecap_module_elf *elf;
	struct ecap_relocs *relocs;
	struct piece *pieces;
	const char *later; /* the first table that uses members of a later SDK, or NULL */
	const char *odd;   /* the first text that is not fit for a terminal, or NULL */
};

int ecap_copies_new(const struct ecap_module_elf *elf, struct ecap_copies **copies)
{
	struct ecap_copies *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	made->elf = elf;
	int err = ecap_relocs_read(elf, &made->relocs);

	if (err) {
		free(made);
		return err;
	}
	*copies = made;
	return 0;
}

void ecap_copies_detach(struct ecap_copies *copies)
{
	ecap_relocs_free(copies->relocs);
	copies->relocs = NULL;
	copies->elf = NULL;
}

void ecap_copies_free(struct ecap_copies *copies)
{
	if (!copies)
		return;
	while (copies->pieces) {
		struct piece *piece = copies->pieces;

		copies->pieces = piece->next;
		free(piece);
	}
	ecap_relocs_free(copies->relocs);
	free(copies);
}

/* NULL, with an error text, when there is no memory. */
static struct piece *piece_new(struct ecap_copies *copies, uint64_t size)
{
	struct piece *made = calloc(1, sizeof(*made) + size);

	if (!made) {
		ecap_err(-ENOMEM, "out of memory");
		return NULL;
	}
	made->size = size;
	made->next = copies->pieces;
	copies->pieces = made;
	return made;
}

int ecap_copies_room(struct ecap_copies *copies, uint64_t size, void **room)
{
	struct piece *piece = piece_new(copies, size);

	if (!piece)
		return -ENOMEM;
	*room = piece->bytes;
	return 0;
}

/* Bytes of a row that both the module and today's struct have. */
static uint32_t shared_size(const struct ecap_layout *layout, uint32_t stride)
{
	return stride < layout->size ? stride : layout->size;
}

static uint32_t pointer_at(const struct ecap_layout *layout, uint32_t i)
{
	return layout->pointers ? layout->pointers[i]
				: layout->code + i * (uint32_t)sizeof(uint64_t);
}

static int copy_row(struct ecap_copies *copies, const struct ecap_layout *layout,
		    uint64_t addr, uint32_t stride, uint8_t *row)
{
	uint32_t size = shared_size(layout, stride);

	memcpy(row, ecap_module_elf_at(copies->elf, addr, size), size);
	for (uint32_t i = 0; i < layout->n_pointers; i++) {
		uint32_t offset = pointer_at(layout, i);
		uint64_t target;

		if (offset + sizeof(target) > size)
			continue;
		int err = ecap_relocs_pointer(copies->relocs, addr + offset, &target);

		if (err)
			return err;
		if (target == ECAP_ADDR_FOREIGN && !layout->code)
			return ecap_err(-EINVAL, "its %s leads to data of another library; all of "
					"it must be constants of the module", layout->name);
		memcpy(row + offset, &target, sizeof(target));
	}
	if (stride > size && !copies->later &&
	    !ecap_relocs_is_zero(copies->relocs, addr + size, stride - size))
		copies->later = layout->name;
	return 0;
}

int ecap_copy_rows(struct ecap_copies *copies, const struct ecap_layout *layout, uint64_t addr,
		   uint32_t n, uint32_t stride, void **rows)
{
	if (!addr)
		return ecap_err(-EINVAL, "damaged: no %s at all, although they are counted",
				layout->name);
	if (stride < layout->min_size || stride > ECAP_ABI_MAX_SIZE || stride % sizeof(uint64_t))
		return ecap_err(-EINVAL, "its %s has %u bytes, expected are %u to %u; rebuild it "
				"with the SDK", layout->name, stride, layout->min_size,
				ECAP_ABI_MAX_SIZE);
	if (!ecap_module_elf_at(copies->elf, addr, (uint64_t)n * stride))
		return ecap_err(-EINVAL, "damaged: its %s ends outside of its data", layout->name);
	struct piece *piece = piece_new(copies, (uint64_t)n * layout->size);

	if (!piece)
		return -ENOMEM;
	piece->layout = layout;
	piece->addr = addr;
	piece->n = n;
	piece->stride = stride;
	for (uint32_t i = 0; i < n; i++) {
		int err = copy_row(copies, layout, addr + (uint64_t)i * stride, stride,
				   piece->bytes + (uint64_t)i * layout->size);

		if (err)
			return err;
	}
	*rows = piece->bytes;
	return 0;
}

/* Texts end up on terminals, so they may not hold anything that steers one, and in JSON. */
static int is_plain(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		size_t n = *p == '\n' || *p == '\t' ? 1 : ecap_utf8_shown(p, end);

		if (!n)
			return 0;
		p += n;
	}
	return 1;
}

int ecap_copy_string(struct ecap_copies *copies, uint64_t addr, const char **string)
{
	const uint8_t *bytes = NULL;
	uint64_t len = 0;

	do {
		bytes = ecap_module_elf_at(copies->elf, addr, len + 1);
		if (!bytes || len == ECAP_MAX_STRING)
			return ecap_err(-EINVAL, "damaged: a text that does not end in its data, "
					"or is longer than %u bytes", ECAP_MAX_STRING - 1);
	} while (bytes[len++]);
	struct piece *piece = piece_new(copies, len);

	if (!piece)
		return -ENOMEM;
	piece->addr = addr;
	memcpy(piece->bytes, bytes, len);
	*string = (const char *)piece->bytes;
	if (!copies->odd && !is_plain(bytes, bytes + len - 1))
		copies->odd = *string;
	return 0;
}

int ecap_copies_check_later(const struct ecap_copies *copies)
{
	if (!copies->later)
		return 0;
	return ecap_err(-EINVAL, "its %s uses members of a later SDK, although the module says that "
			"it runs on this one; rebuild it with an ECAP_ABI_TARGET that is right, or "
			"upgrade ecapture", copies->later);
}

int ecap_copies_check_texts(const struct ecap_copies *copies)
{
	if (!copies->odd)
		return 0;
	return ecap_err(-EINVAL, "one of its texts has control characters or is not UTF-8: %s; it "
			"may have tabs and line ends only", ecap_show(copies->odd, '"').s);
}

static int same_row(const struct piece *piece, const uint8_t *row, uintptr_t in_memory,
		    uintptr_t base)
{
	const struct ecap_layout *layout = piece->layout;
	uint32_t size = shared_size(layout, piece->stride);
	uint8_t actual[ECAP_ABI_MAX_SIZE];

	memcpy(actual, (const void *)in_memory, piece->stride);
	for (uint32_t i = 0; i < layout->n_pointers; i++) {
		uint32_t offset = pointer_at(layout, i);
		uint64_t target, pointer;

		if (offset + sizeof(target) > size)
			continue;
		memcpy(&target, row + offset, sizeof(target));
		memcpy(&pointer, actual + offset, sizeof(pointer));
		/* of a function elsewhere, all that is known is that it must be there */
		if (target == ECAP_ADDR_FOREIGN ? !pointer :
		    pointer != (target ? base + target : 0))
			return 0;
		memcpy(actual + offset, &target, sizeof(target));
	}
	for (uint32_t i = size; i < piece->stride; i++) {
		if (actual[i])
			return 0;
	}
	return !memcmp(actual, row, size);
}

/* Whether there is memory: the file may have become a shorter one since it was read. */
static int is_mapped(uint64_t addr, uint64_t len, const Elf64_Phdr *ph, uint32_t n_ph)
{
	for (uint32_t i = 0; i < n_ph; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_R && addr >= ph[i].p_vaddr &&
		    addr - ph[i].p_vaddr <= ph[i].p_memsz &&
		    len <= ph[i].p_memsz - (addr - ph[i].p_vaddr))
			return 1;
	}
	return 0;
}

static int compare_rows(const struct piece *piece, uintptr_t base)
{
	for (uint32_t i = 0; i < piece->n; i++) {
		const uint8_t *row = piece->bytes + (uint64_t)i * piece->layout->size;

		if (!same_row(piece, row, base + piece->addr + (uintptr_t)i * piece->stride, base))
			return ecap_err(-ESTALE, "its %s", piece->layout->name);
	}
	return 0;
}

int ecap_copies_compare(const struct ecap_copies *copies, uintptr_t base, const Elf64_Phdr *ph,
			uint32_t n_ph)
{
	for (const struct piece *piece = copies->pieces; piece; piece = piece->next) {
		const struct ecap_layout *layout = piece->layout;
		uint64_t len = layout ? (uint64_t)piece->n * piece->stride : piece->size;
		int err = 0;

		if (!piece->addr)
			continue;
		if (!is_mapped(piece->addr, len, ph, n_ph))
			return ecap_err(-ESTALE, "its size");
		if (layout)
			err = compare_rows(piece, base);
		else if (memcmp((const void *)(base + piece->addr), piece->bytes, piece->size))
			err = ecap_err(-ESTALE, "a text");
		if (err)
			return err;
	}
	return 0;
}
