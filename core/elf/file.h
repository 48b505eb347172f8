/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open ELF file as the parts of ecap.elf/1 share it. Everything beyond the header and the
 * segments is read when it is first asked for, so that a 100 MB program costs only the pages
 * that a question needs.
 */
#ifndef ECAPTURE_CORE_ELF_FILE_H
#define ECAPTURE_CORE_ELF_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <capstone/capstone.h>
#include <libelf.h>

#include <ecapture/service/elf.h>

struct elf_symbol_slot {
	uint32_t hash, index_1; /* of the name; index of the symbol + 1, 0: empty */
};

/* A table of symbols with a hash of its names. */
struct elf_symbols {
	const Elf64_Sym *syms;
	uint32_t n;
	const char *names; /* ends with a NUL */
	size_t names_len;
	struct elf_symbol_slot *slots; /* by hash of the name */
	uint32_t mask;
};

/* A word that the dynamic loader writes. */
struct elf_place {
	uint64_t addr, value;
	bool known; /* false: the value comes from another file */
};

/* A file as it lies in memory. */
struct elf_image {
	Elf *elf;
	uint8_t *bytes;
	size_t size;
	bool mapped; /* else allocated */
};

/* Where symbols come from, in the order in which they are looked for. */
#define ELF_N_OWN_TABLES 2 /* .dynsym and .symtab, in the file itself */
#define ELF_N_TABLES     4

struct elf_arch;
struct elf_insn;

struct ecap_elf_file {
	char *path;
	Elf *elf;
	uint8_t *map;
	size_t size;
	uint16_t machine, type;
	struct ecap_elf_segment *segments;
	uint32_t n_segments;
	char build_id[48];
	uint64_t work; /* that may still be done: elf_work() */

	bool symbols_read, debug_read;
	struct elf_symbols symbols[ELF_N_TABLES]; /* source: ECAP_ELF_FROM_* less one */
	struct elf_image debug[ELF_N_TABLES - ELF_N_OWN_TABLES];

	bool places_read;
	struct elf_place *places;      /* sorted by address */
	size_t n_places;

	bool starts_read;
	uint64_t *starts;              /* function starts, for files without .eh_frame_hdr */
	size_t n_starts;

	const struct elf_arch *arch;   /* of the machine: insn.h */
	csh capstone;
	cs_insn *insn;                 /* what Capstone decodes into */
	struct elf_insn *decoded;      /* what elf_insn_at() returns */
};

/* A search for code that takes one of @n addresses. */
struct elf_ref_search {
	struct ecap_elf_file *file;
	const uint64_t *targets;
	uint32_t n;
	uint64_t lowest, highest;
	int (*cb)(void *arg, uint64_t insn, uint64_t target);
	void *arg;
};

/* file.c */
int elf_file_open(const char *path, struct ecap_elf_file **file);
/*
 * Counts work, in what takes about a nanosecond: whoever makes a file must not keep us busy for
 * long. -E2BIG, said once, when it was more than any known file needs: what is asked from then
 * on is not found.
 */
int elf_work(struct ecap_elf_file *file, uint64_t ns);
void elf_file_close(struct ecap_elf_file *file);
const void *elf_file_data(const struct ecap_elf_file *file, uint64_t addr, uint64_t len);
int elf_file_offset(const struct ecap_elf_file *file, uint64_t addr, uint64_t *offset);
/* True when @addr lies in a segment that is loaded executable. */
bool elf_file_is_code(const struct ecap_elf_file *file, uint64_t addr);
/* Fills @segment with the first program header of this type. */
int elf_file_program_header(const struct ecap_elf_file *file, uint32_t type,
			    struct ecap_elf_segment *segment);

/* The build-id of a file in memory, in hex; empty when it has none. */
void elf_file_build_id(Elf *elf, const uint8_t *bytes, size_t size, char *id, size_t id_size);

/* image.c */
/* More segments than any linker makes: a damaged header must not make us loop for long. */
#define ELF_MAX_PROGRAM_HEADERS 512u
/* What a descriptor's number or a mapping stands for, else the path itself: proc(5). */
void elf_image_shown(const char *path, char *shown, size_t size);
/* Copies a regular file's parts; -ENOEXEC when it is too short for an ELF header. */
int elf_image_read(const char *path, struct elf_image *image);
/* Opens it for libelf; -ENOEXEC when it is no ELF file of 64 bits, little endian. */
int elf_image_parse(struct elf_image *image);
void elf_image_close(struct elf_image *image);
/* True when the file's bytes have this CRC-32. */
bool elf_image_has_crc(const char *path, uint32_t expected);

/* needed.c */

/* Calls @name for each library that the dynamic linker loads with the file: DT_NEEDED. */
void elf_file_needed(const struct ecap_elf_file *file, void (*name)(void *arg, const char *name),
		     void *arg);

/* debug.c */
/* Looks for symbols that are not in the file's own tables; leaves images empty where none are. */
void elf_debug_open(struct ecap_elf_file *file);
void elf_debug_close(struct ecap_elf_file *file);

/* symbols.c */
int elf_symbols_find(struct ecap_elf_file *file, const char *name, struct ecap_elf_symbol *symbol);
const char *elf_symbols_name(struct ecap_elf_file *file, uint64_t addr);
/* Reads the file's own tables, once. */
void elf_symbols_read(struct ecap_elf_file *file);
bool elf_symbol_is_defined(const Elf64_Sym *sym);

/* reloc.c */
int elf_reloc_pointer(struct ecap_elf_file *file, uint64_t addr, uint64_t *value);
/* Reads what the dynamic loader writes, once. */
int elf_reloc_read(struct ecap_elf_file *file);

/* function.c */
int elf_function_bounds(struct ecap_elf_file *file, uint64_t addr, uint64_t *start, uint64_t *end);

/* search.c */
int elf_search_bytes(struct ecap_elf_file *file, const void *bytes, uint32_t len,
		     int (*cb)(void *arg, uint64_t addr), void *arg);
int elf_search_refs(struct ecap_elf_file *file, const uint64_t *targets, uint32_t n,
		    int (*cb)(void *arg, uint64_t insn, uint64_t target), void *arg);

/* constant.c */
/*
 * The constant that the instruction at @addr puts into a register, alone or together with one
 * before it that took a page's address. False: it takes none.
 */
bool elf_constant_at(struct ecap_elf_file *file, uint64_t addr, unsigned int *reg,
		     uint64_t *value);

/* site.c */
int elf_site_choose(struct ecap_elf_file *file, uint64_t addr, uint32_t n_args,
		    struct ecap_site *site);

/* args.c */
int elf_args_reads(struct ecap_elf_file *file, uint64_t addr, uint32_t index);
int elf_args_forwards(struct ecap_elf_file *file, uint64_t addr, uint64_t *callee);
int elf_args_call(struct ecap_elf_file *file, uint64_t insn, struct ecap_elf_call *call);

/* flow.c */
int elf_flow_calls(struct ecap_elf_file *file, uint64_t insn,
		   int (*cb)(void *arg, const struct ecap_elf_call *call), void *arg);

/* origin.c */
int elf_origin_uses(struct ecap_elf_file *file, uint64_t addr,
		    int (*cb)(void *arg, const struct ecap_elf_use *use), void *arg);

static inline bool elf_search_is_target(const struct elf_ref_search *search, uint64_t addr)
{
	if (addr < search->lowest || addr > search->highest)
		return false;
	for (uint32_t i = 0; i < search->n; i++)
		if (search->targets[i] == addr)
			return true;
	return false;
}

/* Numbers as they lie in the file: of any alignment, little endian as this host. */
static inline uint32_t elf_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t elf_u64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
