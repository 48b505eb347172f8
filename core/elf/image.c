/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file as it lies in memory: a copy of the parts that questions are about. Whoever may write to
 * the file could change it between a look at a number and its use, or cut it, and a mapping of it
 * would show that: as other numbers, or as SIGBUS. What is not copied reads as zeros.
 * Formats: elf(5); what debug sections are for is in debug.c.
 */
#include "file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "../err.h"
#include "../util.h"

/* Bounds, some ten times what the largest programs have: nobody's file may take all memory. */
#define MAX_FILE     (UINT64_C(16) << 30) /* most of it sections that are not copied */
#define MAX_COPIED   (UINT64_C(1) << 30)
#define MAX_SYMBOLS  (UINT64_C(8) << 20)
#define MAX_SECTIONS SHN_LORESERVE        /* with more the count is elsewhere: elf(5), e_shnum */
#define CHUNK        ((size_t)1 << 20)

struct copy {
	const char *path;
	int fd;
	uint8_t *bytes;
	uint64_t size, copied;
};

void elf_image_close(struct elf_image *image)
{
	elf_end(image->elf);
	if (image->bytes && image->mapped)
		munmap(image->bytes, image->size);
	else
		free(image->bytes);
	*image = (struct elf_image){ 0 };
}

/* Reads what is no hole: memory that nothing was written to costs nothing. */
static int read_data(const struct copy *c, uint64_t at, uint64_t end)
{
	while (at < end) {
		off_t data = lseek(c->fd, (off_t)at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data > (off_t)at)
			at = (uint64_t)data;
		if (at >= end)
			return 0;

		off_t hole = lseek(c->fd, (off_t)at, SEEK_HOLE);
		uint64_t stop = hole > (off_t)at && (uint64_t)hole < end ? (uint64_t)hole : end;
		ssize_t n = pread(c->fd, c->bytes + at, stop - at, (off_t)at);

		if (n < 0)
			return ecap_err(-errno, "reading %s: %s", c->path, strerror(errno));
		if (!n)
			return 0; /* it has become shorter */
		at += (uint64_t)n;
	}
	return 0;
}

static int copy_part(struct copy *c, uint64_t offset, uint64_t len)
{
	if (offset >= c->size)
		return 0;
	len = len < c->size - offset ? len : c->size - offset;
	c->copied += len;
	if (c->copied > MAX_COPIED)
		return ecap_err(-EFBIG, "%s has more than %llu MiB of code, data and symbols, which "
				"is not looked at", c->path, (unsigned long long)MAX_COPIED >> 20);
	return read_data(c, offset, offset + len);
}

static bool is_in(const struct copy *c, uint64_t offset, uint64_t n, size_t each)
{
	return offset <= c->size && n <= (c->size - offset) / each;
}

static int copy_segments(struct copy *c, const Elf64_Ehdr *eh)
{
	uint64_t n = eh->e_phnum < ELF_MAX_PROGRAM_HEADERS ? eh->e_phnum : ELF_MAX_PROGRAM_HEADERS;
	int err = copy_part(c, eh->e_phoff, n * sizeof(Elf64_Phdr));

	if (!is_in(c, eh->e_phoff, n, sizeof(Elf64_Phdr)))
		return err;
	for (uint64_t i = 0; i < n && !err; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, c->bytes + eh->e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD || ph.p_type == PT_NOTE || ph.p_type == PT_DYNAMIC ||
		    ph.p_type == PT_GNU_EH_FRAME)
			err = copy_part(c, ph.p_offset, ph.p_filesz);
	}
	return err;
}

static Elf64_Shdr section_at(const struct copy *c, const Elf64_Ehdr *eh, uint32_t index)
{
	Elf64_Shdr sh;

	memcpy(&sh, c->bytes + eh->e_shoff + index * sizeof(sh), sizeof(sh));
	return sh;
}

/* Those that debug.c asks for by their names, which are copied by now. */
static bool is_named(const struct copy *c, const Elf64_Ehdr *eh, const Elf64_Shdr *sh)
{
	static const char *const names[] = { ".gnu_debuglink", ".gnu_debugdata" };
	Elf64_Shdr table;

	if (sh->sh_type == SHT_NOBITS || eh->e_shstrndx >= eh->e_shnum)
		return false;
	table = section_at(c, eh, eh->e_shstrndx);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]) + 1;

		if (is_in(c, table.sh_offset, table.sh_size, 1) && sh->sh_name < table.sh_size &&
		    table.sh_size - sh->sh_name >= len &&
		    !memcmp(c->bytes + table.sh_offset + sh->sh_name, names[i], len))
			return true;
	}
	return false;
}

static int copy_section(struct copy *c, const Elf64_Ehdr *eh, const Elf64_Shdr *sh, bool named)
{
	bool symbols = sh->sh_type == SHT_SYMTAB || sh->sh_type == SHT_DYNSYM;

	if (symbols && sh->sh_size / sizeof(Elf64_Sym) > MAX_SYMBOLS)
		return ecap_err(-EFBIG, "%s has more than %llu symbols, and is not looked at",
				c->path, (unsigned long long)MAX_SYMBOLS);
	if (named ? is_named(c, eh, sh) : symbols || sh->sh_type == SHT_STRTAB)
		return copy_part(c, sh->sh_offset, sh->sh_size);
	return 0;
}

static int copy_sections(struct copy *c, const Elf64_Ehdr *eh)
{
	int err = copy_part(c, eh->e_shoff, eh->e_shnum * sizeof(Elf64_Shdr));

	for (int named = 0; named < 2; named++)
		for (uint32_t i = 0; i < eh->e_shnum && !err; i++) {
			Elf64_Shdr sh = section_at(c, eh, i);

			err = copy_section(c, eh, &sh, named);
		}
	return err;
}

/*
 * Takes a table of sections that is not in the file, or has too many, out of the header: libelf
 * allocates room for as many as are said before it looks further.
 */
static void cut_sections(const struct copy *c, Elf64_Ehdr *eh)
{
	if (eh->e_shnum && eh->e_shnum < MAX_SECTIONS && eh->e_shentsize == sizeof(Elf64_Shdr) &&
	    is_in(c, eh->e_shoff, eh->e_shnum, sizeof(Elf64_Shdr)))
		return;
	eh->e_shoff = 0;
	eh->e_shnum = 0;
	eh->e_shstrndx = SHN_UNDEF;
}

static bool is_ours(const Elf64_Ehdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB;
}

static int copy_parts(struct copy *c)
{
	Elf64_Ehdr eh;
	int err = copy_part(c, 0, sizeof(eh));

	memcpy(&eh, c->bytes, sizeof(eh));
	if (err || !is_ours(&eh))
		return err;
	cut_sections(c, &eh);
	memcpy(c->bytes, &eh, sizeof(eh));
	err = copy_segments(c, &eh);
	if (!err)
		err = copy_sections(c, &eh);
	/* A part may lie where the header is. */
	memcpy(c->bytes, &eh, sizeof(eh));
	return err;
}

int elf_image_parse(struct elf_image *image)
{
	struct copy c = { .size = image->size };
	Elf64_Ehdr eh;

	if (image->size < sizeof(eh))
		return -ENOEXEC;
	memcpy(&eh, image->bytes, sizeof(eh));
	if (!is_ours(&eh))
		return -ENOEXEC;
	cut_sections(&c, &eh);
	memcpy(image->bytes, &eh, sizeof(eh));
	image->elf = elf_memory((char *)image->bytes, image->size);
	return image->elf ? 0 : -ENOEXEC;
}

/* Opens a regular file. O_NONBLOCK: a FIFO of that name must not hang us. */
static int open_file(const char *path, uint64_t *size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return ecap_err(-errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return ecap_err(-ENOEXEC, "%s is not an ELF file", path);
	*size = (uint64_t)st.st_size;
	return TAKE_FD(fd);
}

void elf_image_shown(const char *path, char *shown, size_t size)
{
	ssize_t n = strncmp(path, "/proc/", 6) ? -1 : readlink(path, shown, size - 1);

	if (n > 0)
		shown[n] = 0;
	else
		snprintf(shown, size, "%s", path);
}

int elf_image_read(const char *path, struct elf_image *image)
{
	char shown[PATH_MAX];
	struct copy c = { .path = shown };

	elf_image_shown(path, shown, sizeof(shown));

	_cleanup_close_ int fd = open_file(path, &c.size);

	if (fd < 0)
		return fd;
	if (c.size > MAX_FILE)
		return ecap_err(-EFBIG, "%s has more than %llu GiB, and is not looked at", shown,
				(unsigned long long)MAX_FILE >> 30);

	void *map = mmap(NULL, c.size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return ecap_err(-errno, "memory for %s: %s", shown, strerror(errno));
	c.fd = fd;
	c.bytes = map;

	int err = copy_parts(&c);

	if (err)
		munmap(map, c.size);
	else
		*image = (struct elf_image){ .bytes = map, .size = c.size, .mapped = true };
	return err;
}

bool elf_image_has_crc(const char *path, uint32_t expected)
{
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);
	uint64_t size;
	_cleanup_close_ int fd = open_file(path, &size);
	uLong crc = 0;
	ssize_t n = 0;

	if (fd < 0 || size > MAX_COPIED || !chunk)
		return false;
	for (uint64_t at = 0; at < size && (n = pread(fd, chunk, CHUNK, (off_t)at)) > 0;
	     at += (uint64_t)n)
		crc = crc32_z(crc, chunk, (size_t)n);
	return n > 0 && crc == expected;
}
