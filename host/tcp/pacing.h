/* SPDX-License-Identifier: Apache-2.0 */
/* How much is sent at once, and when the next: of a flow, and of a cohort. */
#ifndef HG_PACING_H
#define HG_PACING_H

#include <stdbool.h>
#include <stdint.h>

#include "cubic.h"

/* What a sender is. */
struct hg_pacing {
	const struct hg_cubic *cubic;
	uint32_t smoothed_rtt; /* us; 0: not known */
	uint32_t segment;      /* bytes */
};

/*
 * Bytes of several new segments in one push, of `left` that there are; `room` is what
 * the windows leave, `window` the smaller of them, `most` what a push may have. 0:
 * better wait for room to become more, which an acknowledgement of what is
 * outstanding will bring.
 */
uint32_t hg_pacing_run(const struct hg_pacing *pacing, uint32_t left, uint32_t room, uint32_t window, uint32_t most,
		       bool outstanding);

/* Bytes that may be sent again at once, of at most `most`: whole segments, one at least. */
uint32_t hg_pacing_burst(const struct hg_pacing *pacing, uint32_t most);

/* Must the next wait until `at`? */
bool hg_pacing_holds(const struct hg_pacing *pacing, uint32_t at, uint32_t now);

/* When the next may go after `bytes` were sent now; `at`: when these might. */
uint32_t hg_pacing_next(const struct hg_pacing *pacing, uint32_t at, uint32_t bytes, uint32_t now);

#endif
