/* SPDX-License-Identifier: Apache-2.0 */
/* The packet file, as others see it: see file.h. */
#include <ecapture/event.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "packets/file_private.h"
#include "util.h"

/* Releases that come sooner one after the other are put together: less writes. */
#define RELEASE_NS 1000000u

/* Of secrets, for files that follow. */
#define KEEP_SECRETS ((size_t)8 << 20)

/* Of a packet: what the kernel builds is far below it, and readers take it. */
#define MAX_CAPTURED ((uint32_t)8 << 20)

uint64_t ecap_packet_file_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int ecap_packet_file_ended(struct ecap_packet_file *file)
{
	int err = atomic_load_explicit(&file->error, memory_order_acquire);

	return err ? ecap_err(err, "%s", file->text) : 0;
}

int ecap_packet_file_end(struct ecap_packet_file *file, int err)
{
	pthread_mutex_lock(&file->lock);
	if (!file->error) {
		snprintf(file->text, sizeof(file->text), "%s", ecap_err_text());
		atomic_store_explicit(&file->error, err, memory_order_release);
	}
	pthread_mutex_unlock(&file->lock);
	return ecap_packet_file_ended(file);
}

/* How long packets wait at this time. */
static uint64_t wait_ns(const struct ecap_packet_file *file, uint64_t now)
{
	const struct ecap_packet_file_options *o = &file->options;

	return o->calm_ns && now > file->handshake_ns && now - file->handshake_ns > o->hold_ns
		? o->calm_ns : o->hold_ns;
}

static int is_due(const struct ecap_packet_file *file, const struct ecap_held *packet, uint64_t now)
{
	return now >= packet->mono_ns && now - packet->mono_ns >= wait_ns(file, now);
}

/* As many as make room for another packet, which came at @now. */
static int write_early(struct ecap_packet_file *file, uint64_t now)
{
	const struct ecap_held *oldest;
	int err = 0;

	ecap_wall_look(&file->wall);
	do {
		oldest = ecap_hold_oldest(file->hold);
		file->put.early += !is_due(file, oldest, now);
		err = ecap_packet_file_next(file);
	} while (!err && ecap_hold_oldest(file->hold) && !ecap_hold_has_drained(file->hold));
	return err ? err : ecap_packet_file_flush(file);
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
	int err = ecap_packet_file_ended(file);

	if (!err)
		err = check_packet(file, packet);
	if (err)
		return err;
	if (packet->handshake && packet->mono_ns > file->handshake_ns)
		file->handshake_ns = packet->mono_ns;
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
	int err = ecap_packet_file_ended(file);

	if (err || now_ns - file->released_ns < least)
		return err;
	file->released_ns = now_ns;
	ecap_wall_look(&file->wall);
	while (!err && (oldest = ecap_hold_oldest(file->hold)) && is_due(file, oldest, now_ns))
		err = ecap_packet_file_next(file);
	if (!err)
		err = ecap_packet_file_news(file);
	return err ? err : ecap_packet_file_flush(file);
}

int ecap_packet_file_waits(const struct ecap_packet_file *file)
{
	return ecap_hold_oldest(file->hold) || ecap_packet_secrets_wait(file->secrets);
}

static void free_interface(struct ecap_packet_file_interface *interface)
{
	if (!interface)
		return;
	free(interface->name);
	free(interface->filter);
	free(interface);
}

static struct ecap_packet_file_interface *new_interface(const struct ecap_packet_interface *from)
{
	struct ecap_packet_file_interface *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->link_type = from->link_type;
	made->since_ns = ecap_packet_file_now();
	made->name = strdup(from->name);
	made->filter = from->filter ? strdup(from->filter) : NULL;
	if (made->name && (made->filter || !from->filter))
		return made;
	free_interface(made);
	return NULL;
}

/* 0 when there is no memory. */
static int append_interface(struct ecap_packet_file *file,
			    struct ecap_packet_file_interface *interface)
{
	uint32_t n = file->n_interfaces;
	void *larger = reallocarray(file->interfaces, n + 1, sizeof(file->interfaces[0]));

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
	struct ecap_packet_file_interface *made = new_interface(interface);
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
	return ecap_packet_file_ended(file);
}

int ecap_packet_file_secret(struct ecap_packet_file *file, const char *label, const void *random,
			    const void *secret, uint32_t len)
{
	int err = ecap_packet_file_ended(file);

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

/* So much that a file of that size has still room for packets. */
static size_t kept_secrets(const struct ecap_packet_file_options *options)
{
	if (!options->rotate_bytes && !options->rotate_ns)
		return 0;
	return options->rotate_bytes && options->rotate_bytes / 4 < KEEP_SECRETS
		? options->rotate_bytes / 4 : KEEP_SECRETS;
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

	if (!made)
		return ecap_err(-ENOMEM, "out of memory for a packet file");

	int err = ecap_packet_file_begin(made);

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
	int err = ecap_packet_file_ended(file);

	ecap_wall_look(&file->wall);
	while (!err && ecap_hold_oldest(file->hold))
		err = ecap_packet_file_next(file);
	if (!err)
		err = ecap_packet_file_news(file);
	if (err)
		return err;
	ecap_packet_file_finish(file);
	return ecap_packet_file_flush(file);
}

int ecap_packet_file_close(struct ecap_packet_file *file, struct ecap_packet_file_count *count)
{
	int err, close_err;

	if (!file)
		return 0;
	err = write_rest(file);
	close_err = ecap_sink_close(file->sink);
	if (close_err && !err)
		err = ecap_packet_file_end(file, close_err);
	if (!err)
		file->count = file->put;
	if (count)
		*count = file->count;
	/* The text is gone with the file. */
	if (err)
		err = ecap_packet_file_ended(file);
	free_file(file);
	return err;
}
