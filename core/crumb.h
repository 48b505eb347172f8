/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breadcrumb: which call into a module a thread is in. Who calls into a module drops one
 * before and takes it up again behind, so that whatever happens in between can be told by its
 * module, operation, map and record; and so that the host knows which thread may do what.
 */
#ifndef ECAPTURE_CORE_CRUMB_H
#define ECAPTURE_CORE_CRUMB_H

#include <stddef.h>
#include <stdint.h>

struct ecap_instance;

/* Where in a module. Those from ECAP_OP_DECODE on are [reader], those before it [main]. */
enum ecap_op {
	ECAP_OP_OPEN, /* its constructors */
	ECAP_OP_INIT, ECAP_OP_LOAD, ECAP_OP_MAPS, ECAP_OP_START,
	ECAP_OP_FOUND, /* what it gave to ecap.targets/1 to call */
	ECAP_OP_STOP, ECAP_OP_CLOSE, ECAP_OP_SURVEY,
	ECAP_OP_DECODE, ECAP_OP_DISPATCH, ECAP_OP_LOST,
};

enum ecap_where {
	ECAP_WHERE_HOST,      /* the call is over */
	ECAP_WHERE_MODULE,
	ECAP_WHERE_RENDERING, /* the host reads an event that came out of the call */
};

struct ecap_crumb {
	struct ecap_instance *instance; /* NULL while it is opened */
	const char *module;             /* as messages call it: module 'foo' 0.3.1 */
	const char *map;                /* NULL: the call is about none */
	uint64_t record;                /* its number in the map, from 1; 0: none */
	const void *data;               /* the record */
	uint32_t len;
	uint16_t op;                    /* enum ecap_op */
	uint16_t where;                 /* enum ecap_where */
};

/* Of the call that this thread is in; NULL: in none. */
extern _Thread_local struct ecap_crumb *ecap_crumb;

/* Fills ecap_crumb.module. @version: may be NULL. */
void ecap_crumb_title(char *out, size_t size, const char *module, const char *version);

/* "decode", "start" */
const char *ecap_op_name(uint32_t op);

/*
 * "decode(), map events, record 4711", NUL-ended and cut to @size; returns its length.
 * Async-signal-safe.
 */
size_t ecap_crumb_place(const struct ecap_crumb *crumb, char *out, size_t size);

/* Adds text at out[used]; returns the new length, below @size. Async-signal-safe. */
size_t ecap_append(char *out, size_t used, size_t size, const char *text);

#endif
