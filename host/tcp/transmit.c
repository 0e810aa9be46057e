/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

/* Pacing catches up by at most this much: what a timer's granularity makes necessary. */
#define BURST_US 1000

/* As Linux: faster than a window each round-trip time, so that pacing is not what limits. */
#define PACING_SLOW_START 2.0f
#define PACING_AVOIDANCE 1.2f

/* Of a push with several segments (tcp_tso_autosize() and tcp_tso_should_defer() of Linux). */
#define RUN_SECONDS 0.001f
#define RUN_SEGMENTS_MIN 2
#define RUN_WINDOW_SHARE 3

/* A time that lies further ahead is one that has passed long ago. */
#define AHEAD_MAX_US 10000000

struct piece {
	uint32_t start, end;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Bytes that the client has room for beyond what was sent. */
static uint32_t usable_window(const struct hg_flow *flow, const struct hg_flow_record *record)
{
	uint32_t outstanding = record->sent - record->acked;

	return flow->window > outstanding ? flow->window - outstanding : 0;
}

/* New data; 0 bytes: the window is too small for any (or silly: RFC 9293, 3.8.6.2.1). */
static uint32_t new_bytes(const struct hg_flow *flow, const struct hg_flow_record *record, uint32_t length)
{
	uint32_t bytes = least(flow->segment * HG_SEQ_GRANULE, length - record->sent);
	uint32_t usable = usable_window(flow, record);

	if (bytes <= usable)
		return bytes;
	bytes = usable / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
	if (bytes < flow->window_max / 2 && record->sent != record->acked)
		return 0;
	return bytes;
}

/* Bytes a second that pacing lets through. */
static float pacing_rate(const struct hg_flow *flow)
{
	float factor = hg_cubic_in_slow_start(&flow->cubic) ? PACING_SLOW_START : PACING_AVOIDANCE;

	return (float)flow->cubic.window * factor * 1e6f / (float)flow->rtt.smoothed;
}

/* What a push should have for its price, as Linux sizes TSO: what pacing lets through in a millisecond. */
static uint32_t run_goal(const struct hg_flow *flow, uint32_t most)
{
	uint32_t least_goal = RUN_SEGMENTS_MIN * flow->segment * HG_SEQ_GRANULE;
	float goal = flow->rtt.smoothed ? pacing_rate(flow) * RUN_SECONDS : (float)most;

	return goal > (float)most ? most : goal < (float)least_goal ? least(least_goal, most) : (uint32_t)goal;
}

/*
 * Several new segments in one push; `room` is what windows leave. 0: better wait for
 * it to become more, which an acknowledgement of what is outstanding will bring.
 */
static uint32_t run_bytes(const struct hg_flow *flow, const struct hg_flow_record *record, uint32_t length,
			  uint32_t room, uint32_t most)
{
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t left = length - record->sent;
	uint32_t goal = run_goal(flow, most);
	uint32_t window = least(flow->cubic.window, flow->window);

	if (left <= least(room, most))
		return left;
	if (room < goal && room < window / RUN_WINDOW_SHARE && record->sent != record->acked)
		return 0;
	return least(room, goal) / segment * segment;
}

/* RFC 6675, NextSeg; `room` is what the congestion window leaves, `most` what a push may have (0: a segment). */
static bool next_piece(const struct hg_flow *flow, const struct hg_flow_record *record, uint32_t length,
		       uint32_t most, struct piece *piece)
{
	const struct hg_scoreboard *board = &flow->board;
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t pipe = hg_scoreboard_pipe(board, record->acked, record->sent, segment);
	uint32_t room = flow->cubic.window > pipe ? flow->cubic.window - pipe : 0;
	struct hg_range hole;
	uint32_t bytes;

	/* Rule 1: what is lost; the first of it whatever the window (RFC 6675, 5, step 4.3). */
	if (hg_scoreboard_hole(board, board->again, least(board->lost, record->sent), &hole)) {
		*piece = (struct piece){ hole.start, least(hole.end, hole.start + segment) };
		return hole.start == record->acked || room >= piece->end - piece->start;
	}
	/* Rule 2: what was never sent. */
	bytes = record->sent < length ? new_bytes(flow, record, length) : 0;
	if (bytes == segment && room > segment && most > segment)
		bytes = run_bytes(flow, record, length, least(room, usable_window(flow, record)), most);
	if (bytes) {
		*piece = (struct piece){ record->sent, record->sent + bytes };
		return room >= bytes || pipe == 0;
	}
	/* Rule 3: what may be lost, below something that the client has. */
	if (board->recovery == HG_RECOVERY_FAST &&
	    hg_scoreboard_hole(board, board->again > board->lost ? board->again : board->lost,
			       hg_scoreboard_highest(board), &hole)) {
		*piece = (struct piece){ hole.start, least(hole.end, hole.start + segment) };
		return room >= piece->end - piece->start;
	}
	return false;
}

static bool is_paced(const struct hg_flow *flow, uint32_t now)
{
	int32_t ahead = hg_ahead(flow->pace_at, now);

	return flow->rtt.smoothed && ahead > 0 && ahead < AHEAD_MAX_US;
}

/* When the next segment may go, after `bytes` at a rate of a good window each round-trip time. */
static void pace(struct hg_flow *flow, uint32_t bytes, uint32_t now)
{
	float interval = flow->rtt.smoothed ? (float)bytes * 1e6f / pacing_rate(flow) : 0;
	int32_t behind = hg_ahead(now, flow->pace_at);

	if (behind > BURST_US || behind < -AHEAD_MAX_US)
		flow->pace_at = now - BURST_US;
	flow->pace_at += (uint32_t)interval;
}

void hg_transmit_piece(struct hg_engine *engine, uint32_t index, struct hg_content *content,
		       const struct hg_response *response, uint32_t start, uint32_t end)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint8_t flags = HG_TCP_ACK;

	if (end == response->length) {
		flags |= HG_TCP_PSH | HG_TCP_FIN;
		record->flags |= HG_FLOW_FIN_SENT;
	}
	if (start < record->sent) {
		hg_count(engine, HG_TCP_retransmits);
		engine->counters.values[HG_TCP_retransmit_bytes] += end - start;
		if (!(flow->soft & HG_SOFT_TAIL_PROBED))
			hg_scoreboard_resent(&flow->board, end - start);
		hg_rtt_retransmitted(&flow->rtt);
	} else {
		hg_rtt_sent(&flow->rtt, end, engine->now);
	}
	if (end > record->sent)
		record->sent = end;
	pace(flow, end - start, engine->now);
	flow->soft &= (uint8_t)~HG_SOFT_ACK_DUE;
	hg_outbox_put(&engine->outbox, &record->header, content, response, start, end - start,
		      flow->segment * HG_SEQ_GRANULE, flags);
}

/* Its file is looked at before anything of it is sent, once in each turn of the loop. */
static bool is_fit(struct hg_engine *engine, struct hg_content *content)
{
	char error[HG_PUSHER_ERROR_BYTES];

	if (content->checked == engine->turn)
		return true;
	content->checked = engine->turn;
	if (hg_content_check(content, error) == 0)
		return true;
	hg_content_withdraw(content, error);
	return false;
}

void hg_transmit(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	uint32_t most = hg_outbox_run(&engine->outbox);
	uint32_t sent = record->sent;
	struct piece piece;

	flow->soft &= (uint8_t)~HG_SOFT_PACED;
	if (!response || (record->response == HG_RESPONSE_CONTENT && (!hg_content_serves(content) || !is_fit(engine, content))))
		return;
	while (next_piece(flow, record, response->length, most, &piece)) {
		if (is_paced(flow, engine->now)) {
			flow->soft |= HG_SOFT_PACED;
			break;
		}
		hg_transmit_piece(engine, index, content, response, piece.start, piece.end);
		if (piece.start < sent && piece.end > flow->board.again) {
			flow->board.again = piece.end;
			if (piece.start == record->acked)
				flow->board.mark = record->sent;
		}
	}
}
