/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What a module hands to the host for each record: one flat struct, filled by decode().
 *
 * The host looks at each event before it shows it. One that is not as described here is refused:
 * it is not shown, emit() returns a negative errno, it is counted as against the rules, the log says what
 * was wrong with the first, and ecapture ends with an exit code of 1.
 */
#ifndef ECAPTURE_EVENT_H
#define ECAPTURE_EVENT_H

#include <ecapture/abi.h>

/* Where an event goes. */
#define ECAP_DEST_OUTPUT    0u /* rendered and written */
#define ECAP_DEST_MODULE    1u /* back to the module's own dispatch() */
#define ECAP_DEST_PROCESSOR 2u /* the stream processor, which keeps the order of each stream */

/* Which way the bytes went, seen from the process that was captured. */
#define ECAP_DIR_NONE 0u
#define ECAP_DIR_RECV 1u
#define ECAP_DIR_SEND 2u

/*
 * [fixed] A connection's two ends, seen from the process that was captured: local and remote.
 * Addresses are in network byte order, IPv4 in the first four bytes; ports in host order.
 */
struct ecap_tuple {
	uint8_t family;                 /* 0 when unknown, else 4 or 6 */
	uint8_t reserved[3];
	uint16_t lport, rport;          /* 0 when unknown */
	uint8_t laddr[16], raddr[16];   /* all zero when unknown */
};

/* The most that an event may have. */
#define ECAP_BYTES_MAX  (UINT64_C(64) << 20) /* of a payload, and of a field's text */
#define ECAP_FIELDS_MAX 64u
#define ECAP_NAME_MAX   63 /* bytes of a name of the form [a-z_]+ */

/* [grows: field_size] An extra column: shows in the text, becomes a key in JSON. */
struct ecap_field {
	const char *name; /* [a-z_]+ */
	const char *str;  /* value, any bytes up to NUL; NULL: the number counts */
	uint64_t num;     /* value, shown in decimal */
};

/* What else there is to know of an event. */
#define ECAP_EVENT_F_EOS     (1u << 0) /* the stream ends behind this event */
#define ECAP_EVENT_F_PAYLOAD (1u << 1) /* a payload belongs to this event, even an empty one */

/*
 * [grows: struct_size] Pointers must stay valid until decode's caller, or emit(), is done with
 * the event. decode() gets the host's struct, with the host's size; where ECAP_ABI_OPTIONAL is set,
 * the module's may be longer, so set its members, not the whole. What begins inside the record
 * (a payload, a text) must end inside it. Of an event with ECAP_DEST_MODULE the host reads
 * nothing but the first two members.
 */
struct ecap_event {
	uint32_t struct_size;
	uint16_t dest;              /* ECAP_DEST_* */
	uint8_t direction;          /* ECAP_DIR_* */
	uint8_t reserved;           /* 0 */
	uint32_t flags;             /* ECAP_EVENT_F_* and no other */
	uint32_t pid, tid, uid;     /* as the initial namespaces see them; pid is the process (tgid) */
	int32_t fd;                 /* negative when unknown */
	uint32_t n_fields;          /* rows at fields, at most ECAP_FIELDS_MAX */
	const char *kind;           /* what happened, [a-z_]+: "data" (also when NULL), "command" */
	uint64_t mono_ns;           /* bpf_ktime_get_ns(), CLOCK_MONOTONIC */
	uint64_t conn;              /* number of the connection, unique in the run; 0: none */
	struct ecap_tuple tuple;    /* of the connection; family 0 when unknown */
	char comm[16];              /* with a NUL */
	const struct ecap_field *fields; /* extra columns, in their order, or NULL */
	const void *payload;        /* any bytes, or NULL */
	uint64_t payload_len;       /* bytes at payload; 0 without ECAP_EVENT_F_PAYLOAD */
	uint64_t offset;            /* of payload in what the call moved, when that came in parts */
	uint64_t total;             /* bytes that the call moved, at least offset + payload_len; 0: payload_len */
	void *priv;                 /* from decode() to dispatch(); never read by the host */
};

/* Copies into the event what ecap_fill_task() (ecapture/bpf/task.bpf.h) put into a record. */
#define ecap_event_task(ev, record)						\
	do {									\
		(ev)->mono_ns = (record)->mono_ns;				\
		(ev)->pid = (record)->pid;					\
		(ev)->tid = (record)->tid;					\
		(ev)->uid = (record)->uid;					\
		__builtin_memcpy((ev)->comm, (record)->comm, sizeof((ev)->comm)); \
	} while (0)

#endif
