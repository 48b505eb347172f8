/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways of finding OpenSSL's functions share. */
#ifndef OPENSSL_LOCATE_PRIVATE_H
#define OPENSSL_LOCATE_PRIVATE_H

#include <errno.h>
#include <stdbool.h>

#include "locate.h"

#define MAX_SEGMENTS 64u

struct finder {
	const struct ecap_elf *elf;
	struct ecap_elf_file *file;
	struct openssl_location *location;
	struct ecap_elf_segment segments[MAX_SEGMENTS];
	uint32_t n_segments;
	uint64_t added[OPENSSL_MAX_PROBES]; /* function of each probe in @location */
	bool exact;          /* probes go to the first instruction, whatever it costs */
	bool data_in_code;   /* an older linker put read-only data with code */
};

/* A function to probe and why we think it is the one. */
struct candidate {
	enum openssl_role role;
	enum openssl_result result;
	uint32_t done_arg;   /* 0: the usual one, the fourth argument */
	bool quic;
	uint64_t addr;
	const char *function; /* its name when the file has no symbol there */
	const char *how;
};

/* locate.c */
void finder_tried(struct finder *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Reads them, before anything else is asked. */
void finder_segments(struct finder *f);
bool finder_is_code(const struct finder *f, uint64_t addr);
/* Address of a symbol, 0 when there is none. */
uint64_t finder_symbol(struct finder *f, const char *name, uint32_t *source);
/* A function already in the list for that role is not added twice. */
int finder_add(struct finder *f, const struct candidate *c);

/*
 * Each returns 0 when it has added at least one function to read and one to write, -ENOENT when
 * it found none, or another negative errno when what it found contradicts itself.
 */
int locate_by_method(struct finder *f);           /* locate_method.c */
int locate_by_symbol(struct finder *f);           /* locate_symbol.c */
int locate_boringssl(struct finder *f);           /* locate_boringssl.c */

/* Adds SSL_set_fd() and the like, those that have symbols. */
int locate_helpers(struct finder *f, bool with_free);

#endif
