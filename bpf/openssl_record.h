/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Records of the openssl module, from its BPF programs to its decode(). */
#ifndef OPENSSL_RECORD_H
#define OPENSSL_RECORD_H

#include <ecapture/event.h>

#define OPENSSL_RECORD_DATA   1u /* plaintext: the header, then len bytes */
#define OPENSSL_RECORD_UNSEEN 2u /* bytes that no buffer shows: total of them, no payload */
#define OPENSSL_RECORD_KEY    3u /* a secret: struct openssl_key_record */
#define OPENSSL_RECORD_OLDER  4u /* a connection from before the start that shows no secret */
#define OPENSSL_RECORD_QUIET  5u /* no more such connections have been seen for a while */

/* Why no buffer shows them. */
#define OPENSSL_UNSEEN_SENDFILE 1u /* SSL_sendfile */
#define OPENSSL_UNSEEN_KTLS     2u /* socket operations of the process on a kernel TLS socket */

/* Why a connection from before the start shows no secret. */
#define OPENSSL_OLDER_TLS13   1u /* what was derived from it is gone, or may have been updated */
#define OPENSSL_OLDER_NO_WAY  2u /* the library does not show where it is */
#define OPENSSL_OLDER_UNREAD  3u /* what is there is no secret */

struct openssl_record {
	uint64_t mono_ns;
	uint64_t conn;
	uint32_t pid, tid;
	uint32_t uid;
	int32_t fd;         /* -1 when unknown */
	uint16_t type;      /* OPENSSL_RECORD_* */
	uint8_t direction;  /* ECAP_DIR_* */
	uint8_t reason;     /* OPENSSL_UNSEEN_*, OPENSSL_OLDER_*; of a secret: 1, an older one */
	uint32_t len;       /* payload bytes in this record */
	uint64_t offset;    /* of them in what the call moved */
	uint64_t total;     /* bytes the call moved */
	char comm[16];
	struct ecap_tuple tuple;
};

_Static_assert(sizeof(struct openssl_record) == 112, "no holes, the same on both sides");

#define OPENSSL_RANDOM_BYTES 32u /* RFC 8446, 4.1.2 */
#define OPENSSL_SECRET_MAX   64u /* EVP_MAX_MD_SIZE of openssl/evp.h */

/* Of an RSA key exchange, "NSS Key Log Format": so many bytes of the encrypted secret name it. */
#define OPENSSL_RSA_LABEL     "RSA"
#define OPENSSL_RSA_TAG_BYTES 8u

struct openssl_key_record {
	struct openssl_record record; /* its len: of what follows */
	uint8_t client_random[OPENSSL_RANDOM_BYTES]; /* with OPENSSL_RSA_LABEL: the tag, then 0 */
	uint8_t secret[OPENSSL_SECRET_MAX];
	char label[48];      /* NUL-ended; empty when it could not be read */
	uint64_t label_addr; /* in the process */
	uint32_t secret_len;
	uint32_t site;       /* key in the map of sites */
};

_Static_assert(sizeof(struct openssl_key_record) == 272, "no holes, the same on both sides");

#define OPENSSL_KEY_LOADS     3u  /* at most, from the connection to the client random */
#define OPENSSL_MAX_KEY_SITES 512u

/*
 * How to get from a key log function's first argument to the client random: offset[0] is added,
 * and as often as @n_loads says, a pointer is read from there and the next offset added to it.
 * @inner: the function is the one behind, which gets the client random as an argument: see
 * struct openssl_keylog.
 */
struct openssl_key_site {
	uint32_t inner;
	uint32_t n_loads;
	int32_t offset[OPENSSL_KEY_LOADS + 1];
};

/* Where the members of a connection object are that its getters read. */
struct openssl_older_site {
	struct openssl_key_site client_random;
	struct openssl_key_site in_init; /* not 0 while there is a handshake */
	struct openssl_key_site session, version;
	uint32_t in_init_width, version_width, length_width; /* bytes */
	int32_t length, secret; /* of the TLS 1.2 master secret, in the session */
	uint32_t complete;      /* 0: only the client random is known */
};

_Static_assert(sizeof(struct openssl_older_site) == 120, "no holes, the same on both sides");

#define OPENSSL_MASTER_BYTES 48u /* RFC 5246, 8.1 */

/* After so many calls on one CPU, all for connections that are known, there is nothing to find. */
#define OPENSSL_OLDER_CALLS 20000u

/*
 * The key of a function in the map of sites where programs know no cookies: what all mappings of
 * a file have in common of its address. Pages have 4 KiB or more.
 */
#define OPENSSL_KEY_SITE(addr) ((addr) & 0xfff)

/*
 * What the attach cookie of a read, write or sendfile probe says: which way the bytes go
 * (ECAP_DIR_*), how the function tells their number, and which argument register has the
 * pointer to it when the probe is hit (3 is the fourth's own, 4 the fifth's).
 */
#define OPENSSL_COOKIE(direction, result, done) ((direction) | (result) << 8 | (done) << 16)

/* The same, with the file's key in the map of older sites. */
#define OPENSSL_OLDER_COOKIE(call, key) ((uint64_t)(call) | (uint64_t)(key) << 24)

#define OPENSSL_RETURNS_INT      1u /* the return value, when positive */
#define OPENSSL_RETURNS_DONE     2u /* 1, and *done has the number */
#define OPENSSL_RETURNS_SENDFILE 3u /* the return value, a long, of bytes from a file */

/* What the cookie of the other probes says: what happens to the connection object. */
#define OPENSSL_NOTE_FREE    1u
#define OPENSSL_NOTE_SET_RFD 2u
#define OPENSSL_NOTE_SET_WFD 4u

#endif
