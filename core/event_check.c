/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that lie: see event_check.h. What is checked without @probe costs a few nanoseconds, for
 * every event comes by here.
 */
#include "event_check.h"

#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "readable.h"
#include "util.h"

#define KNOWN_FLAGS (ECAP_EVENT_F_EOS | ECAP_EVENT_F_PAYLOAD)

struct span {
	const char *begin, *end; /* of the record */
	uint32_t field_size;
	int probe;
};

/* Where a payload would begin that is said to be in the record: its end included. */
static int is_inside(const struct span *span, const void *p)
{
	return (const char *)p >= span->begin && (const char *)p <= span->end && span->begin;
}

int ecap_event_name_valid(const char *name)
{
	size_t n = 0;

	while ((name[n] >= 'a' && name[n] <= 'z') || name[n] == '_')
		if (++n > ECAP_NAME_MAX)
			return 0;
	return n && !name[n];
}

/* The text does not say whose name it is yet. */
static int check_name(const struct span *span, const char *name)
{
	if (span->probe && !ecap_readable_string(name, ECAP_NAME_MAX))
		return ecap_err(-EINVAL, "at %p, which cannot be read", (const void *)name);
	if (!ecap_event_name_valid(name))
		return ecap_err(-EINVAL, "\"%.*s\" is not [a-z_]+ of at most %d bytes",
				ECAP_NAME_MAX, name, ECAP_NAME_MAX);
	return 0;
}

static int check_who(const struct span *span, const struct ecap_event *event)
{
	const struct ecap_tuple *tuple = &event->tuple;

	if (event->direction > ECAP_DIR_SEND)
		return ecap_err(-EINVAL, "direction: %u is no ECAP_DIR_*", event->direction);
	if (event->flags & ~KNOWN_FLAGS)
		return ecap_err(-EINVAL, "flags: 0x%x are no ECAP_EVENT_F_*",
				event->flags & ~KNOWN_FLAGS);
	if (event->reserved || tuple->reserved[0] || tuple->reserved[1] || tuple->reserved[2])
		return ecap_err(-EINVAL, "reserved: not zero");
	if (tuple->family && tuple->family != 4 && tuple->family != 6)
		return ecap_err(-EINVAL, "tuple.family: %u is neither 0, 4 nor 6", tuple->family);
	if (event->comm[sizeof(event->comm) - 1] && !memchr(event->comm, 0, sizeof(event->comm)))
		return ecap_err(-EINVAL, "comm: no NUL in its %zu bytes", sizeof(event->comm));
	if (event->kind && check_name(span, event->kind))
		return ecap_err_context(-EINVAL, "kind");
	return 0;
}

static int check_payload(const struct span *span, const struct ecap_event *event)
{
	const char *payload = event->payload;
	uint64_t len = event->payload_len, total = event->total ? event->total : len;

	if (len && !(event->flags & ECAP_EVENT_F_PAYLOAD))
		return ecap_err(-EINVAL, "payload_len: %" PRIu64 " without ECAP_EVENT_F_PAYLOAD",
				len);
	if (len > ECAP_BYTES_MAX)
		return ecap_err(-EINVAL, "payload_len: %" PRIu64 " is more than %" PRIu64, len,
				ECAP_BYTES_MAX);
	if (len && !payload)
		return ecap_err(-EINVAL, "payload: NULL with a payload_len of %" PRIu64, len);
	if (event->offset > total || total - event->offset < len)
		return ecap_err(-EINVAL, "offset: %" PRIu64 " and payload_len %" PRIu64
				" go beyond total %" PRIu64, event->offset, len, event->total);
	if (is_inside(span, payload) && len > (uint64_t)(span->end - payload))
		return ecap_err(-EINVAL, "payload_len: %" PRIu64 " reaches %" PRIu64
				" bytes past the end of the record", len,
				len - (uint64_t)(span->end - payload));
	if (span->probe && !is_inside(span, payload) && !ecap_readable(payload, len))
		return ecap_err(-EINVAL, "payload: %" PRIu64 " bytes at %p, which cannot be read",
				len, (const void *)payload);
	return 0;
}

static int check_field_text(const struct span *span, const char *text)
{
	size_t max = ECAP_BYTES_MAX;
	int inside = is_inside(span, text);

	if (inside)
		max = (size_t)(span->end - text);
	else if (span->probe && !ecap_readable_string(text, max))
		return ecap_err(-EINVAL, "text at %p, which cannot be read", (const void *)text);
	if (strnlen(text, max) == max)
		return ecap_err(-EINVAL, "a text without NUL %s",
				inside ? "before the end of the record" : "in 64 MiB");
	return 0;
}

static int check_field(const struct span *span, const struct ecap_field *field)
{
	int err;

	if (!field->name)
		return ecap_err(-EINVAL, "no name");
	err = check_name(span, field->name);
	return err || !field->str ? err : check_field_text(span, field->str);
}

static int check_fields(const struct span *span, const struct ecap_event *event)
{
	const char *fields = (const char *)event->fields;
	uint32_t n = event->n_fields;

	if (n > ECAP_FIELDS_MAX)
		return ecap_err(-EINVAL, "n_fields: %u is more than %u", n, ECAP_FIELDS_MAX);
	if (n && !fields)
		return ecap_err(-EINVAL, "fields: NULL with an n_fields of %u", n);
	if (span->probe && !ecap_readable(fields, (size_t)n * span->field_size))
		return ecap_err(-EINVAL, "fields: %u at %p, which cannot be read", n,
				(const void *)fields);
	for (uint32_t i = 0; i < n; i++) {
		const void *row = fields + (size_t)i * span->field_size;

		if (check_field(span, row))
			return ecap_err_context(-EINVAL, "fields[%u]", i);
	}
	return 0;
}

int ecap_event_check(const struct ecap_event *event, const struct ecap_event_rules *rules,
		     const void *rec, uint32_t len)
{
	const struct span span = {
		.begin = rec, .end = rec ? (const char *)rec + len : NULL,
		.field_size = rules->field_size, .probe = rules->probe,
	};
	int err;

	/* Shorter, but not shorter than in ABI 1.0: assigned as a whole, by an older module. */
	if (event->struct_size < ECAP_END(struct ecap_event, priv) ||
	    event->struct_size > sizeof(*event))
		return ecap_err(-EINVAL, "struct_size: %u where the host had set %zu",
				event->struct_size, sizeof(*event));
	if (event->dest > ECAP_DEST_PROCESSOR)
		return ecap_err(-EINVAL, "dest: %u is no ECAP_DEST_*", event->dest);
	if (event->dest == ECAP_DEST_MODULE)
		return 0;
	err = check_who(&span, event);
	if (!err)
		err = check_payload(&span, event);
	return err ? err : check_fields(&span, event);
}
