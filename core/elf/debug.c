/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols that were cut off a file: in a file of their own, or compressed in the section
 * .gnu_debugdata. Where such files lie, and that build-id or CRC-32 must agree, is in gdb's
 * manual, "Debugging Information in Separate Files" and "MiniDebugInfo". The file may be one
 * that a process in another mount namespace sees: then its debug files are looked for there.
 */
#include "file.h"

#include <gelf.h>
#include <limits.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../log.h"
#include "../util.h"

/* What .gnu_debugdata may become: the largest programs have symbols of some dozen MiB. */
#define MAX_UNPACKED ((size_t)256 << 20)
/* What the decoder itself may take; xz -9 needs 65 MiB: xz(1). */
#define MAX_DECODER ((uint64_t)128 << 20)

#define DEBUG_ROOT "/usr/lib/debug"

void elf_debug_close(struct ecap_elf_file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(file->debug); i++)
		elf_image_close(&file->debug[i]);
}

static const Elf_Data *section(Elf *elf, const char *name)
{
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		const char *found = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (found && !strcmp(found, name) && sh.sh_type != SHT_NOBITS)
			return elf_getdata(scn, NULL);
	}
	return NULL;
}

static bool take(struct elf_image *image, const char *path)
{
	if (elf_image_read(path, image) != 0)
		return false;
	if (elf_image_parse(image) == 0)
		return true;
	elf_image_close(image);
	return false;
}

static bool same_build(const struct ecap_elf_file *file, const struct elf_image *image)
{
	char id[sizeof(file->build_id)];

	elf_file_build_id(image->elf, image->bytes, image->size, id, sizeof(id));
	return *id && !strcmp(id, file->build_id);
}

/* "name\0", zeros up to a multiple of 4, CRC-32 of the whole debug file. */
static const char *debuglink(const struct ecap_elf_file *file, uint32_t *crc)
{
	const Elf_Data *data = section(file->elf, ".gnu_debuglink");
	const char *name = data ? data->d_buf : NULL;
	size_t len = name ? strnlen(name, data->d_size) : 0, at = (len + 4) & ~(size_t)3;

	if (!len || data->d_size < 4 || at > data->d_size - 4 || strchr(name, '/'))
		return NULL;
	*crc = elf_u32(name + at);
	return name;
}

/* "/proc/PID/root" when the file is one that this process sees; else nothing. */
static void root_of(const char *path, char *root, size_t size)
{
	int pid = 0, end = 0;

	*root = 0;
	if ((sscanf(path, "/proc/%d/root%n", &pid, &end) == 1 && end && path[end] == '/') ||
	    (sscanf(path, "/proc/%d/map_files/%n", &pid, &end) == 1 && end))
		snprintf(root, size, "/proc/%d/root", pid);
}

/*
 * Where the file lies. A descriptor or a mapping has no directory of its own, but is a link
 * (proc(5)) to a path in @root, or in our root: good when the same file is there.
 */
static void place_of(const char *path, const char *root, char *place, size_t size)
{
	const char *const roots[] = { root, "" };
	char link[PATH_MAX] = "", there[PATH_MAX + 32];
	struct stat st, other;

	snprintf(place, size, "%s", path);
	if (strncmp(path, "/proc/", 6) != 0 || readlink(path, link, sizeof(link) - 1) <= 0 ||
	    *link != '/' || stat(path, &st) != 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		snprintf(there, sizeof(there), "%s%s", roots[i], link);
		if (stat(there, &other) == 0 && other.st_dev == st.st_dev &&
		    other.st_ino == st.st_ino) {
			snprintf(place, size, "%s", there);
			return;
		}
	}
}

static bool find_by_build_id(struct ecap_elf_file *file, struct elf_image *image, const char *root)
{
	char path[256];

	if (strlen(file->build_id) < 3)
		return false;
	snprintf(path, sizeof(path), "%s" DEBUG_ROOT "/.build-id/%.2s/%s.debug", root,
		 file->build_id, file->build_id + 2);
	if (!take(image, path))
		return false;
	if (same_build(file, image))
		return true;
	elf_image_close(image);
	return false;
}

static bool find_by_debuglink(struct ecap_elf_file *file, struct elf_image *image,
			      const char *root)
{
	char place[PATH_MAX + 32], path[2 * PATH_MAX];
	uint32_t crc = 0;
	const char *name = debuglink(file, &crc);

	if (!name)
		return false;
	place_of(file->path, root, place, sizeof(place));

	const char *slash = strrchr(place, '/');
	int dir = slash ? (int)(slash - place) : 0;
	int inside = strncmp(place, root, strlen(root)) == 0 ? (int)strlen(root) : 0;

	snprintf(path, sizeof(path), "%.*s/.debug/%s", dir, place, name);
	if (elf_image_has_crc(path, crc) && take(image, path))
		return true;
	snprintf(path, sizeof(path), "%s" DEBUG_ROOT "%.*s/%s", root, dir - inside,
		 place + inside, name);
	if (elf_image_has_crc(path, crc) && take(image, path))
		return true;
	snprintf(path, sizeof(path), "%.*s/%s", dir, place, name);
	return elf_image_has_crc(path, crc) && take(image, path);
}

/* Decodes one XZ stream into memory that grows with it. */
static bool unpack(const Elf_Data *data, struct elf_image *image)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret ret = lzma_stream_decoder(&stream, MAX_DECODER, 0);
	size_t room = 0;

	stream.next_in = data->d_buf;
	stream.avail_in = data->d_size;
	while (ret == LZMA_OK && room < MAX_UNPACKED) {
		size_t more = room ? room : (size_t)64 << 10;
		uint8_t *grown = realloc(image->bytes, room + more);

		if (!grown)
			break;
		image->bytes = grown;
		stream.next_out = grown + room;
		stream.avail_out = more;
		room += more;
		ret = lzma_code(&stream, LZMA_FINISH);
		image->size = room - stream.avail_out;
	}
	lzma_end(&stream);
	return ret == LZMA_STREAM_END;
}

static void open_debugdata(struct ecap_elf_file *file, struct elf_image *image)
{
	const Elf_Data *data = section(file->elf, ".gnu_debugdata");
	char shown[PATH_MAX];

	if (!data || !data->d_buf || (unpack(data, image) && elf_image_parse(image) == 0))
		return;
	elf_image_shown(file->path, shown, sizeof(shown));
	log_warn("elf", "%s: .gnu_debugdata is left out: damaged, no ELF file of 64 bits, or of more "
		 "than %zu MiB", shown, MAX_UNPACKED >> 20);
	elf_image_close(image);
}

void elf_debug_open(struct ecap_elf_file *file)
{
	struct elf_image *image = &file->debug[ECAP_ELF_FROM_DEBUGFILE - 1 - ELF_N_OWN_TABLES];
	char root[32];

	root_of(file->path, root, sizeof(root));
	if (!find_by_build_id(file, image, root))
		find_by_debuglink(file, image, root);
	open_debugdata(file, &file->debug[ECAP_ELF_FROM_DEBUGDATA - 1 - ELF_N_OWN_TABLES]);
}
