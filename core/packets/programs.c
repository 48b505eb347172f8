/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the variant of bpf/packets.bpf.c that the kernel can take: with the kernel's BTF, packets
 * know whose they are; without a ring buffer they come through perf.
 */
#include "packets/programs.h"

#include "err.h"
#include "packets/objects.h"
#include "util.h"

static const uint64_t owner_features = ECAP_FEAT_BTF | ECAP_FEAT_RINGBUF | ECAP_FEAT_SOCK_LENGTH_TP;

int ecap_packet_programs_tell_owners(const struct ecap_context *context)
{
	return (context->features & owner_features) == owner_features &&
	       context->btf_mode != ECAP_BTF_NONCORE;
}

static int open_object(const struct ecap_context *context, struct bpf_object **object)
{
	int owners = ecap_packet_programs_tell_owners(context);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "packets",
		    .btf_custom_path = owners ? context->btf_path : NULL);
	const char *data = owners ? ecap_packets_core : ecap_packets_noncore;
	const char *end = owners ? ecap_packets_core_end : ecap_packets_noncore_end;

	*object = bpf_object__open_mem(data, (size_t)(end - data), &options);
	return *object ? 0 : ecap_err(-errno, "BPF object for packets: %s", strerror(errno));
}

static int set_up(const struct ecap_context *context, struct bpf_object *object)
{
	uint32_t owners = ecap_packet_programs_tell_owners(context);
	int err = ecap_bpf_set_events(context, object);

	if (!err)
		err = ecap_bpf_set(context, object, "with_owners", &owners, sizeof(owners));
	if (!err && owners)
		err = ecap_bpf_set_filter(context, object);
	if (!err && !owners)
		bpf_map__set_autocreate(bpf_object__find_map_by_name(object, "socket_owners"), false);
	return err;
}

/* One of the programs of the two sides. */
static int program_fd(const struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program ? bpf_program__fd(program) : -ENOENT;
}

int ecap_packet_programs_load(const struct ecap_context *context, struct ecap_packet_programs *p)
{
	*p = (struct ecap_packet_programs){ .fds = { -1, -1 }, .lost_fd = -1, .arrays = { -1, -1 } };
	int err = open_object(context, &p->object);

	if (!err)
		err = set_up(context, p->object);
	if (!err)
		err = ecap_bpf_load(context, p->object, NULL);
	if (!err) {
		p->fds[ECAP_TC_INGRESS] = program_fd(p->object, "packet_in");
		p->fds[ECAP_TC_EGRESS] = program_fd(p->object, "packet_out");
		p->lost_fd = ecap_bpf_map_fd(context, p->object, "lost_packets");
		err = p->lost_fd < 0 ? p->lost_fd : 0;
	}
	if (err)
		ecap_packet_programs_free(p);
	return err;
}

int ecap_packet_programs_map(const struct ecap_context *context,
			     const struct ecap_packet_programs *p, struct ecap_map *map)
{
	int err = ecap_bpf_events_map(context, p->object, sizeof(uint64_t), map);

	map->name = "packets";
	return err;
}

/* Has the program look at all open files: it runs as its iterator is read, which yields no bytes. */
static int look_at_files(const struct ecap_packet_programs *p)
{
	struct bpf_program *program = bpf_object__find_program_by_name(p->object, "open_files");
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	char nothing[64];

	if (!link)
		return ecap_err(-errno, "sockets that are open already: %s", strerror(errno));
	_cleanup_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t got;

	do
		got = fd < 0 ? -1 : read(fd, nothing, sizeof(nothing));
	while (got > 0 || (got < 0 && fd >= 0 && errno == EAGAIN));
	int err = got < 0 ? ecap_err(-errno, "sockets that are open already: %s", strerror(errno)) : 0;

	bpf_link__destroy(link);
	return err;
}

int ecap_packet_programs_watch(const struct ecap_context *context, struct ecap_packet_programs *p)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, p->object) {
		struct ecap_link link = { NULL, -1 };

		if (strncmp(bpf_program__section_name(program), "tp_btf/", 7))
			continue;
		link.link = bpf_program__attach_trace(program);
		if (!link.link)
			return ecap_err(-errno, "%s: %s", bpf_program__section_name(program),
					strerror(errno));
		int err = ecap_links_add(context, &p->links, link);

		if (err)
			return err;
	}
	return look_at_files(p);
}

void ecap_packet_programs_unwatch(struct ecap_packet_programs *p)
{
	ecap_links_cut(&p->links, 0);
}

int ecap_packet_programs_array(struct ecap_packet_programs *p, enum ecap_tc_side side)
{
	uint32_t zero = 0;
	uint32_t fd = (uint32_t)p->fds[side];

	if (p->arrays[side] >= 0)
		return p->arrays[side];
	_cleanup_close_ int array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "packet_filter",
						   sizeof(zero), sizeof(fd), 1, NULL);

	if (array < 0 || bpf_map_update_elem(array, &zero, &fd, BPF_ANY))
		return ecap_err(-errno, "BPF map for a packet filter: %s", strerror(errno));
	p->arrays[side] = TAKE_FD(array);
	return p->arrays[side];
}

void ecap_packet_programs_free(struct ecap_packet_programs *p)
{
	ecap_packet_programs_unwatch(p);
	ecap_closep(&p->arrays[0]);
	ecap_closep(&p->arrays[1]);
	bpf_object__close(p->object);
	p->object = NULL;
}
