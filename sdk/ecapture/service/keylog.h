/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.keylog/1: writes TLS secrets in the NSS key log format (RFC 9850), as Wireshark reads it.
 * Each line once, however often and by however many processes its secret is told; written at
 * once, so that a reader can decrypt while the connection lasts.
 */
#ifndef ECAPTURE_SERVICE_KEYLOG_H
#define ECAPTURE_SERVICE_KEYLOG_H

#include <ecapture/host.h>

#define ECAP_KEYLOG_SERVICE "ecap.keylog/1" /* its id */

struct ecap_keylog_file; /* an open key log */

#define ECAP_KEYLOG_RANDOM_BYTES 32u /* of a client random: RFC 8446, 4.1.2 */
#define ECAP_KEYLOG_RSA_BYTES    8u  /* of an encrypted premaster secret, with the label RSA */

/* [grows: struct_size] The functions of the service. */
struct ecap_keylog {
	uint32_t struct_size;
	uint32_t reserved;
	/*
	 * [main] Opens a key log: a file, which is made with mode 0600 and appended to, a FIFO, or
	 * "-" for standard output. Whoever opens the same file again, by any name, shares the log:
	 * each line is still written once, and whole. The caller closes it as often as it opened it.
	 * Returns 0 or a negative errno with a text.
	 */
	int (*open)(struct ecap_instance *self, const char *path, struct ecap_keylog_file **file);
	/* [main] Writes what is left. NULL is allowed. */
	void (*close)(struct ecap_keylog_file *file);
	/*
	 * [reader] Writes "LABEL RANDOM SECRET". @label: [A-Z0-9_]+; @random: 32 bytes, with the
	 * label RSA 8; @secret: its @len bytes, at most 255. Returns 1 when it was written, 0 when it
	 * had been before, or a negative errno with a text.
	 */
	int (*add)(struct ecap_keylog_file *file, const char *label, const void *random,
		   const void *secret, uint32_t len);
};

/* The service, or NULL when the host has none. */
static inline const struct ecap_keylog *ecap_keylog(const struct ecap_context *ctx)
{
	return (const struct ecap_keylog *)ctx->host->service(ctx->self, ECAP_KEYLOG_SERVICE);
}

#endif
