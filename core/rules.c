/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that modules break: see rules.h. The crumb of a thread says what it may do. */
#include "rules.h"

#include <execinfo.h>
#include <string.h>
#include <sys/prctl.h>

#include "err.h"
#include "instance_private.h"
#include "log.h"
#include "util.h"

#define FRAMES 32

/* "decode(), map events, record 12: ", when it happened in a call of the module. */
static void place(char *out, size_t size)
{
	size_t n = ecap_crumb ? ecap_crumb_place(ecap_crumb, out, size) : 0;

	snprintf(out + n, size - n, "%s", n ? ": " : "");
}

static void show_backtrace(const struct ecap_instance *self)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);
	_cleanup_free_ char **names = backtrace_symbols(frames, n);

	for (int i = 0; names && i < n; i++)
		log_info(self->name, "  #%d %s", i, names[i]);
}

static void tell_first(struct ecap_instance *self, const char *text)
{
	char reason[sizeof(self->first_broken) + 32];

	pthread_mutex_lock(&self->lock);
	snprintf(self->first_broken, sizeof(self->first_broken), "%s", text);
	pthread_mutex_unlock(&self->lock);
	log_warn(self->name, "against the rules, refused: %s%s", text,
		 self->options.strict ? "" : "; --strict-modules stops there and shows from where");
	if (!self->options.strict)
		return;
	show_backtrace(self);
	atomic_store(&self->halted, ECAP_HALT_EVENTS);
	snprintf(reason, sizeof(reason), "module misbehaving: %s", text);
	ecap_instance_abort(self, -EPROTO, reason);
}

int ecap_rule_broken(struct ecap_instance *self, const char *fmt, ...)
{
	char text[sizeof(self->first_broken)];
	va_list ap;

	place(text, sizeof(text));
	va_start(ap, fmt);
	vsnprintf(text + strlen(text), sizeof(text) - strlen(text), fmt, ap);
	va_end(ap);
	if (!atomic_fetch_add(&self->broken, 1))
		tell_first(self, text);
	return ecap_err(-EPERM, "%s", text);
}

/* "thread 'worker' in state started" */
static int refuse(struct ecap_instance *self, const char *function, const char *whose)
{
	char thread[16] = ""; /* TASK_COMM_LEN: prctl(2) PR_GET_NAME */
	struct ecap_instance *blamed = self;

	/* What came as self may be anything: the one whose call this is in is known. */
	if (ecap_crumb && ecap_crumb->instance && ecap_crumb->instance != self)
		blamed = ecap_crumb->instance;
	if (blamed != self)
		return ecap_rule_broken(blamed, "%s called with another self than init() was given",
					function);
	prctl(PR_GET_NAME, thread);
	return ecap_rule_broken(self, "%s called on %s '%s' in state %s; %s", function,
				gettid() == getpid() ? "the main thread" : "thread", thread,
				ecap_life_name(atomic_load(&self->life)), whose);
}

static int in_call(const struct ecap_instance *self, int reader)
{
	return ecap_crumb && ecap_crumb->instance == self &&
	       (ecap_crumb->op >= ECAP_OP_DECODE) == reader;
}

int ecap_rule_reader(struct ecap_instance *self, const char *function)
{
	return in_call(self, 1) ? 0 : refuse(self, function, "it belongs to the reader");
}

int ecap_rule_main(struct ecap_instance *self, const char *function)
{
	return in_call(self, 0) ? 0
				: refuse(self, function, "it belongs to the main thread's calls");
}

int ecap_rule_any(struct ecap_instance *self, const char *function)
{
	if (atomic_load_explicit(&self->life, memory_order_relaxed) != ECAP_LIFE_CLOSED)
		return 0;
	return refuse(self, function, "after close() there is no host any more");
}

uint64_t ecap_rules_broken(const struct ecap_instance *self)
{
	return atomic_load(&self->broken);
}

int ecap_rules_error(struct ecap_instance *self)
{
	uint64_t n = atomic_load(&self->broken);
	char first[sizeof(self->first_broken)];

	if (!n)
		return 0;
	pthread_mutex_lock(&self->lock);
	memcpy(first, self->first_broken, sizeof(first));
	pthread_mutex_unlock(&self->lock);
	if (n == 1)
		return ecap_err(-EPROTO, "module misbehaving: %s", first);
	return ecap_err(-EPROTO, "module misbehaving: %s (the first of %llu)", first,
			(unsigned long long)n);
}
