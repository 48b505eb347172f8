/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host that ecapture/mock.h gives to a module: the functions of its table, and what they
 * keep of what the module did.
 */
#ifndef ECAPTURE_MOCK_HOST_H
#define ECAPTURE_MOCK_HOST_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ecapture/module.h>

/* A service that the test makes up. */
struct ecap_mock_service {
	const char *id;    /* "ecap.elf/1" */
	const void *table; /* what the host's service() returns for it */
};

/* A line of the log. */
struct ecap_mock_line {
	struct ecap_mock_line *next; /* the line after it, or NULL */
	const char *text;            /* without a line end */
	int level;                   /* ECAP_LOG_* */
};

/* A counter that the module has added to. */
struct ecap_mock_tally {
	struct ecap_mock_tally *next; /* the counter after it, or NULL */
	const char *name;             /* as given to count() */
	uint64_t value;               /* the sum */
};

/* A copy of an event with all that it points to; priv is NULL. */
struct ecap_mock_kept {
	struct ecap_mock_kept *next; /* the event after it, or NULL */
	struct ecap_event event;     /* what the host would have written */
};

/* A copy of a finding with all that it points to. */
struct ecap_mock_found {
	struct ecap_mock_found *next; /* the finding after it, or NULL */
	struct ecap_finding finding;  /* what the host would have shown */
};

/* What was allocated, freed in ecap_mock_end(). */
struct ecap_mock_block {
	struct ecap_mock_block *next; /* the one before it, or NULL */
	void *reserved; /* keeps what is behind it aligned to 16 bytes */
};

/* The host, and all that is known of the module in it. */
struct ecap_mock {
	/* The test may change these between ecap_mock_new() and ecap_mock_open(). */
	struct ecap_context context; /* what init() gets */
	struct ecap_common common;   /* the common options: all processes */
	struct ecap_host host;       /* the host's functions */
	void *config;                /* the module's own config struct, with the defaults */
	const struct ecap_mock_service *services; /* ended by a NULL id; NULL: none */
	uint32_t min_record;         /* bytes, as in the module's struct ecap_map */

	/* What the module did. */
	uint32_t n_events;              /* in events */
	struct ecap_mock_kept *events;  /* that were to be written: ecap_mock_event() */
	struct ecap_mock_line *log;     /* its lines: ecap_mock_logged() */
	struct ecap_mock_tally *counters; /* its counters: ecap_mock_counter() */
	uint32_t n_findings;            /* in findings */
	struct ecap_mock_found *findings; /* of survey(): ecap_mock_finding() */
	uint32_t short_records;         /* shorter than min_record: decode() never saw them */
	uint32_t damaged;               /* decode() or dispatch() said no */
	int aborted;                    /* the error that it gave to abort(), or 0 */
	char error[1024];               /* the last text that it gave to fail() */

	/* The mock's own. */
	const struct ecap_module *module; /* under test */
	void *state;                    /* of the module */
	const char *running;            /* the operation under way, or NULL */
	struct ecap_mock_kept **events_end; /* where the next one hangs */
	struct ecap_mock_found **findings_end; /* where the next one hangs */
	struct ecap_mock_line **log_end; /* where the next one hangs */
	struct ecap_mock_block *blocks; /* all that was allocated */
	pthread_mutex_t lock;           /* guards what [any thread] functions change */
	pthread_t thread;               /* that of the test */
	int stop_fds[2];                /* the pipe behind stop_fd() */
	uint32_t n_checks, n_failures;  /* of the test */
	int is_open;                    /* 1 between init() and close() */
	uint8_t is_set[64];             /* options that the test has set, a bit each (at most 512) */
};

/* ---- telling ---- */

/* One event as a line on standard error. */
static inline void ecap_mock_print_event(const struct ecap_event *ev, uint32_t i)
{
	fprintf(stderr, "  event %u: %s[%u] tid %u uid %u fd %d %s", i, ev->comm, ev->pid, ev->tid,
		ev->uid, ev->fd, ev->kind ? ev->kind : "data");
	for (uint32_t f = 0; f < ev->n_fields; f++) {
		if (ev->fields[f].str)
			fprintf(stderr, " %s=\"%s\"", ev->fields[f].name, ev->fields[f].str);
		else
			fprintf(stderr, " %s=%llu", ev->fields[f].name,
				(unsigned long long)ev->fields[f].num);
	}
	if (ev->flags & ECAP_EVENT_F_PAYLOAD)
		fprintf(stderr, " payload %llu bytes at %llu of %llu: %.*s",
			(unsigned long long)ev->payload_len, (unsigned long long)ev->offset,
			(unsigned long long)ev->total,
			ev->payload_len < 60 ? (int)ev->payload_len : 60,
			ev->payload ? (const char *)ev->payload : "");
	fputc('\n', stderr);
}

/* One finding as a line on standard error. */
static inline void ecap_mock_print_finding(const struct ecap_finding *f)
{
	static const char *const kinds[] = { "nothing", "fact", "place", "missing" };

	fprintf(stderr, "  %s: %s: %s%s%s", kinds[f->kind], f->what, f->text,
		f->function ? ", function " : "", f->function ? f->function : "");
	if (f->kind == ECAP_FINDING_PLACE)
		fprintf(stderr, " at 0x%llx, offset 0x%llx%s%s", (unsigned long long)f->addr,
			(unsigned long long)f->offset, f->insn ? ": " : "", f->insn ? f->insn : "");
	fputc('\n', stderr);
}

/* Everything that the module did so far. */
static inline void ecap_mock_print(const struct ecap_mock *m)
{
	uint32_t i = 0;

	fprintf(stderr, "  %s: %u events, %u damaged, %u records too short\n", m->module->name,
		m->n_events, m->damaged, m->short_records);
	for (const struct ecap_mock_kept *e = m->events; e; e = e->next)
		ecap_mock_print_event(&e->event, i++);
	for (const struct ecap_mock_found *f = m->findings; f; f = f->next)
		ecap_mock_print_finding(&f->finding);
	for (const struct ecap_mock_line *l = m->log; l; l = l->next)
		fprintf(stderr, "  log %d: %s\n", l->level, l->text);
	for (const struct ecap_mock_tally *c = m->counters; c; c = c->next)
		fprintf(stderr, "  counter %s: %llu\n", c->name, (unsigned long long)c->value);
	if (m->error[0])
		fprintf(stderr, "  fail: %s\n", m->error);
	if (m->aborted)
		fprintf(stderr, "  abort: %s\n", strerror(-m->aborted));
}

/* Tells of something that no module, or no test, may do, and counts it as a failure. */
static inline void ecap_mock_wrong(struct ecap_mock *m, const char *fmt, ...) ECAP_PRINTF(2, 3);

static inline void ecap_mock_wrong(struct ecap_mock *m, const char *fmt, ...)
{
	va_list ap;

	m->n_failures++;
	fprintf(stderr, "%s: wrong%s%s: ", m->module->name, m->running ? " in " : "",
		m->running ? m->running : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- memory ---- */

/* Zeroed memory that lives until ecap_mock_end(). */
static inline void *ecap_mock_alloc(struct ecap_mock *m, size_t size)
{
	struct ecap_mock_block *b = (struct ecap_mock_block *)calloc(1, sizeof(*b) + size);

	if (!b) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	b->next = m->blocks;
	m->blocks = b;
	return b + 1;
}

/* A copy that lives until ecap_mock_end(). */
static inline void *ecap_mock_copy(struct ecap_mock *m, const void *from, size_t size)
{
	void *copy = ecap_mock_alloc(m, size);

	if (size)
		memcpy(copy, from, size);
	return copy;
}

/* A copy of the text, or NULL when that is NULL. */
static inline char *ecap_mock_text(struct ecap_mock *m, const char *text)
{
	return text ? (char *)ecap_mock_copy(m, text, strlen(text) + 1) : NULL;
}

/* ---- the host's functions ---- */

/* The mock behind the handle that the module has. */
static inline struct ecap_mock *ecap_mock_of(struct ecap_instance *self)
{
	return (struct ecap_mock *)(void *)self;
}

/* The host's log(): keeps the line. */
static inline void ecap_mock_log(struct ecap_instance *self, int level, const char *fmt, ...)
{
	struct ecap_mock *m = ecap_mock_of(self);
	struct ecap_mock_line *l;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&m->lock);
	l = (struct ecap_mock_line *)ecap_mock_alloc(m, sizeof(*l));
	l->level = level;
	l->text = ecap_mock_text(m, text);
	*m->log_end = l;
	m->log_end = &l->next;
	if (strchr(text, '\n'))
		ecap_mock_wrong(m, "log(): a line end in \"%s\"", text);
	pthread_mutex_unlock(&m->lock);
}

/* The host's fail(): keeps the text. */
static inline int ecap_mock_fail(struct ecap_instance *self, int err, const char *fmt, ...)
{
	struct ecap_mock *m = ecap_mock_of(self);
	va_list ap;

	pthread_mutex_lock(&m->lock);
	va_start(ap, fmt);
	vsnprintf(m->error, sizeof(m->error), fmt, ap);
	va_end(ap);
	if (err >= 0)
		ecap_mock_wrong(m, "fail(): error %d is not a negative errno", err);
	pthread_mutex_unlock(&m->lock);
	return err;
}

/* Makes stop_fd readable, as when the host stops; for a module that polls it. */
static inline void ecap_mock_stop(struct ecap_mock *m)
{
	if (write(m->stop_fds[1], "", 1) != 1)
		ecap_mock_wrong(m, "the pipe for stop_fd(): %s", strerror(errno));
}

/* The host's abort(): keeps the error, and makes stop_fd readable. */
static inline void ecap_mock_abort(struct ecap_instance *self, int err)
{
	struct ecap_mock *m = ecap_mock_of(self);

	pthread_mutex_lock(&m->lock);
	m->aborted = m->aborted ? m->aborted : err ? err : -EIO;
	ecap_mock_stop(m);
	pthread_mutex_unlock(&m->lock);
}

/* The host's stop_fd(). */
static inline int ecap_mock_stop_fd(struct ecap_instance *self)
{
	return ecap_mock_of(self)->stop_fds[0];
}

/* The host's count(). */
static inline void ecap_mock_count(struct ecap_instance *self, const char *name, uint64_t add)
{
	struct ecap_mock *m = ecap_mock_of(self);
	struct ecap_mock_tally **c = &m->counters;

	pthread_mutex_lock(&m->lock);
	while (*c && strcmp((*c)->name, name))
		c = &(*c)->next;
	if (!*c) {
		*c = (struct ecap_mock_tally *)ecap_mock_alloc(m, sizeof(**c));
		(*c)->name = ecap_mock_text(m, name);
	}
	(*c)->value += add;
	if (strlen(name) > 47)
		ecap_mock_wrong(m, "count(): \"%s\" is longer than 47 bytes", name);
	pthread_mutex_unlock(&m->lock);
}

/* Tells when a function is called by the wrong thread, or in a wrong operation. */
static inline void ecap_mock_only_in(struct ecap_mock *m, const char *function, int allowed,
				     const char *where)
{
	if (!pthread_equal(pthread_self(), m->thread))
		ecap_mock_wrong(m, "%s called by a thread of the module", function);
	else if (!allowed)
		ecap_mock_wrong(m, "%s called outside of %s", function, where);
}

/* 1 while the module is in this operation. */
static inline int ecap_mock_in(const struct ecap_mock *m, const char *operation)
{
	return m->running && !strcmp(m->running, operation);
}

/* Sends an event where it is to go. */
static inline int ecap_mock_route(struct ecap_mock *m, const struct ecap_event *from);

/* The host's emit(). */
static inline int ecap_mock_emit(struct ecap_instance *self, const struct ecap_event *ev)
{
	struct ecap_mock *m = ecap_mock_of(self);

	ecap_mock_only_in(m, "emit()", ecap_mock_in(m, "decode") || ecap_mock_in(m, "dispatch") ||
			  ecap_mock_in(m, "lost"), "decode(), dispatch() and lost()");
	return ecap_mock_route(m, ev);
}

/* The host's pick_bpf(): the first object whose needs the context's features fulfil. */
static inline int ecap_mock_pick_bpf(struct ecap_instance *self, uint32_t *index)
{
	struct ecap_mock *m = ecap_mock_of(self);
	const struct ecap_module *module = m->module;

	ecap_mock_only_in(m, "pick_bpf()", ecap_mock_in(m, "init"), "init() and load()");
	for (uint32_t i = 0; i < module->n_bpf; i++) {
		const struct ecap_bpf *row = (const struct ecap_bpf *)(const void *)
			((const char *)module->bpf + (size_t)i * module->bpf_size);
		uint64_t needs = row->features |
				 (row->variant == ECAP_BTF_CORE ? ECAP_FEAT_BTF : 0);

		if (needs & ~m->context.features ||
		    (m->context.btf_mode && row->variant != m->context.btf_mode))
			continue;
		*index = i;
		return 0;
	}
	return ecap_mock_fail(self, -EOPNOTSUPP, "no BPF object fits the features of the context");
}

/* The host's service(): what the test supplies. */
static inline const void *ecap_mock_get_service(struct ecap_instance *self, const char *id)
{
	const struct ecap_mock_service *s = ecap_mock_of(self)->services;

	while (s && s->id && strcmp(s->id, id))
		s++;
	return s && s->id ? s->table : NULL;
}

/* 1 when it is [a-z_]+ and not too long. */
static inline int ecap_mock_is_word(const char *word)
{
	size_t n = word ? strspn(word, "abcdefghijklmnopqrstuvwxyz_") : 0;

	return n && n <= ECAP_NAME_MAX && !word[n];
}

/* What of a finding breaks a rule, or NULL. */
static inline const char *ecap_mock_bad_finding(const struct ecap_finding *f)
{
	if (!f || f->struct_size < ECAP_END(struct ecap_finding, offset))
		return "its struct_size is not set";
	if (f->kind < ECAP_FINDING_FACT || f->kind > ECAP_FINDING_MISSING)
		return "kind is no ECAP_FINDING_*";
	if (f->reserved || f->emulated > 1)
		return "reserved is not 0, or emulated neither 0 nor 1";
	if (!f->what || !*f->what || !f->text)
		return "what or text is missing";
	if (f->kind == ECAP_FINDING_FACT && !ecap_mock_is_word(f->what))
		return "what is called a fact is not [a-z_]+";
	return NULL;
}

/* The host's finding(): keeps a copy. */
static inline int ecap_mock_take_finding(struct ecap_instance *self, const struct ecap_finding *f)
{
	struct ecap_mock *m = ecap_mock_of(self);
	const char *bad = ecap_mock_bad_finding(f);
	struct ecap_mock_found *kept;

	ecap_mock_only_in(m, "finding()", ecap_mock_in(m, "survey"), "survey()");
	if (bad) {
		ecap_mock_wrong(m, "a finding that the host refuses: %s", bad);
		return -EPERM;
	}
	if (m->n_findings == ECAP_FINDINGS_MAX)
		return -ENOSPC;
	kept = (struct ecap_mock_found *)ecap_mock_alloc(m, sizeof(*kept));
	kept->finding = *f;
	kept->finding.what = ecap_mock_text(m, f->what);
	kept->finding.text = ecap_mock_text(m, f->text);
	kept->finding.function = ecap_mock_text(m, f->function);
	kept->finding.insn = ecap_mock_text(m, f->insn);
	*m->findings_end = kept;
	m->findings_end = &kept->next;
	m->n_findings++;
	return 0;
}

/* ---- events ---- */

/* Who, where and how of an event: what of it breaks a rule, or NULL. */
static inline const char *ecap_mock_bad_head(const struct ecap_event *ev)
{
	if (ev->dest > ECAP_DEST_PROCESSOR)
		return "dest is no ECAP_DEST_*";
	if (ev->dest == ECAP_DEST_MODULE)
		return NULL;
	if (ev->direction > ECAP_DIR_SEND)
		return "direction is no ECAP_DIR_*";
	if (ev->flags & ~(ECAP_EVENT_F_EOS | ECAP_EVENT_F_PAYLOAD))
		return "flags has what is no ECAP_EVENT_F_*";
	if (ev->reserved || ev->tuple.reserved[0] || ev->tuple.reserved[1] ||
	    ev->tuple.reserved[2])
		return "reserved is not zero";
	if (ev->tuple.family && ev->tuple.family != 4 && ev->tuple.family != 6)
		return "tuple.family is neither 0, 4 nor 6";
	if (!memchr(ev->comm, 0, sizeof(ev->comm)))
		return "comm has no NUL";
	if (ev->kind && !ecap_mock_is_word(ev->kind))
		return "kind is not [a-z_]+";
	return NULL;
}

/* The payload and the fields of an event: what of them breaks a rule, or NULL. */
static inline const char *ecap_mock_bad_body(const struct ecap_event *ev)
{
	uint64_t total = ev->total ? ev->total : ev->payload_len;

	if (ev->payload_len && !(ev->flags & ECAP_EVENT_F_PAYLOAD))
		return "payload_len is not 0 without ECAP_EVENT_F_PAYLOAD";
	if (ev->payload_len > ECAP_BYTES_MAX)
		return "payload_len is more than ECAP_BYTES_MAX";
	if (ev->payload_len && !ev->payload)
		return "payload is NULL, and payload_len is not 0";
	if (ev->offset > total || total - ev->offset < ev->payload_len)
		return "offset and payload_len go beyond total";
	if (ev->n_fields > ECAP_FIELDS_MAX)
		return "n_fields is more than ECAP_FIELDS_MAX";
	if (ev->n_fields && !ev->fields)
		return "fields is NULL, and n_fields is not 0";
	for (uint32_t i = 0; i < ev->n_fields; i++)
		if (!ecap_mock_is_word(ev->fields[i].name))
			return "a field's name is not [a-z_]+";
	return NULL;
}

/* Adds a copy of the event to those of the mock. */
static inline void ecap_mock_keep(struct ecap_mock *m, const struct ecap_event *ev)
{
	struct ecap_mock_kept *e = (struct ecap_mock_kept *)ecap_mock_alloc(m, sizeof(*e));
	uint32_t n = ev->n_fields;
	struct ecap_field *fields =
		(struct ecap_field *)ecap_mock_copy(m, ev->fields, n * sizeof(*fields));

	for (uint32_t i = 0; i < n; i++) {
		fields[i].name = ecap_mock_text(m, fields[i].name);
		fields[i].str = ecap_mock_text(m, fields[i].str);
	}
	e->event = *ev;
	e->event.priv = NULL;
	e->event.kind = ecap_mock_text(m, ev->kind);
	e->event.fields = fields;
	e->event.payload = ecap_mock_copy(m, ev->payload, (size_t)e->event.payload_len);
	*m->events_end = e;
	m->events_end = &e->next;
	m->n_events++;
}

/* Where the host sends it: to the output, or back to the module; nowhere when it breaks a rule. */
static inline int ecap_mock_route(struct ecap_mock *m, const struct ecap_event *from)
{
	const struct ecap_ops *ops = m->module->ops;
	const char *before = m->running, *bad;
	struct ecap_event ev;
	int err;

	memset(&ev, 0, sizeof(ev));
	memcpy(&ev, from, from->struct_size < sizeof(ev) ? from->struct_size : sizeof(ev));
	ev.struct_size = sizeof(ev);
	bad = ecap_mock_bad_head(&ev);
	if (!bad && ev.dest != ECAP_DEST_MODULE)
		bad = ecap_mock_bad_body(&ev);
	if (bad) {
		ecap_mock_wrong(m, "an event that the host refuses: %s", bad);
		return -EPERM;
	}
	if (ev.dest != ECAP_DEST_MODULE) {
		ecap_mock_keep(m, &ev);
		return 0;
	}
	if (!ECAP_HAS(struct ecap_ops, ops, dispatch)) {
		ecap_mock_wrong(m, "an event to the module, which has no dispatch()");
		return -ENOTSUP;
	}
	m->running = "dispatch";
	err = ops->dispatch(m->state, &ev);
	m->running = before;
	return err;
}

/* The table of the host's functions. */
static inline void ecap_mock_host(struct ecap_host *host)
{
	memset(host, 0, sizeof(*host));
	host->struct_size = sizeof(*host);
	host->abi_major = ECAP_ABI_MAJOR;
	host->abi_minor = ECAP_ABI_MINOR;
	host->version = "mock";
	host->log = ecap_mock_log;
	host->fail = ecap_mock_fail;
	host->abort = ecap_mock_abort;
	host->stop_fd = ecap_mock_stop_fd;
	host->emit = ecap_mock_emit;
	host->count = ecap_mock_count;
	host->pick_bpf = ecap_mock_pick_bpf;
	host->service = ecap_mock_get_service;
	host->finding = ecap_mock_take_finding;
}

#endif
