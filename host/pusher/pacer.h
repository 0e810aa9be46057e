/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the next frames may leave. Pure arithmetic on nanoseconds of the caller's
 * clock, so that it can be tested without one.
 *
 * Frames leave in short batches by absolute time. What late wake-ups cost is made
 * up, or a busy machine would always be slow, but never by a burst: while it is
 * behind, batches follow each other at most a third faster than the rate says. A
 * delay beyond HG_PACER_CATCH_UP_NS is a stall: the rest of it is given up and
 * reported.
 */
#ifndef HG_PACER_H
#define HG_PACER_H

#include <stdint.h>

#define HG_PACER_BATCH_FRAMES 8
#define HG_PACER_BUNDLE_FRAMES 64 /* the same, where frames leave in bundles: fuller ones are cheaper */
#define HG_PACER_BATCH_NS 250000
/* A loaded machine keeps a thread waiting for about this long (30 ms measured at twice its load). */
#define HG_PACER_CATCH_UP_NS 50000000
/* How late a sleep comes back: short batches may be sooner by this, or they could never catch up. */
#define HG_PACER_WAKE_NS 40000

struct hg_pacer {
	uint64_t bits_per_second; /* of payload; 0: not the measure */
	uint64_t packets_per_second;
	uint32_t batch_frames; /* at most, at a rate */
	uint64_t due;        /* when the next batch should leave */
	uint64_t not_before; /* the shortest distance from the last one */
	uint64_t remainder;  /* of the division by the rate, so that no time is lost */
	uint64_t late;       /* worst delay, ns */
	uint64_t skipped;    /* time given up, ns */
};

/* At most one rate is set; with neither, every frame is due at once. */
void hg_pacer_init(struct hg_pacer *pacer, uint64_t bits_per_second, uint64_t packets_per_second);

/* There was nothing to send until now: what is past is not late. */
void hg_pacer_idle(struct hg_pacer *pacer, uint64_t now);

/* How many frames of so much payload a batch may have; at most `limit`. */
uint32_t hg_pacer_batch(const struct hg_pacer *pacer, uint32_t payload_bytes, uint32_t limit);

/* When the next batch may leave. */
uint64_t hg_pacer_next(const struct hg_pacer *pacer);

/* A batch left now. */
void hg_pacer_sent(struct hg_pacer *pacer, uint64_t now, uint32_t frames, uint64_t payload_bytes);

#endif
