/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of Linux 6.6 and later: a link in the interface's list of programs, which ends with our
 * process. Ours goes to the head of the list on both sides, for one reason: what a program before
 * it lets pass for good (TCX_PASS, as the programs of container networks do) or redirects would
 * never reach ours, and a connection with a hole in it cannot be decrypted.
 * On the way in that is also what tcpdump sees, whose tap stands before tc. On the way out its tap
 * stands behind, after others have dropped packets or rewritten addresses; we see what the
 * sockets sent, with the addresses that the process knows, and a dropped packet once more when it
 * is sent again.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "packets/attach_private.h"
#include "util.h"

/* linux/bpf.h of Linux 6.6 and later; that of Debian 12 is older. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46) /* BPF_TCX_INGRESS */
#define ATTACH_TCX_EGRESS  ((enum bpf_attach_type)47) /* BPF_TCX_EGRESS */
#define FLAG_BEFORE        (1U << 3)                  /* BPF_F_BEFORE, of none: the head of the list */

static int attach(struct ecap_tc_link *link, int program_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = FLAG_BEFORE);
	int fd = bpf_link_create(program_fd, (int)link->interface, link->side == ECAP_TC_INGRESS ?
				 ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS, &options);

	if (fd >= 0) {
		link->fd = fd;
		return 0;
	}
	/* An unknown attach type; or no such kind of link, when built without. */
	if (fd == -EINVAL || fd == -EOPNOTSUPP)
		return ecap_tc_err(-EOPNOTSUPP, link, "a tcx link");
	return ecap_tc_err(fd, link, "a tcx link");
}

/* The link is cut first: a child that has just been forked may have its fd, too. */
static void detach(struct ecap_tc_link *link)
{
	bpf_link_detach(link->fd); /* of an interface that is gone it was cut already */
	close(link->fd);
}

const struct ecap_tc_method ecap_tcx = { "tcx", attach, detach };
