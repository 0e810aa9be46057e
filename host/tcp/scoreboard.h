/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the bytes between the acknowledged and the sent position: which the
 * client has (SACK, RFC 2018), which count as lost and which were sent again (RFC
 * 6675). A bounded list of ranges: what does not fit is forgotten, which costs a
 * retransmission that was not needed and is otherwise harmless.
 *
 * Without SACK the same fields serve NewReno (RFC 6582): each duplicate acknowledgement
 * stands for one segment that has left the network.
 */
#ifndef HG_SCOREBOARD_H
#define HG_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#define HG_SACK_RANGES 4

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
	struct hg_range ranges[HG_SACK_RANGES]; /* that the client has; ascending, apart */
	uint32_t lost;  /* below it, what the client has not counts as lost */
	uint32_t again; /* below it, what was lost has been sent again (HighRxt) */
	uint32_t mark;  /* what was sent when the first hole was last filled: see acknowledge.c */
	uint32_t point; /* recovery ends here; outside it, where the tail-loss probe ended */
	uint8_t count;  /* of ranges */
	uint8_t recovery;
	uint16_t duplicates; /* without SACK: segments that have left the network */
};

void hg_scoreboard_clear(struct hg_scoreboard *board, uint32_t acked);

/* The client has [start, end); true if that was news. */
bool hg_scoreboard_add(struct hg_scoreboard *board, uint32_t start, uint32_t end);

/* Everything below `acked` is acknowledged. */
void hg_scoreboard_advance(struct hg_scoreboard *board, uint32_t acked);

/* Moves `lost` up to what the ranges above it prove (RFC 6675, IsLost). */
void hg_scoreboard_find_lost(struct hg_scoreboard *board, uint32_t segment);

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
