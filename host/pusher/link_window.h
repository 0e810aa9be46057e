/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much may stand between a sender and the switch's pipeline (docs/host-link.md).
 * Every few frames a mark is sent (docs/wire-format.md), which the pipeline sends back:
 * what was sent before it is no longer on the way. This is the arithmetic alone, with
 * no clock and no socket of its own; mark.h sends and receives.
 *
 * The window is FAST TCP's (Wei, Jin, Low, Hegde: IEEE/ACM Transactions on Networking
 * 14-6, 2006): what is on its way while nothing waits, and `depth` frames that wait in
 * the switch's receive ring, so that it is never idle. A mark that is lost halves both.
 */
#ifndef HG_LINK_WINDOW_H
#define HG_LINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Frames; a quarter of the smallest ring that the embedded switch has, which is that of an MTU of 9,000. */
#define HG_LINK_DEPTH 64
#define HG_LINK_WINDOW_MIN 4
#define HG_LINK_WINDOW_MAX 4096
#define HG_LINK_MARKS 256 /* on their way at most; a power of two */

struct hg_link_window {
	bool answered; /* the far end sends marks back; until it does, and when it no longer does, nothing is bounded */
	bool limited;  /* somebody had to wait since the round began */
	uint32_t now;  /* us, as its owner last said */

	/* Frames that were sent, and those that a mark has shown to be through: modulo 2^32. */
	uint32_t sent, through;
	/* Marks by number, modulo 2^32: the first that has not come back, and the next. */
	uint32_t oldest, next;
	struct {
		uint32_t sent; /* frames, the mark too */
		uint32_t at;   /* us */
	} marks[HG_LINK_MARKS];
	uint32_t heard_at; /* us: when one last came back */

	uint32_t frames; /* the window */
	uint32_t depth;  /* frames that may wait at the far end */
	uint32_t deeper_at; /* us: when it last changed */
	uint32_t lowest;  /* us, round trip of a mark, ever */
	uint32_t fastest; /* us, in this round; 0: none yet */
	uint32_t trip;    /* us, of the last one */
	uint32_t round;   /* ends with the return of this mark, or a later one */
	uint32_t recover; /* the loss of an earlier one is of the same event */

	/* Since the link was opened. */
	uint64_t marks_sent, echoes, lost, silences;
};

/*
 * A new link, or the same one at a new interface: nothing is on its way. `answered`: the far
 * end is known to send marks back. The counters go on.
 */
void hg_link_window_reset(struct hg_link_window *window, bool answered);

/* Frames that may be sent now. */
uint32_t hg_link_window_room(const struct hg_link_window *window);
/* Somebody wanted to send and has to wait. */
static inline void hg_link_window_limits(struct hg_link_window *window)
{
	window->limited = true;
}

/* How many are to be sent at a time, because a mark is to follow them. */
uint32_t hg_link_window_burst(const struct hg_link_window *window);
void hg_link_window_sent(struct hg_link_window *window, uint32_t frames);
/* Is it time for a mark? */
bool hg_link_window_is_mark_due(const struct hg_link_window *window);
/* One is sent; its number. */
uint32_t hg_link_window_mark(struct hg_link_window *window);
/* One has come back; false: it says nothing new. */
bool hg_link_window_echo(struct hg_link_window *window, uint32_t number);
/* Once the far end has been silent for too long, nothing is bounded any more. */
void hg_link_window_notice_silence(struct hg_link_window *window);
/* How long (us) nothing but an echo can change anything; UINT32_MAX: for ever. */
uint32_t hg_link_window_quiet(const struct hg_link_window *window);

#endif
