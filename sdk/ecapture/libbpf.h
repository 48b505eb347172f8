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
#include <stdlib.h>
#include <string.h>

#include <ecapture/filter.h>
#include <ecapture/module.h>
#include <ecapture/record.h>

/* Opens the first object of @rows that fits this kernel. @index: which one, may be NULL. */
static inline int ecap_bpf_open(const struct ecap_context *ctx, const struct ecap_bpf *rows,
				uint32_t *index, struct bpf_object **object)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct bpf_object *o;
	uint32_t i = 0;
	int err = ctx->host->pick_bpf(ctx->self, &i);

	if (err)
		return err;
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

	bpf_object__for_each_map(m, object)
		if (strstr(bpf_map__name(m), ".rodata"))
			map = m;
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

/* How records travel, and the size of their buffer: ecapture/bpf/emit.bpf.h. Before loading. */
static inline int ecap_bpf_set_events(const struct ecap_context *ctx, struct bpf_object *object)
{
	struct bpf_map *events = bpf_object__find_map_by_name(object, "events");
	uint32_t send = ECAP_SEND_SCRATCH;
	int err;

	if (!events)
		return ecap_fail(ctx, -ENOENT, "BPF object has no map events");
	if (ctx->features & ECAP_FEAT_RINGBUF) {
		err = bpf_map__set_max_entries(events, (uint32_t)ctx->common->ring_bytes);
	} else {
		/* A perf event array holds an fd for each CPU: kernel/bpf/arraymap.c. */
		send = ECAP_SEND_PERF;
		err = bpf_map__set_type(events, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
		err = err ? err : bpf_map__set_key_size(events, 4);
		err = err ? err : bpf_map__set_value_size(events, 4);
		err = err ? err : bpf_map__set_max_entries(events, ctx->n_cpus);
	}
	if (err)
		return ecap_fail(ctx, err, "map events: %s", strerror(-err));
	return ecap_bpf_set(ctx, object, "ecap_send", &send, sizeof(send));
}

static inline int ecap_bpf_load(const struct ecap_context *ctx, struct bpf_object *object)
{
	int err = bpf_object__load(object);

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
	return map->fd < 0 || map->control_fd < 0 || map->stats_fd < 0 ? -ENOENT : 0;
}

/*
 * A uprobe, or with @at_return a uretprobe, at a file offset. With --pid, in that process only.
 * Returns 0 with a link, or a negative errno with a text.
 */
static inline int ecap_bpf_probe(const struct ecap_context *ctx, const struct bpf_object *object,
				 const char *program, int at_return, const char *path,
				 uint64_t offset, struct bpf_link **link)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts);
	struct bpf_program *p = bpf_object__find_program_by_name(object, program);
	struct bpf_link *l;

	if (!p)
		return ecap_fail(ctx, -ENOENT, "BPF object has no program %s", program);
	opts.retprobe = at_return != 0;
	l = bpf_program__attach_uprobe_opts(p, ctx->common->pid == ECAP_ANY ? -1
					    : (pid_t)ctx->common->pid, path, offset, &opts);
	if (!l)
		return ecap_fail(ctx, -errno, "probe %s at %s+0x%llx: %s", program, path,
				 (unsigned long long)offset, strerror(errno));
	*link = l;
	return 0;
}

/* Adds a link to a list that grows; the list owns it. Destroys the link when there is no memory. */
struct ecap_links {
	struct bpf_link **links;
	uint32_t n;
};

static inline int ecap_links_add(const struct ecap_context *ctx, struct ecap_links *list,
				 struct bpf_link *link)
{
	struct bpf_link **grown =
		(struct bpf_link **)realloc(list->links, (list->n + 1) * sizeof(*grown));

	if (!grown) {
		bpf_link__destroy(link);
		return ecap_fail(ctx, -ENOMEM, "out of memory");
	}
	list->links = grown;
	list->links[list->n++] = link;
	return 0;
}

/* Destroys the links behind the first @keep. */
static inline void ecap_links_cut(struct ecap_links *list, uint32_t keep)
{
	while (list->n > keep)
		bpf_link__destroy(list->links[--list->n]);
	if (!keep) {
		free(list->links);
		list->links = NULL;
	}
}

#endif
