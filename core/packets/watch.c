/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when interfaces come, go or change: the kernel's own messages, rtnetlink(7). */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "err.h"
#include "packets/interfaces.h"
#include "util.h"

int ecap_interfaces_watch(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
					NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return ecap_err(-errno, "watching for interfaces (rtnetlink): %s", strerror(errno));
	return TAKE_FD(fd);
}

int ecap_interfaces_changed(int watch)
{
	struct nlmsghdr header;
	int changed = 0;

	/* The groups have messages about links and addresses only, so what they say need not be read. */
	for (;;) {
		if (recv(watch, &header, sizeof(header), 0) >= 0)
			changed = 1;
		else if (errno == ENOBUFS) /* some were lost: netlink(7) */
			changed = 1;
		else if (errno != EINTR)
			break;
	}
	if (errno != EAGAIN)
		return ecap_err(-errno, "watching for interfaces (rtnetlink): %s", strerror(errno));
	return changed;
}
