/* SPDX-License-Identifier: Apache-2.0 */
/* See capture.h. */
#include "packets/capture.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "kernel.h"
#include "log.h"
#include "packet_record.h"
#include "packets/file.h"
#include "packets/filter.h"
#include "packets/flow.h"
#include "packets/owners.h"
#include "packets/taps.h"
#include "reader.h"
#include "util.h"

/* Packets that wait for their secrets: what 10 Gbit/s bring in 100 ms. */
#define HOLD_BYTES (128ull << 20)

/*
 * How long packets wait when there are no handshakes, for those of other CPUs to come before them.
 * Not with a process filter: it must know whose a packet is, and a process may be slow to read.
 */
#define CALM_NS (10u * 1000000u)

/* Sockets whose owner is remembered. */
#define MOST_OWNERS 65536u

/* How often the reader looks at packets that wait, when no others come. */
#define TICK_MS 5

#define STATISTICS_NS 1000000000ull

/* A slow disk may take its time, but a reader of a pipe that stands still must not keep us. */
#define STILL_NS 3000000000ull

/* For how long packets wait at most for those who read secrets, and have fallen behind. */
#define PATIENCE_NS 5000000000ull

/* With less, secrets leave no room for packets, or there is a file for each of them. */
#define MIN_FILE (64ull << 10)

struct ecap_packet_capture {
	struct ecap_packet_capture_options options;
	int by_process;                     /* not everybody's packets are wanted */
	struct ecap_packet_file *file;
	struct ecap_packet_programs programs;
	struct ecap_taps *taps;
	struct ecap_map map;
	struct ecap_reader *reader;
	int watch;                          /* of interfaces; -1: none */
	struct ecap_reader_count count;     /* once the reader is gone */
	uint64_t drained_to, still_since_ns; /* bytes of the file, as it ends */

	/* the reader's */
	struct ecap_packet_owners *owners;  /* NULL: the kernel does not tell */
	struct ecap_tap *tap;               /* of the packet before: they come in runs */
	uint64_t told_ns;                   /* the interfaces' statistics */
	uint64_t secrets_ns;                /* all secrets from before are told */
	uint64_t unwanted, unknown;         /* packets of other processes; of nobody knows whom */
	int failed;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int is_wanted(const struct ecap_packet_process *process)
{
	return process && process->owner.wanted;
}

/* A packet is about to leave: by now both of its ends have had time to tell who they are. */
static int judge(void *arg, const struct ecap_flow *flow, uint8_t direction, char *comment,
		 size_t size)
{
	struct ecap_packet_capture *c = arg;
	struct ecap_packet_ends ends = ecap_packet_owners_find(c->owners, flow);

	(void)direction;
	ecap_packet_ends_text(&ends, comment, size);
	if (!c->by_process || is_wanted(ends.sender) || is_wanted(ends.receiver))
		return 1;
	if (ends.sender || ends.receiver)
		c->unwanted++;
	else
		c->unknown++;
	return 0;
}

static void fail(struct ecap_packet_capture *c, int err)
{
	c->failed = 1;
	c->options.failed(c->options.arg, err);
}

static struct ecap_tap *tap_of(struct ecap_packet_capture *c, uint32_t interface)
{
	if (!c->tap || c->tap->interface.index != interface)
		c->tap = ecap_taps_find(c->taps, interface);
	return c->tap;
}

static void on_packet(struct ecap_packet_capture *c, const void *data, uint32_t len)
{
	const struct packet_record *r = data;
	struct ecap_tap *tap = tap_of(c, r->interface);

	if (!tap || r->captured > len - sizeof(*r))
		return;
	struct ecap_packet packet = {
		.mono_ns = r->mono_ns, .interface = tap->number,
		.direction = tap->interface.is_loopback ? ECAP_DIR_NONE : r->direction,
		.vlan_protocol = r->vlan_protocol, .vlan_tci = r->vlan_tci,
		.captured = r->captured, .length = r->length, .data = r + 1,
	};

	packet.handshake = (uint8_t)ecap_packet_flow(tap->interface.link_type, packet.data,
						     packet.captured, &packet.flow);
	if (c->owners && r->owner.pid)
		ecap_packet_owners_sent(c->owners, &packet.flow, &r->owner);
	tap->received++;
	int err = ecap_packet_file_add(c->file, &packet);

	if (err)
		fail(c, err);
}

static void on_owner(struct ecap_packet_capture *c, const void *data, uint32_t len)
{
	const struct packet_owner_record *r = data;

	(void)len;
	if (c->owners)
		ecap_packet_owners_learn(c->owners, r->protocol, &r->tuple, &r->owner);
}

static void on_record(void *arg, uint32_t index, const void *data, uint32_t len)
{
	static const struct {
		uint32_t least;
		void (*take)(struct ecap_packet_capture *c, const void *data, uint32_t len);
	} types[] = {
		[PACKET_RECORD_PACKET] = { sizeof(struct packet_record), on_packet },
		[PACKET_RECORD_OWNER] = { sizeof(struct packet_owner_record), on_owner },
	};
	struct ecap_packet_capture *c = arg;
	uint32_t type;

	(void)index;
	memcpy(&type, data, sizeof(type));
	if (!c->failed && type < ARRAY_SIZE(types) && types[type].take && len >= types[type].least)
		types[type].take(c, data, len);
}

static void on_lost(void *arg, uint32_t index, uint64_t n)
{
	const struct ecap_packet_capture *c = arg;

	(void)index;
	log_warn(c->options.component, "%llu packets lost (a larger buffer: --mapsize)",
		 (unsigned long long)n);
}

/* The time that counts for packets that wait: it stands still while secrets lie unread. */
static uint64_t secrets_time(struct ecap_packet_capture *c, uint64_t now)
{
	if (!c->options.pending(c->options.arg))
		c->secrets_ns = now;
	else if (now - c->secrets_ns > PATIENCE_NS)
		c->secrets_ns = now - PATIENCE_NS;
	return c->secrets_ns;
}

static void release(struct ecap_packet_capture *c, uint64_t now)
{
	int err = c->failed ? 0 : ecap_packet_file_release(c->file, secrets_time(c, now));

	if (err)
		fail(c, err);
	if (now - c->told_ns < STATISTICS_NS)
		return;
	c->told_ns = now;
	ecap_taps_statistics(c->taps);
}

static void on_batch(void *arg)
{
	release(arg, now_ns());
}

static int on_idle(void *arg)
{
	struct ecap_packet_capture *c = arg;

	release(c, now_ns());
	return ecap_packet_file_waits(c->file) ? TICK_MS : -1;
}

/* [main] */
static enum ecap_draining on_draining(void *arg)
{
	struct ecap_packet_capture *c = arg;
	uint64_t written = ecap_packet_file_written(c->file), now = now_ns();

	if (!c->still_since_ns || written != c->drained_to)
		c->still_since_ns = now;
	c->drained_to = written;
	if (now - c->still_since_ns < STILL_NS)
		return ECAP_DRAIN_WAIT;
	ecap_packet_file_give_up(c->file);
	return ECAP_DRAIN_INTERRUPT;
}

static const struct ecap_reader_ops reader_ops = {
	.record = on_record, .lost = on_lost, .batch = on_batch, .idle = on_idle,
	.draining = on_draining,
	/* Packets come as fast as others work, and are lost when we do not. */
	.nice_behind = -10,
};

static int has_process_filter(const struct ecap_common *common)
{
	return common->pid != ECAP_ANY || common->uid != ECAP_ANY ||
	       common->cgroup_id != ECAP_ANY || common->comm[0];
}

static void tell_down(const char *component, const struct ecap_interface *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i].is_down)
			log_warn(component, "interface %s is down: no packets until it is up",
				 list[i].name);
}

/* An interface that is not there, words that are no filter, files that nothing fits into. */
static int check_options(const char *component, const struct ecap_pcapng_options *options)
{
	_cleanup_free_ struct ecap_interface *list = NULL;
	uint32_t n = 0;

	if (options->rotate_bytes && options->rotate_bytes < MIN_FILE)
		return ecap_err(-EINVAL, "files of %llu bytes (--rotate-size) are too small to be "
				"decrypted by themselves: name %llu or more",
				(unsigned long long)options->rotate_bytes, MIN_FILE);
	int err = ecap_interfaces_find(options->interfaces, &list, &n);

	if (!err && options->filter && !n)
		err = ecap_filter_check(options->filter, ECAP_LINKTYPE_ETHERNET);
	for (uint32_t i = 0; !err && options->filter && i < n; i++)
		if (!i || list[i].link_type != list[i - 1].link_type)
			err = ecap_filter_check(options->filter, list[i].link_type);
	if (!err)
		tell_down(component, list, n);
	return err;
}

static int open_file(struct ecap_packet_capture *c)
{
	const struct ecap_pcapng_options *given = c->options.options;
	const struct ecap_packet_file_options options = {
		.path = given->path, .hold_ns = given->hold_ns, .hold_bytes = HOLD_BYTES,
		.calm_ns = c->by_process ? 0 : CALM_NS < given->hold_ns ? CALM_NS : given->hold_ns,
		.rotate_bytes = given->rotate_bytes, .rotate_ns = given->rotate_ns,
		.judge = c->owners ? judge : NULL, .arg = c,
	};

	return ecap_packet_file_open(&options, &c->file);
}

int ecap_packet_capture_open(const struct ecap_packet_capture_options *options, int *wrong,
			     struct ecap_packet_capture **capture)
{
	struct ecap_packet_capture *c = calloc(1, sizeof(*c));
	int owners = ecap_packet_programs_tell_owners(options->context);

	if (!c)
		return ecap_err(-ENOMEM, "out of memory for a capture of packets");
	c->options = *options;
	c->by_process = has_process_filter(options->context->common);
	c->watch = -1;
	int err = check_options(options->component, options->options);

	*wrong = err != 0;
	if (!err)
		err = ecap_privileges_check_packets();
	if (!err && c->by_process && !owners)
		err = ecap_err(-EOPNOTSUPP, "packets cannot be chosen by --pid, --uid, --cgroup or "
			       "--comm here: this kernel does not tell whose they are (that needs "
			       "its BTF, and Linux 6.3 or later); choose them by a packet filter");
	if (!err && owners)
		err = ecap_packet_owners_new(MOST_OWNERS, &c->owners);
	if (!err)
		err = open_file(c);
	if (err) {
		ecap_packet_owners_free(c->owners);
		free(c);
		return err;
	}
	*capture = c;
	return 0;
}

static int on_interfaces(void *arg)
{
	struct ecap_packet_capture *c = arg;
	int changed = ecap_interfaces_changed(c->watch);

	if (changed > 0)
		changed = ecap_taps_refresh(c->taps);
	if (changed < 0)
		log_warn(c->options.component, "%s", ecap_err_text());
	return 0;
}

/* Those that come later are taken, too; named ones may go, and come back. */
static int watch_interfaces(struct ecap_packet_capture *c)
{
	c->watch = ecap_interfaces_watch();
	return c->watch < 0 ? c->watch
			    : ecap_loop_add(c->options.loop, c->watch, on_interfaces, c);
}

static int attach(struct ecap_packet_capture *c)
{
	const struct ecap_pcapng_options *given = c->options.options;
	const struct ecap_taps_options options = {
		.component = c->options.component, .names = given->interfaces,
		.filter = given->filter, .programs = &c->programs, .file = c->file,
	};
	int err = ecap_taps_new(&options, &c->taps);

	if (!err)
		err = ecap_packet_programs_map(c->options.context, &c->programs, &c->map);
	if (!err)
		err = ecap_reader_open(&c->map, 1, c->options.context->common->page_count,
				       &reader_ops, c, &c->reader);
	if (!err)
		err = ecap_reader_start(c->reader);
	if (!err && c->owners)
		err = ecap_packet_programs_watch(c->options.context, &c->programs);
	if (!err)
		err = watch_interfaces(c);
	return err ? err : ecap_taps_refresh(c->taps);
}

int ecap_packet_capture_start(struct ecap_packet_capture *c)
{
	char text[1024];
	int err = ecap_packet_programs_load(c->options.context, &c->programs);

	if (err)
		return err;
	err = attach(c);
	if (!err)
		return 0;
	snprintf(text, sizeof(text), "%s", ecap_err_text());
	ecap_packet_capture_stop(c);
	return ecap_err(err, "%s", text);
}

void ecap_packet_capture_stop(struct ecap_packet_capture *c)
{
	if (!c->programs.object)
		return;
	if (c->watch >= 0)
		ecap_loop_remove(c->options.loop, c->watch);
	ecap_closep(&c->watch);
	if (c->taps)
		ecap_taps_detach(c->taps);
	ecap_packet_programs_unwatch(&c->programs);
	if (c->reader) {
		ecap_reader_drain(c->reader);
		c->count = ecap_reader_count(c->reader, 0);
		ecap_taps_statistics(c->taps);
	}
	ecap_reader_free(TAKE_PTR(c->reader));
	ecap_taps_free(TAKE_PTR(c->taps));
	ecap_packet_programs_free(&c->programs);
}

static void tell(const struct ecap_packet_capture *c, const struct ecap_packet_file_count *count)
{
	const char *name = c->options.component;

	if (c->by_process)
		log_info(name, "%llu packets of other processes left out, and %llu of which it is "
			 "not known whose they are", (unsigned long long)c->unwanted,
			 (unsigned long long)c->unknown);
	if (count->early)
		log_warn(name, "%llu packets written early, perhaps before their secrets: too many "
			 "waited", (unsigned long long)count->early);
	if (count->late)
		log_warn(name, "%llu packets written out of order: they came more than the hold late",
			 (unsigned long long)count->late);
	ecap_logf(c->count.lost_records ? ECAP_LOG_WARN : ECAP_LOG_INFO, name,
		  "%s: %llu packets, %llu bytes, %llu secrets, %llu packets lost",
		  c->options.options->path, (unsigned long long)count->packets,
		  (unsigned long long)count->bytes, (unsigned long long)count->secrets,
		  (unsigned long long)c->count.lost_records);
}

void ecap_packet_capture_close(struct ecap_packet_capture *c)
{
	struct ecap_packet_file_count count = { 0 };

	ecap_packet_capture_stop(c);
	int err = ecap_packet_file_close(c->file, &count);

	if (err && !c->failed)
		fail(c, err);
	tell(c, &count);
	ecap_packet_owners_free(c->owners);
	free(c);
}

int ecap_packet_capture_secret(struct ecap_packet_capture *c, const char *label,
			       const void *random, const void *secret, uint32_t len)
{
	return ecap_packet_file_secret(c->file, label, random, secret, len);
}
