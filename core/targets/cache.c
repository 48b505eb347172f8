/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what ldconfig(8) writes. The format is struct cache_file_new and struct file_entry_new
 * in glibc's sysdeps/generic/dl-cache.h: a header, entries, strings; strings are offsets from
 * the header. Before glibc 2.32 an older table (struct cache_file, struct file_entry) comes
 * first and the header follows it at the next multiple of 8.
 */
#include "targets/cache.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "util.h"

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"

#define OLD_HEADER_BYTES 16u /* the magic, padded, and the count */
#define OLD_ENTRY_BYTES  12u
#define MAX_BYTES (64 << 20) /* far above any real cache */

struct header {
	char magic[sizeof(NEW_MAGIC) - 1];
	uint32_t n_entries;
	uint32_t strings_bytes;
	uint32_t unused[5];
};

struct entry {
	uint32_t flags;
	uint32_t key, value; /* soname, path */
	uint32_t os_version;
	uint64_t hwcap;
};

_Static_assert(sizeof(struct header) == 48 && sizeof(struct entry) == 24, "dl-cache.h");

/* FLAG_ELF_LIBC6 and FLAG_X8664_LIB64, FLAG_AARCH64_LIB64 of glibc's sysdeps/generic/ldconfig.h */
#if defined(__x86_64__)
#define FLAGS 0x0303u
#elif defined(__aarch64__)
#define FLAGS 0x0a03u
#else
#error "flags of this machine in ld.so.cache"
#endif

static int read_all(const char *file, char **data, size_t *size)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return ecap_err(-errno, "open %s: %s", file, strerror(errno));
	if (fstat(fd, &st))
		return ecap_err(-errno, "stat %s: %s", file, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)
		return ecap_err(-EBADMSG, "%s is no file of a size that ldconfig writes", file);

	_cleanup_free_ char *bytes = malloc((size_t)st.st_size + 1);
	size_t fill = 0;

	if (!bytes)
		return ecap_err(-ENOMEM, "memory for %s", file);
	while (fill < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + fill, (size_t)st.st_size - fill);

		if (n < 0)
			return ecap_err(-errno, "read %s: %s", file, strerror(errno));
		if (!n)
			break;
		fill += (size_t)n;
	}
	bytes[fill] = '\0'; /* ends every string, whatever its offset */
	*data = TAKE_PTR(bytes);
	*size = fill;
	return 0;
}

static size_t header_offset(const char *data, size_t size)
{
	uint32_t n_old;

	if (size < OLD_HEADER_BYTES || memcmp(data, OLD_MAGIC, sizeof(OLD_MAGIC) - 1))
		return 0;
	memcpy(&n_old, data + OLD_HEADER_BYTES - sizeof(n_old), sizeof(n_old));
	return (OLD_HEADER_BYTES + (size_t)n_old * OLD_ENTRY_BYTES + 7) & ~(size_t)7;
}

int ecap_ldcache_each(const char *file, int (*cb)(void *arg, const char *path), void *arg)
{
	_cleanup_free_ char *data = NULL;
	struct header header;
	size_t size = 0;
	int r = read_all(file, &data, &size);

	if (r)
		return r;
	size_t start = header_offset(data, size);

	if (start > size || size - start < sizeof(header))
		return ecap_err(-EBADMSG, "%s ends before its table", file);
	const char *table = data + start;

	size -= start;
	memcpy(&header, table, sizeof(header));
	if (memcmp(header.magic, NEW_MAGIC, sizeof(header.magic)))
		return ecap_err(-EBADMSG, "%s is not of the format " NEW_MAGIC, file);
	if (header.n_entries > (size - sizeof(header)) / sizeof(struct entry))
		return ecap_err(-EBADMSG, "%s ends within its table", file);
	for (uint32_t i = 0; i < header.n_entries && !r; i++) {
		struct entry entry;

		memcpy(&entry, table + sizeof(header) + i * sizeof(entry), sizeof(entry));
		if (entry.flags == FLAGS && entry.value < size)
			r = cb(arg, table + entry.value);
	}
	return r;
}
