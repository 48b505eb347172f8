/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the way to the packets: by trying, the newest first. See attach.h. */
#include "packets/attach.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "packets/attach_private.h"
#include "util.h"

static const char *advice(int err)
{
	static const struct {
		int err;
		const char *text;
	} all[] = {
		{ -EPERM, "; that needs CAP_NET_ADMIN, or root" },
		{ -ENODEV, "; the interface is gone" },
		{ -ERANGE, "; the kernel takes no more programs there" }, /* BPF_MPROG_MAX, 64 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].err == err)
			return all[i].text;
	return "";
}

int ecap_tc_err(int err, const struct ecap_tc_link *link, const char *tried)
{
	char name[IF_NAMESIZE];

	return ecap_err(err, "packets %s interface %s (index %u): %s: %s%s",
			link->side == ECAP_TC_INGRESS ? "into" : "out of",
			if_indextoname(link->interface, name) ? name : "?", link->interface, tried,
			strerror(-err), advice(err));
}

int ecap_tc_attach_by(const struct ecap_tc_method *method, int program_fd, uint32_t interface,
		      enum ecap_tc_side side, struct ecap_tc_link **link)
{
	_cleanup_free_ struct ecap_tc_link *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "packets of interface %u: no memory", interface);
	*made = (struct ecap_tc_link){
		.method = method, .interface = interface, .side = side, .fd = -1,
	};
	int err = method->attach(made, program_fd);

	if (!err)
		*link = TAKE_PTR(made);
	return err;
}

int ecap_tc_attach(int program_fd, uint32_t interface, enum ecap_tc_side side,
		   struct ecap_tc_link **link)
{
	static const struct ecap_tc_method *const methods[] = { &ecap_tcx, &ecap_clsact };
	int err = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_SIZE(methods) && err == -EOPNOTSUPP; i++) {
		err = ecap_tc_attach_by(methods[i], program_fd, interface, side, link);
		if (err == -EOPNOTSUPP)
			log_debug("packets", "%s", ecap_err_text());
	}
	return err;
}

void ecap_tc_detach(struct ecap_tc_link *link)
{
	if (!link)
		return;
	link->method->detach(link);
	free(link);
}
