/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet file: see file.h. What is told by other threads (interfaces, their statistics,
 * secrets) is kept under locks that are never held during a write; all else is the packets'
 * thread's alone.
 */
#include "packets/file.h"

#include <ecapture/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "packets/blocks.h"
#include "packets/hold.h"
#include "packets/output.h"
#include "packets/secrets.h"
#include "packets/wall.h"
#include "sink.h"
#include "util.h"

/* Releases that come sooner one after the other are put together: less writes. */
#define RELEASE_NS 1000000u

/* Readers take blocks of less than 16 MiB: pcapng.c of Wireshark's wiretap. */
#define SECRETS_BLOCK ((size_t)256 << 10)
#define KEEP_SECRETS  ((size_t)8 << 20)
#define MAX_CAPTURED  ((uint32_t)8 << 20)

struct interface {
	char *name, *filter;
	uint16_t link_type;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	struct ecap_packet_statistics statistics;
};

struct ecap_packet_file {
	struct ecap_packet_file_options options;
	char *path;
	struct ecap_packet_secrets *secrets;

	/* Of the packets' thread: */
	struct ecap_hold *hold;
	struct ecap_wall wall;
	uint64_t released_ns;
	uint64_t bytes, packets;    /* of the file that is open; bytes: all of its blocks */
	uint64_t first_ns;          /* its first packet */
	uint32_t number;
	uint32_t described;         /* interfaces that it has */
	uint64_t *delivered;        /* packets written of each interface, for all that were described */
	uint32_t n_delivered;
	struct ecap_packet_file_count count;

	pthread_mutex_t lock;       /* of all that follows */
	struct ecap_sink *sink;     /* changed by the packets' thread only */
	uint64_t written;           /* to the files before */
	int given_up;
	struct interface **interfaces;
	atomic_uint n_interfaces;
	atomic_int error;
	char text[512];             /* of @error */
};

static uint64_t mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int rotates(const struct ecap_packet_file *file)
{
	return file->options.rotate_bytes || file->options.rotate_ns;
}

/* The error that ended the file. */
static int ended(struct ecap_packet_file *file)
{
	int err = atomic_load_explicit(&file->error, memory_order_acquire);

	return err ? ecap_err(err, "%s", file->text) : 0;
}

/* Ends the file by an error, whose text is this thread's. */
static int end(struct ecap_packet_file *file, int err)
{
	pthread_mutex_lock(&file->lock);
	if (!file->error) {
		snprintf(file->text, sizeof(file->text), "%s", ecap_err_text());
		atomic_store_explicit(&file->error, err, memory_order_release);
	}
	pthread_mutex_unlock(&file->lock);
	return ended(file);
}

/* The pointer stays good: only the list of them moves. */
static struct interface *interface_of(struct ecap_packet_file *file, uint32_t number)
{
	pthread_mutex_lock(&file->lock);
	struct interface *interface = file->interfaces[number];

	pthread_mutex_unlock(&file->lock);
	return interface;
}

static int count_deliveries(struct ecap_packet_file *file, uint32_t n)
{
	uint64_t *larger = realloc(file->delivered, n * sizeof(*larger));

	if (!larger)
		return end(file, ecap_err(-ENOMEM, "out of memory for network interfaces"));
	memset(larger + file->n_delivered, 0, (n - file->n_delivered) * sizeof(*larger));
	file->delivered = larger;
	file->n_delivered = n;
	return 0;
}

static int describe_interfaces(struct ecap_packet_file *file)
{
	uint32_t n = atomic_load_explicit(&file->n_interfaces, memory_order_acquire);
	int err = n > file->n_delivered ? count_deliveries(file, n) : 0;

	for (; !err && file->described < n; file->described++) {
		const struct interface *interface = interface_of(file, file->described);
		const struct ecap_packet_interface data = {
			.name = interface->name, .filter = interface->filter,
			.link_type = interface->link_type,
		};

		file->bytes += ecap_block_interface(file->sink, &data);
	}
	return err;
}

/* In blocks of whole lines. */
static void put_secrets(struct ecap_packet_file *file, const char *lines, size_t len)
{
	while (len) {
		size_t some = len;

		if (some > SECRETS_BLOCK)
			some = (size_t)((const char *)memrchr(lines, '\n', SECRETS_BLOCK) + 1 -
					lines);
		file->bytes += ecap_block_secrets(file->sink, lines, some);
		lines += some;
		len -= some;
	}
}

/* What packets that are written from now on may refer to. */
static int put_news(struct ecap_packet_file *file)
{
	const char *lines;
	int err = describe_interfaces(file);
	size_t len = err ? 0 : ecap_packet_secrets_take(file->secrets, &lines);

	for (size_t i = 0; i < len; i++)
		file->count.secrets += lines[i] == '\n';
	if (len)
		put_secrets(file, lines, len);
	return err;
}

static void put_statistics(struct ecap_packet_file *file)
{
	uint64_t now = mono_ns();

	for (uint32_t i = 0; i < file->described; i++) {
		const struct interface *interface = interface_of(file, i);
		struct ecap_block_statistics data = {
			.begin_ns = ecap_wall_unix_ns(&file->wall, interface->since_ns),
			.end_ns = ecap_wall_unix_ns(&file->wall, now),
			.written = file->delivered[i],
		};

		pthread_mutex_lock(&file->lock);
		data.seen = interface->statistics;
		pthread_mutex_unlock(&file->lock);
		file->bytes += ecap_block_statistics(file->sink, i, &data);
	}
}

/* What makes a file complete in itself. Secrets that are taken only then follow those. */
static int put_heading(struct ecap_packet_file *file)
{
	file->count.files++;
	file->packets = file->described = 0;
	file->bytes = ecap_block_section(file->sink);
	int err = describe_interfaces(file);

	for (int part = 0; part < 2; part++) {
		const char *lines;
		size_t len = ecap_packet_secrets_kept(file->secrets, part, &lines);

		if (len && !err)
			put_secrets(file, lines, len);
	}
	return err;
}

static int flush(struct ecap_packet_file *file)
{
	int err = ecap_sink_flush(file->sink);

	return err ? end(file, err) : 0;
}

static int is_full(const struct ecap_packet_file *file, const struct ecap_held *packet, size_t size)
{
	const struct ecap_packet_file_options *o = &file->options;
	uint64_t rest = size + (uint64_t)file->described * ECAP_BLOCK_STATISTICS_MAX;

	if (!file->packets)
		return 0;
	return (o->rotate_bytes && file->bytes + rest > o->rotate_bytes) ||
	       (o->rotate_ns && packet->mono_ns > file->first_ns &&
		packet->mono_ns - file->first_ns >= o->rotate_ns);
}

/* The old one is flushed while it can still be given up. */
static int rotate(struct ecap_packet_file *file)
{
	struct ecap_sink *old = file->sink, *next;

	put_statistics(file);
	int err = flush(file);

	if (err)
		return err;
	err = ecap_packet_output_next(file->path, &file->number, &next);
	if (err)
		return end(file, err);
	pthread_mutex_lock(&file->lock);
	file->written += ecap_sink_written(old);
	file->sink = next;
	if (file->given_up)
		ecap_sink_give_up(next);
	pthread_mutex_unlock(&file->lock);
	err = ecap_sink_close(old);
	return err ? end(file, err) : put_heading(file);
}

static int is_wanted(struct ecap_packet_file *file, const struct ecap_held *packet, char *comment,
		     size_t size)
{
	const struct ecap_packet_file_options *o = &file->options;

	comment[0] = 0;
	if (!o->judge || o->judge(o->arg, &packet->flow, packet->direction, comment, size))
		return 1;
	file->count.judged_out++;
	return 0;
}

static int write_packet(struct ecap_packet_file *file, const struct ecap_held *packet)
{
	char comment[ECAP_BLOCK_COMMENT_MAX];

	if (!is_wanted(file, packet, comment, sizeof(comment)))
		return 0;
	int err = put_news(file);

	if (!err && rotates(file) &&
	    is_full(file, packet, ecap_block_packet_size(packet, comment)))
		err = rotate(file);
	if (err)
		return err;
	file->bytes += ecap_block_packet(file->sink, packet,
					 ecap_wall_unix_ns(&file->wall, packet->mono_ns), comment);
	if (!file->packets++)
		file->first_ns = packet->mono_ns;
	file->delivered[packet->interface]++;
	file->count.packets++;
	file->count.bytes += packet->captured;
	return 0;
}

static int is_due(const struct ecap_packet_file *file, const struct ecap_held *packet, uint64_t now)
{
	return now >= packet->mono_ns && now - packet->mono_ns >= file->options.hold_ns;
}

/* The next one, which is held no more. */
static int write_next(struct ecap_packet_file *file)
{
	int err = write_packet(file, ecap_hold_oldest(file->hold));

	ecap_hold_pop(file->hold);
	return err;
}

/* The memory of what was written is used again only after it was flushed. */
static int flush_and_reuse(struct ecap_packet_file *file)
{
	int err = flush(file);

	ecap_hold_reuse(file->hold);
	return err;
}

/* As many as make room for another packet, which came at @now. */
static int write_early(struct ecap_packet_file *file, uint64_t now)
{
	const struct ecap_held *oldest;
	int err = 0;

	ecap_wall_look(&file->wall);
	do {
		oldest = ecap_hold_oldest(file->hold);
		file->count.early += !is_due(file, oldest, now);
		err = write_next(file);
	} while (!err && ecap_hold_oldest(file->hold) && !ecap_hold_has_drained(file->hold));
	return err ? err : flush_and_reuse(file);
}

static int check_packet(const struct ecap_packet_file *file, const struct ecap_packet *packet)
{
	if (packet->interface >=
	    atomic_load_explicit(&file->n_interfaces, memory_order_acquire))
		return ecap_err(-EINVAL, "a packet of interface %u, which the packet file has not",
				packet->interface);
	if (packet->captured > packet->length || packet->captured > MAX_CAPTURED ||
	    packet->direction > ECAP_DIR_SEND)
		return ecap_err(-EINVAL, "no packet: %u bytes of %u, direction %u",
				packet->captured, packet->length, packet->direction);
	return 0;
}

int ecap_packet_file_add(struct ecap_packet_file *file, const struct ecap_packet *packet)
{
	int err = ended(file);

	if (!err)
		err = check_packet(file, packet);
	if (err)
		return err;
	while ((err = ecap_hold_add(file->hold, packet)) > 0) {
		err = write_early(file, packet->mono_ns);
		if (err)
			return err;
	}
	return err;
}

int ecap_packet_file_release(struct ecap_packet_file *file, uint64_t now_ns)
{
	uint64_t least = file->options.hold_ns < RELEASE_NS ? file->options.hold_ns : RELEASE_NS;
	const struct ecap_held *oldest;
	int err = ended(file);

	if (err || now_ns - file->released_ns < least)
		return err;
	file->released_ns = now_ns;
	ecap_wall_look(&file->wall);
	while (!err && (oldest = ecap_hold_oldest(file->hold)) && is_due(file, oldest, now_ns))
		err = write_next(file);
	if (!err)
		err = put_news(file);
	return err ? err : flush_and_reuse(file);
}

int ecap_packet_file_waits(const struct ecap_packet_file *file)
{
	return ecap_hold_oldest(file->hold) || ecap_packet_secrets_wait(file->secrets);
}

static void free_interface(struct interface *interface)
{
	if (!interface)
		return;
	free(interface->name);
	free(interface->filter);
	free(interface);
}

static struct interface *new_interface(const struct ecap_packet_interface *from)
{
	struct interface *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->link_type = from->link_type;
	made->since_ns = mono_ns();
	made->name = strdup(from->name);
	made->filter = from->filter ? strdup(from->filter) : NULL;
	if (made->name && (made->filter || !from->filter))
		return made;
	free_interface(made);
	return NULL;
}

/* 0 when there is no memory. */
static int append_interface(struct ecap_packet_file *file, struct interface *interface)
{
	uint32_t n = file->n_interfaces;
	struct interface **larger = reallocarray(file->interfaces, n + 1, sizeof(struct interface *));

	if (!larger)
		return 0;
	file->interfaces = larger;
	file->interfaces[n] = interface;
	atomic_store_explicit(&file->n_interfaces, n + 1, memory_order_release);
	return 1;
}

int ecap_packet_file_interface(struct ecap_packet_file *file,
			       const struct ecap_packet_interface *interface, uint32_t *number)
{
	struct interface *made = new_interface(interface);
	int done;

	pthread_mutex_lock(&file->lock);
	uint32_t n = file->n_interfaces;

	done = made && append_interface(file, made);
	pthread_mutex_unlock(&file->lock);
	if (!done) {
		free_interface(made);
		return ecap_err(-ENOMEM, "out of memory for network interfaces");
	}
	*number = n;
	return ended(file);
}

int ecap_packet_file_secret(struct ecap_packet_file *file, const char *label, const void *random,
			    const void *secret, uint32_t len)
{
	int err = ended(file);

	return err ? err : ecap_packet_secrets_tell(file->secrets, label, random, secret, len);
}

void ecap_packet_file_statistics(struct ecap_packet_file *file, uint32_t interface,
				 const struct ecap_packet_statistics *statistics)
{
	pthread_mutex_lock(&file->lock);
	if (interface < file->n_interfaces)
		file->interfaces[interface]->statistics = *statistics;
	pthread_mutex_unlock(&file->lock);
}

uint64_t ecap_packet_file_written(struct ecap_packet_file *file)
{
	pthread_mutex_lock(&file->lock);
	uint64_t written = file->written + ecap_sink_written(file->sink);

	pthread_mutex_unlock(&file->lock);
	return written;
}

void ecap_packet_file_give_up(struct ecap_packet_file *file)
{
	pthread_mutex_lock(&file->lock);
	file->given_up = 1;
	ecap_sink_give_up(file->sink);
	pthread_mutex_unlock(&file->lock);
}

void ecap_packet_file_rescue(struct ecap_packet_file *file)
{
	ecap_sink_rescue(file->sink);
}

static void free_file(struct ecap_packet_file *file)
{
	for (uint32_t i = 0; i < file->n_interfaces; i++)
		free_interface(file->interfaces[i]);
	free(file->interfaces);
	free(file->delivered);
	ecap_hold_free(file->hold);
	ecap_packet_secrets_free(file->secrets);
	pthread_mutex_destroy(&file->lock);
	free(file->path);
	free(file);
}

static int open_output(struct ecap_packet_file *file)
{
	int err;

	if (!rotates(file))
		return ecap_packet_output_open(file->path, &file->sink);
	err = ecap_packet_output_check_numbered(file->path);
	return err ? err : ecap_packet_output_next(file->path, &file->number, &file->sink);
}

/* So much that a file of that size has still room for packets. */
static size_t kept_secrets(const struct ecap_packet_file_options *options)
{
	if (!options->rotate_bytes && !options->rotate_ns)
		return 0;
	return options->rotate_bytes && options->rotate_bytes / 8 < KEEP_SECRETS
		? options->rotate_bytes / 8 : KEEP_SECRETS;
}

static struct ecap_packet_file *new_file(const struct ecap_packet_file_options *options)
{
	struct ecap_packet_file *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->options = *options;
	pthread_mutex_init(&made->lock, NULL);
	made->path = strdup(options->path);
	made->hold = ecap_hold_new(options->hold_bytes);
	made->secrets = ecap_packet_secrets_new(kept_secrets(options));
	if (made->path && made->hold && made->secrets)
		return made;
	free_file(made);
	return NULL;
}

int ecap_packet_file_open(const struct ecap_packet_file_options *options,
			  struct ecap_packet_file **file)
{
	struct ecap_packet_file *made = new_file(options);
	int err;

	if (!made)
		return ecap_err(-ENOMEM, "out of memory for a packet file");
	err = open_output(made);
	if (err) {
		free_file(made);
		return err;
	}
	ecap_wall_look(&made->wall);
	err = put_heading(made);
	/* At once: who waits for it in a pipe shall not wait for a packet. */
	if (!err)
		err = flush(made);
	if (err) {
		ecap_sink_close(made->sink);
		free_file(made);
		return err;
	}
	*file = made;
	return 0;
}

static int write_rest(struct ecap_packet_file *file)
{
	int err = ended(file);

	ecap_wall_look(&file->wall);
	while (!err && ecap_hold_oldest(file->hold))
		err = write_next(file);
	if (!err)
		err = put_news(file);
	if (!err)
		put_statistics(file);
	return err;
}

int ecap_packet_file_close(struct ecap_packet_file *file, struct ecap_packet_file_count *count)
{
	int err, close_err;

	if (!file)
		return 0;
	err = write_rest(file);
	close_err = ecap_sink_close(file->sink);
	if (close_err && !err)
		err = end(file, close_err);
	if (count)
		*count = file->count;
	/* The text is gone with the file. */
	if (err)
		err = ended(file);
	free_file(file);
	return err;
}
