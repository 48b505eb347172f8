/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that wait: see hold.h. They are in runs, lists which are each in order. A packet goes to
 * the end of the first run that it may follow; the ends of the runs descend from run to run. So
 * there are never more of them than there are sources that are in order themselves (patience
 * sorting: https://en.wikipedia.org/wiki/Patience_sorting), mostly one or two.
 */
#include "packets/hold.h"

#include <string.h>
#include <sys/mman.h>

#include "err.h"
#include "util.h"

#define MAX_RUNS  256
#define MIN_CHUNK ((size_t)64 << 10)
#define MAX_CHUNK ((size_t)2 << 20) /* a huge page of x86-64 and arm64 */

/*
 * For how long a chunk must not have been needed before it is given back: the first use of memory
 * costs more than all else that is done with a packet.
 */
#define SPARE_NS 10000000000ull

/* Behind the addresses: IEEE 802.1Q, 9.3. */
#define ADDRESSES 12u
#define TAG       4u

struct ecap_hold_chunk {
	struct ecap_hold_chunk *next; /* of @spare or @drained */
	size_t size, used;
	uint32_t live;                /* packets in it that wait */
};

struct run {
	struct ecap_held *first, *last;
};

struct ecap_hold {
	size_t limit, chunk_size, bytes; /* bytes: of all chunks */
	struct ecap_hold_chunk *current, *spare, *drained;
	uint32_t n_spare;
	uint32_t least_spare;            /* that there were since @spare_since_ns */
	uint64_t spare_since_ns;
	uint32_t n_runs, oldest;         /* oldest: the run with the packet that leaves next */
	struct run runs[MAX_RUNS];
};

struct ecap_hold *ecap_hold_new(uint64_t bytes)
{
	struct ecap_hold *hold = calloc(1, sizeof(*hold));
	size_t chunk = bytes / 8;

	if (!hold)
		return NULL;
	chunk = chunk < MIN_CHUNK ? MIN_CHUNK : chunk > MAX_CHUNK ? MAX_CHUNK : chunk;
	hold->chunk_size = chunk & ~(MIN_CHUNK - 1);
	hold->limit = bytes < 2 * chunk ? 2 * chunk : bytes;
	return hold;
}

static struct ecap_hold_chunk *new_chunk(struct ecap_hold *hold, size_t size)
{
	struct ecap_hold_chunk *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		return NULL;
	/* Less to fault in; where there are none, small pages do. */
	madvise(chunk, size, MADV_HUGEPAGE);
	chunk->size = size;
	chunk->used = sizeof(*chunk);
	hold->bytes += size;
	return chunk;
}

static void free_chunk(struct ecap_hold *hold, struct ecap_hold_chunk *chunk)
{
	hold->bytes -= chunk->size;
	munmap(chunk, chunk->size);
}

static void free_chunks(struct ecap_hold *hold, struct ecap_hold_chunk *list)
{
	while (list) {
		struct ecap_hold_chunk *next = list->next;

		free_chunk(hold, list);
		list = next;
	}
}

void ecap_hold_free(struct ecap_hold *hold)
{
	if (!hold)
		return;
	while (ecap_hold_oldest(hold))
		ecap_hold_pop(hold);
	free_chunks(hold, hold->drained);
	free_chunks(hold, hold->spare);
	if (hold->current)
		free_chunk(hold, hold->current);
	free(hold);
}

/* The first of @spare. */
static struct ecap_hold_chunk *take_spare(struct ecap_hold *hold)
{
	struct ecap_hold_chunk *chunk = hold->spare;

	hold->spare = chunk->next;
	if (--hold->n_spare < hold->least_spare)
		hold->least_spare = hold->n_spare;
	return chunk;
}

static void push(struct ecap_hold_chunk **list, struct ecap_hold_chunk *chunk)
{
	chunk->next = *list;
	*list = chunk;
}

/* Makes a chunk with room for @size the current one. As ecap_hold_add(). */
static int next_chunk(struct ecap_hold *hold, size_t size)
{
	struct ecap_hold_chunk *old = hold->current, *chunk = hold->spare;
	size_t wanted = sizeof(*chunk) + size;

	wanted = wanted > hold->chunk_size ? wanted : hold->chunk_size;
	if (chunk && wanted <= chunk->size) {
		take_spare(hold);
	} else {
		/* A large one: what is spare makes room. */
		while (hold->spare && hold->bytes + wanted > hold->limit)
			free_chunk(hold, take_spare(hold));

		int full = hold->bytes + wanted > hold->limit && ecap_hold_oldest(hold);

		chunk = full ? NULL : new_chunk(hold, wanted);
		if (!chunk && ecap_hold_oldest(hold))
			return 1;
		if (!chunk)
			return ecap_err(-ENOMEM, "out of memory for packets that wait");
	}
	if (old && !old->live)
		push(&hold->drained, old);
	hold->current = chunk;
	return 0;
}

/* Into the run whose end is nearest: only where there are more sources than runs. */
static void insert(struct run *run, struct ecap_held *held)
{
	struct ecap_held **at = &run->first;

	while (*at && (*at)->mono_ns <= held->mono_ns)
		at = &(*at)->next;
	held->next = *at;
	*at = held;
	if (!held->next)
		run->last = held;
}

static void find_oldest(struct ecap_hold *hold)
{
	hold->oldest = 0;
	for (uint32_t i = 1; i < hold->n_runs; i++)
		if (hold->runs[i].first->mono_ns < hold->runs[hold->oldest].first->mono_ns)
			hold->oldest = i;
}

static void put_in_order(struct ecap_hold *hold, struct ecap_held *held)
{
	uint32_t i = 0;

	while (i < hold->n_runs && hold->runs[i].last->mono_ns > held->mono_ns)
		i++;
	if (i < hold->n_runs) {
		hold->runs[i].last->next = held;
		hold->runs[i].last = held;
		return;
	}
	if (i < MAX_RUNS)
		hold->runs[hold->n_runs++] = (struct run){ held, held };
	else
		insert(&hold->runs[i - 1], held);
	find_oldest(hold);
}

static void put_data(struct ecap_held *held, const struct ecap_packet *packet)
{
	if (held->captured == packet->captured) {
		memcpy(held->data, packet->data, packet->captured);
		return;
	}
	const uint8_t tag[TAG] = { packet->vlan_protocol >> 8, packet->vlan_protocol & 0xff,
				   packet->vlan_tci >> 8, packet->vlan_tci & 0xff };

	memcpy(held->data, packet->data, ADDRESSES);
	memcpy(held->data + ADDRESSES, tag, TAG);
	memcpy(held->data + ADDRESSES + TAG, (const uint8_t *)packet->data + ADDRESSES,
	       packet->captured - ADDRESSES);
}

int ecap_hold_add(struct ecap_hold *hold, const struct ecap_packet *packet)
{
	uint32_t tag = packet->vlan_protocol && packet->captured >= ADDRESSES ? TAG : 0;
	size_t size = (sizeof(struct ecap_held) + packet->captured + tag + 7) & ~(size_t)7;

	if (!hold->current || size > hold->current->size - hold->current->used) {
		int err = next_chunk(hold, size);

		if (err)
			return err;
	}
	struct ecap_held *held = (void *)((char *)hold->current + hold->current->used);

	hold->current->used += size;
	hold->current->live++;
	*held = (struct ecap_held){
		.chunk = hold->current, .mono_ns = packet->mono_ns,
		.interface = packet->interface, .captured = packet->captured + tag,
		.length = packet->length + tag, .direction = packet->direction,
		.flow = packet->flow,
	};
	put_data(held, packet);
	put_in_order(hold, held);
	return 0;
}

const struct ecap_held *ecap_hold_oldest(const struct ecap_hold *hold)
{
	return hold->n_runs ? hold->runs[hold->oldest].first : NULL;
}

void ecap_hold_pop(struct ecap_hold *hold)
{
	struct run *run = &hold->runs[hold->oldest];
	struct ecap_hold_chunk *chunk = run->first->chunk;

	run->first = run->first->next;
	/* It has lain there for so long that no cache has it any more. */
	if (run->first && run->first->next)
		__builtin_prefetch(run->first->next);
	if (!run->first) {
		hold->n_runs--;
		memmove(run, run + 1, (hold->n_runs - hold->oldest) * sizeof(*run));
	}
	find_oldest(hold);
	if (!--chunk->live && chunk != hold->current)
		push(&hold->drained, chunk);
}

int ecap_hold_has_drained(const struct ecap_hold *hold)
{
	return hold->drained || (hold->current && !hold->current->live);
}

static void give_back(struct ecap_hold *hold, uint64_t now_ns)
{
	if (now_ns - hold->spare_since_ns < SPARE_NS)
		return;
	for (uint32_t n = hold->least_spare; n; n--)
		free_chunk(hold, take_spare(hold));
	hold->least_spare = hold->n_spare;
	hold->spare_since_ns = now_ns;
}

void ecap_hold_reuse(struct ecap_hold *hold, uint64_t now_ns)
{
	while (hold->drained) {
		struct ecap_hold_chunk *chunk = hold->drained;

		hold->drained = chunk->next;
		if (chunk->size != hold->chunk_size) {
			free_chunk(hold, chunk);
			continue;
		}
		chunk->used = sizeof(*chunk);
		push(&hold->spare, chunk);
		hold->n_spare++;
	}
	if (hold->current && !hold->current->live)
		hold->current->used = sizeof(*hold->current);
	give_back(hold, now_ns);
}

size_t ecap_hold_memory(const struct ecap_hold *hold)
{
	return hold->bytes;
}
