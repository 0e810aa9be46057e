/* SPDX-License-Identifier: Apache-2.0 */
#include "pacing.h"

#include "flow_header.h"

/* Pacing catches up by at most this much: what a timer's granularity makes necessary. */
#define BURST_US 1000

/* As Linux: faster than a window each round-trip time, so that pacing is not what limits. */
#define SLOW_START 2.0f
#define AVOIDANCE 1.2f

/* Of a push with several segments (tcp_tso_autosize() and tcp_tso_should_defer() of Linux). */
#define RUN_SECONDS 0.001f
#define RUN_SEGMENTS_MIN 2
#define RUN_WINDOW_SHARE 3
/* Near clients get long ones whatever their rate, halved with each so many us (tcp_tso_rtt_log). */
#define RUN_RTT_SHIFT 9

/* A time that lies further ahead is one that has passed long ago. */
#define AHEAD_MAX_US 10000000

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Bytes a second that pacing lets through. */
static float rate(const struct hg_pacing *pacing)
{
	float factor = hg_cubic_in_slow_start(pacing->cubic) && !pacing->cubic->held ? SLOW_START : AVOIDANCE;

	return (float)pacing->cubic->window * factor * 1e6f / (float)pacing->smoothed_rtt;
}

/* What a push should have for its price, as Linux sizes TSO: what pacing lets through in a millisecond. */
static uint32_t goal(const struct hg_pacing *pacing, uint32_t most)
{
	uint32_t least_goal = RUN_SEGMENTS_MIN * pacing->segment;
	float bytes = pacing->smoothed_rtt ? rate(pacing) * RUN_SECONDS : (float)most;
	uint32_t halvings = hg_cubic_lowest_rtt(pacing->cubic) >> RUN_RTT_SHIFT;

	if (pacing->cubic->lowest && halvings < 16)
		bytes += (float)(most >> halvings);
	return bytes > (float)most ? most : bytes < (float)least_goal ? least(least_goal, most) : (uint32_t)bytes;
}

uint32_t hg_pacing_run(const struct hg_pacing *pacing, uint32_t left, uint32_t room, uint32_t window, uint32_t most,
		       bool outstanding)
{
	uint32_t bytes = goal(pacing, most);

	if (left <= least(room, bytes))
		return left;
	if (room < bytes && room < window / RUN_WINDOW_SHARE && outstanding)
		return 0;
	return least(room, bytes) / pacing->segment * pacing->segment;
}

uint32_t hg_pacing_burst(const struct hg_pacing *pacing, uint32_t most)
{
	uint32_t bytes = least(goal(pacing, most), most) / pacing->segment * pacing->segment;

	return bytes ? bytes : pacing->segment;
}

bool hg_pacing_holds(const struct hg_pacing *pacing, uint32_t at, uint32_t now)
{
	int32_t ahead = hg_ahead(at, now);

	return pacing->smoothed_rtt && ahead > 0 && ahead < AHEAD_MAX_US;
}

uint32_t hg_pacing_next(const struct hg_pacing *pacing, uint32_t at, uint32_t bytes, uint32_t now)
{
	float interval = pacing->smoothed_rtt ? (float)bytes * 1e6f / rate(pacing) : 0;
	int32_t behind = hg_ahead(now, at);

	if (behind > BURST_US || behind < -AHEAD_MAX_US)
		at = now - BURST_US;
	/* A longer one would be taken for one that has passed. */
	return at + (interval < AHEAD_MAX_US ? (uint32_t)interval : AHEAD_MAX_US - 1);
}
