/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One timer for each flow: a hierarchical wheel of three levels with 256 slots, in
 * ticks of 256 us. All of it spans 2^32 us, which is also when times wrap; a timer is
 * set less than half of that ahead. Everything takes constant time.
 */
#ifndef HG_TIMERS_H
#define HG_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#define HG_TICK_SHIFT 8 /* 256 us */
#define HG_WHEEL_LEVELS 3
#define HG_WHEEL_SLOTS 256
#define HG_TIMER_NONE UINT32_MAX

/* Lies in what it times. */
struct hg_timer {
	uint32_t next, previous; /* in its slot, by index */
	uint32_t at;             /* us */
	uint16_t slot;           /* which one, of all levels; HG_TIMER_IDLE: it is not set */
	uint16_t tag;            /* its owner's: fills what alignment would leave empty */
};

#define HG_TIMER_IDLE UINT16_MAX

struct hg_timers {
	/* The timer of index i is at base + i * stride. */
	uint8_t *base;
	uint32_t stride;
	uint32_t tick; /* up to which everything has run out */
	uint32_t set;  /* how many are */
	uint32_t slots[HG_WHEEL_LEVELS * HG_WHEEL_SLOTS];
};

void hg_timers_init(struct hg_timers *timers, void *first, uint32_t stride, uint32_t now);
void hg_timer_init(struct hg_timers *timers, uint32_t index);

/* Set anew if it was set. It runs out in the tick after `at`, never before. */
void hg_timer_set(struct hg_timers *timers, uint32_t index, uint32_t at);
void hg_timer_clear(struct hg_timers *timers, uint32_t index);

/* One that has run out by `now`, no longer set; HG_TIMER_NONE when there is none. */
uint32_t hg_timers_expired(struct hg_timers *timers, uint32_t now);

/* How long (us) nothing can run out; UINT32_MAX: none is set. */
uint32_t hg_timers_quiet(const struct hg_timers *timers, uint32_t now);

#endif
