/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module file in memory, to damage. Finds its places by the file's own headers; none of the
 * code that is tested is used for that.
 */
#ifndef TESTS_UNIT_MODULES_IMAGE_H
#define TESTS_UNIT_MODULES_IMAGE_H

#include "build.h"

#include <sys/mman.h>

#if defined(__x86_64__)
#define RELATIVE R_X86_64_RELATIVE
#elif defined(__aarch64__)
#define RELATIVE R_AARCH64_RELATIVE
#endif

struct image {
	uint8_t *bytes;
	size_t size;
};

static inline void image_read(const char *path, struct image *image)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	image->size = (size_t)st.st_size;
	image->bytes = malloc(image->size);
	assert_non_null(image->bytes);
	assert_int_equal(fread(image->bytes, 1, image->size, file), image->size);
	fclose(file);
}

static inline struct image image_copy(const struct image *from)
{
	struct image copy = { malloc(from->size), from->size };

	assert_non_null(copy.bytes);
	memcpy(copy.bytes, from->bytes, from->size);
	return copy;
}

/* An fd of a file with the first @size bytes of the image. */
static inline int image_fd(const struct image *image, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image->bytes, size), size);
	return fd;
}

/* The first program header of a type. */
static inline Elf64_Phdr *image_phdr(const struct image *image, uint32_t type)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image->bytes;
	Elf64_Phdr *ph = (Elf64_Phdr *)(image->bytes + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++) {
		if (ph[i].p_type == type)
			return &ph[i];
	}
	fail_msg("no program header of type %u", type);
	return NULL;
}

/* The bytes at an address of the file. */
static inline uint8_t *image_at(const struct image *image, uint64_t addr)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image->bytes;
	Elf64_Phdr *ph = (Elf64_Phdr *)(image->bytes + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && addr >= ph[i].p_vaddr &&
		    addr < ph[i].p_vaddr + ph[i].p_filesz)
			return image->bytes + ph[i].p_offset + (addr - ph[i].p_vaddr);
	}
	fail_msg("no bytes at %#llx", (unsigned long long)addr);
	return NULL;
}

/* The relocation that makes the pointer at an address. */
static inline Elf64_Rela *image_rela(const struct image *image, uint64_t addr)
{
	const Elf64_Rela wanted = { .r_offset = addr, .r_info = ELF64_R_INFO(0, RELATIVE) };

	for (size_t i = 0; i + sizeof(wanted) <= image->size; i += 8) {
		if (!memcmp(image->bytes + i, &wanted, offsetof(Elf64_Rela, r_addend)))
			return (Elf64_Rela *)(image->bytes + i);
	}
	fail_msg("no relocation at %#llx", (unsigned long long)addr);
	return NULL;
}

#endif
