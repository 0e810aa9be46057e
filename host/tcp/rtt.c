/* SPDX-License-Identifier: Apache-2.0 */
#include "rtt.h"

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

	if (rtt->smoothed)
		timeout = (uint64_t)rtt->smoothed + (spread > HG_RTO_MIN ? spread : HG_RTO_MIN);
	timeout <<= backoff < 16 ? backoff : 16;
	return timeout < HG_RTO_MAX ? (uint32_t)timeout : HG_RTO_MAX;
}
