/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of ecap.pcapng/1. Each module that opens a file has its own part in a capture, and those
 * that name the same file share one: it starts with the first, and ends with the last of them.
 */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "abi_copy.h"
#include "err.h"
#include "instance_private.h"
#include "packets/capture.h"
#include "rules.h"
#include "services.h"
#include "util.h"

/* A capture, and who has a part in it. */
struct shared {
	struct shared *next;
	struct ecap_pcapng_options options;
	const struct ecap_common *common;  /* with the process filter */
	struct ecap_packet_capture *capture;
	pthread_mutex_t lock;              /* guards the list of parts */
	struct ecap_pcapng_file *parts;
	uint32_t n_started;
};

struct ecap_pcapng_file {
	struct ecap_pcapng_file *next;
	struct shared *shared;
	struct ecap_instance *instance;
	int started;
};

/* All captures of this process. [main] */
static struct shared *captures;

static int is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	if (!strcmp(a, b))
		return 1;
	if (!strcmp(a, "-") || !strcmp(b, "-") || stat(a, &first) || stat(b, &second))
		return 0;
	return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static int is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int is_same_list(const char *const *a, const char *const *b)
{
	for (; a && b && *a && *b; a++, b++)
		if (strcmp(*a, *b))
			return 0;
	return (!a || !*a) && (!b || !*b);
}

/* What two captures of one file must agree in: its name, or NULL when they do. */
static const char *difference(const struct shared *shared, const struct ecap_pcapng_options *o,
			      const struct ecap_common *common)
{
	const struct ecap_pcapng_options *s = &shared->options;
	const struct ecap_common *c = shared->common;

	if (!is_same_list(s->interfaces, o->interfaces))
		return "--ifname";
	if (!is_same_text(s->filter, o->filter))
		return "the packet filter";
	if (s->hold_ns != o->hold_ns)
		return "--hold";
	if (s->rotate_bytes != o->rotate_bytes || s->rotate_ns != o->rotate_ns)
		return "--rotate-size and --rotate-time";
	if (c->pid != common->pid || c->uid != common->uid || c->cgroup_id != common->cgroup_id ||
	    strcmp(c->comm, common->comm))
		return "--pid, --uid, --cgroup and --comm";
	return NULL;
}

/* The file is lost for all who write it. [packets' thread] */
static void on_failed(void *arg, int err)
{
	struct shared *shared = arg;

	pthread_mutex_lock(&shared->lock);
	for (struct ecap_pcapng_file *part = shared->parts; part; part = part->next)
		ecap_instance_abort(part->instance, err, ecap_err_text());
	pthread_mutex_unlock(&shared->lock);
}

/* Secrets lie in the maps of who has started, until its reader has read them. [packets' thread] */
static int is_pending(void *arg)
{
	struct shared *shared = arg;
	int pending = 0;

	pthread_mutex_lock(&shared->lock);
	for (struct ecap_pcapng_file *part = shared->parts; part && !pending; part = part->next)
		pending = ecap_instance_pending(part->instance);
	pthread_mutex_unlock(&shared->lock);
	return pending;
}

/* Nothing of it may be opened twice: so it is in the list only when all of it is there. */
static int new_capture(struct ecap_instance *self, const struct ecap_pcapng_options *options,
		       struct shared **shared)
{
	_cleanup_free_ struct shared *made = calloc(1, sizeof(*made));

	if (!made)
		return ecap_err(-ENOMEM, "out of memory for %s", options->path);
	made->options = *options;
	made->common = self->context.common;
	pthread_mutex_init(&made->lock, NULL);

	const struct ecap_packet_capture_options capture = {
		.component = self->name, .context = &self->context, .options = &made->options,
		.loop = self->options.loop, .failed = on_failed,
		.pending = is_pending, .arg = made,
	};
	int wrong = 0;
	int err = ecap_packet_capture_open(&capture, &wrong, &made->capture);

	self->wrong_option = self->wrong_option || wrong;
	if (err)
		return err;
	made->next = captures;
	captures = made;
	*shared = TAKE_PTR(made);
	return 0;
}

static int find_capture(struct ecap_instance *self, const struct ecap_pcapng_options *options,
			struct shared **shared)
{
	for (struct shared *s = captures; s; s = s->next) {
		if (!is_same_file(s->options.path, options->path))
			continue;
		const char *what = difference(s, options, self->context.common);

		*shared = s;
		self->wrong_option = self->wrong_option || what;
		return what ? ecap_err(-EINVAL, "%s: another module writes this file with another "
				       "value of %s", options->path, what) : 0;
	}
	return new_capture(self, options, shared);
}

static int take_options(const struct ecap_pcapng_options *given, struct ecap_pcapng_options *options)
{
	if (given->struct_size < ECAP_END(struct ecap_pcapng_options, rotate_ns))
		return ecap_err(-EINVAL, ECAP_PCAPNG_SERVICE ": options of %u bytes; set their "
				"struct_size", given->struct_size);
	if (ecap_abi_in(options, sizeof(*options), given, given->struct_size))
		return ecap_err(-E2BIG, ECAP_PCAPNG_SERVICE ": options that this ecapture does not "
				"know; upgrade ecapture");
	if (options->filter && !*options->filter)
		options->filter = NULL;
	return 0;
}

static int pcapng_open(struct ecap_instance *self, const struct ecap_pcapng_options *given,
		       struct ecap_pcapng_file **file)
{
	struct ecap_pcapng_options options;
	int err = ecap_rule_main(self, "open() of " ECAP_PCAPNG_SERVICE);

	if (!err)
		err = take_options(given, &options);
	if (!err && !self->options.loop)
		err = ecap_err(-EOPNOTSUPP, "a recording has no packets: --model pcapng captures only");
	if (err)
		return err;
	_cleanup_free_ struct ecap_pcapng_file *part = calloc(1, sizeof(*part));

	if (!part)
		return ecap_err(-ENOMEM, "out of memory for %s", options.path);
	err = find_capture(self, &options, &part->shared);
	if (err)
		return err;
	part->instance = self;
	pthread_mutex_lock(&part->shared->lock);
	part->next = part->shared->parts;
	part->shared->parts = part;
	pthread_mutex_unlock(&part->shared->lock);
	*file = TAKE_PTR(part);
	return 0;
}

static int pcapng_start(struct ecap_pcapng_file *file)
{
	int err = file->shared->n_started ? 0 : ecap_packet_capture_start(file->shared->capture);

	if (err)
		return err;
	file->started = 1;
	file->shared->n_started++;
	return 0;
}

static void pcapng_stop(struct ecap_pcapng_file *file)
{
	if (!file || !file->started)
		return;
	file->started = 0;
	if (!--file->shared->n_started)
		ecap_packet_capture_stop(file->shared->capture);
}

static void free_capture(struct shared *shared)
{
	struct shared **at = &captures;

	while (*at != shared)
		at = &(*at)->next;
	*at = shared->next;
	ecap_packet_capture_close(shared->capture);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static void pcapng_close(struct ecap_pcapng_file *file)
{
	if (!file)
		return;
	struct shared *shared = file->shared;
	struct ecap_pcapng_file **at = &shared->parts;

	pcapng_stop(file);
	if (shared->parts == file && !file->next) {
		/* The last one: what cannot be written at the end is its error still. */
		free_capture(shared);
		free(file);
		return;
	}
	pthread_mutex_lock(&shared->lock);
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	pthread_mutex_unlock(&shared->lock);
	free(file);
}

static int pcapng_secret(struct ecap_pcapng_file *file, const char *label, const void *random,
			 const void *secret, uint32_t len)
{
	return ecap_packet_capture_secret(file->shared->capture, label, random, secret, len);
}

const struct ecap_pcapng ecap_pcapng_service = {
	.struct_size = sizeof(ecap_pcapng_service),
	.open = pcapng_open,
	.start = pcapng_start,
	.stop = pcapng_stop,
	.close = pcapng_close,
	.secret = pcapng_secret,
};
