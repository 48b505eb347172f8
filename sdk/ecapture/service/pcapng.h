/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecap.pcapng/1: packets of network interfaces, with the secrets that decrypt them, in a pcapng
 * file that Wireshark reads. The host takes the packets; a module has the options and gives the
 * secrets. Modules of one process that name the same file write it together.
 */
#ifndef ECAPTURE_SERVICE_PCAPNG_H
#define ECAPTURE_SERVICE_PCAPNG_H

#include <ecapture/host.h>
#include <ecapture/option.h>

#define ECAP_PCAPNG_SERVICE "ecap.pcapng/1" /* its id */

struct ecap_pcapng_file; /* a module's part in an open file */

/* [grows: struct_size] What to capture, and where it goes. A member of the module's config struct. */
struct ecap_pcapng_options {
	uint32_t struct_size;          /* set by ecap_pcapng_open() */
	uint32_t reserved;
	const char *path;              /* -w; "-": standard output */
	const char *const *interfaces; /* -i, NULL-ended; NULL or "any": every one that is up */
	const char *filter;            /* of pcap-filter(7); NULL or empty: all packets */
	uint64_t hold_ns;              /* --hold */
	uint64_t rotate_bytes;         /* --rotate-size; 0: one file */
	uint64_t rotate_ns;            /* --rotate-time; 0: one file */
};

#define ECAP_PCAPNG_PATH "save.pcapng" /* the default of -w */

/*
 * The rows for the options of the command line and of the ini file, the same with every module.
 * @S: the module's config struct, @M: its member of type struct ecap_pcapng_options.
 */
#define ECAP_PCAPNG_ROWS(S, M)							\
	ECAP_OPT(S, M.path, ECAP_OPT_STRING, "pcapfile", .short_name = 'w', .metavar = "FILE", \
		 .def = ECAP_PCAPNG_PATH, .group = "Packets",			\
		 .help = "where packets and the secrets that decrypt them go; -: standard output"), \
	ECAP_OPT(S, M.interfaces, ECAP_OPT_LIST, "ifname", .short_name = 'i', .metavar = "IFACE", \
		 .group = "Packets",						\
		 .help = "packets of this interface; any: of all that are up, as without"), \
	ECAP_OPT(S, M.filter, ECAP_OPT_REST, "filter", .metavar = "[WORD...]", .group = "Packets", \
		 .help = "packets that match only, as tcpdump has it: tcp port 443"), \
	ECAP_OPT(S, M.hold_ns, ECAP_OPT_DURATION, "hold", .metavar = "TIME", .def = "100ms", \
		 .group = "Packets", .help = "how long packets wait for secrets, from a handshake on",	\
		 .doc = "A reader needs a secret before the packets that it decrypts, and the first " \
			"of those leaves in the same instant as the secret is made."), \
	ECAP_OPT(S, M.rotate_bytes, ECAP_OPT_SIZE, "rotate-size", .metavar = "BYTES",	\
		 .group = "Packets", .help = "begin another file when one has this size"), \
	ECAP_OPT(S, M.rotate_ns, ECAP_OPT_DURATION, "rotate-time", .metavar = "TIME",	\
		 .group = "Packets", .help = "begin another file when one has this age")

/* [grows: struct_size] The functions of the service. */
struct ecap_pcapng {
	uint32_t struct_size;
	uint32_t reserved;
	/*
	 * [main] In init(): looks at interfaces and filter, and makes the file. Returns 0, or a
	 * negative errno with a text, which names what was wrong with an option; then ecapture's exit
	 * code is 2.
	 */
	int (*open)(struct ecap_instance *self, const struct ecap_pcapng_options *options,
		    struct ecap_pcapng_file **file);
	/* [main] At the end of start(): from now on packets are taken. Returns 0 or a negative errno. */
	int (*start)(struct ecap_pcapng_file *file);
	/* [main] In stop(): no more packets are taken. NULL is allowed. */
	void (*stop)(struct ecap_pcapng_file *file);
	/* [main] In close(): writes all that waits. NULL is allowed. */
	void (*close)(struct ecap_pcapng_file *file);
	/*
	 * [reader] A line of a key log, as ecap.keylog/1 has it: stands before all packets that are
	 * still held. Returns 1 when it is new, 0 when it was there before, or a negative errno with a
	 * text: -EINVAL when it is no line of a key log.
	 */
	int (*secret)(struct ecap_pcapng_file *file, const char *label, const void *random,
		      const void *secret, uint32_t len);
};

/* The service, or NULL when the host has none. */
static inline const struct ecap_pcapng *ecap_pcapng(const struct ecap_context *ctx)
{
	return (const struct ecap_pcapng *)ctx->host->service(ctx->self, ECAP_PCAPNG_SERVICE);
}

/* open() with the options as the host has filled them. */
static inline int ecap_pcapng_open(const struct ecap_context *ctx,
				   const struct ecap_pcapng_options *given,
				   struct ecap_pcapng_file **file)
{
	struct ecap_pcapng_options options = *given;

	options.struct_size = sizeof(options);
	return ecap_pcapng(ctx)->open(ctx->self, &options, file);
}

#endif
