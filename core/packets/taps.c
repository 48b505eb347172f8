/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each packet is to be taken once. On the loopback it passes on its way out and, the same, on its
 * way in: there only the way in counts, as with tcpdump. On the way out TCP's packets may have
 * twice the size that they can have, and are cut in two after that.
 */
#include "packets/taps.h"

#include <linux/if_packet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "packets/filter.h"
#include "util.h"

/* A filter, loaded. */
struct filter {
	uint16_t link_type;
	enum ecap_tc_side where;
	uint32_t netmask;
	int fd;
};

struct ecap_taps {
	struct ecap_taps_options options;
	struct filter *filters;
	uint32_t n_filters;
	int taken;              /* those that were there at the start */
	pthread_mutex_t lock;   /* guards what is below */
	struct ecap_tap **list; /* by index */
	uint32_t n;
};

/* The interfaces are not named one by one. */
static int take_all(const char *const *names)
{
	if (!names || !*names)
		return 1;
	for (; *names; names++)
		if (!strcmp(*names, "any"))
			return 1;
	return 0;
}

int ecap_taps_new(const struct ecap_taps_options *options, struct ecap_taps **taps)
{
	struct ecap_taps *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory for the interfaces");
	made->options = *options;
	pthread_mutex_init(&made->lock, NULL);
	*taps = made;
	return 0;
}

/* Only "ip broadcast" asks for it (pcap-filter(7)): other filters are the same for all interfaces. */
static uint32_t netmask_of(const struct ecap_taps *taps, const struct ecap_interface *interface)
{
	const char *filter = taps->options.filter;

	return filter && strstr(filter, "broadcast") ? interface->netmask : 0;
}

/* The program for that interface and side; a filter is loaded once for all that can share it. */
static int program_of(struct ecap_taps *taps, const struct ecap_interface *interface,
		      enum ecap_tc_side where)
{
	struct ecap_filter_side side = {
		.link_type = interface->link_type,
		.packet_type = where == ECAP_TC_EGRESS ? PACKET_OUTGOING : -1,
		.netmask = netmask_of(taps, interface),
	};
	struct filter *grown;
	int array, err, fd;

	if (!taps->options.filter)
		return taps->options.programs->fds[where];
	for (uint32_t i = 0; i < taps->n_filters; i++) {
		const struct filter *f = &taps->filters[i];

		if (f->where == where && f->link_type == side.link_type &&
		    f->netmask == side.netmask)
			return f->fd;
	}
	array = ecap_packet_programs_array(taps->options.programs, where);
	if (array < 0)
		return array;
	grown = realloc(taps->filters, (taps->n_filters + 1) * sizeof(*grown));
	if (!grown)
		return ecap_err(-ENOMEM, "out of memory for a packet filter");
	taps->filters = grown;
	err = ecap_filter_load(taps->options.filter, &side, array, &fd);
	if (err)
		return err;
	taps->filters[taps->n_filters++] = (struct filter){ side.link_type, where, side.netmask, fd };
	return fd;
}

static void detach(struct ecap_tap *tap)
{
	ecap_tc_detach(TAKE_PTR(tap->links[ECAP_TC_INGRESS]));
	ecap_tc_detach(TAKE_PTR(tap->links[ECAP_TC_EGRESS]));
	tap->attached = 0;
}

static int attach(struct ecap_taps *taps, struct ecap_tap *tap)
{
	const struct ecap_interface *interface = &tap->interface;
	uint64_t none = 0;
	int err = 0;

	/* Where there is no room for a counter, losses are counted for all together only. */
	bpf_map_update_elem(taps->options.programs->lost_fd, &interface->index, &none, BPF_NOEXIST);
	for (int where = ECAP_TC_INGRESS; !err && where <= ECAP_TC_EGRESS; where++) {
		if (where == ECAP_TC_EGRESS && interface->is_loopback)
			continue;
		int fd = program_of(taps, interface, where);

		err = fd < 0 ? fd : ecap_tc_attach(fd, interface->index, where,
						   &tap->links[where]);
	}
	if (err)
		detach(tap);
	else
		tap->attached = 1;
	return err;
}

/* Where it is in the list, or would be. */
static uint32_t place_of(const struct ecap_taps *taps, uint32_t index)
{
	uint32_t low = 0, high = taps->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (taps->list[middle]->interface.index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ecap_tap *ecap_taps_find(struct ecap_taps *taps, uint32_t index)
{
	struct ecap_tap *tap = NULL;

	pthread_mutex_lock(&taps->lock);
	uint32_t at = place_of(taps, index);

	if (at < taps->n && taps->list[at]->interface.index == index)
		tap = taps->list[at];
	pthread_mutex_unlock(&taps->lock);
	return tap;
}

static int insert(struct ecap_taps *taps, struct ecap_tap *tap)
{
	struct ecap_tap **grown;
	int err = 0;

	pthread_mutex_lock(&taps->lock);
	grown = realloc(taps->list, (taps->n + 1) * sizeof(*grown));
	if (grown) {
		taps->list = grown;
		uint32_t at = place_of(taps, tap->interface.index);

		memmove(grown + at + 1, grown + at, (taps->n - at) * sizeof(*grown));
		grown[at] = tap;
		taps->n++;
	} else {
		err = ecap_err(-ENOMEM, "out of memory for interface %s", tap->interface.name);
	}
	pthread_mutex_unlock(&taps->lock);
	return err;
}

/* In the file and in the list before its first packet. */
static int add(struct ecap_taps *taps, const struct ecap_interface *interface,
	       struct ecap_tap **added)
{
	const struct ecap_packet_interface in_file = {
		.name = interface->name, .filter = taps->options.filter,
		.link_type = interface->link_type,
	};
	_cleanup_free_ struct ecap_tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return ecap_err(-ENOMEM, "out of memory for interface %s", interface->name);
	tap->interface = *interface;
	int err = ecap_packet_file_interface(taps->options.file, &in_file, &tap->number);

	if (!err)
		err = insert(taps, tap);
	if (!err)
		*added = TAKE_PTR(tap);
	return err;
}

static int take(struct ecap_taps *taps, int all, const struct ecap_interface *interface)
{
	struct ecap_tap *tap = ecap_taps_find(taps, interface->index);
	int err = tap ? 0 : add(taps, interface, &tap);

	if (err)
		return err;
	/* It has got another address: the filter is to know its broadcasts. */
	if (tap->attached &&
	    netmask_of(taps, &tap->interface) != netmask_of(taps, interface))
		detach(tap);
	tap->interface.netmask = interface->netmask;
	if (tap->attached)
		return 0;
	err = attach(taps, tap);
	if (!err)
		ecap_logf(all || !taps->taken ? ECAP_LOG_DEBUG : ECAP_LOG_INFO,
			  taps->options.component, "packets of interface %s (%u)", interface->name,
			  interface->index);
	return err;
}

static void leave_others(struct ecap_taps *taps, int all, const struct ecap_interface *list,
			 uint32_t n)
{
	for (uint32_t i = 0; i < taps->n; i++) {
		uint32_t k = 0;

		while (k < n && list[k].index != taps->list[i]->interface.index)
			k++;
		if (k < n || !taps->list[i]->attached)
			continue;
		ecap_logf(all ? ECAP_LOG_DEBUG : ECAP_LOG_WARN, taps->options.component,
			  "interface %s is gone: deleted, or in another network namespace",
			  taps->list[i]->interface.name);
		detach(taps->list[i]);
	}
}

int ecap_taps_refresh(struct ecap_taps *taps)
{
	_cleanup_free_ struct ecap_interface *list = NULL;
	int all = take_all(taps->options.names);
	uint32_t n;
	int err = ecap_interfaces_find_again(taps->options.names, &list, &n);

	if (err)
		return err;
	leave_others(taps, all, list, n);
	for (uint32_t i = 0; i < n; i++) {
		err = take(taps, all, &list[i]);
		/* One that has gone since it was found is none. */
		if (!err || err == -ENODEV)
			continue;
		if (!all)
			return err;
		log_warn(taps->options.component, "%s", ecap_err_text());
	}
	taps->taken = 1;
	return 0;
}

void ecap_taps_detach(struct ecap_taps *taps)
{
	for (uint32_t i = 0; i < taps->n; i++)
		detach(taps->list[i]);
}

void ecap_taps_statistics(struct ecap_taps *taps)
{
	pthread_mutex_lock(&taps->lock);
	for (uint32_t i = 0; i < taps->n; i++) {
		const struct ecap_tap *tap = taps->list[i];
		struct ecap_packet_statistics statistics = { 0 };

		bpf_map_lookup_elem(taps->options.programs->lost_fd, &tap->interface.index,
				    &statistics.dropped);
		statistics.received = tap->received + statistics.dropped;
		ecap_packet_file_statistics(taps->options.file, tap->number, &statistics);
	}
	pthread_mutex_unlock(&taps->lock);
}

void ecap_taps_free(struct ecap_taps *taps)
{
	if (!taps)
		return;
	ecap_taps_detach(taps);
	for (uint32_t i = 0; i < taps->n_filters; i++)
		close(taps->filters[i].fd);
	for (uint32_t i = 0; i < taps->n; i++)
		free(taps->list[i]);
	free(taps->filters);
	free(taps->list);
	pthread_mutex_destroy(&taps->lock);
	free(taps);
}
