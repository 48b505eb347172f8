/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the function through which OpenSSL and BoringSSL write their key log, (ssl, label, secret,
 * length): every secret passes there, whether or not the program has set a key log.
 */
#ifndef OPENSSL_KEYLOG_H
#define OPENSSL_KEYLOG_H

#include <ecapture/service/elf.h>

#define OPENSSL_N_LABELS 7u

#define OPENSSL_CLIENT_RANDOM 0u /* index of the label of master secrets */

/* Name of a label by its index. */
extern const char *const openssl_labels[OPENSSL_N_LABELS];

struct openssl_keylog {
	uint64_t addr;                        /* of the function */
	uint64_t offset;                      /* of its first instruction in the file */
	struct ecap_elf_value client_random;  /* its 32 bytes, from the first argument */
	uint32_t n_labels;                    /* different ones that lead to it */
	uint16_t labels[OPENSSL_N_LABELS];    /* OPENSSL_LABEL_MARK() of each, 0: it does not */
	/*
	 * 1: link-time optimization has put it into its callers, and this is the function behind it,
	 * (label, ssl, client random, 32, secret, length), which OpenSSL calls nss_keylog_int; the
	 * client random is the third argument itself.
	 */
	int inner;
	int given;                            /* 1: it is what a user says, not what was found */
	char how[160];                        /* "9 labels; client random as in SSL_get_client_random" */
};

/* The function for premaster secrets of RSA key exchanges. */
struct openssl_rsa {
	uint64_t addr;   /* 0: it is not known */
	uint64_t offset; /* of its first instruction in the file */
	const char *how; /* it was found, or why not */
};

/* What all mappings of a file have in common of a label's address. Pages have 4 KiB or more. */
#define OPENSSL_LABEL_MARK(addr) ((uint16_t)(((addr) & 0xfff) | 0x1000))

/* A program may hold several libraries. */
#define OPENSSL_MAX_KEYLOGS 4u

struct openssl_keylogs {
	uint32_t n;
	struct openssl_keylog list[OPENSSL_MAX_KEYLOGS];
	char tried[1024]; /* what was found and not believed, for messages */
};

/*
 * Returns 0 with at least one function, -ENOENT when no label leads to one, or -EBADMSG when
 * what was found contradicts itself; then @keylogs->tried says why.
 */
int openssl_locate_keylog(const struct ecap_elf *elf, struct ecap_elf_file *file,
			  struct openssl_keylogs *keylogs);

/*
 * What the file says of a client random that was given. Returns 0 when nothing speaks against it,
 * 1 when the code of the function takes it from elsewhere, or -EBADMSG when that of
 * SSL_get_client_random does.
 */
int openssl_check_client_random(const struct ecap_elf *elf, struct ecap_elf_file *file,
				const struct openssl_keylog *given);

/*
 * Returns 0, -ENOENT when the library has none, as BoringSSL, or nothing proves it; -ENOTUNIQ when
 * several might be it; or another negative errno.
 */
int openssl_locate_rsa(const struct ecap_elf *elf, struct ecap_elf_file *file,
		       const struct openssl_keylog *keylog, struct openssl_rsa *rsa);

#endif
