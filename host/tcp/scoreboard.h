/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the bytes between the acknowledged and the sent position: which the
 * client has (SACK, RFC 2018), which count as lost and which were sent again (RFC
 * 6675). A bounded list of ranges: what does not fit is forgotten, which costs a
 * retransmission that was not needed and is otherwise harmless.
 *
 * Once the path was seen to reorder, a hole is not lost before something above it has
 * been there for a while (RFC 8985's reordering window, with one clock for all holes).
 *
 * Without SACK the same fields serve NewReno (RFC 6582): each duplicate acknowledgement
 * stands for one segment that has left the network.
 */
#ifndef HG_SCOREBOARD_H
#define HG_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define HG_SACK_RANGES 4

/* Ranges are kept in granules above the acknowledged position: none reaches further. */
#define HG_SACK_REACH (UINT16_MAX * HG_SEQ_GRANULE)

/* Duplicate acknowledgements, or segments above a hole, that make it a loss (RFC 6675, DupThresh). */
#define HG_DUP_THRESHOLD 3

enum hg_recovery {
	HG_RECOVERY_NONE,
	HG_RECOVERY_FAST,    /* until `point` is acknowledged: RFC 6675, 5; RFC 6582 */
	HG_RECOVERY_TIMEOUT, /* everything below `point` is lost unless the client has it; slow start */
};

struct hg_range {
	uint32_t start, end;
};

struct hg_scoreboard {
	uint32_t base; /* the acknowledged position, whole granules */
	struct {
		uint16_t start, end; /* granules from `base` */
	} ranges[HG_SACK_RANGES]; /* that the client has; ascending, apart */
	uint32_t lost;  /* below it, what the client has not counts as lost */
	uint32_t again; /* below it, what was lost has been sent again (HighRxt) */
	uint32_t mark;  /* what was sent when the first hole was last filled: see acknowledge.c */
	uint32_t point; /* recovery ends here; outside it, where the tail-loss probe ended */
	uint32_t undo;  /* where the last recovery began: what came twice above it was not lost */
	uint16_t resent;  /* since then, less what came twice, in granules */
	uint16_t watched; /* granules from `base`: what is missing below is lost when the window ends; 0: none */
	uint16_t duplicates; /* without SACK: segments that have left the network */
	uint8_t count : 4;   /* of ranges */
	uint8_t recovery : 4;
	uint8_t reordering;  /* 0: not seen; the window is a quarter round-trip time, doubled each time */
};

/* The range of that index, as positions. */
static inline struct hg_range hg_scoreboard_range(const struct hg_scoreboard *board, uint32_t index)
{
	return (struct hg_range){ board->base + board->ranges[index].start * HG_SEQ_GRANULE,
				  board->base + board->ranges[index].end * HG_SEQ_GRANULE };
}

void hg_scoreboard_clear(struct hg_scoreboard *board, uint32_t acked);

/* The client has [first, last); true if that was news. */
bool hg_scoreboard_add(struct hg_scoreboard *board, uint32_t first, uint32_t last);

/* Everything below `acked` is acknowledged. */
void hg_scoreboard_advance(struct hg_scoreboard *board, uint32_t acked);

/* Moves `lost` up to what the ranges above it prove (RFC 6675, IsLost). */
void hg_scoreboard_find_lost(struct hg_scoreboard *board, uint32_t segment);

/* Watches the holes that are there now, unless others are watched. */
void hg_scoreboard_watch(struct hg_scoreboard *board);

/* The watched ones are lost. */
void hg_scoreboard_give_up_watched(struct hg_scoreboard *board);

/* So much was sent again. */
void hg_scoreboard_resent(struct hg_scoreboard *board, uint32_t bytes);

/* [start, end) came twice; true: so did all that was sent again since recovery began (RFC 3708). */
bool hg_scoreboard_came_twice(struct hg_scoreboard *board, uint32_t start, uint32_t end);

/* Bytes that are thought to be in the network (RFC 6675, SetPipe), of [acked, sent). */
uint32_t hg_scoreboard_pipe(const struct hg_scoreboard *board, uint32_t acked, uint32_t sent, uint32_t segment);

/*
 * The first hole at or above `from` and below `below`: its part up to the next range.
 * false: there is none.
 */
bool hg_scoreboard_hole(const struct hg_scoreboard *board, uint32_t from, uint32_t below, struct hg_range *hole);

/* The end of the highest range; 0 if there is none. */
uint32_t hg_scoreboard_highest(const struct hg_scoreboard *board);

/* Bytes in ranges. */
uint32_t hg_scoreboard_has(const struct hg_scoreboard *board);

#endif
