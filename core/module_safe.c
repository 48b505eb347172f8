/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shared object may ask of the dynamic linker and a module may not: it would weaken the
 * whole process, or have libraries loaded that nobody has looked at.
 */
#include <errno.h>
#include <string.h>

#include "err.h"
#include "module_elf.h"
#include "util.h"

/*
 * The dynamic linker makes the stack of the whole process executable for a library that asks
 * for it, or that has no PT_GNU_STACK (ld.so(8), GNU_STACK in the Linux extensions of the gABI).
 */
int ecap_module_safe_stack(const struct ecap_module_elf *elf)
{
	int64_t flags = ecap_module_elf_stack(elf);

	if (flags < 0)
		return ecap_err(-ENOEXEC, "refused: does not say that its stack need not be "
				"executable; link it with -z noexecstack");
	if (flags & PF_X)
		return ecap_err(-ENOEXEC, "refused: asks for an executable stack; link it with "
				"-z noexecstack");
	return 0;
}

int ecap_module_safe_code(const struct ecap_module_elf *elf)
{
	if (ecap_module_elf_dynamic(elf, DT_FLAGS) & DF_TEXTREL)
		return ecap_err(-ENOEXEC, "refused: has relocations in its code; build it with "
				"-fPIC");
	return 0;
}

/* ld.so(8): an entry that does not begin with / or $ORIGIN depends on the working directory. */
static int is_relative(const char *dir, size_t len)
{
	static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };

	if (len && dir[0] == '/')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
		size_t n = strlen(origins[i]);

		if (len >= n && !memcmp(dir, origins[i], n) && (len == n || dir[n] == '/'))
			return 0;
	}
	return 1;
}

static int check_search_path(const char *path)
{
	for (const char *dir = path;;) {
		size_t len = strcspn(dir, ":");

		if (is_relative(dir, len))
			return ecap_err(-ENOEXEC, "refused: looks for libraries in \"%.*s\", which "
					"depends on the working directory; link it with an "
					"absolute -rpath, or none", (int)(len > 200 ? 200 : len),
					dir);
		if (!dir[len])
			return 0;
		dir += len + 1;
	}
}

static int check_needed(const char *name)
{
	size_t len = strlen(name);

	if (memchr(name, '/', len) && is_relative(name, len))
		return ecap_err(-ENOEXEC, "refused: needs the library %.200s, which depends on the "
				"working directory; give that library a soname", name);
	return 0;
}

int ecap_module_safe_libraries(const struct ecap_module_elf *elf)
{
	Elf64_Dyn entry;

	for (uint64_t i = 0; !ecap_module_elf_entry(elf, i, &entry); i++) {
		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH &&
		    entry.d_tag != DT_RUNPATH)
			continue;
		const char *text = ecap_module_elf_string(elf, entry.d_un.d_val);

		if (!text)
			return ecap_err(-ENOEXEC, "damaged: a name in its dynamic section");
		int err = entry.d_tag == DT_NEEDED ? check_needed(text) : check_search_path(text);

		if (err)
			return err;
	}
	return 0;
}
