/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"
#include "pacing.h"

/* What one flow may send before others have their turn: more than an initial window, or what pacing lets through. */
#define PIECES_A_TURN 64

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

/* Of what is lost: a segment, or as many as pacing lets through at once. */
static uint32_t lost_bytes(const struct hg_flow *flow, uint32_t left, uint32_t room, uint32_t most)
{
	struct hg_pacing pacing = pacing_of(flow);

	if (most <= pacing.segment || room < 2 * pacing.segment || left <= pacing.segment)
		return least(left, pacing.segment);
	return least(left, hg_pacing_burst(&pacing, least(room, most)));
}

/* RFC 6675, NextSeg, with what RACK finds lost; its rules 3 and 4 guess what RACK and its tail-loss probe know. */
static bool next_piece(const struct hg_engine *engine, uint32_t index, const struct allowance *allowance,
		       struct piece *piece)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	const struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t pipe = hg_flight_pipe(&flow->flight, segment);
	uint32_t room = allowance->window > pipe ? allowance->window - pipe : 0;
	struct hg_range lost;
	uint32_t bytes;

	/* What is lost; the first of it whatever the window (RFC 6675, 5, step 4.3). */
	if (hg_flight_first_lost(&engine->runs, &flow->flight, &lost)) {
		bytes = lost_bytes(flow, lost.end - lost.start, room, allowance->most);
		*piece = (struct piece){ lost.start, lost.start + bytes };
		return lost.start == record->acked || room >= bytes;
	}
	/* What was never sent. */
	bytes = record->sent < allowance->length ? new_bytes(flow, record, allowance->length) : 0;
	if (bytes == segment && room > segment && allowance->most > segment)
		bytes = run_bytes(flow, record, allowance->length, least(room, usable_window(flow, record)), allowance->most);
	*piece = (struct piece){ record->sent, record->sent + bytes };
	return bytes && (room >= bytes || pipe == 0);
}

/* What is known of the piece from now on; before it is sent, so that a record never lags behind the network. */
static void note_piece(struct hg_engine *engine, uint32_t index, uint32_t start, uint32_t end)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	bool again = start < record->sent;

	if (!(flow->soft & HG_SOFT_TAIL_PROBED))
		hg_recovery_sent(&flow->recovery, end - start, again);
	if (!again) {
		record->sent = end;
		hg_flight_append(&engine->runs, &flow->flight, end, engine->now);
		return;
	}
	hg_count(engine, HG_TCP_retransmits);
	engine->counters.values[HG_TCP_retransmit_bytes] += end - start;
	hg_flight_resend(&engine->runs, &flow->flight, start, end, engine->now);
	hg_cohort_repaired(engine, index, end - start);
	/* Its answer is waited for from now on, as Linux does it (tcp_rearm_rto()). */
	if (start == record->acked && flow->timeout == HG_TIMEOUT_RETRANSMIT)
		flow->timeout = HG_TIMEOUT_NONE;
}

bool hg_transmit_piece(struct hg_engine *engine, uint32_t index, struct hg_content *content,
		       const struct hg_response *response, uint32_t start, uint32_t end)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_pacing pacing = pacing_of(flow);
	uint8_t flags = HG_TCP_ACK;

	if (!hg_segment_fits(response, start, end - start)) {
		hg_flow_reset(engine, index, HG_TCP_beyond_response);
		return false;
	}
	if (end == response->length) {
		flags |= HG_TCP_PSH | HG_TCP_FIN;
		record->flags |= HG_FLOW_FIN_SENT;
	}
	note_piece(engine, index, start, end);
	flow->pace_at = hg_pacing_next(&pacing, flow->pace_at, end - start, engine->now);
	flow->soft &= (uint8_t)~HG_SOFT_ACK_DUE;
	hg_outbox_put(&engine->outbox, &record->header, content, response, start, end - start,
		      flow->segment * HG_SEQ_GRANULE, flags);
	return true;
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
		.window = flow->recovery.state == HG_RECOVERY_FAST || flow->cubic.window > cohort->cubic.window ?
				  flow->cubic.window :
				  cohort->cubic.window,
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
	struct allowance allowance;
	struct piece piece;
	uint32_t pieces = 0;

	flow->soft &= (uint8_t)~HG_SOFT_PACED;
	if (!response || (record->response == HG_RESPONSE_CONTENT && !hg_content_is_fit(engine, content)) ||
	    hg_cohort_holds(engine, index))
		return;
	allowance = allow(engine, index, response->length);
	while (next_piece(engine, index, &allowance, &piece)) {
		if (hg_pacing_holds(&pacing, flow->pace_at, engine->now) || pieces++ == PIECES_A_TURN) {
			flow->soft |= HG_SOFT_PACED;
			break;
		}
		if (!hg_host_link_admits(engine, index))
			break;
		if (piece.start < record->sent && hg_cohort_repair(engine, index, piece.start, piece.end))
			hg_flight_resend(&engine->runs, &flow->flight, piece.start, piece.end, engine->now);
		else if (!hg_transmit_piece(engine, index, content, response, piece.start, piece.end))
			return;
	}
}
