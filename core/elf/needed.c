/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libraries that a file is linked with, as its segments say: DT_NEEDED, offsets in DT_STRTAB.
 * Format: elf(5).
 */
#include "file.h"

#include <elf.h>
#include <string.h>

/* Programs have some hundred, with names of some ten bytes: a damaged file must not make more. */
#define MAX_NEEDED 512
#define MAX_NAME   256

static void tell_name(const struct ecap_elf_file *file, uint64_t addr,
		      void (*name)(void *arg, const char *name), void *arg)
{
	char text[MAX_NAME + 1];
	const char *byte;
	size_t n = 0;

	while (n < MAX_NAME && (byte = elf_file_data(file, addr + n, 1)) && *byte)
		text[n++] = *byte;
	text[n] = 0;
	if (n)
		name(arg, text);
}

void elf_file_needed(const struct ecap_elf_file *file, void (*name)(void *arg, const char *name),
		     void *arg)
{
	struct ecap_elf_segment dynamic;
	uint64_t strtab = 0;

	if (elf_file_program_header(file, PT_DYNAMIC, &dynamic) != 0)
		return;

	const uint8_t *entries = file->map + dynamic.offset;
	uint32_t n = 0;

	for (uint64_t i = 0; i < dynamic.size / 16 && elf_u64(entries + 16 * i) != DT_NULL; i++)
		if (elf_u64(entries + 16 * i) == DT_STRTAB)
			strtab = elf_u64(entries + 16 * i + 8);
	for (uint64_t i = 0; i < dynamic.size / 16 && elf_u64(entries + 16 * i) != DT_NULL; i++)
		if (strtab && elf_u64(entries + 16 * i) == DT_NEEDED && n++ < MAX_NEEDED)
			tell_name(file, strtab + elf_u64(entries + 16 * i + 8), name, arg);
}
