/* SPDX-License-Identifier: Apache-2.0 */
#include "link_window.h"

/* Frames between two marks: a share of the window, so that some are always on their way, and not too many. */
#define MARK_SHARE 4
#define MARK_FRAMES_MAX 32

/*
 * A mark that comes back late is followed by others, because it may have been lost: after so
 * many of the last one's round trips, and less often the longer nothing comes back.
 */
#define PROBE_TRIPS 2
#define PROBE_SILENCE_SHARE 4
#define PROBE_US_MIN 2000
#define PROBE_US_MAX 50000
/*
 * A switch that does not answer (yet) is asked so often; at first sooner, when there is
 * something to send. An older program counts each as a push of no known kind.
 */
#define ASK_US 1000000
#define ASK_US_MIN 10000
#define ASK_SILENCE_SHARE 8
/* So long a switch may be silent, being started again for instance, while senders wait for it. */
#define SILENCE_US 3000000
/* After losses the far end is trusted with one frame more so often. */
#define DEEPER_US 100000

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t half(uint32_t frames)
{
	return most(frames / 2, HG_LINK_WINDOW_MIN);
}

void hg_link_window_reset(struct hg_link_window *window, bool answered)
{
	*window = (struct hg_link_window){
		.answered = answered,
		.now = window->now,
		/* The next mark's number is one that was never used: what was on its way may still come back. */
		.oldest = window->next,
		.next = window->next,
		.round = window->next,
		.recover = window->next,
		.heard_at = window->now,
		.deeper_at = window->now,
		.frames = HG_LINK_DEPTH,
		.depth = HG_LINK_DEPTH,
		.lowest = UINT32_MAX,
		.marks_sent = window->marks_sent,
		.echoes = window->echoes,
		.lost = window->lost,
		.silences = window->silences,
	};
}

uint32_t hg_link_window_room(const struct hg_link_window *window)
{
	uint32_t outstanding = window->sent - window->through;

	if (!window->answered)
		return UINT32_MAX;
	return window->frames > outstanding ? window->frames - outstanding : 0;
}

void hg_link_window_sent(struct hg_link_window *window, uint32_t frames)
{
	window->sent += frames;
}

/* When the last mark was sent, and the frames up to it. */
static uint32_t marked_at(const struct hg_link_window *window)
{
	return window->marks[(window->next - 1) % HG_LINK_MARKS].at;
}

static uint32_t unmarked(const struct hg_link_window *window)
{
	return window->sent - window->marks[(window->next - 1) % HG_LINK_MARKS].sent;
}

static uint32_t probe_interval(const struct hg_link_window *window)
{
	uint32_t silence = (window->now - window->heard_at) / PROBE_SILENCE_SHARE;

	return least(most(most(PROBE_TRIPS * window->trip, silence), PROBE_US_MIN), PROBE_US_MAX);
}

static uint32_t ask_interval(const struct hg_link_window *window)
{
	uint32_t silence = (window->now - window->heard_at) / ASK_SILENCE_SHARE;

	return unmarked(window) ? least(most(silence, ASK_US_MIN), ASK_US) : ASK_US;
}

static bool is_waited_for(const struct hg_link_window *window)
{
	return window->oldest != window->next || hg_link_window_room(window) == 0;
}

static uint32_t spacing(const struct hg_link_window *window)
{
	return most(least(window->frames / MARK_SHARE, MARK_FRAMES_MAX), 1);
}

uint32_t hg_link_window_burst(const struct hg_link_window *window)
{
	uint32_t frames = unmarked(window);

	if (!window->answered)
		return UINT32_MAX;
	return frames < spacing(window) ? spacing(window) - frames : 1;
}

bool hg_link_window_is_mark_due(const struct hg_link_window *window)
{
	uint32_t ago = window->now - marked_at(window);

	if (!window->answered)
		return ago >= ask_interval(window) || window->marks_sent == 0;
	if (window->oldest == window->next && hg_link_window_room(window) == 0)
		return true;
	if (is_waited_for(window) && ago >= probe_interval(window))
		return true;
	return unmarked(window) >= spacing(window) && window->next - window->oldest < HG_LINK_MARKS;
}

uint32_t hg_link_window_mark(struct hg_link_window *window)
{
	uint32_t number = window->next++;

	/* One that has not come back by now is not missed any more. */
	if (window->next - window->oldest > HG_LINK_MARKS)
		window->oldest++;
	/* It is a frame, too. */
	window->sent++;
	window->marks[number % HG_LINK_MARKS].sent = window->sent;
	window->marks[number % HG_LINK_MARKS].at = window->now;
	window->marks_sent++;
	return number;
}

/* The first sign of a far end that sends marks back: what was sent before is long gone. */
static void begin(struct hg_link_window *window, uint32_t number)
{
	window->answered = true;
	window->limited = false;
	window->fastest = 0;
	window->round = window->recover = window->next;
	/* Those before it were sent to nobody. */
	window->oldest = number;
}

static void lose(struct hg_link_window *window, uint32_t number, uint32_t marks)
{
	window->lost += marks;
	window->deeper_at = window->now;
	if ((int32_t)(number - window->recover) < 0)
		return;
	window->frames = half(window->frames);
	window->depth = half(window->depth);
	window->recover = window->next;
	window->limited = false;
}

/* Once in each round in which somebody waited; the fastest mark of it waited for nothing but the frames before. */
static void adapt(struct hg_link_window *window)
{
	uint64_t moving = (uint64_t)window->frames * window->lowest / window->fastest;
	uint32_t goal = (uint32_t)moving + window->depth;

	if (window->depth < HG_LINK_DEPTH && window->now - window->deeper_at >= DEEPER_US) {
		window->depth++;
		window->deeper_at = window->now;
	}
	window->frames = least((window->frames + goal + 1) / 2, least(2 * window->frames, HG_LINK_WINDOW_MAX));
}

bool hg_link_window_echo(struct hg_link_window *window, uint32_t number)
{
	uint32_t lost = number - window->oldest;

	/* Also one that came twice, and one that was overtaken. */
	if (lost >= window->next - window->oldest)
		return false;
	window->echoes++;
	window->heard_at = window->now;
	window->trip = most(window->now - window->marks[number % HG_LINK_MARKS].at, 1);
	window->lowest = least(window->lowest, window->trip);
	if (!window->answered) {
		begin(window, number);
		lost = 0;
	}
	window->fastest = window->fastest ? least(window->fastest, window->trip) : window->trip;
	window->through = window->marks[number % HG_LINK_MARKS].sent;
	window->oldest = number + 1;
	if (lost)
		lose(window, number, lost);
	if ((int32_t)(number - window->round) < 0)
		return true;
	if (window->limited)
		adapt(window);
	window->limited = false;
	window->fastest = 0;
	window->round = window->next;
	return true;
}

void hg_link_window_notice_silence(struct hg_link_window *window)
{
	uint32_t since = window->heard_at;

	if (!window->answered || window->oldest == window->next)
		return;
	/* Nothing is to be heard before something is asked. */
	if ((int32_t)(window->marks[window->oldest % HG_LINK_MARKS].at - since) > 0)
		since = window->marks[window->oldest % HG_LINK_MARKS].at;
	if (window->now - since < SILENCE_US)
		return;
	window->answered = false;
	window->silences++;
}

uint32_t hg_link_window_quiet(const struct hg_link_window *window)
{
	uint32_t after = window->answered ? probe_interval(window) : ask_interval(window);
	uint32_t ago = window->now - marked_at(window);

	if (window->answered && !is_waited_for(window))
		return UINT32_MAX;
	return ago < after ? after - ago : 0;
}
