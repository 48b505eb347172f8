/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that the tests of ecap.elf/1 look into: data/shapes.S, assembled as libraries with
 * different relocations and as programs, and data/arm64.S in the same way.
 */
#ifndef ELF_BUILDS_H
#define ELF_BUILDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "services.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct ecap_elf *const elf = &ecap_elf_service;
static char dir[64];

/* BARE and STRIPPED have no frame information, STRIPPED ones no symbols either. */
enum {
	RELA, RELR, PROGRAM, BARE, STRIPPED,
	ARM64_RELA, ARM64_RELR, ARM64_PROGRAM, ARM64_BARE, ARM64_STRIPPED, N_BUILDS
};

static const struct {
	const char *name, *flags;
} builds[N_BUILDS] = {
	[RELA] = { "rela.so", "-shared -Wl,--build-id=0x0123456789abcdef" },
	[RELR] = { "relr.so", "-shared -Wl,-z,pack-relative-relocs" },
	[PROGRAM] = { "program", "-static -no-pie -DPROGRAM" },
	[BARE] = { "bare", "-static -no-pie -DPROGRAM -Wl,--no-eh-frame-hdr" },
	[STRIPPED] = { "stripped", "-static -no-pie -DPROGRAM -Wl,--no-eh-frame-hdr -s" },
	[ARM64_RELA] = { "arm64_rela.so", "-shared -Wl,--build-id=0xfedcba9876543210" },
	[ARM64_RELR] = { "arm64_relr.so", "-shared -Wl,--pack-dyn-relocs=relr" },
	[ARM64_PROGRAM] = { "arm64_program", "-static -DPROGRAM" },
	[ARM64_BARE] = { "arm64_bare", "-static -DPROGRAM -Wl,--no-eh-frame-hdr" },
	[ARM64_STRIPPED] = { "arm64_stripped", "-static -DPROGRAM -Wl,--no-eh-frame-hdr -s" },
};

static const char *path_of(int build)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, builds[build].name);
	return path;
}

static inline struct ecap_elf_file *open_build(int build)
{
	struct ecap_elf_file *file = NULL;
	int err = elf->open(path_of(build), &file);

	if (err)
		fail_msg("%s: %s", path_of(build), ecap_err_text());
	return file;
}

static inline uint64_t address(struct ecap_elf_file *file, const char *name)
{
	struct ecap_elf_symbol symbol = { .struct_size = sizeof(symbol) };

	if (elf->symbol(file, name, &symbol) != 0)
		fail_msg("%s", ecap_err_text());
	return symbol.addr;
}

/* @first to @last; those for arm64 by the clang that the build needs anyway, and lld. */
static int make_some(int first, int last)
{
	const char *cc = getenv("CC"), *clang = getenv("CLANG"), *src = getenv("top_srcdir");

	snprintf(dir, sizeof(dir), "/tmp/elf-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (int i = first; i <= last; i++) {
		char command[1024];
		int arm64 = i >= ARM64_RELA;

		snprintf(command, sizeof(command),
			 "%s %s -nostdlib %s '%s/tests/unit/data/%s.S' -o '%s'",
			 arm64 ? clang && *clang ? clang : "clang" : cc && *cc ? cc : "cc",
			 arm64 ? "-target aarch64-linux-gnu -fuse-ld=lld" : "", builds[i].flags,
			 src && *src ? src : ".", arm64 ? "arm64" : "shapes", path_of(i));
		if (system(command) != 0) {
			fprintf(stderr, "%s\n", command);
			return -1;
		}
	}
	return 0;
}

static inline int make_builds(void **state)
{
	(void)state;
	return make_some(RELA, STRIPPED);
}

static inline int make_arm64_builds(void **state)
{
	(void)state;
	return make_some(ARM64_RELA, ARM64_STRIPPED);
}

static inline int make_all_builds(void **state)
{
	(void)state;
	return make_some(RELA, ARM64_STRIPPED);
}

static int remove_builds(void **state)
{
	(void)state;
	for (int i = 0; i < N_BUILDS; i++)
		unlink(path_of(i));
	return rmdir(dir);
}

static inline void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static inline uint8_t *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);

	uint8_t *bytes = malloc((size_t)st.st_size);

	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*len = (size_t)st.st_size;
	return bytes;
}

struct hits {
	uint64_t at[8];
	int n, stop_after;
};

static inline int count_hit(void *arg, uint64_t addr)
{
	struct hits *hits = arg;

	if (hits->n < (int)ARRAY_SIZE(hits->at))
		hits->at[hits->n] = addr;
	return ++hits->n == hits->stop_after;
}

static inline int count_ref(void *arg, uint64_t insn, uint64_t target)
{
	(void)target;
	return count_hit(arg, insn);
}

#endif
