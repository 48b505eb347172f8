/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces there are, and with what their packets begin where tc sees them: with the header
 * that the device's type has, or with IP where it has none. What cannot be taken says why.
 */
#include "packets/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "err.h"
#include "log.h"
#include "options.h"
#include "util.h"

/* www.tcpdump.org/linktypes.html */
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW      101 /* begins with the IP header */

/*
 * ARPHRD_* of linux/if_arp.h. Those of raw IP have no header_ops with a create() in the kernel, or
 * one that puts an outer IP header there, which is IP again. Before Linux 5.14, what comes in from a
 * tunnel begins with the outer headers too; the inner one is at BPF_HDR_START_NET in any case.
 */
static const struct device_type {
	uint16_t type, link_type; /* link_type: 0, refused for the reason */
	const char *reason;
} device_types[] = {
	{ ARPHRD_ETHER, LINKTYPE_ETHERNET, NULL },
	{ ARPHRD_LOOPBACK, LINKTYPE_ETHERNET, NULL }, /* drivers/net/loopback.c: eth_header_ops */
	{ ARPHRD_NONE, LINKTYPE_RAW, NULL },          /* tun, WireGuard, xfrm, netkit */
	{ ARPHRD_PPP, LINKTYPE_RAW, NULL },           /* the driver adds its header below tc */
	{ ARPHRD_RAWIP, LINKTYPE_RAW, NULL },
	{ ARPHRD_TUNNEL, LINKTYPE_RAW, NULL },
	{ ARPHRD_TUNNEL6, LINKTYPE_RAW, NULL },
	{ ARPHRD_SIT, LINKTYPE_RAW, NULL },
	{ ARPHRD_IPGRE, LINKTYPE_RAW, NULL },
	{ ARPHRD_IP6GRE, LINKTYPE_RAW, NULL },
	{ ARPHRD_IEEE80211, 0, "802.11 frames in monitor mode are encrypted, and no IP packets" },
	{ ARPHRD_IEEE80211_PRISM, 0, "802.11 frames in monitor mode are encrypted, and no IP packets" },
	{ ARPHRD_IEEE80211_RADIOTAP, 0,
	  "802.11 frames in monitor mode are encrypted, and no IP packets" },
	{ ARPHRD_NETLINK, 0, "it shows netlink messages, no packets" },
	{ ARPHRD_VSOCKMON, 0, "it shows messages between virtual machines, no IP packets" },
	{ ARPHRD_CAN, 0, "a CAN bus carries no IP packets" },
};

static const struct device_type *find_type(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(device_types); i++)
		if (device_types[i].type == type)
			return &device_types[i];
	return NULL;
}

/* What the kernel says of an interface: netdevice(7). */
struct seen {
	int up, loopback;
	uint16_t type; /* ARPHRD_* */
};

/* -ENODEV: it is gone by now. */
static int look_at(int sock, const char *name, struct seen *seen)
{
	struct ifreq flags = {0}, address = {0};

	snprintf(flags.ifr_name, sizeof(flags.ifr_name), "%s", name);
	snprintf(address.ifr_name, sizeof(address.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFFLAGS, &flags) < 0 || ioctl(sock, SIOCGIFHWADDR, &address) < 0)
		return ecap_err(-errno, "interface %s: its type: %s", name, strerror(errno));
	*seen = (struct seen){
		.up = !!(flags.ifr_flags & IFF_UP),
		.loopback = !!(flags.ifr_flags & IFF_LOOPBACK),
		.type = address.ifr_hwaddr.sa_family,
	};
	return 0;
}

static int no_memory(void)
{
	return ecap_err(-ENOMEM, "list of interfaces: no memory");
}

static void free_names(struct if_nameindex **all)
{
	if (*all)
		if_freenameindex(*all);
}

/* "lo, eth0", as much as fits. */
static void list_names(const struct if_nameindex *all, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (; all->if_index && n < size; all++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", all->if_name);
	if (n >= size)
		memcpy(text + size - 4, "...", 4);
}

static int unknown(const struct if_nameindex *all, const char *name)
{
	char there[512];
	size_t n = 0;

	while (all[n].if_index)
		n++;
	_cleanup_free_ const char **words = calloc(n + 2, sizeof(*words));

	if (!words)
		return no_memory();
	for (size_t i = 0; i < n; i++)
		words[i] = all[i].if_name;
	words[n] = "any";
	const char *near = ecap_nearest(name, words);

	list_names(all, there, sizeof(there));
	return ecap_err(-ENODEV, "no interface \"%.64s\"%s%s; there are any, %s", name,
			near ? "; did you mean " : "", near ? near : "", there);
}

/* What is asked for, with indexes in place of names. */
struct wanted {
	int any;
	uint32_t *indexes, n;
};

static void free_wanted(struct wanted *wanted)
{
	free(wanted->indexes);
}

static int is_named(const struct wanted *wanted, uint32_t index)
{
	for (uint32_t i = 0; i < wanted->n; i++)
		if (wanted->indexes[i] == index)
			return 1;
	return 0;
}

static uint32_t index_of(const struct if_nameindex *all, const char *name)
{
	for (; all->if_index; all++)
		if (!strcmp(all->if_name, name))
			return all->if_index;
	return if_nametoindex(name); /* an alternative name: ip-link(8), altname */
}

static int read_names(const struct if_nameindex *all, const char *const *names, int may_lack,
		      struct wanted *wanted)
{
	uint32_t n = 0;

	while (names && names[n])
		n++;
	wanted->any = !n;
	wanted->indexes = calloc(n + 1, sizeof(*wanted->indexes));
	if (!wanted->indexes)
		return no_memory();
	for (uint32_t i = 0; i < n; i++) {
		if (!strcmp(names[i], "any")) {
			wanted->any = 1;
			continue;
		}
		uint32_t index = index_of(all, names[i]);

		if (index)
			wanted->indexes[wanted->n++] = index;
		else if (!may_lack)
			return unknown(all, names[i]);
	}
	return 0;
}

/* Why its packets cannot be taken. */
static int refuse(const struct if_nameindex *one, uint16_t type, const struct device_type *known)
{
	if (known)
		return ecap_err(-EOPNOTSUPP, "interface %s cannot be captured: %s", one->if_name,
				known->reason);
	return ecap_err(-EOPNOTSUPP, "interface %s cannot be captured: packets of its device type "
			"(%u in linux/if_arp.h) are not known here", one->if_name, type);
}

/* Returns 1 and the interface, 0 when it is not wanted, or a negative errno. */
static int take(int sock, const struct if_nameindex *one, const struct wanted *wanted,
		struct ecap_interface *interface)
{
	int named = is_named(wanted, one->if_index);
	struct seen seen = {0};

	if (!named && !wanted->any)
		return 0;
	int err = look_at(sock, one->if_name, &seen);

	if (err)
		return named ? err : 0;
	const struct device_type *type = find_type(seen.type);

	if (!named && !seen.up)
		return 0;
	if (!type || !type->link_type) {
		err = refuse(one, seen.type, type);
		if (!named)
			log_debug("packets", "%s; left out", ecap_err_text());
		return named ? err : 0;
	}
	*interface = (struct ecap_interface){
		.index = one->if_index,
		.link_type = type->link_type,
		.is_loopback = (uint8_t)seen.loopback,
		.is_down = !seen.up,
	};
	snprintf(interface->name, sizeof(interface->name), "%s", one->if_name);
	return 1;
}

static int by_index(const void *a, const void *b)
{
	const struct ecap_interface *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static void free_addresses(struct ifaddrs **all)
{
	freeifaddrs(*all);
}

/* By netlink: a service may have no sockets of IPv4. */
static int add_netmasks(struct ecap_interface *list, uint32_t n)
{
	_cleanup_(free_addresses) struct ifaddrs *all = NULL;

	if (getifaddrs(&all))
		return ecap_err(-errno, "addresses of interfaces: %s", strerror(errno));
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		uint32_t i = 0;

		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || !one->ifa_netmask)
			continue;
		while (i < n && strcmp(list[i].name, one->ifa_name))
			i++;
		if (i < n && !list[i].netmask)
			list[i].netmask = ((const struct sockaddr_in *)one->ifa_netmask)->sin_addr.s_addr;
	}
	return 0;
}

static int find(const char *const *names, int may_lack, struct ecap_interface **list, uint32_t *n)
{
	_cleanup_(free_wanted) struct wanted wanted = {0};
	_cleanup_(free_names) struct if_nameindex *all = if_nameindex();
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t found = 0, there = 0;

	if (!all || sock < 0)
		return ecap_err(-errno, "list of interfaces: %s", strerror(errno));
	int r = read_names(all, names, may_lack, &wanted);

	if (r)
		return r;
	while (all[there].if_index)
		there++;
	_cleanup_free_ struct ecap_interface *made = calloc(there + 1, sizeof(*made));

	if (!made)
		return no_memory();
	for (uint32_t i = 0; i < there; i++) {
		r = take(sock, &all[i], &wanted, &made[found]);
		if (r == -ENODEV && may_lack)
			continue;
		if (r < 0)
			return r;
		found += (uint32_t)r;
	}
	r = add_netmasks(made, found);
	if (r)
		return r;
	qsort(made, found, sizeof(*made), by_index);
	*list = TAKE_PTR(made);
	*n = found;
	return 0;
}

int ecap_interfaces_find(const char *const *names, struct ecap_interface **list, uint32_t *n)
{
	return find(names, 0, list, n);
}

int ecap_interfaces_find_again(const char *const *names, struct ecap_interface **list, uint32_t *n)
{
	return find(names, 1, list, n);
}
