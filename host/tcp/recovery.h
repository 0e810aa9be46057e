/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a loss until all that was outstanding then is acknowledged: how much is sent meanwhile
 * (proportional rate reduction, RFC 6937), and whether there was a loss at all.
 */
#ifndef HG_RECOVERY_H
#define HG_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "cubic.h"
#include "flight.h"

/* Duplicate acknowledgements, or segments above a hole, that make it a loss (DupThresh of RFC 5681, 6675 and 8985). */
#define HG_DUP_THRESHOLD 3

enum hg_recovery_state {
	HG_RECOVERY_NONE,
	HG_RECOVERY_FAST,    /* until `point` is acknowledged: RFC 6675, 5; RFC 6582 */
	HG_RECOVERY_TIMEOUT, /* likewise, in slow start: RFC 5681, 3.1 */
};

struct hg_recovery {
	uint8_t state;      /* enum hg_recovery_state */
	uint8_t reordering; /* how often the path was seen to reorder; 0: never */
	uint16_t resent;    /* sent again since the last recovery began, less what came twice: in granules */
	uint32_t point;     /* what was sent when it began */
	uint32_t undo;      /* what was acknowledged then */
	uint32_t flight;    /* bytes outstanding then; RecoverFS */
	uint32_t delivered; /* since then, prr_delivered; ... */
	uint32_t out;       /* ... and sent, prr_out */
	struct hg_rack rack;
};

/* A loss was found. The window is made smaller, and nothing that RACK or the scoreboard know is touched. */
void hg_recovery_begin(struct hg_recovery *recovery, struct hg_cubic *cubic, const struct hg_flight *flight,
		       uint32_t segment);

/*
 * FAST: an acknowledgement has brought `delivered` bytes; `clean`: and advanced without telling of a
 * new loss. The window becomes what may be outstanding now: RFC 6937, 3, with its conservative bound while losses go on.
 */
void hg_recovery_reduce(struct hg_recovery *recovery, struct hg_cubic *cubic, uint32_t pipe, uint32_t delivered,
			bool clean, uint32_t segment);

/* A retransmission timeout: everything is lost. A second one of the same loss leaves the threshold (RFC 5681, 3.1). */
void hg_recovery_time_out(struct hg_recovery *recovery, struct hg_cubic *cubic, const struct hg_flight *flight,
			  uint32_t segment);

/* Everything up to `acked` is acknowledged. true: that ended it. */
bool hg_recovery_end(struct hg_recovery *recovery, struct hg_cubic *cubic, uint32_t acked);

/* So many bytes were sent. */
void hg_recovery_sent(struct hg_recovery *recovery, uint32_t bytes, bool again);

/* [start, end) came twice; true: so did all that was sent again since recovery began (RFC 3708). */
bool hg_recovery_came_twice(struct hg_recovery *recovery, uint32_t start, uint32_t end);

/*
 * RFC 8985, 6.2, step 4: how much later (us) than what was sent after it something may come without being lost.
 * Once reordering was seen, a quarter of the round-trip time, doubled where that RFC adds a quarter, and never bounded
 * below 4 ms: a link may reorder by many of its round-trip times.
 */
uint32_t hg_recovery_reordering_window(const struct hg_recovery *recovery, const struct hg_flight *flight,
				       uint32_t smoothed_rtt, uint32_t segment);

#endif
