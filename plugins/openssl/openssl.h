/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the openssl module share. */
#ifndef OPENSSL_MODULE_H
#define OPENSSL_MODULE_H

#include <pthread.h>

#include <ecapture/libbpf.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/keylog.h>
#include <ecapture/service/pcapng.h>
#include <ecapture/service/targets.h>

#include "builds.h"
#include "keylog.h"
#include "locate.h"
#include "openssl_record.h"

/* Filled by the host from the option table. */
struct openssl_config {
	const char *libssl;
	const char *keylogfile, *ssl_version;
	struct ecap_pcapng_options packets;
	uint32_t model;
	uint8_t exact_symbols;
};

/* --model: what is written, and another word for it. */
enum { OPENSSL_TEXT, OPENSSL_PCAP, OPENSSL_PCAPNG, OPENSSL_KEY, OPENSSL_KEYLOG };

/* The program for entry and return in one, and that for secrets. */
#define OPENSSL_SESSION "call_session"
#define OPENSSL_KEYS    "key_logged"
#define OPENSSL_RSA     "rsa_logged"
#define OPENSSL_OLDER   "older_session" /* for connections from before the start */

/* Processes for which something was said already: once is enough. */
#define OPENSSL_SAID_MAX   1024
#define OPENSSL_SAID_OLDER 16u /* an OPENSSL_OLDER_* as a reason, beside OPENSSL_UNSEEN_* */
#define OPENSSL_SAID_ASTRAY 64u

/* A place that the programs know, and the labels of its file. */
struct openssl_key_place {
	uint64_t key; /* in the map of sites */
	struct openssl_key_site site;
	uint16_t labels[OPENSSL_N_LABELS];
	int given; /* as in struct openssl_keylog */
};

struct openssl {
	const struct ecap_context *ctx;
	const struct openssl_config *config;
	const struct ecap_elf *elf;
	const struct ecap_targets *targets;
	struct bpf_object *object;
	struct ecap_links links;
	struct ecap_links older;    /* for connections from before the start */
	pthread_mutex_t older_lock; /* of @older: the reader ends it */
	struct ecap_map map;
	uint32_t n_files; /* that are probed */
	int guessing;     /* 1: files come of which nothing says that they hold the library */
	const struct ecap_keylog *keylog;
	struct ecap_keylog_file *keys; /* key log mode only, else NULL */
	const struct ecap_pcapng *pcapng;
	struct ecap_pcapng_file *packets; /* pcapng mode only, else NULL */
	struct openssl_key_place *key_places;
	uint32_t n_key_places;
	struct {
		uint32_t pid, reason;
	} said[OPENSSL_SAID_MAX]; /* [reader] */
	uint32_t n_said;
};

/* 1 when the object has that program and the kernel can attach it. */
int openssl_has_session(const struct openssl *m);

/* 1 when it is secrets that are captured, not plaintext. */
static inline int openssl_wants_keys(const struct openssl *m)
{
	return m->keys || m->packets;
}

/* 1 when its programs are told by attach cookies what a probe is for. */
int openssl_has_cookies(const struct openssl *m);

/* What the attach cookie of a read or write probe says. */
uint32_t openssl_cookie_of(const struct openssl_probe *probe);

/* A file that was looked for, not named, may lack the functions: 0, others are searched on. */
int openssl_refuse(struct openssl *m, const struct ecap_target *target, int err, const char *why);

/* The same for the functions that secrets come by. */
int openssl_attach_keys(struct openssl *m, const struct ecap_target *target,
			struct ecap_elf_file *file);
/*
 * The same for connections from before the start; @key is that of the file's place. None, and 0,
 * where the programs cannot do it.
 */
int openssl_attach_older(struct openssl *m, const struct ecap_target *target,
			 struct ecap_elf_file *file, const struct openssl_keylogs *keylogs,
			 uint64_t key);
int openssl_has_older(const struct openssl *m);
void openssl_end_older(struct openssl *m);
/* [reader] Of OPENSSL_RECORD_OLDER and OPENSSL_RECORD_QUIET. */
int openssl_decode_older(struct openssl *m, const struct openssl_record *r);
/* [reader] 1 the first time for this process and reason. */
int openssl_first_time(struct openssl *m, uint32_t pid, uint32_t reason);

/* [reader] Into the key log. Returns 0 or a negative errno. */
int openssl_decode_key(struct openssl *m, const struct openssl_key_record *r);

/* Finds the functions of one file and attaches to them; the callback of ecap.targets/1. */
int openssl_attach(void *arg, const struct ecap_target *target);

/* survey() of the module. */
int openssl_survey(const struct ecap_context *ctx, const struct ecap_target *target);

/* decode() of the module. */
int openssl_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		   struct ecap_event *ev);

#endif
