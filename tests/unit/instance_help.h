/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of the test's own, which fails wherever it is told to, sends real records through
 * real maps and writes down what is called; and everything that an instance of it is made of.
 */
#ifndef TESTS_UNIT_INSTANCE_HELP_H
#define TESTS_UNIT_INSTANCE_HELP_H

#include "ring.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "instance.h"
#include "log.h"

static char dir[] = "/tmp/ecapture-instance-XXXXXX";
static char log_path[64];

/* What the module is to do, and what it did: its config struct. */
struct plan {
	const char *fail_in;      /* the operation that fails with -EREMOTE */
	int fail_silently;        /* without a text */
	int no_bpf;               /* needs no permission: its map is no map */
	int wrong_map;            /* hands out a map that nobody can read */
	int send_in_stop;         /* a last record, once it is detached */
	uint64_t new_number;      /* of the map, where the module says that it is longer */
	char journal[256];        /* operations, in their order */
	struct ecap_context context;
	struct ecap_instance *self;
	int program_fd;
	uint32_t lost_id;
	_Atomic uint64_t decoded, lost;
};

/* The map and the event of a later minor. */
struct later_map {
	struct ecap_map now;
	uint64_t new_number;
};

struct later_event {
	struct ecap_event now;
	uint64_t new_number;
};

struct probe {
	const struct ecap_context *ctx;
	struct plan *plan;
	struct bpf_object *object;
	struct later_map map;
	int null_fd;
};

/* What decode() makes of a record stands above bit 32 of its seq. */
enum { TO_OUTPUT, TO_PROCESSOR, TO_MODULE, TO_NOWHERE, NO_EVENT, DAMAGED, REFUSED, EMIT_TWICE,
       EMIT_SHORT, EMIT_LONGER, EMIT_UNKNOWN, ABORT, CRASH };

static struct ecap_bpf rows[1] = { { .name = "probe.ring" } };

static int does(struct plan *plan, const char *operation)
{
	size_t used = strlen(plan->journal);

	snprintf(plan->journal + used, sizeof(plan->journal) - used, "%s%s", used ? " " : "",
		 operation);
	if (!plan->fail_in || strcmp(plan->fail_in, operation))
		return 0;
	return plan->fail_silently ? -EREMOTE : ecap_err(-EREMOTE, "no %s today", operation);
}

static int probe_init(const struct ecap_context *ctx, void **state)
{
	struct plan *plan = (struct plan *)(uintptr_t)ctx->config;
	int err = does(plan, "init");
	struct probe *probe = err ? NULL : calloc(1, sizeof(*probe));

	if (!probe)
		return err ? err : -ENOMEM;
	plan->context = *ctx;
	plan->self = ctx->self;
	*probe = (struct probe){ .ctx = ctx, .plan = plan, .null_fd = -1 };
	*state = probe;
	return 0;
}

static int load_object(struct probe *probe)
{
	int err = ecap_bpf_open(probe->ctx, rows, NULL, &probe->object);

	if (!err)
		err = ecap_bpf_set_events(probe->ctx, probe->object);
	if (!err)
		err = ecap_bpf_set_filter(probe->ctx, probe->object);
	if (!err)
		err = bpf_object__load(probe->object);
	if (!err)
		probe->plan->program_fd = bpf_program__fd(
			bpf_object__find_program_by_name(probe->object, "send_one"));
	return err;
}

static int probe_load(void *state)
{
	struct probe *probe = state;

	probe->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (does(probe->plan, "load"))
		return -EREMOTE;
	return probe->plan->no_bpf ? 0 : load_object(probe);
}

static int probe_maps(void *state, const struct ecap_map **maps, uint32_t *n)
{
	struct probe *probe = state;

	if (probe->plan->no_bpf)
		probe->map.now = (struct ecap_map){ .name = "none", .fd = probe->null_fd };
	else if (ecap_bpf_events_map(probe->ctx, probe->object, sizeof(struct ring_record),
				     &probe->map.now))
		return -ENOENT;
	if (probe->plan->wrong_map)
		probe->map.now.fd = probe->map.now.stats_fd;
	probe->map.now.id = 77;
	probe->map.new_number = probe->plan->new_number;
	*maps = &probe->map.now;
	*n = strcmp(probe->plan->fail_in ? probe->plan->fail_in : "", "none") != 0;
	return does(probe->plan, "maps");
}

static int probe_start(void *state)
{
	return does(((struct probe *)state)->plan, "start");
}

static int probe_stop(void *state)
{
	struct plan *plan = ((struct probe *)state)->plan;
	int err = does(plan, "stop");

	if (plan->send_in_stop)
		err |= run_program(plan->program_fd, 1, "last", 4);
	return err;
}

static void probe_close(void *state)
{
	struct probe *probe = state;

	does(probe->plan, "close");
	bpf_object__close(probe->object);
	ecap_closep(&probe->null_fd);
	free(probe);
}

static int emit_events(struct probe *probe, const struct ecap_event *ev, int n, uint32_t size,
		       uint64_t new_number)
{
	struct later_event more = { .now = *ev, .new_number = new_number };
	int err = 0;

	more.now.struct_size = size;
	more.now.dest = ECAP_DEST_OUTPUT;
	for (int i = 0; i < n && !err; i++)
		err = probe->ctx->host->emit(probe->ctx->self, &more.now);
	return err;
}

static int probe_decode(void *state, uint32_t map_id, const void *rec, uint32_t len,
			struct ecap_event *ev)
{
	struct probe *probe = state;
	const struct ring_record *r = rec;
	uint32_t what = (uint32_t)(r->seq >> 32);

	if (map_id != 77 || len < sizeof(*r) + r->len || ev->struct_size != sizeof(*ev) ||
	    ev->fd != -1)
		return -EINVAL;
	if (probe->plan->send_in_stop)
		does(probe->plan, "decode");
	atomic_fetch_add(&probe->plan->decoded, 1);
	ev->kind = "data";
	ev->pid = (uint32_t)r->seq;
	ev->flags = ECAP_EVENT_F_PAYLOAD;
	ev->payload = r + 1;
	ev->payload_len = r->len;
	ev->total = 1234;
	ev->priv = (void *)(uintptr_t)what;
	ev->dest = what == TO_PROCESSOR ? ECAP_DEST_PROCESSOR :
		   what == TO_MODULE || what == REFUSED ? ECAP_DEST_MODULE :
		   what == TO_NOWHERE ? 77 : ECAP_DEST_OUTPUT;
	switch (what) {
	case NO_EVENT: return 0;
	case DAMAGED: return -EBADMSG;
	case EMIT_TWICE: return emit_events(probe, ev, 2, sizeof(*ev), 0);
	case EMIT_SHORT: return emit_events(probe, ev, 1, offsetof(struct ecap_event, priv), 0);
	case EMIT_LONGER: return emit_events(probe, ev, 1, sizeof(struct later_event), 0);
	case EMIT_UNKNOWN: return emit_events(probe, ev, 1, sizeof(struct later_event), 1);
	case ABORT:
		ecap_fail(probe->ctx, -ESTALE, "record %u is the last", (uint32_t)r->seq);
		probe->ctx->host->abort(probe->ctx->self, -ESTALE);
		return 0;
	case CRASH: __builtin_trap();
	default: return 1;
	}
}

static int probe_dispatch(void *state, struct ecap_event *ev)
{
	if ((uintptr_t)ev->priv == REFUSED)
		return -EPROTO;
	return emit_events(state, ev, 1, sizeof(*ev), 0);
}

static void probe_lost(void *state, uint32_t map_id, uint64_t n)
{
	struct plan *plan = ((struct probe *)state)->plan;

	plan->lost_id = map_id;
	atomic_fetch_add(&plan->lost, n);
}

static const struct ecap_ops probe_ops = {
	.struct_size = sizeof(probe_ops), .init = probe_init, .load = probe_load,
	.maps = probe_maps, .start = probe_start, .stop = probe_stop, .close = probe_close,
	.decode = probe_decode, .dispatch = probe_dispatch, .lost = probe_lost,
};

static const struct ecap_module probe_module = {
	.struct_size = sizeof(probe_module), .name = "probe", .command = "probe",
	.ops = &probe_ops, .bpf = rows, .n_bpf = 1, .bpf_size = sizeof(rows[0]),
	.map_size = sizeof(struct ecap_map), .field_size = sizeof(struct ecap_field),
};

/* Everything that an instance is made of. */
struct fixture {
	struct plan plan;
	struct ecap_common common;
	struct ecap_module module;
	struct ecap_ops ops;
	struct ecap_desc_bpf desc_bpf;
	struct ecap_desc desc;
	struct ecap_sink *sink;
	char sink_path[64];
	struct ecap_instance_options options;
	struct ecap_instance *instance;
};

static inline void fixture_open(struct fixture *f, const char *sink)
{
	uint64_t features = f->plan.no_bpf ? 0 : need_kernel(ECAP_FEAT_GLOBAL_DATA |
							       ECAP_FEAT_RINGBUF);

	f->ops = probe_ops;
	f->module = probe_module;
	f->module.ops = &f->ops;
	f->common = (struct ecap_common){
		.struct_size = sizeof(f->common), .pid = ECAP_ANY, .uid = ECAP_ANY,
		.cgroup_id = ECAP_ANY, .ring_bytes = 1 << 16,
	};
	f->desc_bpf = (struct ecap_desc_bpf){ .name = rows[0].name, .variant = ECAP_BTF_NONCORE,
					      .features = ECAP_FEAT_GLOBAL_DATA };
	f->desc = (struct ecap_desc){ .module = f->module, .bpf = &f->desc_bpf };
	snprintf(f->sink_path, sizeof(f->sink_path), "%s%s%s", *sink == '/' ? "" : dir,
		 *sink == '/' ? "" : "/", sink);
	assert_int_equal(ecap_sink_open(f->sink_path, &f->sink), 0);
	f->options = (struct ecap_instance_options){
		.module = &f->module, .desc = &f->desc, .config = &f->plan, .common = &f->common,
		.features = features, .btf_mode = ECAP_BTF_NONCORE, .sink = f->sink,
		.render = { .format = ECAP_FORMAT_JSON, .module = "probe" },
	};
	assert_int_equal(truncate(log_path, 0), 0);
}

static inline void fixture_new(struct fixture *f)
{
	assert_int_equal(ecap_instance_new(&f->options, &f->instance), 0);
}

static inline void fixture_start(struct fixture *f)
{
	fixture_new(f);
	if (ecap_instance_start(f->instance))
		fail_msg("%s", ecap_err_text());
}

static inline void fixture_close(struct fixture *f)
{
	ecap_instance_free(f->instance);
	f->instance = NULL;
	ecap_sink_close(f->sink);
	if (strncmp(f->sink_path, "/dev/", 5))
		unlink(f->sink_path);
}

static inline void send_record(struct fixture *f, uint64_t what, uint64_t n)
{
	assert_int_equal(run_program(f->plan.program_fd, what << 32 | n, "bytes of a payload", 18),
			 0);
}

/* The number @key of each event that was written. */
static inline uint32_t events(const struct fixture *f, const char *key, json_int_t *numbers, uint32_t max)
{
	_cleanup_fclose_ FILE *file = fopen(f->sink_path, "re");
	char line[1024];
	uint32_t n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		json_t *object = json_loads(line, 0, NULL);

		assert_non_null(object);
		assert_string_equal(json_string_value(json_object_get(object, "payload")),
				    "bytes of a payload");
		assert_true(n < max);
		numbers[n++] = json_integer_value(json_object_get(object, key));
		json_decref(object);
	}
	return n;
}

static inline uint32_t in_log(const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(log_path, "re");
	char line[4096];
	uint32_t n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, text) != NULL;
	return n;
}

static inline int readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

/* The object that the test's module carries. */
static inline int read_object(void)
{
	char path[4096];
	struct stat st;

	built_file(path, sizeof(path), "tests/unit/ring.noncore.o");
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		return -1;
	rows[0].data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	rows[0].end = (const char *)rows[0].data + st.st_size;
	return rows[0].data == MAP_FAILED ? -1 : 0;
}

static inline int setup(void **state)
{
	(void)state;
	if (read_object() || !mkdtemp(dir))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	libbpf_set_print(NULL);
	return ecap_log_open(log_path);
}

static inline int teardown(void **state)
{
	(void)state;
	unlink(log_path);
	return rmdir(dir);
}

#endif
