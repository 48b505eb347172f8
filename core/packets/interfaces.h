/* SPDX-License-Identifier: Apache-2.0 */
/* The network interfaces of this network namespace whose packets are wanted. */
#ifndef ECAPTURE_CORE_PACKETS_INTERFACES_H
#define ECAPTURE_CORE_PACKETS_INTERFACES_H

#include <net/if.h>
#include <stdint.h>

struct ecap_interface {
	uint32_t index;           /* as in if_nametoindex(3) */
	char name[IF_NAMESIZE];
	uint16_t link_type;       /* LINKTYPE_* of www.tcpdump.org/linktypes.html */
	uint8_t is_loopback;
	uint8_t reserved;
};

/*
 * Those named, each once. @names: NULL-ended; NULL, empty, or with "any" in it: every interface
 * that is up and whose packets can be taken. The caller frees *list. Returns 0, or a negative errno
 * with a text that names the interface and what is near to it.
 */
int ecap_interfaces_find(const char *const *names, struct ecap_interface **list, uint32_t *n);

/*
 * An fd, readable when an interface has come or gone: then the caller reads it empty and looks
 * again. Or a negative errno with a text.
 */
int ecap_interfaces_watch(void);

#endif
