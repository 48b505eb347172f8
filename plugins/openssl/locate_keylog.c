/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key log function by its labels: the strings are in every build, and code hands each of them
 * to that one function as its second argument. One label may lead anywhere; a function that
 * several lead to, and that reads four arguments, is it. Where it takes the client random from is
 * in its own code, and again in that of SSL_get_client_random() where the file has that by name.
 */
#include "keylog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LABEL_ARG     1u /* position of the label */
#define N_ARGS        4u
#define INNER_ARG     0u /* the same of the function behind it */
#define N_INNER_ARGS  6u
#define INNER_LABELS  4u /* that lead to it, at least: its shape tells less */
#define RANDOM_BYTES  32u /* RFC 8446, 4.1.2 */
#define MAX_PLACES    224u /* an equal part for each label */
#define MAX_FUNCTIONS 32u
#define MAX_HALVES    8u

/*
 * RFC 9850 and, for TLS 1.2, Mozilla's "NSS Key Log Format". A linker may let EXPORTER_SECRET be
 * the end of EARLY_EXPORTER_SECRET: what stands before a label does not matter.
 */
const char *const openssl_labels[OPENSSL_N_LABELS] = {
	"CLIENT_RANDOM", "EXPORTER_SECRET", "CLIENT_EARLY_TRAFFIC_SECRET",
	"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0",
};

struct function {
	uint64_t addr;
	int inner;                         /* as in struct openssl_keylog */
	uint16_t labels[OPENSSL_N_LABELS]; /* OPENSSL_LABEL_MARK() of those that lead here */
};

struct search {
	const struct ecap_elf *elf;
	struct ecap_elf_file *file;
	struct openssl_keylogs *found;
	uint64_t places[MAX_PLACES];    /* of labels */
	uint8_t labels[MAX_PLACES];     /* which ones, by index */
	uint32_t n_places, n_of_label;
	uint32_t label;   /* the one that is looked for or followed now */
	uint64_t target;  /* where it is */
	struct function functions[MAX_FUNCTIONS];
	uint32_t n_functions;
};

static void __attribute__((format(printf, 2, 3))) tried(struct search *s, const char *fmt, ...)
{
	char *text = s->found->tried;
	size_t used = strlen(text), size = sizeof(s->found->tried);
	va_list ap;

	va_start(ap, fmt);
	used += (size_t)snprintf(text + used, size - used, "%s", used ? "; " : "");
	if (used < size)
		vsnprintf(text + used, size - used, fmt, ap);
	va_end(ap);
}

static int on_place(void *arg, uint64_t addr)
{
	struct search *s = arg;

	s->labels[s->n_places] = (uint8_t)s->label;
	s->places[s->n_places++] = addr;
	return ++s->n_of_label == MAX_PLACES / OPENSSL_N_LABELS;
}

static int on_call(void *arg, const struct ecap_elf_call *call)
{
	struct search *s = arg;
	int inner = !(call->known & 1u << LABEL_ARG);
	uint32_t i = 0;

	if (inner && !(call->known & 1u << INNER_ARG))
		return 0;
	while (i < s->n_functions &&
	       (s->functions[i].addr != call->callee || s->functions[i].inner != inner))
		i++;
	if (i == MAX_FUNCTIONS)
		return 0;
	if (i == s->n_functions)
		s->functions[s->n_functions++] = (struct function){ .addr = call->callee,
								    .inner = inner };
	s->functions[i].labels[s->label] = OPENSSL_LABEL_MARK(s->target);
	return 0;
}

static int on_reference(void *arg, uint64_t insn, uint64_t target)
{
	struct search *s = arg;
	uint32_t i = 0;

	while (i < s->n_places && s->places[i] != target)
		i++;
	if (i == s->n_places)
		return 0;
	s->label = s->labels[i];
	s->target = target;
	s->elf->flow(s->file, insn, on_call, s); /* data that looks like code leads nowhere */
	return 0;
}

/* All of them by one walk through the code, of which a program may have 100 MB. */
static int follow_labels(struct search *s)
{
	int err = 0;

	for (s->label = 0; !err && s->label < OPENSSL_N_LABELS; s->label++) {
		const char *label = openssl_labels[s->label];

		s->n_of_label = 0;
		err = s->elf->find(s->file, label, (uint32_t)strlen(label) + 1, on_place, s);
	}
	return err ? err : s->elf->refs(s->file, s->places, s->n_places, on_reference, s);
}

static bool reads_its_arguments(const struct search *s, uint64_t addr, uint32_t n_args)
{
	for (uint32_t i = 0; i < n_args; i++)
		if (s->elf->reads_arg(s->file, addr, i) != 1)
			return false;
	return true;
}

/* Ways to bytes that belong to the first argument, as a function's code shows them. */
struct paths {
	struct ecap_elf_value passed; /* to a call, with their number behind it */
	struct ecap_elf_value read;   /* one by one or in two halves; the lowest */
	struct ecap_elf_value halves[MAX_HALVES]; /* read as vectors */
	uint32_t n_halves;
	const struct ecap_elf_value *wanted;
	bool is_there;                /* the wanted one */
	bool ambiguous;
};

static bool is_member(const struct ecap_elf_value *v)
{
	return v->kind == ECAP_ELF_PATH && v->arg == 0 && v->offset[v->n_loads] > 0;
}

/* The same loads; the last offset may differ. */
static bool same_object(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return a->n_loads == b->n_loads &&
	       !memcmp(a->offset, b->offset, a->n_loads * sizeof(a->offset[0]));
}

static bool same_path(const struct ecap_elf_value *a, const struct ecap_elf_value *b)
{
	return same_object(a, b) && a->offset[a->n_loads] == b->offset[b->n_loads];
}

static void take_passed(struct paths *p, const struct ecap_elf_use *use)
{
	for (unsigned int i = 0; i + 1 < ECAP_COUNT(use->arg); i++) {
		const struct ecap_elf_value *v = &use->arg[i], *n = &use->arg[i + 1];

		if (!is_member(v))
			continue;
		p->is_there |= p->wanted && same_path(v, p->wanted);
		if (n->kind != ECAP_ELF_CONSTANT || n->number != RANDOM_BYTES)
			continue;
		p->ambiguous |= p->passed.kind && !same_path(&p->passed, v);
		p->passed = *v;
	}
}

static void take_byte(struct paths *p, const struct ecap_elf_value *at)
{
	if (p->read.kind && !same_object(&p->read, at))
		p->ambiguous = true;
	else if (!p->read.kind || at->offset[at->n_loads] < p->read.offset[at->n_loads])
		p->read = *at;
}

/* Compilers make vectors of the loop over the bytes: two that lie side by side are all of them. */
static void take_half(struct paths *p, const struct ecap_elf_value *at)
{
	for (uint32_t i = 0; i < p->n_halves; i++) {
		const struct ecap_elf_value *other = &p->halves[i];
		int32_t distance = at->offset[at->n_loads] - other->offset[other->n_loads];

		if (!same_object(at, other) || distance == 0)
			continue;
		if (distance == (int32_t)RANDOM_BYTES / 2)
			take_byte(p, other);
		else if (distance == -(int32_t)RANDOM_BYTES / 2)
			take_byte(p, at);
	}
	if (p->n_halves < MAX_HALVES)
		p->halves[p->n_halves++] = *at;
}

static void take_read(struct paths *p, const struct ecap_elf_value *value)
{
	struct ecap_elf_value at = *value;

	at.n_loads--; /* to where it reads, not what is there */
	at.offset[value->n_loads] = 0;
	if (!is_member(&at))
		return;
	p->is_there |= p->wanted && same_path(&at, p->wanted);
	if (value->width == 1)
		take_byte(p, &at);
	else if (value->width == RANDOM_BYTES / 2)
		take_half(p, &at);
}

static int on_use(void *arg, const struct ecap_elf_use *use)
{
	if (use->kind == ECAP_ELF_USE_CALL || use->kind == ECAP_ELF_USE_JUMP)
		take_passed(arg, use);
	else if (use->kind == ECAP_ELF_USE_LOAD && use->result.n_loads)
		take_read(arg, &use->result);
	return 0;
}

/* 1 when the getter takes the bytes from there too, 0 when there is no getter by name. */
static int confirm(struct search *s, const struct ecap_elf_value *random)
{
	struct ecap_elf_symbol getter = { .struct_size = sizeof(getter) };
	struct paths paths = { .wanted = random };

	if (s->elf->symbol(s->file, "SSL_get_client_random", &getter) != 0)
		return 0;
	if (s->elf->uses(s->file, getter.addr, on_use, &paths) != 0 || !paths.is_there) {
		tried(s, "SSL_get_client_random at %#llx does not take the client random from "
		      "where the key log function does", (unsigned long long)getter.addr);
		return -EBADMSG;
	}
	return 1;
}

static int find_client_random(struct search *s, struct openssl_keylog *keylog)
{
	struct paths paths = { .wanted = NULL };
	int err = s->elf->uses(s->file, keylog->addr, on_use, &paths);

	keylog->client_random = paths.passed.kind ? paths.passed : paths.read;
	keylog->client_random.width = 0; /* it is an address */
	if (!err && keylog->client_random.kind && !paths.ambiguous)
		return confirm(s, &keylog->client_random);
	tried(s, "the function at %#llx, which %u labels lead to, does not show where the client "
	      "random is", (unsigned long long)keylog->addr, keylog->n_labels);
	return -EBADMSG;
}

int openssl_check_client_random(const struct ecap_elf *elf, struct ecap_elf_file *file,
				const struct openssl_keylog *given)
{
	struct openssl_keylogs found = { .n = 0 };
	struct search s = { .elf = elf, .file = file, .found = &found };
	struct paths paths = { .wanted = NULL };
	int confirmed = confirm(&s, &given->client_random);

	if (confirmed)
		return confirmed < 0 ? confirmed : 0;
	if (elf->uses(file, given->addr, on_use, &paths) || paths.ambiguous)
		return 0;

	const struct ecap_elf_value *seen = paths.passed.kind ? &paths.passed : &paths.read;

	return seen->kind && !same_path(seen, &given->client_random);
}

static int add_function(struct search *s, const struct function *function)
{
	struct openssl_keylog keylog = {
		.addr = function->addr,
	};
	int confirmed, err;

	memcpy(keylog.labels, function->labels, sizeof(keylog.labels));
	for (uint32_t i = 0; i < OPENSSL_N_LABELS; i++)
		keylog.n_labels += keylog.labels[i] != 0;
	if (keylog.n_labels < 2 || !reads_its_arguments(s, function->addr, N_ARGS)) {
		tried(s, "%#llx gets %u labels, but is no function of a key log",
		      (unsigned long long)function->addr, keylog.n_labels);
		return 0;
	}
	if (s->found->n == OPENSSL_MAX_KEYLOGS) {
		tried(s, "more than %u key log functions", OPENSSL_MAX_KEYLOGS);
		return 0;
	}
	confirmed = find_client_random(s, &keylog);
	if (confirmed < 0)
		return confirmed;
	/* Secrets are rare: it does not matter what a probe on the first instruction costs. */
	err = s->elf->offset(s->file, keylog.addr, &keylog.offset);
	if (err)
		return err;
	snprintf(keylog.how, sizeof(keylog.how), "%u labels; client random %s", keylog.n_labels,
		 confirmed ? "as in SSL_get_client_random" : "from its code");
	s->found->list[s->found->n++] = keylog;
	return 0;
}

/* Only when there is none of the other kind. */
static int add_inner(struct search *s, const struct function *function)
{
	struct openssl_keylog keylog = {
		.addr = function->addr, .inner = 1,
		.client_random = { .kind = ECAP_ELF_PATH, .arg = 2 },
	};
	int err;

	memcpy(keylog.labels, function->labels, sizeof(keylog.labels));
	for (uint32_t i = 0; i < OPENSSL_N_LABELS; i++)
		keylog.n_labels += keylog.labels[i] != 0;
	if (keylog.n_labels < INNER_LABELS ||
	    !reads_its_arguments(s, function->addr, N_INNER_ARGS) ||
	    s->found->n == OPENSSL_MAX_KEYLOGS)
		return 0;
	err = s->elf->offset(s->file, keylog.addr, &keylog.offset);
	if (err)
		return err;
	snprintf(keylog.how, sizeof(keylog.how), "%u labels; client random is an argument",
		 keylog.n_labels);
	s->found->list[s->found->n++] = keylog;
	return 0;
}

int openssl_locate_keylog(const struct ecap_elf *elf, struct ecap_elf_file *file,
			  struct openssl_keylogs *keylogs)
{
	struct search s = { .elf = elf, .file = file, .found = keylogs };
	int err;

	memset(keylogs, 0, sizeof(*keylogs));
	err = follow_labels(&s);
	for (uint32_t i = 0; i < s.n_functions && !err; i++)
		if (!s.functions[i].inner)
			err = add_function(&s, &s.functions[i]);
	for (uint32_t i = 0, outer = keylogs->n; i < s.n_functions && !err && !outer; i++)
		if (s.functions[i].inner)
			err = add_inner(&s, &s.functions[i]);
	if (err || keylogs->n)
		return err;
	if (!*keylogs->tried)
		tried(&s, "no label of a key log leads to a function");
	return -ENOENT;
}
