/* SPDX-License-Identifier: Apache-2.0 */
/* The network interfaces of this network namespace whose packets are wanted. [main] */
#ifndef ECAPTURE_CORE_PACKETS_INTERFACES_H
#define ECAPTURE_CORE_PACKETS_INTERFACES_H

#include <net/if.h>
#include <stdint.h>

struct ecap_interface {
	uint32_t index;           /* as in if_nametoindex(3) */
	char name[IF_NAMESIZE];
	uint16_t link_type;       /* LINKTYPE_* of www.tcpdump.org/linktypes.html */
	uint8_t is_loopback;
	uint8_t is_down;          /* named, and has no packets until it is up */
	uint32_t netmask;         /* of its first IPv4 address, in network byte order; 0: it has none */
};

/*
 * Those named, each once, in the order of their index; one that is down is among them. @names:
 * NULL-ended; NULL, empty, or with "any" in it: every interface too that is up and whose packets can
 * be taken, which may be none. The caller frees *list. Returns 0, or a negative errno with a text
 * that names the interface, what is near to it and what there is.
 */
int ecap_interfaces_find(const char *const *names, struct ecap_interface **list, uint32_t *n);

/* The same once more, when interfaces may have gone: those named that are not there are no error. */
int ecap_interfaces_find_again(const char *const *names, struct ecap_interface **list, uint32_t *n);

/*
 * An fd, readable when an interface has come, gone or changed: its name, up or down, its IPv4
 * addresses. It is the caller's to close. Or a negative errno with a text. What came before it is
 * seen by ecap_interfaces_find() only, which is therefore to be called after it.
 */
int ecap_interfaces_watch(void);

/* Reads the fd empty. Returns 1: interfaces are to be looked at again, 0: not, or a negative errno. */
int ecap_interfaces_changed(int watch);

#endif
