/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row describes one option of a module. Command line flag, ini key, JSON key, help and man
 * page all come from it; the host fills the module's config struct through it.
 */
#ifndef ECAPTURE_OPTION_H
#define ECAPTURE_OPTION_H

#include <ecapture/abi.h>

/* Type of an option, and of the member of the config struct that it fills. */
#define ECAP_OPT_BOOL     1u  /* uint8_t, 0 or 1; a flag without argument on the command line */
#define ECAP_OPT_U32      2u  /* uint32_t */
#define ECAP_OPT_U64      3u  /* uint64_t */
#define ECAP_OPT_SIZE     4u  /* uint64_t bytes, accepts K, M, G (powers of 1024) */
#define ECAP_OPT_DURATION 5u  /* uint64_t nanoseconds, accepts ns, us, ms, s, m; a plain number is seconds */
#define ECAP_OPT_STRING   6u  /* const char * */
#define ECAP_OPT_PATH     7u  /* const char *, made absolute */
#define ECAP_OPT_ENUM     8u  /* uint32_t, index into choices */
#define ECAP_OPT_IFNAME   9u  /* const char *, name of a network interface */
#define ECAP_OPT_REST    10u  /* const char *, all positional words joined by a space */
#define ECAP_OPT_LIST    11u  /* const char *const *, NULL-ended; each use of the option adds one */

/* Flags of an option. */
#define ECAP_OPT_REQUIRED   (1u << 0) /* must be given, unless it has a default */
#define ECAP_OPT_RUNTIME    (1u << 1) /* may change while running, through reconfigure() */
#define ECAP_OPT_HIDDEN     (1u << 2) /* works, but help does not show it */
#define ECAP_OPT_DEPRECATED (1u << 3) /* works, with a notice */
#define ECAP_OPT_SECRET     (1u << 4) /* never echoed by logs or the API */
#define ECAP_OPT_MUST_EXIST (1u << 5) /* PATH: the file must be there */

/* [grows: option_size] An option of a module. ECAP_OPT makes one. */
struct ecap_option {
	const char *name;    /* "keylog-file": long flag, ini key, JSON key, man entry */
	const char *alias;   /* another accepted spelling, or NULL */
	const char *metavar; /* what help calls the value, or NULL; FILE, DIR, IFACE: shells complete such */
	const char *def;     /* the default, as the user would type it; NULL: zero */
	const char *choices; /* ENUM: "text|pcap|keylog" */
	const char *group;   /* heading in the help, or NULL */
	const char *help;    /* one line */
	const char *doc;     /* a paragraph for the man page, or NULL */
	int64_t min, max;    /* numbers: bounds, both included; equal: no bound */
	uint32_t flags;      /* ECAP_OPT_REQUIRED and so on */
	uint32_t offset;     /* of the member in the config struct */
	uint16_t type;       /* ECAP_OPT_BOOL and so on */
	uint16_t size;       /* of the member, bytes */
	char short_name;     /* letter of the short flag, or 0 */
	char reserved[3];
};

#ifndef __cplusplus
/* 1 when the member M of the struct S can hold the type T, else 0. */
#define ECAP_OPT_FITS(S, M, T) _Generic(((S *)0)->M,				\
	uint8_t: (T) == ECAP_OPT_BOOL,						\
	uint32_t: (T) == ECAP_OPT_U32 || (T) == ECAP_OPT_ENUM,			\
	uint64_t: (T) == ECAP_OPT_U64 || (T) == ECAP_OPT_SIZE || (T) == ECAP_OPT_DURATION, \
	const char *: (T) == ECAP_OPT_STRING || (T) == ECAP_OPT_PATH ||		\
		      (T) == ECAP_OPT_IFNAME || (T) == ECAP_OPT_REST,		\
	const char *const *: (T) == ECAP_OPT_LIST,				\
	default: 0)

/* A row of the option table; refuses at compile time a member of the wrong type. */
#define ECAP_OPT(S, M, T, NAME, ...) {						\
	.name = NAME, .type = (T), .offset = (uint32_t)offsetof(S, M),		\
	.size = (uint16_t)(sizeof(((S *)0)->M) +				\
		0 * sizeof(struct { _Static_assert(ECAP_OPT_FITS(S, M, T),	\
			"option type does not fit config member"); int dummy; })), \
	__VA_ARGS__ }
#endif

#endif
