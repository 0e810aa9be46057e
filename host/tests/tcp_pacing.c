/* SPDX-License-Identifier: Apache-2.0 */
/* When the next may go. */
#include "pacing.h"
#include "pusher_check.h"

#define SECOND 1000000

/* The longest round-trip time that a client can make, and the smallest window: it is held, and not for ever. */
static void slowest(void)
{
	struct hg_cubic cubic = { .window = HG_SEQ_GRANULE };
	struct hg_pacing pacing = { &cubic, 60 * SECOND, HG_SEQ_GRANULE };
	uint32_t now = UINT32_MAX - SECOND; /* times wrap */

	for (uint32_t bytes = HG_SEQ_GRANULE; bytes <= 65536; bytes *= 2) {
		uint32_t next = hg_pacing_next(&pacing, now, bytes, now);

		CHECK(hg_pacing_holds(&pacing, next, now));
		CHECK(hg_pacing_holds(&pacing, next, now + 5 * SECOND));
		CHECK(!hg_pacing_holds(&pacing, next, now + 10 * SECOND));
	}
}

int main(void)
{
	slowest();
	return 0;
}
