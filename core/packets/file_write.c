/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written to packet files, in its order: a heading that makes each complete in itself, what
 * is news, packets, and statistics at the end, be it of the last file or where another one begins.
 */
#include <string.h>

#include "err.h"
#include "packets/blocks.h"
#include "packets/file_private.h"
#include "packets/output.h"
#include "util.h"

/* Readers take blocks of less than 16 MiB: pcapng.c of Wireshark's wiretap. */
#define SECRETS_BLOCK ((size_t)256 << 10)

int ecap_packet_file_rotates(const struct ecap_packet_file *file)
{
	return file->options.rotate_bytes || file->options.rotate_ns;
}

/* The pointer stays good: only the list of them moves. */
static struct ecap_packet_file_interface *interface_of(struct ecap_packet_file *file,
						       uint32_t number)
{
	pthread_mutex_lock(&file->lock);
	struct ecap_packet_file_interface *interface = file->interfaces[number];

	pthread_mutex_unlock(&file->lock);
	return interface;
}

static int count_deliveries(struct ecap_packet_file *file, uint32_t n)
{
	uint64_t *larger = realloc(file->delivered, n * sizeof(*larger));

	if (!larger)
		return ecap_packet_file_end(
			file, ecap_err(-ENOMEM, "out of memory for network interfaces"));
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
		const struct ecap_packet_file_interface *from = interface_of(file, file->described);
		const struct ecap_packet_interface data = {
			.name = from->name, .filter = from->filter, .link_type = from->link_type,
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

int ecap_packet_file_news(struct ecap_packet_file *file)
{
	const char *lines;
	int err = describe_interfaces(file);
	size_t len = err ? 0 : ecap_packet_secrets_take(file->secrets, &lines);

	for (size_t i = 0; i < len; i++)
		file->put.secrets += lines[i] == '\n';
	if (len)
		put_secrets(file, lines, len);
	return err;
}

void ecap_packet_file_finish(struct ecap_packet_file *file)
{
	uint64_t now = ecap_packet_file_now();

	for (uint32_t i = 0; i < file->described; i++) {
		const struct ecap_packet_file_interface *interface = interface_of(file, i);
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
	file->put.files++;
	file->packets = file->described = file->flushed = 0;
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

int ecap_packet_file_flush(struct ecap_packet_file *file)
{
	int err = ecap_sink_flush(file->sink);

	ecap_hold_reuse(file->hold, file->released_ns);
	if (err) {
		err = ecap_packet_file_end(file, err);
		ecap_packet_output_mend(ecap_sink_fd(file->sink), file->flushed);
		return err;
	}
	file->flushed = file->bytes;
	file->count = file->put;
	return 0;
}

static int is_full(const struct ecap_packet_file *file, const struct ecap_held *packet, size_t size)
{
	const struct ecap_packet_file_options *o = &file->options;
	uint64_t rest = size + (uint64_t)file->described * ECAP_BLOCK_STATISTICS_MAX;

	if (!file->packets)
		return 0;
	/* An eighth is for secrets that are told before the next packet. */
	return (o->rotate_bytes && file->bytes + rest > o->rotate_bytes - o->rotate_bytes / 8) ||
	       (o->rotate_ns && packet->mono_ns > file->first_ns &&
		packet->mono_ns - file->first_ns >= o->rotate_ns);
}

/* The old one is flushed while it can still be given up. */
static int rotate(struct ecap_packet_file *file)
{
	struct ecap_sink *old = file->sink, *next;

	ecap_packet_file_finish(file);
	int err = ecap_packet_file_flush(file);

	if (err)
		return err;
	err = ecap_packet_output_next(file->path, &file->number, &next);
	if (err)
		return ecap_packet_file_end(file, err);
	pthread_mutex_lock(&file->lock);
	file->written += ecap_sink_written(old);
	file->sink = next;
	if (file->given_up)
		ecap_sink_give_up(next);
	pthread_mutex_unlock(&file->lock);
	err = ecap_sink_close(old);
	return err ? ecap_packet_file_end(file, err) : put_heading(file);
}

static int is_wanted(struct ecap_packet_file *file, const struct ecap_held *packet, char *comment,
		     size_t size)
{
	const struct ecap_packet_file_options *o = &file->options;

	comment[0] = 0;
	if (!o->judge || o->judge(o->arg, &packet->flow, packet->direction, comment, size))
		return 1;
	file->put.judged_out++;
	return 0;
}

static int write_packet(struct ecap_packet_file *file, const struct ecap_held *packet)
{
	char comment[ECAP_BLOCK_COMMENT_MAX];

	if (!is_wanted(file, packet, comment, sizeof(comment)))
		return 0;
	int err = ecap_packet_file_news(file);

	if (!err && ecap_packet_file_rotates(file) &&
	    is_full(file, packet, ecap_block_packet_size(packet, comment)))
		err = rotate(file);
	if (err)
		return err;
	file->bytes += ecap_block_packet(file->sink, packet,
					 ecap_wall_unix_ns(&file->wall, packet->mono_ns), comment);
	if (!file->packets++)
		file->first_ns = packet->mono_ns;
	if (packet->mono_ns < file->last_ns)
		file->put.late++;
	else
		file->last_ns = packet->mono_ns;
	file->delivered[packet->interface]++;
	file->put.packets++;
	file->put.bytes += packet->captured;
	return 0;
}

int ecap_packet_file_next(struct ecap_packet_file *file)
{
	int err = write_packet(file, ecap_hold_oldest(file->hold));

	ecap_hold_pop(file->hold);
	return err;
}

static int open_first(struct ecap_packet_file *file)
{
	int err;

	if (!ecap_packet_file_rotates(file))
		return ecap_packet_output_open(file->path, &file->sink);
	err = ecap_packet_output_check_numbered(file->path);
	return err ? err : ecap_packet_output_next(file->path, &file->number, &file->sink);
}

int ecap_packet_file_begin(struct ecap_packet_file *file)
{
	int err = open_first(file);

	if (err)
		return err;
	ecap_wall_look(&file->wall);
	err = put_heading(file);
	/* At once: who waits for it in a pipe shall not wait for a packet. */
	return err ? err : ecap_packet_file_flush(file);
}
