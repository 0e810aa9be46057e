/* SPDX-License-Identifier: Apache-2.0 */
#include "rtt.h"

#define GRANULARITY 1000 /* G: timers run in ticks of a quarter of that */

void hg_rtt_sample(struct hg_rtt *rtt, uint32_t sample)
{
	uint32_t error;

	if (sample == 0)
		sample = 1;
	if (rtt->smoothed == 0) {
		rtt->smoothed = sample;
		rtt->variation = sample / 2;
		return;
	}
	error = sample > rtt->smoothed ? sample - rtt->smoothed : rtt->smoothed - sample;
	rtt->variation = (uint32_t)((3ull * rtt->variation + error) / 4);
	rtt->smoothed = (uint32_t)((7ull * rtt->smoothed + sample) / 8);
	if (rtt->smoothed == 0)
		rtt->smoothed = 1;
}

uint32_t hg_rtt_timeout(const struct hg_rtt *rtt, uint32_t backoff)
{
	uint64_t timeout = HG_RTO_INITIAL;
	uint32_t spread = 4 * rtt->variation;

	if (rtt->smoothed) {
		timeout = (uint64_t)rtt->smoothed + (spread > GRANULARITY ? spread : GRANULARITY);
		if (timeout < HG_RTO_MIN)
			timeout = HG_RTO_MIN;
	}
	timeout <<= backoff < 16 ? backoff : 16;
	return timeout < HG_RTO_MAX ? (uint32_t)timeout : HG_RTO_MAX;
}

void hg_rtt_sent(struct hg_rtt *rtt, uint32_t end, uint32_t now)
{
	if (rtt->timed_at)
		return;
	rtt->timed_end = end;
	rtt->timed_at = now ? now : 1;
}

void hg_rtt_retransmitted(struct hg_rtt *rtt)
{
	rtt->timed_at = 0;
}

uint32_t hg_rtt_acked(struct hg_rtt *rtt, uint32_t acked, uint32_t now)
{
	uint32_t sample = now - rtt->timed_at;

	if (!rtt->timed_at || acked < rtt->timed_end)
		return 0;
	hg_rtt_sample(rtt, sample);
	rtt->timed_at = 0;
	return sample ? sample : 1;
}
