/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumps of qdiscs and filters, for which libbpf has no call: struct tcmsg of linux/rtnetlink.h and
 * the attributes behind it, as net/sched/sch_api.c and cls_api.c of the kernel write them.
 */
#include "packets/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "err.h"
#include "util.h"

struct tc_message {
	const struct tcmsg *tc;
	const struct rtattr *attributes;
	int n; /* bytes of these */
};

struct dump {
	uint16_t type, reply; /* RTM_* */
	uint32_t interface, parent;
	int (*take)(void *arg, const struct tc_message *message);
	void *arg;
};

static const struct rtattr *find(const struct rtattr *at, int n, uint16_t type)
{
	for (; RTA_OK(at, n); at = RTA_NEXT(at, n))
		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
	return NULL;
}

static void get_kind(const struct tc_message *message, char kind[ECAP_TC_KIND])
{
	const struct rtattr *at = find(message->attributes, message->n, TCA_KIND);

	snprintf(kind, ECAP_TC_KIND, "%.*s", at ? (int)RTA_PAYLOAD(at) : 0,
		 at ? (const char *)RTA_DATA(at) : "");
}

static uint32_t get_u32(const struct rtattr *at)
{
	uint32_t value = 0;

	if (at && RTA_PAYLOAD(at) >= sizeof(value))
		memcpy(&value, RTA_DATA(at), sizeof(value));
	return value;
}

/* Returns 1 for the message that ends a dump, 0, or a negative errno. */
static int read_one(const struct dump *dump, const struct nlmsghdr *header)
{
	if (header->nlmsg_type == NLMSG_DONE)
		return 1;
	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = NLMSG_DATA(header);

		return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) || !error->error ?
			-EPROTO : error->error;
	}
	if (header->nlmsg_type != dump->reply || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct tcmsg)))
		return 0;
	const struct tcmsg *tc = NLMSG_DATA(header);
	struct tc_message message = {
		.tc = tc, .attributes = TCA_RTA(tc), .n = (int)TCA_PAYLOAD(header),
	};

	/* Qdiscs of all interfaces come. */
	return tc->tcm_ifindex == (int)dump->interface ? dump->take(dump->arg, &message) : 0;
}

static int read_all(const struct dump *dump, int sock)
{
	/* The kernel's own limit of what a dump sends at once: netlink_dump() */
	_cleanup_free_ struct nlmsghdr *buffer = malloc(32768);

	if (!buffer)
		return -ENOMEM;
	for (;;) {
		ssize_t n = recv(sock, buffer, 32768, MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n > 32768)
			return -EMSGSIZE;
		uint32_t left = (uint32_t)n;

		for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			int r = read_one(dump, header);

			if (r)
				return r < 0 ? r : 0;
		}
	}
}

static int run_dump(const struct dump *dump)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg tc;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request), .nlmsg_type = dump->type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.tc = {
			.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)dump->interface,
			.tcm_parent = dump->parent,
		},
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_cleanup_close_ int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	/* Connected, so that nobody but the kernel can answer. */
	if (sock < 0 || connect(sock, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ||
	    send(sock, &request, sizeof(request), 0) < 0)
		return -errno;
	return read_all(dump, sock);
}

static int take_qdisc(void *arg, const struct tc_message *message)
{
	if (message->tc->tcm_parent == TC_H_CLSACT) /* is TC_H_INGRESS, too */
		get_kind(message, arg);
	return 0;
}

int ecap_tc_qdisc(uint32_t interface, char kind[ECAP_TC_KIND])
{
	struct dump dump = {
		.type = RTM_GETQDISC, .reply = RTM_NEWQDISC, .interface = interface,
		.take = take_qdisc, .arg = kind,
	};

	kind[0] = '\0';
	int err = run_dump(&dump);

	return err ? ecap_err(err, "qdiscs of interface %u: %s", interface, strerror(-err)) : 0;
}

struct filters {
	struct ecap_tc_filter *all;
	uint32_t n;
};

static int take_filter(void *arg, const struct tc_message *message)
{
	struct filters *filters = arg;
	struct ecap_tc_filter *more = reallocarray(filters->all, filters->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	filters->all = more;
	const struct rtattr *options = find(message->attributes, message->n, TCA_OPTIONS);
	struct ecap_tc_filter *one = &more[filters->n++];

	/* tcm_info: TC_H_MAKE(prio << 16, protocol), tcf_fill_node() */
	*one = (struct ecap_tc_filter){
		.chain = get_u32(find(message->attributes, message->n, TCA_CHAIN)),
		.prio = TC_H_MAJ(message->tc->tcm_info) >> 16,
		.protocol = ntohs((uint16_t)TC_H_MIN(message->tc->tcm_info)),
		.handle = message->tc->tcm_handle,
	};
	get_kind(message, one->kind);
	if (options && !strcmp(one->kind, "bpf"))
		one->program_id = get_u32(find(RTA_DATA(options), (int)RTA_PAYLOAD(options),
					       TCA_BPF_ID));
	return 0;
}

int ecap_tc_filters(uint32_t interface, enum ecap_tc_side side, struct ecap_tc_filter **filters,
		    uint32_t *n)
{
	struct filters made = {0};
	struct dump dump = {
		.type = RTM_GETTFILTER, .reply = RTM_NEWTFILTER, .interface = interface,
		.parent = TC_H_MAKE(TC_H_CLSACT, side == ECAP_TC_INGRESS ? TC_H_MIN_INGRESS :
				    TC_H_MIN_EGRESS),
		.take = take_filter, .arg = &made,
	};
	int err = run_dump(&dump);

	if (err) {
		free(made.all);
		return ecap_err(err, "filters of interface %u: %s", interface, strerror(-err));
	}
	*filters = made.all;
	*n = made.n;
	return 0;
}
