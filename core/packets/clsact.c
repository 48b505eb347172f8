/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way before Linux 6.6: a filter on the clsact qdisc of the interface, both of which stay when
 * a process is killed; so what is done is in the journal. A filter is removed when it has our
 * program, the qdisc when an ecapture made it and no filter is left on it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "packets/attach_private.h"
#include "packets/entry.h"
#include "packets/place.h"
#include "util.h"

static const enum bpf_tc_attach_point points[] = {
	[ECAP_TC_INGRESS] = BPF_TC_INGRESS, [ECAP_TC_EGRESS] = BPF_TC_EGRESS,
};

/* For messages; "?": it is gone. */
static const char *name_of(uint32_t interface, char name[IF_NAMESIZE])
{
	return if_indextoname(interface, name) ? name : "?";
}

/* Which program it is, as the kernel will tell of the filter. */
static int identify(struct ecap_tc_link *link, int program_fd)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) < 0)
		return ecap_tc_err(-errno, link, "the program's id");
	link->entry.program_id = info.id;
	for (size_t i = 0; i < sizeof(info.tag); i++)
		snprintf(link->entry.tag + 2 * i, 3, "%02x", info.tag[i]);
	return 0;
}

static int made_it(void *arg, const struct ecap_tc_entry *entry, int lives)
{
	const struct ecap_tc_entry *ours = arg;

	(void)lives;
	return entry->interface == ours->interface && entry->made_qdisc;
}

/*
 * Finds out whether there is a qdisc that can be used (*make: no), and whether it is one that an
 * ecapture made: the last of them removes it.
 */
static int find_qdisc(struct ecap_tc_link *link, const struct ecap_tc_journal *journal, int *make)
{
	char kind[ECAP_TC_KIND];
	int err = ecap_tc_qdisc(link->interface, kind);

	if (err)
		return err;
	*make = !*kind;
	/* It has one block, in which a filter for the way out would see what comes in. */
	if (!strcmp(kind, "ingress") && link->side == ECAP_TC_EGRESS)
		return ecap_tc_err(-EBUSY, link, "a clsact qdisc in place of the ingress qdisc, "
				   "which is somebody else's (tc qdisc show tells) and has no way out");
	if (*make) {
		link->entry.made_qdisc = 1;
		return 0;
	}
	int r = ecap_tc_journal_each(journal, made_it, &link->entry);

	link->entry.made_qdisc = r > 0;
	return r < 0 ? r : 0;
}

static int find_place(struct ecap_tc_link *link)
{
	_cleanup_free_ struct ecap_tc_filter *filters = NULL;
	struct ecap_tc_place place;
	char name[IF_NAMESIZE];
	uint32_t n;
	int err = ecap_tc_filters(link->interface, link->side, &filters, &n);

	if (!err && ecap_tc_place(filters, n, &place))
		err = ecap_tc_err(-ENOSPC, link, "a filter");
	if (err)
		return err;
	if (place.before)
		log_warn("packets", "interface %s, %s: a filter of kind %s (prio %u) comes before "
			 "ours; packets that it takes are missing", name_of(link->interface, name),
			 ecap_tc_side_name(link->side), place.before->kind, place.before->prio);
	link->entry.prio = place.prio;
	link->entry.handle = place.handle;
	return 0;
}

static int make_qdisc(struct ecap_tc_link *link)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)link->interface,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err = bpf_tc_hook_create(&hook);

	if (err == -ENOENT) /* qdisc_create() knows no such kind, and modprobe none either */
		return ecap_tc_err(-EOPNOTSUPP, link, "a clsact qdisc (kernel module sch_ingress)");
	return err ? ecap_tc_err(err, link, "a clsact qdisc") : 0;
}

static int add_filter(struct ecap_tc_link *link, int program_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)link->interface,
		    .attach_point = points[link->side]);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .handle = link->entry.handle,
		    .priority = link->entry.prio);
	int err = bpf_tc_attach(&hook, &options);

	if (err == -EOPNOTSUPP) /* tcf_block_find() */
		return ecap_tc_err(-EBUSY, link, "a filter on the clsact qdisc, whose filters "
				   "belong to several interfaces (tc qdisc show tells the block)");
	if (err == -ENOENT) /* tcf_proto_lookup_ops() */
		return ecap_tc_err(-EOPNOTSUPP, link, "a filter of kind bpf (kernel module cls_bpf)");
	return err ? ecap_tc_err(err, link, "a filter on the clsact qdisc") : 0;
}

/* With no filter on either side; when that cannot be found out, it counts as used. */
static int is_unused(uint32_t interface)
{
	static const enum ecap_tc_side sides[] = { ECAP_TC_INGRESS, ECAP_TC_EGRESS };

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		_cleanup_free_ struct ecap_tc_filter *filters = NULL;
		uint32_t n;

		if (ecap_tc_filters(interface, sides[i], &filters, &n) || n)
			return 0;
	}
	return 1;
}

static int remove_qdisc(const struct ecap_tc_entry *entry)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)entry->interface,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	return entry->made_qdisc && is_unused(entry->interface) ? bpf_tc_hook_destroy(&hook) : 0;
}

/* Whether what is at the entry's place is what the entry says. */
static int is_ours(const struct ecap_tc_entry *entry)
{
	_cleanup_free_ struct ecap_tc_filter *filters = NULL;
	uint32_t n;
	int err = ecap_tc_filters(entry->interface, entry->side, &filters, &n);

	for (uint32_t i = 0; i < n && !err; i++)
		if (filters[i].prio == entry->prio && filters[i].handle == entry->handle &&
		    filters[i].program_id == entry->program_id)
			return 1;
	return err;
}

/*
 * Returns 1 when the filter was removed, 0 when there was none of ours, or a negative errno with a
 * text. A qdisc that has lost our filter is none of ours either: somebody has made it anew.
 */
static int undo(const struct ecap_tc_entry *entry)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)entry->interface,
		    .attach_point = points[entry->side]);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = entry->handle, .priority = entry->prio);
	int ours = is_ours(entry);

	if (ours < 0 || (!ours && entry->settled))
		return ours;
	int r = ours ? bpf_tc_detach(&hook, &options) : 0;

	if (!r)
		r = remove_qdisc(entry);
	if (!r)
		return ours;
	if (r == -ENODEV || r == -ENOENT || r == -EINVAL) /* gone in this very moment */
		return 0;
	char name[IF_NAMESIZE];

	return ecap_err(r, "filter of pid %d on interface %s, %s, prio %u, handle 0x%x: %s",
			entry->pid, name_of(entry->interface, name), ecap_tc_side_name(entry->side),
			entry->prio, entry->handle, strerror(-r));
}

static int attach_journalled(struct ecap_tc_link *link, int program_fd,
			     const struct ecap_tc_journal *journal)
{
	int make, err = find_qdisc(link, journal, &make);

	if (!err)
		err = find_place(link);
	if (!err)
		err = ecap_tc_journal_add(journal, &link->entry, &link->fd);
	if (err)
		return err;
	if (make)
		err = make_qdisc(link);
	if (!err) {
		err = add_filter(link, program_fd);
		if (err && make)
			remove_qdisc(&link->entry);
	}
	if (!err) {
		ecap_tc_journal_settle(link->fd, &link->entry, 1);
		return 0;
	}
	ecap_tc_journal_remove(journal, link->entry.file);
	ecap_closep(&link->fd);
	return err;
}

static int attach(struct ecap_tc_link *link, int program_fd)
{
	_cleanup_(ecap_tc_journal_close) struct ecap_tc_journal journal = { -1, -1 };

	link->entry.interface = link->interface;
	link->entry.side = link->side;
	int err = identify(link, program_fd);

	if (err)
		return err;
	err = ecap_tc_journal_open(1, &journal);
	if (err)
		return err;
	/* Somebody else may have made the qdisc, or taken the place, after it was looked for. */
	for (int tries = 0; tries < 3; tries++) {
		err = attach_journalled(link, program_fd, &journal);
		if (err != -EEXIST)
			break;
	}
	return err;
}

/* Without the journal the filter goes all the same; its entry is for the next start. */
static void detach(struct ecap_tc_link *link)
{
	_cleanup_(ecap_tc_journal_close) struct ecap_tc_journal journal = { -1, -1 };
	int have = ecap_tc_journal_open(0, &journal);

	if (have < 0) {
		log_warn("packets", "%s", ecap_err_text());
		link->entry.made_qdisc = 0; /* whether another one needs it cannot be known */
	}
	if (is_ours(&link->entry) > 0)
		ecap_tc_journal_settle(link->fd, &link->entry, 0);
	if (undo(&link->entry) < 0)
		log_warn("packets", "%s", ecap_err_text());
	else if (!have)
		ecap_tc_journal_remove(&journal, link->entry.file);
	ecap_closep(&link->fd);
}

const struct ecap_tc_method ecap_clsact = { "clsact", attach, detach };

struct recovery {
	const struct ecap_tc_journal *journal;
	int removed, err;
};

static int recover_one(void *arg, const struct ecap_tc_entry *entry, int lives)
{
	struct recovery *recovery = arg;
	char name[IF_NAMESIZE];

	if (lives)
		return 0;
	int r = undo(entry);

	if (r < 0) {
		recovery->err = r;
		return 0;
	}
	if (r > 0)
		log_info("packets", "interface %s, %s: removed the filter that ecapture with pid %d "
			 "left when it was killed", name_of(entry->interface, name),
			 ecap_tc_side_name(entry->side), entry->pid);
	recovery->removed += r;
	ecap_tc_journal_remove(recovery->journal, entry->file);
	return 0;
}

int ecap_tc_recover(void)
{
	_cleanup_(ecap_tc_journal_close) struct ecap_tc_journal journal = { -1, -1 };
	struct recovery recovery = { .journal = &journal };
	int err = ecap_tc_journal_open(0, &journal);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = ecap_tc_journal_each(&journal, recover_one, &recovery);
	if (!err)
		err = recovery.err;
	return err ? err : recovery.removed;
}
