/* SPDX-License-Identifier: Apache-2.0 */
#include "digests.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct slot {
	_Atomic uint32_t turn;
	uint32_t digest;
	uint8_t data[];
};

static struct slot *slot_at(const struct hg_digests *digests, uint32_t number)
{
	return (struct slot *)(digests->slots + (size_t)(number % DIGESTS_SLOTS) * digests->slot_bytes);
}

static uint32_t longest(const struct hg_pipeline *pipeline)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < pipeline->digest_count; i++)
		bytes = pipeline->digests[i].bytes > bytes ? pipeline->digests[i].bytes : bytes;
	return bytes;
}

int digests_new(const struct hg_pipeline *pipeline, const struct digest_signal *signal, struct hg_digests **made)
{
	struct hg_digests *digests;

	*made = NULL;
	if (!pipeline->digest_count)
		return 0;
	digests = calloc(1, sizeof(*digests));
	if (!digests)
		return -ENOMEM;
	digests->specs = pipeline->digests;
	digests->signal = signal;
	digests->data_bytes = longest(pipeline);
	digests->slot_bytes = (sizeof(struct slot) + digests->data_bytes + _Alignof(struct slot) - 1) /
			      _Alignof(struct slot) * _Alignof(struct slot);
	digests->slots = calloc(DIGESTS_SLOTS, digests->slot_bytes);
	digests->wanted = calloc(pipeline->digest_count, sizeof(*digests->wanted));
	if (!digests->slots || !digests->wanted) {
		digests_free(digests);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < DIGESTS_SLOTS; i++)
		atomic_init(&slot_at(digests, i)->turn, i);
	*made = digests;
	return 0;
}

void digests_free(struct hg_digests *digests)
{
	if (!digests)
		return;
	free(digests->slots);
	free(digests->wanted);
	free(digests);
}

static void raise_signal(struct hg_digests *digests)
{
	(void)!write(digests->signal->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void digest_signal_clear(const struct digest_signal *signal)
{
	(void)!read(signal->fd, &(uint64_t){ 0 }, sizeof(uint64_t));
}

/* A free slot that is now this worker's, and its number; NULL: the ring is full. */
static struct slot *claim(struct hg_digests *digests, uint32_t *number)
{
	uint32_t put = atomic_load_explicit(&digests->put, memory_order_relaxed);

	for (;;) {
		struct slot *slot = slot_at(digests, put);
		uint32_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);

		if (turn == put) {
			if (atomic_compare_exchange_weak_explicit(&digests->put, &put, put + 1, memory_order_relaxed,
								  memory_order_relaxed)) {
				*number = put;
				return slot;
			}
		} else if ((int32_t)(turn - put) < 0) {
			return NULL;
		} else {
			put = atomic_load_explicit(&digests->put, memory_order_relaxed);
		}
	}
}

void digests_put(struct hg_digests *digests, uint32_t digest, const uint8_t *data)
{
	struct slot *slot;
	uint32_t number;

	if (!atomic_load_explicit(&digests->wanted[digest], memory_order_relaxed))
		return;
	slot = claim(digests, &number);
	if (!slot) {
		atomic_fetch_add_explicit(digests->signal->dropped, 1, memory_order_relaxed);
		return;
	}
	slot->digest = digest;
	memcpy(slot->data, data, digests->specs[digest].bytes);
	atomic_store_explicit(&slot->turn, number + 1, memory_order_release);
	/* Either the taker's exchange comes later and it sees this digest, or we see that it is not told. */
	if (!atomic_exchange_explicit(&digests->announced, true, memory_order_acq_rel))
		raise_signal(digests);
}

static bool take_one(struct hg_digests *digests, uint32_t *which, uint8_t *data)
{
	struct slot *slot = slot_at(digests, digests->taken);

	if (atomic_load_explicit(&slot->turn, memory_order_acquire) != digests->taken + 1)
		return false;
	*which = slot->digest;
	memcpy(data, slot->data, digests->specs[slot->digest].bytes);
	atomic_store_explicit(&slot->turn, digests->taken + DIGESTS_SLOTS, memory_order_release);
	digests->taken++;
	return true;
}

static uint32_t take_some(struct hg_digests *digests, uint32_t *which, uint8_t *data, uint32_t capacity)
{
	uint32_t count = 0;

	while (count < capacity && take_one(digests, &which[count], data + (size_t)count * digests->data_bytes))
		count++;
	return count;
}

uint32_t digests_take(struct hg_digests *digests, uint32_t *which, uint8_t *data, uint32_t capacity)
{
	uint32_t count = take_some(digests, which, data, capacity);

	if (count == capacity)
		return count; /* the signal stays for the rest */
	digest_signal_clear(digests->signal);
	atomic_exchange_explicit(&digests->announced, false, memory_order_acq_rel);
	count += take_some(digests, which + count, data + (size_t)count * digests->data_bytes, capacity - count);
	if (count == capacity && !atomic_exchange_explicit(&digests->announced, true, memory_order_acq_rel))
		raise_signal(digests);
	return count;
}
