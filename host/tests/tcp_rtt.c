/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6298's arithmetic, worked out by hand. */
#include "pusher_check.h"
#include "rtt.h"

static void first_and_following(void)
{
	struct hg_rtt rtt = { 0 };

	CHECK_EQUAL(hg_rtt_timeout(&rtt, 0), 1000000);
	hg_rtt_sample(&rtt, 100000); /* 2.2 */
	CHECK_EQUAL(rtt.smoothed, 100000);
	CHECK_EQUAL(rtt.variation, 50000);
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 0), 300000);
	hg_rtt_sample(&rtt, 200000); /* 2.3: the variation first */
	CHECK_EQUAL(rtt.variation, (3 * 50000 + 100000) / 4);
	CHECK_EQUAL(rtt.smoothed, (7 * 100000 + 200000) / 8);
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 0), 112500 + 4 * 62500);
}

static void limits(void)
{
	struct hg_rtt rtt = { 0 };

	hg_rtt_sample(&rtt, 50);
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 0), 50 + HG_RTO_MIN);
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 3), 8 * (50 + HG_RTO_MIN)); /* 5.5 */
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 40), HG_RTO_MAX);
	hg_rtt_sample(&rtt, 0);
	CHECK(rtt.smoothed > 0);
	rtt = (struct hg_rtt){ 0 };
	hg_rtt_sample(&rtt, 50000000);
	CHECK_EQUAL(hg_rtt_timeout(&rtt, 0), HG_RTO_MAX);
}

int main(void)
{
	first_and_following();
	limits();
	return 0;
}
