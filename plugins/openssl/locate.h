/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where to probe a file that holds OpenSSL or BoringSSL, stripped or not, shared or
 * static. Tried in this order: the SSL_METHOD tables in data, the hidden internals behind the
 * exported functions, the exported functions.
 */
#ifndef OPENSSL_LOCATE_H
#define OPENSSL_LOCATE_H

#include <ecapture/service/elf.h>

enum openssl_flavour { OPENSSL_UNKNOWN, OPENSSL_OPENSSL, OPENSSL_BORINGSSL };

enum openssl_role {
	OPENSSL_READ,     /* plaintext received: (ssl, buf, len [, size_t *done]) */
	OPENSSL_WRITE,    /* plaintext sent: the same */
	OPENSSL_FREE,     /* (ssl): the connection object goes away */
	OPENSSL_SET_FD,   /* (ssl, fd): both directions */
	OPENSSL_SET_RFD,
	OPENSSL_SET_WFD,
	OPENSSL_SENDFILE, /* (ssl, fd, offset, size, flags): returns bytes moved */
};

/* How the function tells how many bytes it moved. */
enum openssl_result {
	OPENSSL_RESULT_NONE,
	OPENSSL_RESULT_INT,  /* the return value, when positive */
	OPENSSL_RESULT_DONE, /* returns 1, and *done, the argument @done_arg, has the bytes */
};

struct openssl_probe {
	enum openssl_role role;
	enum openssl_result result;
	uint32_t done_arg;     /* RESULT_DONE: which argument leads to the number, 3 is the fourth */
	int quic;              /* 1: read or write of QUIC connection objects */
	struct ecap_site site;
	char function[40];     /* "ssl3_read" */
	char how[160];         /* "SSL_METHOD table (13 tables)", "symbol in .dynsym" */
};

#define OPENSSL_MAX_PROBES 24

struct openssl_location {
	enum openssl_flavour flavour;
	uint32_t n_probes;
	struct openssl_probe probes[OPENSSL_MAX_PROBES];
	char tried[1024];      /* what was looked for and not found, for messages */
};

/*
 * @exact_symbols: only exported functions, at their first instruction.
 * Returns 0 with at least one read and one write probe, -ENOENT when there are none, or
 * -EBADMSG when two ways of finding a function disagree; then @location->tried says why.
 */
int openssl_locate(const struct ecap_elf *elf, struct ecap_elf_file *file, int exact_symbols,
		   struct openssl_location *location);

#endif
