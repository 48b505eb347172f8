/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens an ELF file: checks that it is one that we understand, maps it, and keeps its loadable
 * segments and its build-id. Translates addresses to bytes and to offsets in the file.
 */
#include "insn.h"

#include <endian.h>
#include <gelf.h>
#include <limits.h>
#include <sys/mman.h>

#include "../err.h"
#include "../log.h"
#include "../util.h"

/* Of elf_work(): several times what is needed by the programs that take longest, of 120 MB. */
#define WORK          UINT64_C(3000000000)
#define WORK_PER_BYTE 5
#define WORK_BYTES    (UINT64_C(1) << 30)

void elf_file_close(struct ecap_elf_file *file)
{
	if (!file)
		return;
	if (file->insn)
		cs_free(file->insn, 1);
	if (file->capstone)
		cs_close(&file->capstone);
	for (int i = 0; i < ELF_N_TABLES; i++)
		free(file->symbols[i].slots);
	elf_debug_close(file);
	free(file->decoded);
	free(file->places);
	free(file->starts);
	free(file->segments);
	elf_end(file->elf);
	if (file->map)
		munmap(file->map, file->size);
	free(file->path);
	free(file);
}

static void file_closep(struct ecap_elf_file **file)
{
	elf_file_close(*file);
}

static void say_over(const struct ecap_elf_file *file)
{
	char shown[PATH_MAX];

	elf_image_shown(file->path, shown, sizeof(shown));
	log_warn("elf", "%s takes far more work to look into than programs do: given up, what is "
		 "not found yet is not looked for", shown);
}

int elf_work(struct ecap_elf_file *file, uint64_t ns)
{
	if (file->work && file->work <= ns)
		say_over(file);
	file->work -= file->work < ns ? file->work : ns;
	return file->work ? 0 : ecap_err(-E2BIG, "given up: too much work for one file");
}

const void *elf_file_data(const struct ecap_elf_file *file, uint64_t addr, uint64_t len)
{
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct ecap_elf_segment *s = &file->segments[i];

		if (addr >= s->addr && addr - s->addr <= s->size &&
		    len <= s->size - (addr - s->addr))
			return file->map + s->offset + (addr - s->addr);
	}
	return NULL;
}

int elf_file_offset(const struct ecap_elf_file *file, uint64_t addr, uint64_t *offset)
{
	const uint8_t *p = elf_file_data(file, addr, 1);

	if (!p)
		return ecap_err(-ENOENT, "address %#llx is in no segment of the file",
				(unsigned long long)addr);
	*offset = (uint64_t)(p - file->map);
	return 0;
}

bool elf_file_is_code(const struct ecap_elf_file *file, uint64_t addr)
{
	for (uint32_t i = 0; i < file->n_segments; i++) {
		const struct ecap_elf_segment *s = &file->segments[i];

		if ((s->flags & PF_X) && addr >= s->addr && addr - s->addr < s->size)
			return true;
	}
	return false;
}

/* A program header's part of the file, cut to what is there; false when nothing is. */
static bool program_header_part(const struct ecap_elf_file *file, int index, GElf_Phdr *ph,
				struct ecap_elf_segment *segment)
{
	if (!gelf_getphdr(file->elf, index, ph))
		return false;
	if (ph->p_offset >= file->size || !ph->p_filesz || ph->p_vaddr + ph->p_filesz < ph->p_vaddr)
		return false;

	uint64_t there = file->size - ph->p_offset;

	*segment = (struct ecap_elf_segment){
		.addr = ph->p_vaddr,
		.size = ph->p_filesz < there ? ph->p_filesz : there,
		.offset = ph->p_offset,
		.flags = ph->p_flags & (PF_R | PF_W | PF_X),
	};
	return true;
}

static size_t program_header_count(const struct ecap_elf_file *file)
{
	size_t n = 0;

	if (elf_getphdrnum(file->elf, &n) != 0)
		return 0;
	return n < ELF_MAX_PROGRAM_HEADERS ? n : ELF_MAX_PROGRAM_HEADERS;
}

int elf_file_program_header(const struct ecap_elf_file *file, uint32_t type,
			    struct ecap_elf_segment *segment)
{
	size_t n = program_header_count(file);

	for (size_t i = 0; i < n; i++) {
		struct ecap_elf_segment part;
		GElf_Phdr ph;

		if (!program_header_part(file, (int)i, &ph, &part) || ph.p_type != type)
			continue;
		*segment = part;
		return 0;
	}
	return -ENOENT;
}

static int read_segments(struct ecap_elf_file *file)
{
	size_t n = program_header_count(file);

	file->segments = calloc(n ? n : 1, sizeof(*file->segments));
	if (!file->segments)
		return ecap_err(-ENOMEM, "no memory for %zu segments", n);
	for (size_t i = 0; i < n; i++) {
		struct ecap_elf_segment part;
		GElf_Phdr ph;

		if (program_header_part(file, (int)i, &ph, &part) && ph.p_type == PT_LOAD)
			file->segments[file->n_segments++] = part;
	}
	return 0;
}

/* The note is { namesz, descsz, type, "GNU\0", id }, words of 4 bytes: elf(5), "Notes". */
static bool build_id_in(const uint8_t *p, uint64_t size, char *hex, size_t hex_size)
{
	const uint8_t *end = p + size;

	while (end - p >= 12) {
		uint64_t name = (elf_u32(p) + UINT64_C(3)) & ~UINT64_C(3);
		uint64_t len = elf_u32(p + 4);
		const uint8_t *id = p + 12 + name;

		if (12 + name + len > (uint64_t)(end - p))
			return false;
		if (elf_u32(p + 8) == NT_GNU_BUILD_ID && name == 4 &&
		    memcmp(p + 12, "GNU", 4) == 0 && len * 2 < hex_size) {
			for (uint64_t k = 0; k < len; k++)
				snprintf(hex + 2 * k, 3, "%02x", id[k]);
			return true;
		}
		len = (len + 3) & ~UINT64_C(3);
		if (12 + name + len > (uint64_t)(end - p))
			return false;
		p += 12 + name + len;
	}
	return false;
}

void elf_file_build_id(Elf *elf, const uint8_t *bytes, size_t size, char *id, size_t id_size)
{
	size_t n = 0;

	*id = 0;
	if (elf_getphdrnum(elf, &n) != 0)
		return;
	for (size_t i = 0; i < n && i < ELF_MAX_PROGRAM_HEADERS; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_NOTE &&
		    ph.p_offset < size && ph.p_filesz <= size - ph.p_offset &&
		    build_id_in(bytes + ph.p_offset, ph.p_filesz, id, id_size))
			return;
	}
}

static const struct elf_arch *arch_of(uint16_t machine)
{
	static const struct elf_arch *const all[] = { &elf_x86, &elf_arm64 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->machine == machine)
			return all[i];
	return NULL;
}

static int check_header(struct ecap_elf_file *file, const char *path)
{
	Elf64_Ehdr eh; /* the beginning is the same in files of 32 bits */

	memcpy(&eh, file->map, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return ecap_err(-ENOEXEC, "%s is not an ELF file", path);
	if (eh.e_ident[EI_DATA] == ELFDATA2MSB)
		eh.e_machine = be16toh(eh.e_machine);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    !arch_of(eh.e_machine))
		return ecap_err(-ENOEXEC, "%s is for a %u-bit machine (%u), not for x86-64 or arm64",
				path, eh.e_ident[EI_CLASS] == ELFCLASS32 ? 32u : 64u, eh.e_machine);
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return ecap_err(-ENOEXEC, "%s is neither a program nor a shared library (type %u)",
				path, eh.e_type);
	file->machine = eh.e_machine;
	file->arch = arch_of(eh.e_machine);
	file->type = eh.e_type;
	return 0;
}

/* Reads the file and opens it for libelf. */
static int read_image(struct ecap_elf_file *file)
{
	struct elf_image image = { 0 };
	int err = elf_image_read(file->path, &image);

	file->map = image.bytes;
	file->size = image.size;
	if (!err)
		err = check_header(file, file->path);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	err = elf_image_parse(&image);
	file->elf = image.elf;
	return err ? ecap_err(err, "%s: %s", file->path, elf_errmsg(-1)) : 0;
}

int elf_file_open(const char *path, struct ecap_elf_file **file)
{
	_cleanup_(file_closep) struct ecap_elf_file *f = calloc(1, sizeof(*f));

	if (f)
		f->path = strdup(path);
	if (!f || !f->path)
		return ecap_err(-ENOMEM, "no memory to open %s", path);

	int err = read_image(f);

	if (!err)
		err = read_segments(f);
	if (err == -EFBIG) /* modules may have other words for it */
		log_warn("elf", "%s", ecap_err_text());
	if (err)
		return err;
	f->work = WORK + (f->size < WORK_BYTES ? f->size : WORK_BYTES) * WORK_PER_BYTE;
	elf_file_build_id(f->elf, f->map, f->size, f->build_id, sizeof(f->build_id));
	*file = TAKE_PTR(f);
	return 0;
}
