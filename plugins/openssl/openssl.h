/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the openssl module share. */
#ifndef OPENSSL_MODULE_H
#define OPENSSL_MODULE_H

#include <ecapture/libbpf.h>
#include <ecapture/service/elf.h>
#include <ecapture/service/targets.h>

#include "locate.h"
#include "openssl_record.h"

/* Filled by the host from the option table. */
struct openssl_config {
	const char *libssl;
	const char *keylogfile, *pcapfile, *ifname, *ssl_version, *filter;
	uint32_t model;
	uint8_t exact_symbols;
};

/* The program for entry and return in one. */
#define OPENSSL_SESSION "call_session"

/* Processes for which something was said already: once is enough. */
#define OPENSSL_SAID_MAX 1024

struct openssl {
	const struct ecap_context *ctx;
	const struct openssl_config *config;
	const struct ecap_elf *elf;
	const struct ecap_targets *targets;
	struct bpf_object *object;
	struct ecap_links links;
	struct ecap_map map;
	uint32_t n_files; /* that are probed */
	struct {
		uint32_t pid, reason;
	} said[OPENSSL_SAID_MAX]; /* [reader] */
	uint32_t n_said;
};

/* 1 when the object has that program and the kernel can attach it. */
int openssl_has_session(const struct openssl *m);

/* Finds the functions of one file and attaches to them; the callback of ecap.targets/1. */
int openssl_attach(void *arg, const struct ecap_target *target);

/* decode() of the module. */
int openssl_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
		   struct ecap_event *ev);

#endif
