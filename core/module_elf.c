/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a shared object the way the dynamic linker does: by program headers and the dynamic
 * section, never by section headers, so that both see the same thing. Layouts and meanings are
 * from the ELF gABI (System V ABI, chapters 4 and 5) and elf(5).
 */
#include "module_elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ecapture/module.h>

#include "err.h"
#include "util.h"

#define MAX_FILE     (64u << 20) /* a module with its BPF objects is some 100 KiB */
#define MAX_PHNUM    64u
#define MAX_SEGMENTS 16u
#define N_TAGS       (DT_RELR + 1u) /* DT_RELR is the last of the gABI's tags */

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#else
#error "module files of this machine are not known"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_DATA ELFDATA2LSB
#else
#define HOST_DATA ELFDATA2MSB
#endif

struct segment {
	uint64_t vaddr, memsz;
	uint64_t offset, filesz;
	uint32_t flags;
};

struct ecap_module_elf {
	uint8_t *data;
	uint64_t size;
	struct segment segments[MAX_SEGMENTS]; /* PT_LOAD, ascending */
	uint32_t n_segments;
	uint64_t dynamic, n_dynamic;           /* file offset, entries in front of DT_NULL */
	uint64_t tags[N_TAGS];
	uint64_t gnu_hash, flags_1;
	int64_t stack_flags;                   /* of PT_GNU_STACK, or -1: there is none */
	const char *strings;
	uint64_t n_symbols;
};

static void elf_freep(struct ecap_module_elf **elf)
{
	ecap_module_elf_free(*elf);
}

static const char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{ EM_386, "i386" }, { EM_X86_64, "x86-64" }, { EM_ARM, "arm" },
		{ EM_AARCH64, "aarch64" }, { EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" },
		{ EM_S390, "s390" }, { EM_MIPS, "mips" }, { EM_LOONGARCH, "loongarch" },
		{ EM_BPF, "the kernel's BPF machine" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return "another machine";
}

static const char *type_name(uint16_t type)
{
	switch (type) {
	case ET_REL:
		return "an object file; link it with -shared";
	case ET_EXEC:
		return "a program; link it with -shared";
	case ET_CORE:
		return "a core dump";
	default:
		return "an ELF file of an unknown type";
	}
}

static int read_file(int fd, struct ecap_module_elf *elf)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ecap_err(-errno, "cannot look at it: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ecap_err(-EINVAL, "not a regular file");
	if (st.st_size > (off_t)MAX_FILE)
		return ecap_err(-EFBIG, "larger than %u MiB; strip it", MAX_FILE >> 20);

	elf->data = malloc((size_t)st.st_size + 1);
	if (!elf->data)
		return ecap_err(-ENOMEM, "out of memory for %lld bytes", (long long)st.st_size);
	while (elf->size < (uint64_t)st.st_size) {
		ssize_t n = pread(fd, elf->data + elf->size, (size_t)st.st_size - elf->size,
				  (off_t)elf->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ecap_err(-errno, "cannot read it: %s", strerror(errno));
		if (n == 0)
			break;
		elf->size += (uint64_t)n;
	}
	return 0;
}

/* Copies @len bytes at a file offset: what a file says is aligned need not be. */
static int copy_out(const struct ecap_module_elf *elf, uint64_t offset, uint64_t len, void *to)
{
	if (offset > elf->size || len > elf->size - offset)
		return -EINVAL;
	memcpy(to, elf->data + offset, len);
	return 0;
}

static int check_header(const struct ecap_module_elf *elf, Elf64_Ehdr *header)
{
	const unsigned char *ident = header->e_ident;

	if (elf->size < EI_NIDENT || memcmp(elf->data, ELFMAG, SELFMAG))
		return ecap_err(-ENOEXEC, "not an ELF file");
	if (elf->data[EI_CLASS] != ELFCLASS64)
		return ecap_err(-ENOEXEC, "not a 64-bit ELF file; build it for this machine");
	if (copy_out(elf, 0, sizeof(*header), header))
		return ecap_err(-ENOEXEC, "damaged: it ends in the ELF header");
	if (ident[EI_DATA] != HOST_DATA)
		return ecap_err(-ENOEXEC, "of another byte order than this machine; build it for "
				"this machine");
	if (ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return ecap_err(-ENOEXEC, "damaged: ELF version %u", header->e_version);
	if (header->e_machine != HOST_MACHINE)
		return ecap_err(-ENOEXEC, "for %s (ELF machine %u), this ecapture is %s; build it "
				"for this machine",
				machine_name(header->e_machine), header->e_machine,
				machine_name(HOST_MACHINE));
	if (header->e_type != ET_DYN)
		return ecap_err(-ENOEXEC, "not a shared object but %s",
				type_name(header->e_type));
	if (header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum ||
	    header->e_phnum > MAX_PHNUM)
		return ecap_err(-ENOEXEC, "damaged: %u program headers of %u bytes",
				header->e_phnum, header->e_phentsize);
	return 0;
}

static int add_segment(struct ecap_module_elf *elf, const Elf64_Phdr *ph)
{
	const struct segment *last = elf->n_segments ? &elf->segments[elf->n_segments - 1] : NULL;
	uint64_t free_from = last ? last->vaddr + last->memsz : 0;

	if (elf->n_segments == MAX_SEGMENTS)
		return ecap_err(-ENOEXEC, "damaged: more than %u segments", MAX_SEGMENTS);
	if (ph->p_offset > elf->size || ph->p_filesz > elf->size - ph->p_offset)
		return ecap_err(-ENOEXEC, "damaged: a segment ends behind the file");
	if (ph->p_memsz < ph->p_filesz || ph->p_vaddr > UINT64_MAX - ph->p_memsz ||
	    ph->p_vaddr < free_from)
		return ecap_err(-ENOEXEC, "damaged: segments overlap");

	elf->segments[elf->n_segments++] = (struct segment){
		.vaddr = ph->p_vaddr, .memsz = ph->p_memsz,
		.offset = ph->p_offset, .filesz = ph->p_filesz, .flags = ph->p_flags,
	};
	return 0;
}

static int read_program_headers(struct ecap_module_elf *elf, const Elf64_Ehdr *header)
{
	Elf64_Phdr dynamic;
	int have_dynamic = 0;

	elf->stack_flags = -1;

	for (uint32_t i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr ph;
		uint64_t room = elf->size / sizeof(ph);

		if (header->e_phoff > elf->size || i >= room ||
		    copy_out(elf, header->e_phoff + i * sizeof(ph), sizeof(ph), &ph))
			return ecap_err(-ENOEXEC, "damaged: it ends in the program headers");
		if (ph.p_type == PT_LOAD) {
			int err = add_segment(elf, &ph);

			if (err)
				return err;
		} else if (ph.p_type == PT_DYNAMIC) {
			dynamic = ph;
			have_dynamic = 1;
		} else if (ph.p_type == PT_GNU_STACK) {
			elf->stack_flags = ph.p_flags;
		}
	}

	if (!have_dynamic || !ecap_module_elf_at(elf, dynamic.p_vaddr, dynamic.p_filesz))
		return ecap_err(-ENOEXEC, "not a shared object: it has no dynamic section; link it "
				"with -shared");
	elf->dynamic = ecap_module_elf_offset(elf, dynamic.p_vaddr);
	elf->n_dynamic = dynamic.p_filesz / sizeof(Elf64_Dyn);
	return 0;
}

static void read_dynamic(struct ecap_module_elf *elf)
{
	for (uint64_t i = 0; i < elf->n_dynamic; i++) {
		Elf64_Dyn dyn;

		copy_out(elf, elf->dynamic + i * sizeof(dyn), sizeof(dyn), &dyn);
		if (dyn.d_tag == DT_NULL)
			elf->n_dynamic = i;
		else if (dyn.d_tag > 0 && dyn.d_tag < N_TAGS)
			elf->tags[dyn.d_tag] = dyn.d_un.d_val;
		else if (dyn.d_tag == DT_GNU_HASH)
			elf->gnu_hash = dyn.d_un.d_val;
		else if (dyn.d_tag == DT_FLAGS_1)
			elf->flags_1 = dyn.d_un.d_val;
		/* an entry without a use for its value, which may be 0 */
		if (dyn.d_tag == DT_TEXTREL)
			elf->tags[DT_FLAGS] |= DF_TEXTREL;
	}
}

static int read_strings(struct ecap_module_elf *elf)
{
	uint64_t size = elf->tags[DT_STRSZ];

	if (size)
		elf->strings = ecap_module_elf_at(elf, elf->tags[DT_STRTAB], size);
	/* with a NUL as the last byte, every string ends in the table */
	if (!elf->strings || elf->strings[size - 1])
		return ecap_err(-ENOEXEC, "damaged: no table of strings");
	return 0;
}

static uint32_t read_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * The GNU hash table does not say how many symbols there are: it is one more than the end of
 * the chain of the highest bucket (glibc, elf/dl-lookup.c, do_lookup_x() and
 * _dl_setup_hash()). Header: buckets, first hashed symbol, bloom words, bloom shift.
 */
static int count_by_gnu_hash(const struct ecap_module_elf *elf, uint64_t *n)
{
	const uint8_t *header = ecap_module_elf_at(elf, elf->gnu_hash, 16);

	if (!header)
		return -EINVAL;
	uint64_t n_buckets = read_u32(header), first = read_u32(header + 4);
	uint64_t buckets_at = elf->gnu_hash + 16 + 8 * (uint64_t)read_u32(header + 8);
	const uint8_t *buckets = ecap_module_elf_at(elf, buckets_at, 4 * n_buckets);
	uint64_t last = 0;

	if (!buckets)
		return -EINVAL;
	for (uint64_t i = 0; i < n_buckets; i++) {
		uint64_t symbol = read_u32(buckets + 4 * i);

		last = symbol > last ? symbol : last;
	}
	if (last < first) {
		*n = first;
		return 0;
	}
	for (;; last++) {
		const uint8_t *chain = ecap_module_elf_at(elf, buckets_at + 4 * n_buckets +
							  4 * (last - first), 4);

		if (!chain)
			return -EINVAL;
		if (read_u32(chain) & 1)
			break;
	}
	*n = last + 1;
	return 0;
}

static int read_symbols(struct ecap_module_elf *elf)
{
	const uint8_t *hash = ecap_module_elf_at(elf, elf->tags[DT_HASH], 8);
	uint64_t n = 0;

	if (elf->gnu_hash) {
		if (count_by_gnu_hash(elf, &n))
			return ecap_err(-ENOEXEC, "damaged: the hash table of its symbols");
	} else if (elf->tags[DT_HASH] && hash) {
		n = read_u32(hash + 4); /* the length of the chain is the number of symbols */
	}
	if (!ecap_module_elf_at(elf, elf->tags[DT_SYMTAB], n * sizeof(Elf64_Sym)))
		return ecap_err(-ENOEXEC, "damaged: the table of its symbols");
	elf->n_symbols = n;
	return 0;
}

static int check_kind(const struct ecap_module_elf *elf)
{
	if (elf->flags_1 & (DF_1_PIE | DF_1_NOOPEN))
		return ecap_err(-ENOEXEC, "a program or a library that cannot be loaded at run "
				"time; link it with -shared");
	return 0;
}

int ecap_module_elf_read(int fd, struct ecap_module_elf **elf)
{
	_cleanup_(elf_freep) struct ecap_module_elf *made = calloc(1, sizeof(*made));
	Elf64_Ehdr header;

	if (!made)
		return ecap_err(-ENOMEM, "out of memory");
	int err = read_file(fd, made);
	if (!err)
		err = check_header(made, &header);
	if (!err)
		err = read_program_headers(made, &header);
	if (err)
		return err;
	read_dynamic(made);
	err = read_strings(made);
	if (!err)
		err = read_symbols(made);
	if (!err)
		err = check_kind(made);
	if (err)
		return err;
	*elf = TAKE_PTR(made);
	return 0;
}

void ecap_module_elf_free(struct ecap_module_elf *elf)
{
	if (!elf)
		return;
	free(elf->data);
	free(elf);
}

uint64_t ecap_module_elf_file_size(const struct ecap_module_elf *elf)
{
	return elf->size;
}

static const struct segment *segment_of(const struct ecap_module_elf *elf, uint64_t addr)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		const struct segment *s = &elf->segments[i];

		if (addr >= s->vaddr && addr - s->vaddr < s->memsz)
			return s;
	}
	return NULL;
}

const void *ecap_module_elf_at(const struct ecap_module_elf *elf, uint64_t addr, uint64_t len)
{
	const struct segment *s = segment_of(elf, addr);

	if (!s || !(s->flags & PF_R))
		return NULL;
	uint64_t skip = addr - s->vaddr;

	if (skip > s->filesz || len > s->filesz - skip)
		return NULL;
	return elf->data + s->offset + skip;
}

uint64_t ecap_module_elf_offset(const struct ecap_module_elf *elf, uint64_t addr)
{
	const struct segment *s = segment_of(elf, addr);

	return s ? s->offset + (addr - s->vaddr) : 0;
}

int ecap_module_elf_is_code(const struct ecap_module_elf *elf, uint64_t addr)
{
	const struct segment *s = segment_of(elf, addr);

	return s && (s->flags & PF_X) && addr - s->vaddr < s->filesz;
}

uint64_t ecap_module_elf_dynamic(const struct ecap_module_elf *elf, uint32_t tag)
{
	return tag < N_TAGS ? elf->tags[tag] : 0;
}

int64_t ecap_module_elf_stack(const struct ecap_module_elf *elf)
{
	return elf->stack_flags;
}

int ecap_module_elf_entry(const struct ecap_module_elf *elf, uint64_t i, Elf64_Dyn *entry)
{
	if (i >= elf->n_dynamic)
		return -ENOENT;
	return copy_out(elf, elf->dynamic + i * sizeof(*entry), sizeof(*entry), entry);
}

const char *ecap_module_elf_string(const struct ecap_module_elf *elf, uint64_t offset)
{
	return offset < elf->tags[DT_STRSZ] ? elf->strings + offset : NULL;
}

int ecap_module_elf_symbol(const struct ecap_module_elf *elf, uint64_t index, Elf64_Sym *symbol)
{
	if (index >= elf->n_symbols)
		return -EINVAL;
	memcpy(symbol, ecap_module_elf_at(elf, elf->tags[DT_SYMTAB] + index * sizeof(*symbol),
					  sizeof(*symbol)), sizeof(*symbol));
	return 0;
}

/* The number behind the prefix of a descriptor's symbol, or -1. */
static long descriptor_major(const char *name)
{
	char *end;

	if (strncmp(name, ECAP_MODULE_SYMBOL_PREFIX, strlen(ECAP_MODULE_SYMBOL_PREFIX)))
		return -1;
	name += strlen(ECAP_MODULE_SYMBOL_PREFIX);
	if (name[0] < '1' || name[0] > '9' || strlen(name) > 6)
		return -1;
	long major = strtol(name, &end, 10);

	return *end ? -1 : major;
}

int ecap_module_elf_find(const struct ecap_module_elf *elf, Elf64_Sym *symbol)
{
	long other = -1;

	for (uint64_t i = 0; i < elf->n_symbols; i++) {
		Elf64_Sym sym;

		ecap_module_elf_symbol(elf, i, &sym);
		const char *name = ecap_module_elf_string(elf, sym.st_name);
		long major = name && sym.st_shndx != SHN_UNDEF ? descriptor_major(name) : -1;

		if (major == ECAP_ABI_MAJOR) {
			if (ELF64_ST_TYPE(sym.st_info) != STT_OBJECT)
				return ecap_err(-ENOEXEC, "its %s is not data; define it with "
						"ECAP_MODULE", name);
			*symbol = sym;
			return 0;
		}
		if (major > 0)
			other = major;
	}
	if (other > 0)
		return ecap_err(-EPROTONOSUPPORT, "built for SDK ABI %ld, this ecapture speaks ABI "
				"%d; %s, or rebuild it with the SDK of ABI %d", other,
				ECAP_ABI_MAJOR, other > ECAP_ABI_MAJOR ? "upgrade ecapture" :
				"upgrade the module", ECAP_ABI_MAJOR);
	return ecap_err(-ENOEXEC, "not an ecapture module: no symbol " ECAP_MODULE_SYMBOL "; "
			"ECAP_MODULE defines it");
}
