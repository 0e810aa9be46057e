/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the worker's time goes. One packet of STAGE_SAMPLE is timed, with all of its
 * copies, and everything that is handed to the kernel: reading the clock takes some 20
 * cycles, a fifth of what a copy costs. A moment counts for one stage alone, so that
 * what is handed over in the middle of egress is no part of egress.
 *
 * Not timed, a packet costs the test of a flag between its stages, and a copy nothing.
 */
#ifndef HG_STAGE_H
#define HG_STAGE_H

#include <stdbool.h>

#include "clock.h"
#include "hg_observe.h"
#include "relaxed.h"

#define STAGE_SAMPLE 64u
#define STAGE_NONE HG_STAGES

struct stages {
	bool on;
	bool timed; /* the packet that is being forwarded */
	uint32_t turn;
	enum hg_stage now;
	uint64_t since; /* stage_clock() */
	_Atomic uint64_t cycles[HG_STAGES + 1]; /* STAGE_NONE's mean nothing */
	_Atomic uint64_t times[HG_STAGES];
};

/* In cycles of the time stamp counter; where there is none that user space may read, in ns. */
static inline uint64_t stage_clock(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return now_ns();
#endif
}

/* From now on; returns which stage that ends. */
static inline enum hg_stage stage_enter(struct stages *stages, enum hg_stage stage)
{
	uint64_t now = stage_clock();
	enum hg_stage left = stages->now;

	add_relaxed(&stages->cycles[left], now - stages->since);
	stages->now = stage;
	stages->since = now;
	return left;
}

static inline void stage_count(struct stages *stages, enum hg_stage stage, uint32_t times)
{
	add_relaxed(&stages->times[stage], times);
}

/* The packet in hand comes to its next stage, in which there are so many. */
static inline void stage_next(struct stages *stages, enum hg_stage stage, uint32_t times)
{
	if (stages->timed) {
		stage_enter(stages, stage);
		stage_count(stages, stage, times);
	}
}

/* Around every packet. */
static inline void stage_begin(struct stages *stages)
{
	stages->timed = stages->on && stages->turn++ % STAGE_SAMPLE == 0;
}

static inline void stage_end(struct stages *stages)
{
	if (stages->timed)
		stage_enter(stages, STAGE_NONE);
	stages->timed = false;
}

#endif
