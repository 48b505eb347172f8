/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for unit tests: a module's decode() and dispatch() run in the test program, without
 * kernel, root, BPF or ecapture. The module is linked into the test; a test reads
 *
 *	struct ecap_mock m;
 *
 *	ecap_mock_new(&m, &ecapture_module_1);
 *	ecap_mock_option(&m, "function", "open");  what is not set has its default
 *	ecap_mock_open(&m);                        init()
 *	ecap_mock_record(&m, 0, &record, sizeof(record));
 *	ECAP_EXPECT(&m, m.n_events == 1);
 *	return ecap_mock_end(&m);                  close(); 1 when anything was wrong
 *
 * Whatever is wrong is told on standard error: with it what the module did, and what it may not
 * do as a module (emit() in init(), an event that the host refuses, ...).
 *
 * Threads: the thread of ecap_mock_new() plays both the main and the reader thread, as the calls
 * never overlap here. What a module may call from [any thread] may come from threads that it
 * makes; the test looks at the results once those have ended.
 */
#ifndef ECAPTURE_MOCK_H
#define ECAPTURE_MOCK_H

#include <ecapture/mock/host.h>
#include <ecapture/mock/option.h>

#ifdef __cplusplus
extern "C"
#else
extern
#endif
const struct ecap_module ecapture_module_1; /* the module under test */

/* ---- driving the module ---- */

/*
 * A mock with a host, a context and the defaults of the module's options. Named sections are what
 * the test puts into the context: a list that ends with NULL.
 */
static inline void ecap_mock_new(struct ecap_mock *m, const struct ecap_module *module)
{
	static const struct ecap_named *const none[] = { NULL };

	memset(m, 0, sizeof(*m));
	m->module = module;
	m->events_end = &m->events;
	m->findings_end = &m->findings;
	m->log_end = &m->log;
	m->thread = pthread_self();
	pthread_mutex_init(&m->lock, NULL);
	if (pipe(m->stop_fds))
		ecap_mock_wrong(m, "the pipe for stop_fd(): %s", strerror(errno));
	ecap_mock_host(&m->host);
	m->common.struct_size = sizeof(m->common);
	m->common.pid = m->common.uid = m->common.cgroup_id = ECAP_ANY;
	m->common.page_count = 64;
	m->common.ring_bytes = UINT64_C(1) << 20;
	m->context.struct_size = sizeof(m->context);
	m->context.kernel_version = 6 << 16 | 1 << 8;
	m->context.features = ~UINT64_C(0);
	m->context.btf_mode = ECAP_BTF_CORE;
	m->context.n_cpus = 4;
	m->context.page_size = 4096;
	m->context.named = none;
	m->context.host = &m->host;
	m->context.self = (struct ecap_instance *)(void *)m;
	m->context.common = &m->common;
	m->config = ecap_mock_alloc(m, module->config_size);
	ecap_mock_defaults(m);
}

/* Calls init(). Returns what it returns: an error's text is in @m. */
static inline int ecap_mock_open(struct ecap_mock *m)
{
	int err = ecap_mock_required(m);

	if (err)
		return err;
	m->context.config = m->config;
	m->running = "init";
	err = m->module->ops->init(&m->context, &m->state);
	m->running = NULL;
	m->is_open = !err;
	if (err > 0)
		ecap_mock_wrong(m, "init() returned %d, which is no negative errno", err);
	if (err && !m->error[0])
		ecap_mock_wrong(m, "init() returned %d and gave no reason to fail()", err);
	return err;
}

/*
 * Hands a record to decode(), and its event on, as the host does. The module sees a copy of
 * exactly @len bytes that is gone afterwards, so that a sanitizer finds what reads past it or
 * keeps it. Returns 1 when it made an event, 0 when not, or the negative errno of decode(), of
 * dispatch() or of emit().
 */
static inline int ecap_mock_record(struct ecap_mock *m, uint32_t map_id, const void *rec,
				   uint32_t len)
{
	struct ecap_event ev;
	void *copy;
	int got;

	if (!m->is_open) {
		ecap_mock_wrong(m, "the test hands in a record, and the module is not open");
		return -EINVAL;
	}
	if (len < m->min_record) {
		m->short_records++;
		return 0;
	}
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, rec, len);
	memset(&ev, 0, sizeof(ev));
	ev.struct_size = sizeof(ev);
	ev.fd = -1;
	m->running = "decode";
	got = m->module->ops->decode(m->state, map_id, copy, len, &ev);
	if (got > 0) {
		int err = ecap_mock_route(m, &ev);

		got = err ? err : 1;
	}
	m->running = NULL;
	free(copy);
	m->damaged += got < 0;
	return got;
}

/* Tells the module that records were lost, where it wants to know. */
static inline void ecap_mock_lost(struct ecap_mock *m, uint32_t map_id, uint64_t n)
{
	if (!m->is_open || !ECAP_HAS(struct ecap_ops, m->module->ops, lost))
		return;
	m->running = "lost";
	m->module->ops->lost(m->state, map_id, n);
	m->running = NULL;
}

/*
 * Has the module look at a file, as "ecapture modules probe" does: without init(). Returns what its
 * survey() returns, or -ENOTSUP when it has none. Services are those that the test supplies.
 */
static inline int ecap_mock_survey(struct ecap_mock *m, const struct ecap_target *target)
{
	int err;

	if (!ECAP_HAS(struct ecap_ops, m->module->ops, survey)) {
		ecap_mock_wrong(m, "the test wants a survey, and the module has none");
		return -ENOTSUP;
	}
	m->context.config = m->config;
	m->running = "survey";
	err = m->module->ops->survey(&m->context, target);
	m->running = NULL;
	if (err > 0)
		ecap_mock_wrong(m, "survey() returned %d, which is no negative errno", err);
	return err;
}

/* Calls close(); ecap_mock_open() may come again. */
static inline void ecap_mock_close(struct ecap_mock *m)
{
	if (!m->is_open)
		return;
	m->running = "close";
	m->module->ops->close(m->state);
	m->running = NULL;
	m->state = NULL;
	m->is_open = 0;
}

/* Closes, frees, says the count. Returns 0, or 1 when anything was wrong: main()'s return value. */
static inline int ecap_mock_end(struct ecap_mock *m)
{
	int failed = m->n_failures || !m->n_checks;

	ecap_mock_close(m);
	printf("%s: %s: %u checks, %u failures\n", m->module->name, failed ? "FAILED" : "passed",
	       m->n_checks, m->n_failures);
	while (m->blocks) {
		struct ecap_mock_block *next = m->blocks->next;

		free(m->blocks);
		m->blocks = next;
	}
	close(m->stop_fds[0]);
	close(m->stop_fds[1]);
	pthread_mutex_destroy(&m->lock);
	return failed;
}

/* ---- what came of it ---- */

/* Counts the condition as a check of the test, and tells when it does not hold. */
#define ECAP_EXPECT(m, condition) \
	ecap_mock_check((m), (condition) ? 1 : 0, __FILE__, __LINE__, #condition)

/* What ECAP_EXPECT() does. Returns @holds. */
static inline int ecap_mock_check(struct ecap_mock *m, int holds, const char *file, int line,
				  const char *condition)
{
	m->n_checks++;
	if (holds)
		return 1;
	m->n_failures++;
	fprintf(stderr, "%s:%d: expected %s\n", file, line, condition);
	ecap_mock_print(m);
	return 0;
}

/* The event with this number, from 0, or NULL, which counts as a failure. */
static inline const struct ecap_event *ecap_mock_event(struct ecap_mock *m, uint32_t i)
{
	struct ecap_mock_kept *e = m->events;

	for (uint32_t n = 0; e && n < i; n++)
		e = e->next;
	if (!e)
		ecap_mock_wrong(m, "the test wants event %u of %u", i, m->n_events);
	return e ? &e->event : NULL;
}

/* The finding with this number, from 0, or NULL, which counts as a failure. */
static inline const struct ecap_finding *ecap_mock_finding(struct ecap_mock *m, uint32_t i)
{
	struct ecap_mock_found *f = m->findings;

	for (uint32_t n = 0; f && n < i; n++)
		f = f->next;
	if (!f)
		ecap_mock_wrong(m, "the test wants finding %u of %u", i, m->n_findings);
	return f ? &f->finding : NULL;
}

/* The field of this name, or NULL when the event is NULL or has none. */
static inline const struct ecap_field *ecap_mock_field(const struct ecap_event *ev,
						       const char *name)
{
	for (uint32_t i = 0; ev && i < ev->n_fields; i++)
		if (!strcmp(ev->fields[i].name, name))
			return &ev->fields[i];
	return NULL;
}

/* 1 when the event has a field of this name with exactly this text. */
static inline int ecap_mock_field_is(const struct ecap_event *ev, const char *name,
				     const char *text)
{
	const struct ecap_field *field = ecap_mock_field(ev, name);

	return field && field->str && !strcmp(field->str, text);
}

/* 1 when a line of the log has this text in it. */
static inline int ecap_mock_logged(const struct ecap_mock *m, const char *text)
{
	for (const struct ecap_mock_line *l = m->log; l; l = l->next)
		if (strstr(l->text, text))
			return 1;
	return 0;
}

/* The value of the counter of this name; 0 when the module never added to it. */
static inline uint64_t ecap_mock_counter(const struct ecap_mock *m, const char *name)
{
	for (const struct ecap_mock_tally *c = m->counters; c; c = c->next)
		if (!strcmp(c->name, name))
			return c->value;
	return 0;
}

#endif
