/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests on their way to the control plane: a bounded ring that any number of
 * workers put into without locks and one thread takes from, after D. Vyukov's
 * bounded queue. A slot's turn says whose it is: its number while it is free for
 * that put, its number + 1 while it holds what was put, and a lap more when taken.
 */
#ifndef HG_DIGESTS_H
#define HG_DIGESTS_H

#include "pipeline.h"

#define DIGESTS_SLOTS 4096u /* a power of two */

/* What all pipelines of a switch share. */
struct digest_signal {
	int fd;                    /* eventfd: readable while digests wait */
	_Atomic uint64_t *dropped; /* counts those that found the ring full */
};

void digest_signal_clear(const struct digest_signal *signal);

struct hg_digests {
	const struct hg_digest_spec *specs;
	uint32_t data_bytes; /* of the longest digest */
	uint32_t slot_bytes;
	const struct digest_signal *signal;
	uint8_t *slots;
	_Atomic bool *wanted;   /* by digest: the others end here */
	_Atomic bool announced; /* the signal was raised since the taker last looked */
	_Atomic uint32_t put;   /* how many ever; modulo 2^32 */
	uint32_t taken;         /* the same; the taker's */
};

/* NULL in `digests` for a pipeline that has none. -ENOMEM */
int digests_new(const struct hg_pipeline *pipeline, const struct digest_signal *signal, struct hg_digests **digests);
/* NULL is fine. */
void digests_free(struct hg_digests *digests);

/* hg_runtime_ops.digest */
void digests_put(struct hg_digests *digests, uint32_t digest, const uint8_t *data);

/* The oldest ones, up to `capacity`, data_bytes apart in `data`; returns how many. One thread's at a time. */
uint32_t digests_take(struct hg_digests *digests, uint32_t *which, uint8_t *data, uint32_t capacity);

/* How many wait; under the mutex that the taker holds. */
static inline uint32_t digests_waiting(const struct hg_digests *digests)
{
	return atomic_load_explicit(&digests->put, memory_order_relaxed) - digests->taken;
}

#endif
