/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"
#include "pacing.h"

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

static struct hg_pacing pacing_of(const struct hg_flow *flow)
{
	return (struct hg_pacing){ &flow->cubic, flow->rtt.smoothed, flow->segment * HG_SEQ_GRANULE };
}

/* Several new segments in one push; `room` is what windows leave, `most` what a push may have. */
static uint32_t run_bytes(const struct hg_flow *flow, const struct hg_flow_record *record, uint32_t length,
			  uint32_t room, uint32_t most)
{
	struct hg_pacing pacing = pacing_of(flow);

	return hg_pacing_run(&pacing, length - record->sent, room, least(flow->cubic.window, flow->window), most,
			     record->sent != record->acked);
}

/* What a flow may do now. */
struct allowance {
	uint32_t window; /* congestion window, bytes */
	uint32_t length; /* up to here new data is its own to send */
	uint32_t most;   /* what a push may have; 0: a segment */
};

/* RFC 6675, NextSeg. */
static bool next_piece(const struct hg_flow *flow, const struct hg_flow_record *record,
		       const struct allowance *allowance, struct piece *piece)
{
	const struct hg_scoreboard *board = &flow->board;
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t pipe = hg_scoreboard_pipe(board, record->acked, record->sent, segment);
	uint32_t room = allowance->window > pipe ? allowance->window - pipe : 0;
	uint32_t length = allowance->length, most = allowance->most;
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

void hg_transmit_piece(struct hg_engine *engine, uint32_t index, struct hg_content *content,
		       const struct hg_response *response, uint32_t start, uint32_t end)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_pacing pacing = pacing_of(flow);
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
		hg_cohort_repaired(engine, index, end - start);
	} else {
		hg_rtt_sent(&flow->rtt, end, engine->now);
	}
	if (end > record->sent)
		record->sent = end;
	flow->pace_at = hg_pacing_next(&pacing, flow->pace_at, end - start, engine->now);
	flow->soft &= (uint8_t)~HG_SOFT_ACK_DUE;
	hg_outbox_put(&engine->outbox, &record->header, content, response, start, end - start,
		      flow->segment * HG_SEQ_GRANULE, flags);
}

bool hg_content_is_fit(struct hg_engine *engine, struct hg_content *content)
{
	char error[HG_PUSHER_ERROR_BYTES];

	if (!hg_content_serves(content))
		return false;
	if (content->checked == engine->turn)
		return true;
	content->checked = engine->turn;
	if (hg_content_check(content, error) == 0)
		return true;
	hg_content_withdraw(content, error);
	return false;
}

/* A cohort's member has new data from the cohort, and repairs share its window. */
static struct allowance allow(const struct hg_engine *engine, uint32_t index, uint32_t length)
{
	const struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_member *member;
	const struct hg_cohort *cohort = hg_cohort_of(engine, index, &member);

	if (!cohort)
		return (struct allowance){ flow->cubic.window, length, hg_outbox_run(&engine->outbox) };
	return (struct allowance){
		.window = cohort->cubic.window > flow->cubic.window ? cohort->cubic.window : flow->cubic.window,
		.length = hg_record_at(engine, index)->sent,
	};
}

void hg_transmit(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	struct hg_pacing pacing = pacing_of(flow);
	uint32_t sent = record->sent;
	struct allowance allowance;
	struct piece piece;

	flow->soft &= (uint8_t)~HG_SOFT_PACED;
	if (!response || (record->response == HG_RESPONSE_CONTENT && !hg_content_is_fit(engine, content)) ||
	    hg_cohort_holds(engine, index))
		return;
	allowance = allow(engine, index, response->length);
	while (next_piece(flow, record, &allowance, &piece)) {
		bool again = piece.start < sent;

		if (hg_pacing_holds(&pacing, flow->pace_at, engine->now)) {
			flow->soft |= HG_SOFT_PACED;
			break;
		}
		if (again && hg_cohort_repair(engine, index, piece.start, piece.end)) {
			flow->board.again = piece.end;
			continue;
		}
		hg_transmit_piece(engine, index, content, response, piece.start, piece.end);
		if (again && piece.end > flow->board.again) {
			flow->board.again = piece.end;
			if (piece.start == record->acked)
				flow->board.mark = record->sent;
		}
	}
}
