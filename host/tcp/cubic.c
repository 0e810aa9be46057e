/* SPDX-License-Identifier: Apache-2.0 */
#include "cubic.h"

#include <math.h>

/* RFC 9438, 4.6 and 5.1 */
#define C 0.4f
#define BETA 0.7f

/* RFC 9406, 4.3, but its least of 4 ms only where that may be a program that waited for its core; us */
#define NEAR 8000
#define DELAY_NEAR 4000
#define DELAY_MOST 16000
#define DELAY_DIVISOR 8
#define SAMPLES 8

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value > least ? value : least;
}

uint32_t hg_initial_window(uint32_t segment)
{
	uint32_t bytes = at_least(HG_INITIAL_WINDOW_BYTES, 2 * segment);

	return HG_INITIAL_WINDOW_SEGMENTS * segment < bytes ? HG_INITIAL_WINDOW_SEGMENTS * segment : bytes;
}

void hg_cubic_init(struct hg_cubic *cubic, uint32_t segment)
{
	*cubic = (struct hg_cubic){ .window = hg_initial_window(segment), .threshold = UINT32_MAX };
}

/* 4.2, 4.8: K is the time that the curve needs to come back to W_max. */
static void begin_epoch(struct hg_cubic *cubic, uint32_t segment, uint32_t now)
{
	float window = (float)cubic->window / (float)segment;

	if (cubic->w_max < window)
		cubic->w_max = window;
	cubic->k = cbrtf((cubic->w_max - window) / C);
	cubic->w_est = window;
	cubic->epoch = now ? now : 1;
}

static float curve(const struct hg_cubic *cubic, float seconds)
{
	float t = seconds - cubic->k;

	return C * t * t * t + cubic->w_max;
}

void hg_cubic_acked(struct hg_cubic *cubic, uint32_t bytes, uint32_t segment, uint32_t smoothed_rtt, uint32_t now)
{
	float window, acked, elapsed, target, alpha;

	if (hg_cubic_in_slow_start(cubic)) {
		if (cubic->held)
			return;
		cubic->window = bytes > HG_WINDOW_MAX - cubic->window ? HG_WINDOW_MAX : cubic->window + bytes;
		return;
	}
	if (!cubic->epoch)
		begin_epoch(cubic, segment, now);
	window = (float)cubic->window / (float)segment;
	acked = (float)bytes / (float)segment;
	elapsed = (float)(now - cubic->epoch) * 1e-6f;

	/* 4.3: as fast as Reno, and once back at the window of the last loss, exactly as Reno. */
	alpha = cubic->w_est * BETA * (float)segment < (float)cubic->threshold ? 3 * (1 - BETA) / (1 + BETA) : 1;
	cubic->w_est += alpha * acked / window;

	if (curve(cubic, elapsed) < cubic->w_est) {
		window = fmaxf(window, cubic->w_est);
	} else {
		/* 4.2: the target lies one round-trip time ahead, and at most half the window above it. */
		target = curve(cubic, elapsed + (float)smoothed_rtt * 1e-6f);
		target = fminf(fmaxf(target, window), 1.5f * window);
		window += (target - window) / window * acked;
	}
	cubic->window = (uint32_t)fminf(window * (float)segment, (float)HG_WINDOW_MAX);
}

static void note_lowest(struct hg_cubic *cubic, uint32_t sample)
{
	uint32_t rtt = at_least(sample / HG_CUBIC_LOWEST_US, 1);

	if (rtt > UINT16_MAX)
		rtt = UINT16_MAX;
	if (!cubic->lowest || rtt < cubic->lowest)
		cubic->lowest = (uint16_t)rtt;
}

bool hg_cubic_is_late(const struct hg_cubic *cubic, uint32_t rtt)
{
	uint32_t lowest = hg_cubic_lowest_rtt(cubic);
	uint32_t delay = lowest < NEAR ? DELAY_NEAR : lowest / DELAY_DIVISOR;

	return rtt >= lowest + (delay < DELAY_MOST ? delay : DELAY_MOST);
}

static void begin_round(struct hg_cubic *cubic, uint32_t sent)
{
	cubic->round_end = sent;
	cubic->round_rtt = cubic->group_rtt = 0;
	cubic->samples = 0;
}

static void end_slow_start(struct hg_cubic *cubic)
{
	cubic->threshold = cubic->window;
	cubic->by_delay = true;
}

static void resume_slow_start(struct hg_cubic *cubic)
{
	cubic->threshold = UINT32_MAX;
	cubic->by_delay = false;
	cubic->epoch = 0;
}

static void end_round(struct hg_cubic *cubic, uint32_t sent)
{
	bool late = cubic->round_rtt && hg_cubic_is_late(cubic, cubic->round_rtt);

	if (cubic->held && late)
		end_slow_start(cubic);
	else if (cubic->by_delay && cubic->round_rtt && !late)
		resume_slow_start(cubic);
	/* A round of few acknowledgements, as long runs and clients that join them bring, is a group. */
	cubic->held = late && cubic->samples < SAMPLES && !cubic->held && !cubic->by_delay;
	begin_round(cubic, sent);
}

void hg_cubic_sampled(struct hg_cubic *cubic, uint32_t sample, uint32_t acked, uint32_t sent)
{
	note_lowest(cubic, sample);
	if (!hg_cubic_in_slow_start(cubic) && !cubic->by_delay)
		return;
	if (acked >= cubic->round_end)
		end_round(cubic, sent);
	if (!cubic->round_rtt || sample < cubic->round_rtt)
		cubic->round_rtt = sample;
	if (!cubic->group_rtt || sample < cubic->group_rtt)
		cubic->group_rtt = sample;
	if (++cubic->samples % SAMPLES)
		return;
	if (!cubic->held && !cubic->by_delay && hg_cubic_is_late(cubic, cubic->group_rtt)) {
		cubic->held = true;
		begin_round(cubic, sent);
	}
	cubic->group_rtt = 0;
}

void hg_cubic_lost(struct hg_cubic *cubic, uint32_t flight, uint32_t segment)
{
	float window = (float)cubic->window / (float)segment;

	/* 4.7, fast convergence: a flow that loses before it came back makes room for others. */
	cubic->w_max = window < cubic->w_max ? window * (1 + BETA) / 2 : window;
	cubic->in_first = cubic->threshold == UINT32_MAX;
	cubic->threshold = at_least((uint32_t)((float)flight * BETA), 2 * segment);
	cubic->window = cubic->threshold;
	cubic->epoch = 0;
	cubic->held = cubic->by_delay = false;
}

void hg_cubic_share_lost(struct hg_cubic *cubic, uint32_t senders, uint32_t segment)
{
	float share = (1 - BETA) / (float)senders;

	cubic->w_max = fmaxf(cubic->w_max, (float)cubic->window / (float)segment);
	cubic->window = at_least(cubic->window - (uint32_t)((float)cubic->window * share), 2 * segment);
	cubic->threshold = cubic->window;
	cubic->epoch = 0;
	cubic->held = cubic->by_delay = false;
}

void hg_cubic_undo(struct hg_cubic *cubic)
{
	uint32_t window;

	/* Slow start goes on already: there is nothing to go back to. */
	if (cubic->threshold == UINT32_MAX)
		return;
	window = (uint32_t)((float)cubic->threshold / BETA);
	cubic->window = at_least(cubic->window, window);
	cubic->threshold = cubic->in_first ? UINT32_MAX : at_least(cubic->threshold, window);
	cubic->epoch = 0;
}

void hg_cubic_idle(struct hg_cubic *cubic, uint32_t segment)
{
	uint32_t initial = hg_initial_window(segment);

	if (cubic->window > initial)
		cubic->window = initial;
	cubic->epoch = 0;
}
