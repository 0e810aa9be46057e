/* SPDX-License-Identifier: Apache-2.0 */
/* Round-trip time and retransmission timeout (RFC 6298), without timestamps. Microseconds. */
#ifndef HG_RTT_H
#define HG_RTT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 6298 asks for a least timeout of a second. Linux has taken 200 ms beyond the smoothed round-trip
 * time since 1999, to which clients' delayed acknowledgements are fitted.
 */
#define HG_RTO_MIN 200000u
#define HG_RTO_MAX 60000000u
#define HG_RTO_INITIAL 1000000u

struct hg_rtt {
	uint32_t smoothed; /* 0: nothing measured */
	uint32_t variation;
};

void hg_rtt_sample(struct hg_rtt *rtt, uint32_t sample);

/* With `backoff` doublings (5.5). */
uint32_t hg_rtt_timeout(const struct hg_rtt *rtt, uint32_t backoff);

#endif
