/* SPDX-License-Identifier: Apache-2.0 */
/* The lies of the fault module: events and maps that are not what they say. */
#include "fault.h"

#include <fcntl.h>
#include <string.h>

static const char nowhere[] = "";

/* A page that nobody can read. */
static const void *unreadable(void)
{
	return (const void *)(uintptr_t)0x1000;
}

static void one_field(struct fault *f, struct ecap_event *ev, const char *name, const char *str)
{
	f->fields[0] = (struct ecap_field){ .name = name, .str = str };
	ev->fields = f->fields;
	ev->n_fields = 1;
}

#define LIE(NAME, ...) static void NAME(struct fault *f, struct ecap_event *ev) \
	{ (void)f; __VA_ARGS__; }

LIE(struct_size, ev->struct_size = 8)
LIE(dest, ev->dest = 7)
LIE(direction, ev->direction = 3)
LIE(reserved, ev->reserved = 1)
LIE(flags, ev->flags |= 0x100)
LIE(family, ev->tuple.family = 2) /* AF_INET, a likely mistake */
LIE(comm, memset(ev->comm, 'x', sizeof(ev->comm)))
LIE(kind, ev->kind = "Two words")
LIE(kind_empty, ev->kind = nowhere)
LIE(kind_nowhere, ev->kind = unreadable())
LIE(payload_null, ev->payload = NULL)
LIE(payload_past, ev->payload_len += 100)
LIE(payload_huge, ev->payload_len = UINT64_MAX)
LIE(payload_nowhere, ev->payload = unreadable(), ev->payload_len = 10000)
LIE(no_flag, ev->flags = 0)
LIE(offset, ev->offset = UINT64_MAX, ev->total = 100)
LIE(total, ev->total = 1)
LIE(fields_null, ev->n_fields = 3)
LIE(fields_many, ev->n_fields = 65; ev->fields = f->fields)
LIE(fields_nowhere, ev->n_fields = 2; ev->fields = unreadable())
LIE(field_nameless, one_field(f, ev, NULL, "text"))
LIE(field_name, one_field(f, ev, "Field", "text"))
LIE(field_text, one_field(f, ev, "field", f->record_end - 1))
LIE(field_nowhere, one_field(f, ev, "field", unreadable()))

static const struct {
	const char *name;
	void (*tell)(struct fault *f, struct ecap_event *ev);
} lies[] = {
	{ "struct-size", struct_size }, { "dest", dest }, { "direction", direction },
	{ "reserved", reserved }, { "flags", flags }, { "family", family }, { "comm", comm },
	{ "kind", kind }, { "kind-empty", kind_empty }, { "kind-nowhere", kind_nowhere },
	{ "payload-null", payload_null }, { "payload-past", payload_past },
	{ "payload-huge", payload_huge }, { "payload-nowhere", payload_nowhere },
	{ "no-flag", no_flag }, { "offset", offset }, { "total", total },
	{ "fields-null", fields_null }, { "fields-many", fields_many },
	{ "fields-nowhere", fields_nowhere }, { "field-nameless", field_nameless },
	{ "field-name", field_name }, { "field-text", field_text },
	{ "field-nowhere", field_nowhere },
};

int fault_lie(struct fault *f, const char *name, struct ecap_event *ev)
{
	for (size_t i = 0; i < ECAP_COUNT(lies); i++) {
		if (!name || strcmp(name, lies[i].name))
			continue;
		lies[i].tell(f, ev);
		return 1;
	}
	return 0;
}

#define MAP_LIE(NAME, ...) static void NAME(struct fault *f, const struct ecap_map **maps,	\
					    uint32_t *n)					\
	{ (void)f, (void)maps, (void)n; __VA_ARGS__; }

MAP_LIE(list_null, *maps = NULL)
MAP_LIE(list_nowhere, *maps = unreadable())
MAP_LIE(list_empty, *n = 0)
MAP_LIE(list_absurd, *n = UINT32_MAX)
MAP_LIE(list_long, *n = FAULT_MANY_MAPS)
MAP_LIE(name_null, f->maps[0].name = NULL)
MAP_LIE(name_nowhere, f->maps[0].name = unreadable())
MAP_LIE(name_empty, f->maps[0].name = nowhere)
MAP_LIE(name_long, memset(f->name, 'x', sizeof(f->name) - 1); f->maps[0].name = f->name)
MAP_LIE(fd_none, f->maps[0].fd = -1)
MAP_LIE(fd_closed, f->maps[0].fd = 9999)
MAP_LIE(fd_file, f->maps[0].fd = open("/dev/null", O_RDONLY))
MAP_LIE(fd_kind, f->maps[0].fd = f->maps[0].stats_fd)
MAP_LIE(stats_file, f->maps[0].stats_fd = open("/dev/null", O_RDONLY))
MAP_LIE(stats_kind, f->maps[0].stats_fd = f->maps[0].fd)
MAP_LIE(control_kind, f->maps[0].control_fd = f->maps[0].fd)
MAP_LIE(control_private, f->maps[0].control_fd = f->maps[0].stats_fd)
MAP_LIE(more_kind, f->maps[0].more_fd = f->maps[0].stats_fd)
MAP_LIE(more_same, f->maps[0].more_fd = f->maps[0].fd)
MAP_LIE(twice, f->maps[1] = f->maps[0]; *n = 2)

static const struct {
	const char *name;
	void (*tell)(struct fault *f, const struct ecap_map **maps, uint32_t *n);
} map_lies[] = {
	{ "list-null", list_null }, { "list-nowhere", list_nowhere },
	{ "list-empty", list_empty }, { "list-absurd", list_absurd }, { "list-long", list_long },
	{ "name-null", name_null }, { "name-nowhere", name_nowhere },
	{ "name-empty", name_empty }, { "name-long", name_long }, { "fd-none", fd_none },
	{ "fd-closed", fd_closed }, { "fd-file", fd_file }, { "fd-kind", fd_kind },
	{ "stats-file", stats_file }, { "stats-kind", stats_kind },
	{ "control-kind", control_kind }, { "control-private", control_private },
	{ "more-kind", more_kind }, { "more-same", more_same }, { "twice", twice },
};

int fault_lie_in_maps(struct fault *f, const char *name, const struct ecap_map **maps,
		      uint32_t *n)
{
	for (size_t i = 0; i < ECAP_COUNT(map_lies); i++) {
		if (!name || strcmp(name, map_lies[i].name))
			continue;
		map_lies[i].tell(f, maps, n);
		return 1;
	}
	return 0;
}
