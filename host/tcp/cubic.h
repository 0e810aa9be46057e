/* SPDX-License-Identifier: Apache-2.0 */
/* CUBIC congestion control (RFC 9438). Windows in bytes; times in microseconds. */
#ifndef HG_CUBIC_H
#define HG_CUBIC_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

/* RFC 6928: ten segments, but no more than 14,600 bytes unless two are more than that. */
#define HG_INITIAL_WINDOW_SEGMENTS 10
#define HG_INITIAL_WINDOW_BYTES 14600

/*
 * As much as a Linux server keeps outstanding (tcp_wmem): a single client with a huge
 * receive window else fills every queue on its way, the host link's first.
 */
#define HG_WINDOW_MAX (4u << 20)

struct hg_cubic {
	uint32_t window;    /* cwnd */
	uint32_t threshold; /* ssthresh; UINT32_MAX at first */
	float w_max;        /* segments */
	float k;            /* seconds */
	float w_est;        /* segments: what Reno would have */
	uint32_t epoch;     /* when this congestion avoidance began; 0: it has not */
	/* Slow start's end: see hg_cubic_sampled(). Times in us, 0: none yet */
	uint32_t round_end; /* position: whose acknowledgement ends this round */
	uint32_t round_rtt; /* the least of this round, ... */
	uint32_t group_rtt; /* ... and of its last few acknowledgements */
	uint16_t samples;   /* in this round */
	uint16_t lowest;    /* round-trip time of all, in 32 us; 0: none yet */
	bool held;          /* a queue was seen: the window does not grow before it is known to be one */
	bool by_delay;      /* slow start has ended for a queue, and nothing was lost since */
	bool in_first;      /* slow start was left for what may be undone */
};

#define HG_CUBIC_LOWEST_US 32

/* us; 0: none was measured. */
static inline uint32_t hg_cubic_lowest_rtt(const struct hg_cubic *cubic)
{
	return (uint32_t)cubic->lowest * HG_CUBIC_LOWEST_US;
}

void hg_cubic_init(struct hg_cubic *cubic, uint32_t segment);

static inline bool hg_cubic_in_slow_start(const struct hg_cubic *cubic)
{
	return cubic->window < cubic->threshold;
}

/* `bytes` were newly acknowledged while the window was full. */
void hg_cubic_acked(struct hg_cubic *cubic, uint32_t bytes, uint32_t segment, uint32_t smoothed_rtt, uint32_t now);

/*
 * A round-trip time was measured (us), by an acknowledgement up to `acked` when `sent` had been sent.
 *
 * Slow start ends when it grows, as in HyStart++ (RFC 9406) but for two things. That looks at the first
 * eight acknowledgements of a round; with pacing, a queue is seen by those that come after them, half a window
 * sooner. And it goes on with a quarter of the growth for five rounds, which on a queue of one bandwidth-delay product
 * is an overshoot still: here the window stands still for one round, whose least tells whether it was a queue or a delay.
 * When that queue has gone again before anything was lost, the window was smaller than the path, and slow start goes on.
 */
void hg_cubic_sampled(struct hg_cubic *cubic, uint32_t sample, uint32_t acked, uint32_t sent);

/* Is that (us) so much more than the least that something waits in a queue? */
bool hg_cubic_is_late(const struct hg_cubic *cubic, uint32_t rtt);

/* A loss of one of `senders` that share the window: it takes its share of the reduction. */
void hg_cubic_share_lost(struct hg_cubic *cubic, uint32_t senders, uint32_t segment);

/* The last loss was none: back to what was outstanding then. */
void hg_cubic_undo(struct hg_cubic *cubic);

/* A loss, with `flight` bytes outstanding: the threshold and the window become what they should. */
void hg_cubic_lost(struct hg_cubic *cubic, uint32_t flight, uint32_t segment);

/* Nothing was sent for longer than the retransmission timeout (RFC 5681, 4.1). */
void hg_cubic_idle(struct hg_cubic *cubic, uint32_t segment);

uint32_t hg_initial_window(uint32_t segment);

#endif
