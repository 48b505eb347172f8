/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to put a program on an interface's packets; attach.c takes the first that the kernel has. [main] */
#ifndef ECAPTURE_CORE_PACKETS_ATTACH_PRIVATE_H
#define ECAPTURE_CORE_PACKETS_ATTACH_PRIVATE_H

#include "packets/attach.h"
#include "packets/journal.h"

struct ecap_tc_link {
	const struct ecap_tc_method *method;
	uint32_t interface;
	enum ecap_tc_side side;
	int fd;                     /* tcx: the link; clsact: the entry's lock */
	struct ecap_tc_entry entry; /* clsact: in the journal */
};

struct ecap_tc_method {
	const char *name;
	/* -EOPNOTSUPP: this kernel has no such way. */
	int (*attach)(struct ecap_tc_link *link, int program_fd);
	void (*detach)(struct ecap_tc_link *link);
};

extern const struct ecap_tc_method ecap_tcx, ecap_clsact;

/* ecap_tc_attach() by one way. */
int ecap_tc_attach_by(const struct ecap_tc_method *method, int program_fd, uint32_t interface,
		      enum ecap_tc_side side, struct ecap_tc_link **link);

/* Says for which interface and side, what was tried, why not (errno), and what to do. Returns @err. */
int ecap_tc_err(int err, const struct ecap_tc_link *link, const char *tried);

#endif
