/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks names up in the hash table that the dynamic linker uses, which takes some ten reads of
 * a few bytes. The file belongs to others and may shrink at any time, so it is read and not
 * mapped, and nothing in it is believed.
 *
 * Formats: elf(5), System V ABI chapter 5 (DT_HASH), glibc elf/dl-lookup.c and
 * sysdeps/generic/dl-hash.h (DT_GNU_HASH).
 */
#include "targets/symbols.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "util.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "ELF machine number"
#endif

#define MAX_PHDRS   256u   /* programs have some ten */
#define MAX_DYNAMIC 1024u  /* entries; libraries have some thirty */
#define MAX_NAME    1024u
#define MAX_CHAIN   65536u /* symbols looked at for one name */

struct image {
	int fd;
	uint32_t n_phdrs;
	Elf64_Phdr phdrs[MAX_PHDRS];
	uint64_t symtab, strtab, gnu_hash, sysv_hash; /* addresses, 0: none */
};

static bool read_at(int fd, uint64_t offset, void *to, size_t len)
{
	return offset <= INT64_MAX && pread(fd, to, len, (off_t)offset) == (ssize_t)len;
}

static bool read_addr(const struct image *image, uint64_t addr, void *to, size_t len)
{
	for (uint32_t i = 0; i < image->n_phdrs; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];

		if (phdr->p_type == PT_LOAD && addr >= phdr->p_vaddr &&
		    addr - phdr->p_vaddr < phdr->p_filesz &&
		    phdr->p_filesz - (addr - phdr->p_vaddr) >= len)
			return read_at(image->fd, phdr->p_offset + (addr - phdr->p_vaddr), to, len);
	}
	return false;
}

static int read_headers(struct image *image)
{
	Elf64_Ehdr ehdr;

	if (!read_at(image->fd, 0, &ehdr, sizeof(ehdr)) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_machine != MACHINE ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN) ||
	    ehdr.e_phentsize != sizeof(Elf64_Phdr) || ehdr.e_phnum > MAX_PHDRS ||
	    !read_at(image->fd, ehdr.e_phoff, image->phdrs, ehdr.e_phnum * sizeof(Elf64_Phdr)))
		return -ENOEXEC;
	image->n_phdrs = ehdr.e_phnum;
	return 0;
}

static bool read_dynamic(struct image *image)
{
	Elf64_Dyn dynamic[MAX_DYNAMIC];
	const Elf64_Phdr *phdr = NULL;

	for (uint32_t i = 0; i < image->n_phdrs; i++)
		if (image->phdrs[i].p_type == PT_DYNAMIC)
			phdr = &image->phdrs[i];
	if (!phdr || phdr->p_filesz > sizeof(dynamic) ||
	    !read_at(image->fd, phdr->p_offset, dynamic, phdr->p_filesz))
		return false;
	for (size_t i = 0; i < phdr->p_filesz / sizeof(*dynamic); i++) {
		uint64_t value = dynamic[i].d_un.d_ptr;

		switch (dynamic[i].d_tag) {
		case DT_SYMTAB:
			image->symtab = value;
			break;
		case DT_STRTAB:
			image->strtab = value;
			break;
		case DT_GNU_HASH:
			image->gnu_hash = value;
			break;
		case DT_HASH:
			image->sysv_hash = value;
			break;
		case DT_NULL:
			return image->symtab && image->strtab;
		}
	}
	return image->symtab && image->strtab;
}

/* Whether the symbol with this index has this name and is defined in the file. */
static bool defines(const struct image *image, uint64_t index, const char *name)
{
	char found[MAX_NAME];
	size_t len = strlen(name) + 1;
	Elf64_Sym sym;

	return len <= sizeof(found) &&
	       read_addr(image, image->symtab + index * sizeof(sym), &sym, sizeof(sym)) &&
	       sym.st_shndx != SHN_UNDEF &&
	       read_addr(image, image->strtab + sym.st_name, found, len) &&
	       !memcmp(found, name, len);
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static bool find_gnu(const struct image *image, const char *name)
{
	struct {
		uint32_t n_buckets, first, n_blooms, shift;
	} table;
	uint32_t h = gnu_hash(name), index, chain;
	uint64_t bloom, at = image->gnu_hash + sizeof(table);

	if (!read_addr(image, image->gnu_hash, &table, sizeof(table)) || !table.n_buckets ||
	    !table.n_blooms || table.shift > 31)
		return false;
	if (!read_addr(image, at + h / 64 % table.n_blooms * sizeof(bloom), &bloom, sizeof(bloom)) ||
	    !(bloom >> h % 64 & bloom >> (h >> table.shift) % 64 & 1))
		return false;
	at += table.n_blooms * sizeof(bloom);
	if (!read_addr(image, at + h % table.n_buckets * sizeof(index), &index, sizeof(index)) ||
	    index < table.first)
		return false;
	at += table.n_buckets * sizeof(index);
	for (uint32_t n = 0; n < MAX_CHAIN; n++, index++) {
		uint64_t offset = (uint64_t)(index - table.first) * sizeof(chain);

		if (!read_addr(image, at + offset, &chain, sizeof(chain)))
			return false;
		if ((chain | 1) == (h | 1) && defines(image, index, name))
			return true;
		if (chain & 1)
			return false;
	}
	return false;
}

static uint32_t sysv_hash(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		h ^= h >> 24 & 0xf0;
		h &= 0x0fffffff;
	}
	return h;
}

static bool find_sysv(const struct image *image, const char *name)
{
	struct {
		uint32_t n_buckets, n_chains;
	} table;
	uint32_t index;
	uint64_t at = image->sysv_hash + sizeof(table);

	if (!read_addr(image, image->sysv_hash, &table, sizeof(table)) || !table.n_buckets ||
	    !read_addr(image, at + sysv_hash(name) % table.n_buckets * sizeof(index), &index,
		       sizeof(index)))
		return false;
	at += table.n_buckets * sizeof(index);
	for (uint32_t n = 0; index && index < table.n_chains && n < MAX_CHAIN; n++) {
		if (defines(image, index, name))
			return true;
		if (!read_addr(image, at + index * sizeof(index), &index, sizeof(index)))
			return false;
	}
	return false;
}

int ecap_symbols_defined(int fd, const char *const *names)
{
	struct image image = {.fd = fd};
	int r = read_headers(&image);

	if (r)
		return r;
	if (!names)
		return 1;
	if (!read_dynamic(&image))
		return 0;
	for (; *names; names++) {
		bool found = image.gnu_hash ? find_gnu(&image, *names)
			   : image.sysv_hash ? find_sysv(&image, *names) : false;

		if (!found)
			return 0;
	}
	return 1;
}
