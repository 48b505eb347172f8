/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an ELF file defines some symbols: a few small reads, for files by the hundred. */
#ifndef ECAPTURE_CORE_TARGETS_SYMBOLS_H
#define ECAPTURE_CORE_TARGETS_SYMBOLS_H

/*
 * Returns 1 when the .dynsym of the file defines all of @names (NULL-ended; NULL: none asked
 * for), 0 when it does not, -ENOEXEC when it is not a 64-bit program or library of this
 * machine, or another negative errno. Sets no error text.
 */
int ecap_symbols_defined(int fd, const char *const *names);

#endif
