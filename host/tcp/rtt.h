/* SPDX-License-Identifier: Apache-2.0 */
/* Round-trip time and retransmission timeout (RFC 6298), without timestamps. Microseconds. */
#ifndef HG_RTT_H
#define HG_RTT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 6298 asks for a least timeout of a second; Linux has taken 200 ms since 1999, to
 * which clients' delayed acknowledgements are fitted.
 */
#define HG_RTO_MIN 200000u
#define HG_RTO_MAX 60000000u
#define HG_RTO_INITIAL 1000000u

struct hg_rtt {
	uint32_t smoothed; /* 0: nothing measured */
	uint32_t variation;
	uint32_t timed_end; /* the position whose acknowledgement is timed */
	uint32_t timed_at;  /* when the segment that ends there was sent; 0: none is timed */
};

void hg_rtt_sample(struct hg_rtt *rtt, uint32_t sample);

/* With `backoff` doublings (5.5). */
uint32_t hg_rtt_timeout(const struct hg_rtt *rtt, uint32_t backoff);

/* Times the segment that ends at `end` unless another is being timed. */
void hg_rtt_sent(struct hg_rtt *rtt, uint32_t end, uint32_t now);

/* Something was sent again: what comes back may be the answer to either (Karn; 3). */
void hg_rtt_retransmitted(struct hg_rtt *rtt);

/* The sample that was taken, at least 1; 0: none. */
uint32_t hg_rtt_acked(struct hg_rtt *rtt, uint32_t acked, uint32_t now);

#endif
