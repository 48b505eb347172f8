/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optional glue for modules that use libbpf: opening one of the descriptor's objects, filling
 * its .rodata by name, probing by file offset. Static inline, so that no libbpf type crosses to
 * the host.
 */
#ifndef ECAPTURE_LIBBPF_H
#define ECAPTURE_LIBBPF_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ecapture/filter.h>
#include <ecapture/module.h>
#include <ecapture/record.h>

#if defined(__STRICT_ANSI__) && !defined(__cplusplus)
extern long syscall(long number, ...); /* unistd.h hides it from strict C */
#endif

/*
 * What the variants of a BPF program (bpf.mk) need when it uses no more than ecapture/bpf/ has, for
 * its row in the descriptor.
 */
#define ECAP_BPF_NEEDS_NONCORE ECAP_FEAT_GLOBAL_DATA
#define ECAP_BPF_NEEDS_CORE    (ECAP_BPF_NEEDS_NONCORE | ECAP_FEAT_BTF)
#define ECAP_BPF_NEEDS_STORAGE (ECAP_BPF_NEEDS_CORE | ECAP_FEAT_RINGBUF | ECAP_FEAT_TASK_STORAGE)
#define ECAP_BPF_NEEDS_DYNPTR  (ECAP_BPF_NEEDS_STORAGE | ECAP_FEAT_BPF_LOOP | ECAP_FEAT_USER_DYNPTR)

/* Opens the first object of @rows that fits this kernel. @index: which one, may be NULL. */
static inline int ecap_bpf_open(const struct ecap_context *ctx, const struct ecap_bpf *rows,
				uint32_t *index, struct bpf_object **object)
{
	struct bpf_object_open_opts opts;
	struct bpf_object *o;
	uint32_t i = 0;
	int err = ctx->host->pick_bpf(ctx->self, &i);

	if (err)
		return err;
	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.object_name = rows[i].name;
	opts.btf_custom_path = ctx->btf_path;
	o = bpf_object__open_mem(rows[i].data,
				 (size_t)((const char *)rows[i].end - (const char *)rows[i].data),
				 &opts);
	if (!o)
		return ecap_fail(ctx, -errno, "BPF object %s: %s", rows[i].name, strerror(errno));
	if (index)
		*index = i;
	*object = o;
	return 0;
}

/* Offset of the variable @name in .rodata, or -ENOENT. */
static inline int ecap_bpf_rodata_offset(const struct bpf_object *object, const char *name,
					 uint32_t size)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_type *section;

	if (id < 0)
		return -ENOENT;
	section = btf__type_by_id(btf, (uint32_t)id);
	for (uint32_t i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *var = btf_var_secinfos(section) + i;
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (var->size == size && !strcmp(btf__name_by_offset(btf, type->name_off), name))
			return (int)var->offset;
	}
	return -ENOENT;
}

/* Writes the `const volatile` variable @name of the object; before it is loaded. */
static inline int ecap_bpf_set(const struct ecap_context *ctx, struct bpf_object *object,
			       const char *name, const void *value, uint32_t size)
{
	struct bpf_map *map = NULL, *m;
	int offset = ecap_bpf_rodata_offset(object, name, size);
	const void *now;
	size_t len;
	char *copy;
	int err;

	/* Not ".rodata.str1.1", where a program has texts. */
	bpf_object__for_each_map(m, object) {
		const char *dot = strrchr(bpf_map__name(m), '.');

		if (dot && !strcmp(dot, ".rodata"))
			map = m;
	}
	now = map ? bpf_map__initial_value(map, &len) : NULL;
	if (!now || offset < 0 || (size_t)offset + size > len)
		return ecap_fail(ctx, -ENOENT, "BPF object has no variable %s of %u bytes", name, size);
	copy = (char *)malloc(len);
	if (!copy)
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	memcpy(copy, now, len);
	memcpy(copy + offset, value, size);
	err = bpf_map__set_initial_value(map, copy, len);
	free(copy);
	return err ? ecap_fail(ctx, err, "BPF variable %s: %s", name, strerror(-err)) : 0;
}

/* Fills ecap_filter (ecapture/bpf/filter.bpf.h) from the common options. */
static inline int ecap_bpf_set_filter(const struct ecap_context *ctx, struct bpf_object *object)
{
	const struct ecap_common *c = ctx->common;
	struct ecap_filter filter;

	memset(&filter, 0, sizeof(filter));
	filter.use_pid = c->pid != ECAP_ANY;
	filter.pid = (uint32_t)c->pid;
	filter.use_uid = c->uid != ECAP_ANY;
	filter.uid = (uint32_t)c->uid;
	filter.use_cgroup = c->cgroup_id != ECAP_ANY;
	filter.cgroup_id = c->cgroup_id;
	filter.ancestors = (ctx->features & ECAP_FEAT_ANCESTOR_CGROUP) != 0;
	filter.use_comm = c->comm[0] != 0;
	memcpy(filter.comm, c->comm, sizeof(filter.comm));
	return ecap_bpf_set(ctx, object, "ecap_filter", &filter, sizeof(filter));
}

/* fd of the map @name, or a negative errno with a text. */
static inline int ecap_bpf_map_fd(const struct ecap_context *ctx, const struct bpf_object *object,
				  const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	return fd < 0 ? ecap_fail(ctx, fd, "BPF object has no map %s", name) : fd;
}

/* [private] The small ring of two: what a CPU writes in a millisecond or two, and finds in its caches. */
#define ECAP_SMALL_RING_BYTES (UINT64_C(1) << 20)

/* How records travel, and the size of their buffer: ecapture/bpf/emit.bpf.h. Before loading. */
static inline int ecap_bpf_set_events(const struct ecap_context *ctx, struct bpf_object *object)
{
	struct bpf_map *events = bpf_object__find_map_by_name(object, "events");
	struct bpf_map *more = bpf_object__find_map_by_name(object, "events_more");
	uint64_t bytes = ctx->common->ring_bytes;
	uint32_t send = ECAP_SEND_SCRATCH;
	int err;

	if (!events)
		return ecap_fail(ctx, -ENOENT, "BPF object has no map events");
	if (ctx->features & ECAP_FEAT_RINGBUF) {
		err = more ? bpf_map__set_max_entries(more, (uint32_t)bytes) : 0;
		if (more && bytes > ECAP_SMALL_RING_BYTES)
			bytes = ECAP_SMALL_RING_BYTES;
		err = err ? err : bpf_map__set_max_entries(events, (uint32_t)bytes);
	} else {
		/* A perf event array holds an fd for each CPU: kernel/bpf/arraymap.c. */
		send = ECAP_SEND_PERF;
		err = bpf_map__set_type(events, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
		err = err ? err : bpf_map__set_key_size(events, 4);
		err = err ? err : bpf_map__set_value_size(events, 4);
		err = err ? err : bpf_map__set_max_entries(events, ctx->n_cpus);
		err = err || !more ? err : bpf_map__set_autocreate(more, false);
	}
	if (err)
		return ecap_fail(ctx, err, "map events: %s", strerror(-err));
	return ecap_bpf_set(ctx, object, "ecap_send", &send, sizeof(send));
}

/* Attach types of include/uapi/linux/bpf.h, newer than the headers may be. */
#define ECAP_TRACE_UPROBE_MULTI   48
#define ECAP_TRACE_UPROBE_SESSION 57

/*
 * Loads the object. Its uprobe programs are made for links that carry many probes where the
 * kernel has them; the program @session, when not NULL, for entry and return in one.
 */
static inline int ecap_bpf_load(const struct ecap_context *ctx, struct bpf_object *object,
				const char *session)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, object) {
		const char *section = bpf_program__section_name(program);

		if (session && !strcmp(bpf_program__name(program), session))
			bpf_program__set_expected_attach_type(program,
				(enum bpf_attach_type)ECAP_TRACE_UPROBE_SESSION);
		else if (ctx->features & ECAP_FEAT_UPROBE_MULTI &&
			 (!strncmp(section, "uprobe", 6) || !strncmp(section, "uretprobe", 9)))
			bpf_program__set_expected_attach_type(program,
				(enum bpf_attach_type)ECAP_TRACE_UPROBE_MULTI);
	}
	err = bpf_object__load(object);
	return err ? ecap_fail(ctx, err, "BPF object %s: %s (--debug shows more)",
			       bpf_object__name(object), strerror(-err)) : 0;
}

/* The map of ecapture/bpf/emit.bpf.h for the host to read. */
static inline int ecap_bpf_events_map(const struct ecap_context *ctx,
				      const struct bpf_object *object, uint32_t min_record,
				      struct ecap_map *map)
{
	memset(map, 0, sizeof(*map));
	map->name = "events";
	map->min_record = min_record;
	map->fd = ecap_bpf_map_fd(ctx, object, "events");
	map->control_fd = ecap_bpf_map_fd(ctx, object, "ecap_control");
	map->stats_fd = ecap_bpf_map_fd(ctx, object, "ecap_stats");
	if (ctx->features & ECAP_FEAT_RINGBUF && bpf_object__find_map_by_name(object, "events_more"))
		map->more_fd = ecap_bpf_map_fd(ctx, object, "events_more");
	return map->fd < 0 || map->control_fd < 0 || map->stats_fd < 0 ? -ENOENT : 0;
}

/* [inside] What holds a probe in place: libbpf's link, or the fd of a link that libbpf does not know. */
struct ecap_link {
	struct bpf_link *link; /* or NULL */
	int fd;                /* when link is NULL */
};

/* [inside] All probes of a module. Begins as zero; ecap_links_cut(links, 0) ends it. */
struct ecap_links {
	struct ecap_link *list; /* of malloc, or NULL */
	uint32_t n;             /* in list */
};

/* Detaches one probe. */
static inline void ecap_link_close(const struct ecap_link *link)
{
	if (link->link)
		bpf_link__destroy(link->link);
	else
		close(link->fd);
}

/* Takes @link over; closes it when there is no memory for it. */
static inline int ecap_links_add(const struct ecap_context *ctx, struct ecap_links *links,
				 struct ecap_link link)
{
	struct ecap_link *grown =
		(struct ecap_link *)realloc(links->list, (links->n + 1) * sizeof(*grown));

	if (!grown) {
		ecap_link_close(&link);
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	}
	links->list = grown;
	links->list[links->n++] = link;
	return 0;
}

/* [private] Detaching waits for a grace period, some 70 ms, but many can wait for the same one. */
#define ECAP_CLOSERS 32u

/* [private] One thread's share of what is to be closed. */
struct ecap_closer {
	pthread_t thread;              /* to join */
	const struct ecap_link *links; /* all of them */
	uint32_t n, first;             /* their number; the first of this share */
};

/* Closes every ECAP_CLOSERS-th link, from the first of its share on. */
static inline void *ecap_closer_main(void *arg)
{
	const struct ecap_closer *c = (const struct ecap_closer *)arg;

	for (uint32_t i = c->first; i < c->n; i += ECAP_CLOSERS)
		ecap_link_close(&c->links[i]);
	return NULL;
}

/* Closes those behind the first @keep, which detaches. */
static inline void ecap_links_cut(struct ecap_links *links, uint32_t keep)
{
	struct ecap_closer closers[ECAP_CLOSERS];
	uint32_t n = links->n - keep, started = 0;

	while (started < ECAP_CLOSERS && started < n) {
		struct ecap_closer *c = &closers[started];

		c->links = links->list + keep;
		c->n = n;
		c->first = started;
		if (pthread_create(&c->thread, NULL, ecap_closer_main, c))
			break;
		started++;
	}
	/* Shares that got no thread. */
	for (uint32_t first = started; first < ECAP_CLOSERS && first < n; first++) {
		closers[first].links = links->list + keep;
		closers[first].n = n;
		closers[first].first = first;
		ecap_closer_main(&closers[first]);
	}
	while (started)
		pthread_join(closers[--started].thread, NULL);
	links->n = keep;
	if (!keep) {
		free(links->list);
		links->list = NULL;
	}
}

/* [inside] Where a program is to be attached, and what bpf_get_attach_cookie() tells it there. */
struct ecap_point {
	uint64_t offset; /* in the file */
	uint64_t cookie; /* any number */
};

/* Where in a function a program runs. */
#define ECAP_AT_ENTRY   0u
#define ECAP_AT_RETURN  1u
#define ECAP_AT_SESSION 2u /* a program loaded as the session: entry and return */

/* The largest number of points in one call of ecap_bpf_probes(). */
#define ECAP_POINTS_MAX 32u

/* One link for all points: BPF_LINK_CREATE with uprobe_multi, union bpf_attr of Linux 6.6. */
static inline int ecap_bpf_multi_link(const struct ecap_context *ctx, int program_fd,
				      uint32_t where, const char *path,
				      const struct ecap_point *points, uint32_t n)
{
	uint64_t offsets[ECAP_POINTS_MAX], cookies[ECAP_POINTS_MAX];
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, reserved;
	} attr;

	for (uint32_t i = 0; i < n; i++) {
		offsets[i] = points[i].offset;
		cookies[i] = points[i].cookie;
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_fd = (uint32_t)program_fd;
	attr.attach_type = where == ECAP_AT_SESSION ? ECAP_TRACE_UPROBE_SESSION
						    : ECAP_TRACE_UPROBE_MULTI;
	attr.path = (uint64_t)(uintptr_t)path;
	attr.offsets = (uint64_t)(uintptr_t)offsets;
	attr.cookies = (uint64_t)(uintptr_t)cookies;
	attr.cnt = n;
	attr.multi_flags = where == ECAP_AT_RETURN; /* BPF_F_UPROBE_MULTI_RETURN */
	attr.pid = ctx->common->pid == ECAP_ANY ? 0 : (uint32_t)ctx->common->pid;
	return (int)syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* One perf event for one point; NULL with errno. */
static inline struct bpf_link *ecap_bpf_perf_link(const struct ecap_context *ctx,
						  const struct bpf_program *program, uint32_t where,
						  const char *path, const struct ecap_point *point)
{
	struct bpf_uprobe_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.retprobe = where == ECAP_AT_RETURN;
	opts.bpf_cookie = ctx->features & ECAP_FEAT_BPF_COOKIE ? point->cookie : 0;
	return bpf_program__attach_uprobe_opts(program, ctx->common->pid == ECAP_ANY ? -1
					       : (pid_t)ctx->common->pid, path, point->offset,
					       &opts);
}

/* 524 is ENOTSUPP of the kernel's include/linux/errno.h, which C libraries have no text for. */
static inline const char *ecap_bpf_probe_error(int err)
{
	return err == 524 ? "the kernel sets no probe on this instruction" : strerror(err);
}

/*
 * Attaches the program at each of the @n points of the file, with --pid in that process only.
 * Returns 0 with the links added to @links, or a negative errno with a text; what was added
 * before the failure stays in @links.
 */
static inline int ecap_bpf_probes(const struct ecap_context *ctx, const struct bpf_object *object,
				  const char *name, uint32_t where, const char *path,
				  const struct ecap_point *points, uint32_t n,
				  struct ecap_links *links)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	int multi = (ctx->features & ECAP_FEAT_UPROBE_MULTI) != 0;

	if (!program || n > ECAP_POINTS_MAX)
		return ecap_fail(ctx, -EINVAL, "BPF program %s: not there, or %u points are too many",
				 name, n);
	for (uint32_t i = 0; i < n; i += multi ? n : 1) {
		struct ecap_link link;
		int err;

		memset(&link, 0, sizeof(link));
		link.fd = -1;
		if (multi)
			link.fd = ecap_bpf_multi_link(ctx, bpf_program__fd(program), where, path,
						      points, n);
		else
			link.link = ecap_bpf_perf_link(ctx, program, where, path, &points[i]);
		err = errno;
		if (!link.link && link.fd < 0)
			return ecap_fail(ctx, -err, "probe %s in %s at offset 0x%llx: %s", name, path,
					 (unsigned long long)points[i].offset, ecap_bpf_probe_error(err));
		err = ecap_links_add(ctx, links, link);
		if (err)
			return err;
	}
	return 0;
}

#endif
