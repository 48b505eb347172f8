/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of sockets: see owners.h. Entries lie in an array that is filled once, and then used
 * again in a circle: one that was asked for since the hand came by is passed over once. So nothing
 * is allocated while packets come, and connections that live stay.
 */
#include "packets/owners.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "err.h"
#include "utf8.h"
#include "util.h"

/* What of a socket is known; all of it counts, so that there are no holes. */
struct key {
	uint8_t local[16], remote[16]; /* zero: any */
	uint16_t lport, rport;         /* rport 0: any */
	uint8_t family, protocol;      /* family 0: with any address */
	uint8_t zero[2];
};

_Static_assert(sizeof(struct key) == 40, "keys are compared as bytes");

struct entry {
	struct key key;
	uint32_t next;  /* of those with the same hash: index + 1, 0: none */
	uint8_t used, asked;
	struct ecap_packet_process process;
};

struct ecap_packet_owners {
	struct entry *entries;
	uint32_t *heads; /* index + 1 */
	uint32_t most, mask, hand;
	uint64_t seed;   /* so that nobody can choose ports that all have one hash */
};

int ecap_packet_owners_new(uint32_t most, struct ecap_packet_owners **owners)
{
	struct ecap_packet_owners *o = calloc(1, sizeof(*o));
	uint32_t heads = 1;

	while (heads < most)
		heads <<= 1;
	if (o) {
		o->entries = calloc(most, sizeof(*o->entries));
		o->heads = calloc(heads, sizeof(*o->heads));
	}
	if (!o || !o->entries || !o->heads) {
		ecap_packet_owners_free(o);
		return ecap_err(-ENOMEM, "out of memory for %u sockets", most);
	}
	o->most = most;
	o->mask = heads - 1;
	if (getrandom(&o->seed, sizeof(o->seed), GRND_NONBLOCK) != sizeof(o->seed))
		o->seed = (uintptr_t)o;
	*owners = o;
	return 0;
}

void ecap_packet_owners_free(struct ecap_packet_owners *o)
{
	if (!o)
		return;
	free(o->entries);
	free(o->heads);
	free(o);
}

/* The constant is that of Fibonacci hashing: 2^64 divided by the golden ratio. */
static uint32_t *head_of(const struct ecap_packet_owners *o, const struct key *key)
{
	uint64_t words[sizeof(*key) / 8], hash = o->seed;

	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return &o->heads[hash & o->mask];
}

static struct entry *find(const struct ecap_packet_owners *o, const struct key *key)
{
	for (uint32_t at = *head_of(o, key); at; at = o->entries[at - 1].next) {
		struct entry *e = &o->entries[at - 1];

		if (!memcmp(&e->key, key, sizeof(*key)))
			return e;
	}
	return NULL;
}

static void unlink_entry(const struct ecap_packet_owners *o, const struct entry *e)
{
	uint32_t number = (uint32_t)(e - o->entries) + 1, *at = head_of(o, &e->key);

	while (*at != number)
		at = &o->entries[*at - 1].next;
	*at = e->next;
}

static struct entry *add(struct ecap_packet_owners *o, const struct key *key)
{
	struct entry *e = &o->entries[o->hand];
	uint32_t *head;

	/* Ends: each that is passed over is not the next time. */
	while (e->used && e->asked) {
		e->asked = 0;
		o->hand = (o->hand + 1) % o->most;
		e = &o->entries[o->hand];
	}
	if (e->used)
		unlink_entry(o, e);
	head = head_of(o, key);
	*e = (struct entry){ .key = *key, .next = *head, .used = 1 };
	*head = o->hand + 1;
	o->hand = (o->hand + 1) % o->most;
	return e;
}

/* A process may call itself anything. */
static char *put_name(char *out, const char *comm)
{
	const uint8_t *p = (const uint8_t *)comm, *end = p + strnlen(comm, 16);

	while (p < end) {
		size_t n = ecap_utf8_shown(p, end);

		if (n)
			memcpy(out, p, n);
		else
			*out = '?';
		out += n ? n : 1;
		p += n ? n : 1;
	}
	return out;
}

/* Once, not for each packet. */
static void show(struct ecap_packet_process *process)
{
	char *end = put_name(process->text, process->owner.comm);
	size_t room = sizeof(process->text) - (size_t)(end - process->text);

	end += snprintf(end, room, "[%u]", process->owner.pid);
	process->len = (uint8_t)(end - process->text);
}

static void put(struct ecap_packet_owners *o, const struct key *key,
		const struct packet_owner *owner)
{
	struct entry *e = find(o, key);

	if (!e)
		e = add(o, key);
	else if (!memcmp(&e->process.owner, owner, sizeof(*owner)))
		return;
	e->process.owner = *owner;
	show(&e->process);
}

static int is_zero(const uint8_t address[16])
{
	static const uint8_t zero[16];

	return !memcmp(address, zero, sizeof(zero));
}

/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) is how a socket for both families has an IPv4 address. */
static int is_mapped(const uint8_t address[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, 0xff };

	return !memcmp(address, prefix, sizeof(prefix));
}

static void set_address(uint8_t to[16], const uint8_t from[16], int mapped)
{
	memset(to, 0, 16);
	memcpy(to, from + (mapped ? 12 : 0), mapped ? 4 : 16);
}

void ecap_packet_owners_learn(struct ecap_packet_owners *o, uint8_t protocol,
			      const struct ecap_tuple *tuple, const struct packet_owner *owner)
{
	int mapped = tuple->family == 6 && (is_mapped(tuple->laddr) || is_mapped(tuple->raddr));
	struct key key = {
		.lport = tuple->lport, .rport = tuple->rport, .protocol = protocol,
		.family = mapped ? 4 : tuple->family,
	};

	if (!tuple->lport)
		return;
	set_address(key.local, tuple->laddr, mapped);
	if (tuple->rport)
		set_address(key.remote, tuple->raddr, mapped);
	else if (is_zero(key.local))
		key.family = 0;
	put(o, &key, owner);
}

static struct key key_of(const struct ecap_flow *flow, int of_sender)
{
	struct key key = {
		.family = flow->family, .protocol = flow->protocol,
		.lport = of_sender ? flow->sport : flow->dport,
		.rport = of_sender ? flow->dport : flow->sport,
	};

	memcpy(key.local, of_sender ? flow->src : flow->dst, sizeof(key.local));
	memcpy(key.remote, of_sender ? flow->dst : flow->src, sizeof(key.remote));
	return key;
}

void ecap_packet_owners_sent(struct ecap_packet_owners *o, const struct ecap_flow *flow,
			     const struct packet_owner *owner)
{
	struct key key = key_of(flow, 1);

	if (flow->family)
		put(o, &key, owner);
}

/* The connection; else whoever has the port at that address, or at any. */
static const struct ecap_packet_process *find_end(struct ecap_packet_owners *o,
						  const struct ecap_flow *flow, int of_sender)
{
	struct key key = key_of(flow, of_sender);
	struct entry *e = find(o, &key);

	if (!e && key.lport) {
		memset(key.remote, 0, sizeof(key.remote));
		key.rport = 0;
		e = find(o, &key);
	}
	if (!e && key.lport) {
		memset(key.local, 0, sizeof(key.local));
		key.family = 0;
		e = find(o, &key);
	}
	if (!e)
		return NULL;
	e->asked = 1;
	return &e->process;
}

struct ecap_packet_ends ecap_packet_owners_find(struct ecap_packet_owners *o,
						const struct ecap_flow *flow)
{
	if (!flow->family)
		return (struct ecap_packet_ends){ NULL, NULL };
	return (struct ecap_packet_ends){ find_end(o, flow, 1), find_end(o, flow, 0) };
}

static char *put_end(char *out, const char *word, const struct ecap_packet_process *process)
{
	out = stpcpy(out, word);
	memcpy(out, process->text, process->len);
	return out + process->len;
}

void ecap_packet_ends_text(const struct ecap_packet_ends *ends, char *text, size_t size)
{
	if (size < ECAP_PACKET_ENDS_MAX)
		return;
	if (ends->sender)
		text = put_end(text, "from ", ends->sender);
	if (ends->sender && ends->receiver)
		*text++ = ' ';
	if (ends->receiver)
		text = put_end(text, "to ", ends->receiver);
	*text = '\0';
}
