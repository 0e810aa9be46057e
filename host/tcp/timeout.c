/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

/* Timeouts in a row before a client is given up: with doubling, two to ten minutes. */
#define TIMEOUTS_MAX 10

/* How long a connection may wait for its request, and a finished one for the client's FIN. */
#define REQUEST_US 60000000
#define CLOSING_US 60000000
/* Long enough for the client to ask again if our last acknowledgement was lost. */
#define CLOSED_US 1000000

/* RFC 8985, 7.2: what a client may delay the acknowledgement of a single segment. */
#define DELAYED_ACK_US 200000
#define TAIL_EXTRA_US 2000 /* as Linux, two ticks: a client that waits for its core has lost nothing */

static bool is_outstanding(const struct hg_flow_record *record)
{
	return record->acked < record->sent || record->flags & HG_FLOW_FIN_SENT;
}

/* RFC 8985, 7.2: only where nothing says yet that something was lost; 0: no probe. */
static uint32_t tail_timeout(const struct hg_flow *flow, const struct hg_flow_record *record)
{
	uint32_t timeout = 2 * flow->rtt.smoothed;

	if (!hg_flow_has_sack(record) || flow->recovery.state != HG_RECOVERY_NONE || flow->flight.sacked ||
	    flow->soft & HG_SOFT_TAIL_PROBED || flow->backoff || !flow->rtt.smoothed || record->acked == record->sent)
		return 0;
	if (record->sent - record->acked <= (uint32_t)flow->segment * HG_SEQ_GRANULE)
		timeout += DELAYED_ACK_US;
	return timeout + TAIL_EXTRA_US;
}

void hg_timeout_set(struct hg_engine *engine, uint32_t index, enum hg_flow_timeout timeout, uint32_t after)
{
	struct hg_flow *flow = hg_flow_at(engine, index);

	flow->timeout = (uint8_t)timeout;
	flow->timeout_at = engine->now + after;
}

static void arm_response(struct hg_engine *engine, uint32_t index, bool restart)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t retransmit = hg_rtt_timeout(&flow->rtt, flow->backoff);
	uint32_t tail;

	if (hg_cohort_holds(engine, index) || (flow->timer.tag && !is_outstanding(record))) {
		/* The cohort will have something for it. */
		hg_timeout_set(engine, index, HG_TIMEOUT_NONE, 0);
		return;
	}
	if (!is_outstanding(record)) {
		/* A window that is shut, unless the pacer alone holds back. */
		if (flow->soft & HG_SOFT_PACED)
			hg_timeout_set(engine, index, HG_TIMEOUT_NONE, 0);
		else if (restart || flow->timeout != HG_TIMEOUT_PERSIST)
			hg_timeout_set(engine, index, HG_TIMEOUT_PERSIST, retransmit);
		return;
	}
	/* acknowledge.c has set it; it comes sooner than any other. */
	if (flow->timeout == HG_TIMEOUT_REORDER)
		return;
	tail = tail_timeout(flow, record);
	if (tail && tail < retransmit) {
		if (restart || flow->timeout != HG_TIMEOUT_TAIL)
			hg_timeout_set(engine, index, HG_TIMEOUT_TAIL, tail);
	} else if (restart || flow->timeout != HG_TIMEOUT_RETRANSMIT) {
		hg_timeout_set(engine, index, HG_TIMEOUT_RETRANSMIT, retransmit);
	}
}

void hg_timeout_arm(struct hg_engine *engine, uint32_t index, bool restart)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	if (record->state == HG_FLOW_FREE)
		return; /* it was reset by what was to be waited for */
	if (record->state == HG_FLOW_RESPONSE)
		arm_response(engine, index, restart);
	else if (record->state == HG_FLOW_REQUEST)
		hg_timeout_set(engine, index, HG_TIMEOUT_IDLE, REQUEST_US);
	else
		hg_timeout_set(engine, index, HG_TIMEOUT_IDLE,
			       record->flags & HG_FLOW_CLIENT_FIN ? CLOSED_US : CLOSING_US);
	hg_timeout_schedule(engine, index);
}

void hg_timeout_schedule(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow *flow = hg_flow_at(engine, index);
	bool timed = flow->timeout != HG_TIMEOUT_NONE;
	uint32_t at = flow->timeout_at;

	if (flow->soft & HG_SOFT_PACED && (!timed || hg_ahead(at, flow->pace_at) > 0)) {
		at = flow->pace_at;
		timed = true;
	}
	/* One that runs out too early finds nothing to do and is set again: cheaper than moving it each time. */
	if (timed && (flow->timer.slot == HG_TIMER_IDLE || hg_ahead(flow->timer.at, at) > 0))
		hg_timer_set(&engine->timers, index, at);
}

/* RFC 6298, 5.4 to 5.7: all that is outstanding counts as lost, and is sent again in slow start. */
static void retransmit(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	hg_count(engine, HG_TCP_timeouts);
	/* A client may throw away what it selectively acknowledged (RFC 2018, 8). */
	if (flow->backoff)
		hg_flight_renege(&engine->runs, &flow->flight);
	hg_recovery_time_out(&flow->recovery, &flow->cubic, &flow->flight, flow->segment * HG_SEQ_GRANULE);
	hg_flow_lose_all(engine, index);
	flow->flight.duplicates = 0;
	flow->backoff++;
	flow->pace_at = engine->now;
	flow->soft = (uint8_t)((flow->soft | HG_SOFT_UNDOABLE) & ~HG_SOFT_TAIL_PROBED);
	if (record->acked < record->sent)
		hg_transmit(engine, index);
	else
		hg_outbox_put(&engine->outbox, &record->header, NULL, NULL, record->sent, 0, 0, HG_TCP_FIN | HG_TCP_ACK);
}

/* RFC 8985, 7.3: new data if there is any, else the last segment again. */
static void probe_tail(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t start = record->sent - record->acked > segment ? record->sent - segment : record->acked;
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);

	hg_cohort_probes(engine, index);
	flow->soft |= HG_SOFT_TAIL_PROBED;
	flow->probed = 0;
	if (!response)
		return;
	hg_count(engine, HG_TCP_tail_probes);
	if (!flow->timer.tag && record->sent < response->length && record->sent - record->acked + segment <= flow->window &&
	    response->length - record->sent >= segment) {
		hg_transmit_piece(engine, index, content, response, record->sent, record->sent + segment);
		return;
	}
	flow->probed = record->sent;
	hg_transmit_piece(engine, index, content, response, start, record->sent);
}

static void probe_window(struct hg_engine *engine, uint32_t index)
{
	hg_count(engine, HG_TCP_window_probes);
	hg_flow_at(engine, index)->backoff++;
	hg_flow_probe(engine, index);
}

static void ask(struct hg_engine *engine, uint32_t index)
{
	struct hg_content *content;

	if (!hg_flow_response(engine, hg_record_at(engine, index), &content)) {
		hg_count(engine, HG_TCP_flows_idle);
		hg_flow_close(engine, index);
		return;
	}
	if (content->state == HG_CONTENT_PREPARING) {
		hg_resume_wait(engine, index);
		return;
	}
	hg_count(engine, HG_TCP_resume_probes);
	hg_flow_at(engine, index)->backoff++;
	hg_flow_probe(engine, index);
	hg_timeout_set(engine, index, HG_TIMEOUT_RESUME,
		       hg_rtt_timeout(&hg_flow_at(engine, index)->rtt, hg_flow_at(engine, index)->backoff));
	hg_timeout_schedule(engine, index);
}

static void end_idle(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	if (record->state == HG_FLOW_REQUEST && record->flags & HG_FLOW_HANDED_OVER) {
		/* Its client waits for the answer to what only another host had read. */
		hg_flow_reset(engine, index, HG_TCP_flows_reset);
		return;
	}
	if (record->state == HG_FLOW_REQUEST)
		hg_count(engine, HG_TCP_flows_idle);
	hg_flow_close(engine, index);
}

/*
 * Without a RST, which a client that does not answer would hardly get: one whose
 * answers go to another host would, and its download there would end.
 */
static void give_up(struct hg_engine *engine, uint32_t index)
{
	bool heard = !(hg_flow_at(engine, index)->soft & HG_SOFT_RESUMING);

	hg_count(engine, heard ? HG_TCP_flows_timed_out : HG_TCP_flows_unanswered);
	hg_flow_close(engine, index);
}

/* Of a cohort's member the first may only be a delay, on either way: it gets one segment again. */
static void time_out(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	uint32_t segment = hg_flow_at(engine, index)->segment * HG_SEQ_GRANULE;
	uint32_t end = record->sent - record->acked < segment ? record->sent : record->acked + segment;
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);

	if (response && record->acked < end && hg_cohort_bears(engine, index, end)) {
		hg_count(engine, HG_TCP_timeouts);
		hg_flow_at(engine, index)->backoff++;
		hg_transmit_piece(engine, index, content, response, record->acked, end);
		return;
	}
	hg_cohort_leave(engine, index, HG_LEFT_SILENT);
	retransmit(engine, index);
}

static void run_out(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint8_t timeout = flow->timeout;

	flow->timeout = HG_TIMEOUT_NONE;
	hg_cohort_sync(engine, index);
	if (timeout == HG_TIMEOUT_IDLE) {
		end_idle(engine, index);
		return;
	}
	if (flow->backoff >= TIMEOUTS_MAX) {
		give_up(engine, index);
		return;
	}
	switch (timeout) {
	case HG_TIMEOUT_RESUME:
		ask(engine, index);
		return;
	case HG_TIMEOUT_TAIL:
		probe_tail(engine, index);
		break;
	case HG_TIMEOUT_REORDER:
		hg_acknowledge_late(engine, index);
		break;
	case HG_TIMEOUT_PERSIST:
		probe_window(engine, index);
		break;
	default:
		time_out(engine, index);
	}
	hg_timeout_arm(engine, index, true);
}

void hg_timeouts_run(struct hg_engine *engine)
{
	uint32_t index;

	while ((index = hg_timers_expired(&engine->timers, engine->now)) != HG_TIMER_NONE) {
		struct hg_flow *flow = hg_flow_at(engine, index);

		/* It is waiting for its own link: no time passes for it before its turn. */
		if (flow->soft & HG_SOFT_LINK_WAITS)
			continue;
		if (flow->soft & HG_SOFT_PACED && hg_ahead(engine->now, flow->pace_at) >= 0) {
			hg_cohort_sync(engine, index);
			hg_transmit(engine, index);
			hg_timeout_arm(engine, index, false);
		} else if (flow->timeout != HG_TIMEOUT_NONE && hg_ahead(engine->now, flow->timeout_at) >= 0) {
			run_out(engine, index);
		} else {
			hg_timeout_schedule(engine, index);
		}
	}
}
