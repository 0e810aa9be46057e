/* SPDX-License-Identifier: Apache-2.0 */
/* What an acknowledgement says: RFC 5681, 6582, 6675 and 8985; transmit.c sends what follows from it. */
#include "engine.h"

/* A client that only keeps its window shut answers every probe: no further doubling, no giving up. */
#define PERSIST_BACKOFF_MAX 6

/* Beyond it the reordering window has long reached its bound. */
#define REORDERING_MAX 12

static uint32_t granule_up(uint32_t position)
{
	return (position + HG_SEQ_GRANULE - 1) / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
}

static uint32_t granule_down(uint32_t position)
{
	return position / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
}

struct news {
	struct hg_delivery delivery;
	uint32_t acked;    /* bytes newly acknowledged */
	uint32_t pipe;     /* bytes in the network before */
	bool idle;         /* nothing was outstanding */
	bool duplicate_sack; /* something came twice (RFC 2883) */
	struct hg_range twice;
};

static uint32_t segment_of(const struct hg_flow *flow)
{
	return flow->segment * HG_SEQ_GRANULE;
}

static bool is_inside(const struct hg_pull *pull, uint32_t one, uint32_t other)
{
	return pull->sack_count > other && hg_ahead(pull->sacks[one].left, pull->sacks[other].left) >= 0 &&
	       hg_ahead(pull->sacks[one].right, pull->sacks[other].right) <= 0;
}

/*
 * The block as positions, whole granules, because only such are sent. false: it is not of what is
 * outstanding. The client chooses both numbers: their differences are all that is looked at.
 */
static bool read_sack(const struct hg_flight *flight, uint32_t acked, int32_t left, int32_t right, struct hg_range *range)
{
	/* One more: the client's numbers count our FIN. */
	int64_t reach = (int64_t)flight->end + 1 - (int64_t)acked;

	if (left < 0 || left >= right || right > reach)
		return false;
	*range = (struct hg_range){ granule_up(acked + (uint32_t)left), granule_down(acked + (uint32_t)right) };
	return range->start < range->end;
}

static void read_sacks(struct hg_engine *engine, struct hg_flow *flow, const struct hg_pull *pull, uint32_t acked,
		       struct news *news)
{
	for (uint32_t i = 0; i < pull->sack_count; i++) {
		int32_t left = hg_ahead(pull->sacks[i].left, pull->ack);
		int32_t right = hg_ahead(pull->sacks[i].right, pull->ack);
		struct hg_range range;

		if (right <= 0 || (i == 0 && is_inside(pull, 0, 1))) {
			/* Never more than was sent at all: below nothing, and not beyond it. */
			news->duplicate_sack = left < right && -(int64_t)left <= acked && right <= (int64_t)flow->flight.end + 1 - acked;
			news->twice = (struct hg_range){ acked + (uint32_t)left, acked + (uint32_t)right };
		} else if (read_sack(&flow->flight, acked, left, right, &range)) {
			hg_flight_sack(&engine->runs, &flow->flight, range.start, range.end, &news->delivery);
		}
	}
}

/*
 * RFC 8985, 7.4: what only the probe brought had been lost, and that is a sign of
 * congestion. The first acknowledgement of all that was sent may be the original's:
 * whether the probe came twice is known from the next.
 */
static void end_tail_probe(struct hg_flow *flow, const struct news *news)
{
	uint32_t acked = flow->flight.acked;

	if (!(flow->soft & HG_SOFT_TAIL_PROBED) || acked < flow->probed || (acked == flow->probed && !news->duplicate_sack))
		return;
	flow->soft &= (uint8_t)~HG_SOFT_TAIL_PROBED;
	if (flow->probed && !news->duplicate_sack)
		hg_cubic_lost(&flow->cubic, news->pipe, segment_of(flow));
}

/*
 * Without SACK each duplicate stands for a segment that has arrived (RFC 6582), and what is acknowledged later
 * contains those: what is left is the hole.
 */
static void discount_duplicates(struct hg_flow *flow, struct news *news)
{
	uint32_t segment = segment_of(flow);
	uint32_t gone = news->acked / segment ? news->acked / segment - 1 : 0;

	if (gone > flow->flight.duplicates)
		gone = flow->flight.duplicates;
	flow->flight.duplicates = (uint16_t)(flow->flight.duplicates - gone);
	news->delivery.bytes -= gone * segment;
}

static void advance(struct hg_engine *engine, struct hg_flow *flow, struct hg_flow_record *record, uint32_t position,
		    struct news *news)
{
	news->acked = position - record->acked;
	record->acked = position;
	hg_flight_ack(&engine->runs, &flow->flight, position, &news->delivery);
	flow->backoff = 0;
	if (!hg_flow_has_sack(record))
		discount_duplicates(flow, news);
}

static void count_duplicate(struct hg_flow *flow, struct news *news)
{
	uint32_t outstanding = flow->flight.end - flow->flight.acked;

	if ((flow->flight.duplicates + 1u) * segment_of(flow) >= outstanding)
		return;
	flow->flight.duplicates++;
	news->delivery.bytes += segment_of(flow);
}

/* RFC 2018, 8: a client that has what follows its acknowledgement has thrown it away. */
static void find_reneging(struct hg_engine *engine, struct hg_flow *flow)
{
	if (flow->flight.first && engine->runs.runs[flow->flight.first].state & HG_RUN_SACKED)
		hg_flight_renege(&engine->runs, &flow->flight);
}

/* Karn: only of what was sent once, and did not wait at the client for what was sent again. */
static void sample(struct hg_flow *flow, const struct hg_delivery *delivery)
{
	uint32_t rtt = delivery->now - delivery->once_at;

	if (!delivery->once || delivery->resent)
		return;
	rtt = rtt ? rtt : 1;
	hg_rtt_sample(&flow->rtt, rtt);
	hg_cubic_sampled(&flow->cubic, rtt, flow->flight.acked, flow->flight.end);
}

/*
 * Acknowledgements say something of the window only while it was used. What the client already
 * had selectively says nothing again, and one that fills a hole brings no more than was in the network.
 */
static void grow(struct hg_flow *flow, const struct news *news, uint32_t now)
{
	uint32_t segment = segment_of(flow);
	uint32_t used = news->pipe + 2 * segment;
	uint32_t bytes = news->delivery.bytes < news->pipe ? news->delivery.bytes : news->pipe;

	if (hg_cubic_in_slow_start(&flow->cubic))
		used += news->pipe;
	if (news->acked && used >= flow->cubic.window)
		hg_cubic_acked(&flow->cubic, bytes, segment, flow->rtt.smoothed, now);
}

/*
 * RFC 3708 and RFC 8985, 6.2: what came twice had only been late. When that is true of
 * all that recovery sent again, there was no congestion.
 */
static void undo(struct hg_engine *engine, struct hg_flow *flow)
{
	struct hg_recovery *recovery = &flow->recovery;

	flow->soft &= (uint8_t)~HG_SOFT_UNDOABLE;
	hg_count(engine, HG_TCP_spurious_recoveries);
	hg_cubic_undo(&flow->cubic);
	hg_flight_restore(&engine->runs, &flow->flight);
	recovery->state = HG_RECOVERY_NONE;
}

/*
 * RFC 5682, 3: after a timeout something arrives that was not sent again: it was all on its way. Without SACK it may have
 * been there behind a hole, when what filled that was sent again.
 */
static bool is_timeout_needless(const struct hg_flow *flow, const struct hg_flow_record *record, const struct news *news)
{
	return flow->recovery.state == HG_RECOVERY_TIMEOUT && news->delivery.not_lost &&
	       (hg_flow_has_sack(record) || !news->delivery.resent);
}

static void find_needless(struct hg_engine *engine, struct hg_flow *flow, const struct hg_flow_record *record,
			  const struct news *news)
{
	struct hg_recovery *recovery = &flow->recovery;

	/* A cohort's member also gets what only others had lost. */
	if (!(flow->soft & HG_SOFT_UNDOABLE) || flow->timer.tag)
		return;
	/* The first that comes twice shows it, before the others do; until then each late one would be another loss. */
	if (news->duplicate_sack && recovery->resent && !recovery->reordering)
		recovery->reordering = 1;
	if (is_timeout_needless(flow, record, news)) {
		undo(engine, flow);
	} else if (news->duplicate_sack && hg_recovery_came_twice(recovery, news->twice.start, news->twice.end)) {
		if (recovery->reordering < REORDERING_MAX)
			recovery->reordering++;
		undo(engine, flow);
	}
}

/* NewReno: three duplicates, but not of what was sent before the last recovery (RFC 6582, 3.2, steps 2 and 5). */
static void lose_first(struct hg_engine *engine, struct hg_flow *flow, const struct news *news)
{
	struct hg_flight *flight = &flow->flight;
	uint32_t end = flight->acked + segment_of(flow);
	bool partial = flow->recovery.state == HG_RECOVERY_FAST && news->acked;
	bool begins = flow->recovery.state == HG_RECOVERY_NONE && flight->duplicates >= HG_DUP_THRESHOLD &&
		      flight->acked >= flow->recovery.point;

	if (partial || begins)
		hg_flight_lose(&engine->runs, flight, flight->acked, end < flight->end ? end : flight->end);
}

static void find_losses(struct hg_engine *engine, uint32_t index, const struct news *news)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_flight *flight = &flow->flight;
	uint32_t window, wait;

	if (!hg_flow_has_sack(record)) {
		lose_first(engine, flow, news);
		return;
	}
	/* What is above all that was delivered was sent after it, unless it was sent again. */
	if (!flight->sacked && flow->recovery.state == HG_RECOVERY_NONE)
		return;
	window = hg_recovery_reordering_window(&flow->recovery, flight, flow->rtt.smoothed, segment_of(flow));
	wait = hg_flight_find_lost(&engine->runs, flight, &flow->recovery.rack, window, engine->now);
	if (wait)
		hg_timeout_set(engine, index, HG_TIMEOUT_REORDER, wait);
	else if (flow->timeout == HG_TIMEOUT_REORDER)
		hg_timeout_set(engine, index, HG_TIMEOUT_NONE, 0);
}

static void enter_recovery(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow *flow = hg_flow_at(engine, index);

	hg_count(engine, HG_TCP_fast_recoveries);
	hg_cohort_lost(engine, index);
	hg_recovery_begin(&flow->recovery, &flow->cubic, &flow->flight, segment_of(flow));
	flow->soft |= HG_SOFT_UNDOABLE;
	flow->soft &= (uint8_t)~HG_SOFT_TAIL_PROBED;
}

/* Losses, and what they and what was delivered do to the window. */
static void control(struct hg_engine *engine, uint32_t index, const struct news *news)
{
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_recovery *recovery = &flow->recovery;
	uint32_t lost = flow->flight.lost;
	bool ended = hg_recovery_end(recovery, &flow->cubic, flow->flight.acked);

	if (ended)
		flow->flight.duplicates = 0;
	find_losses(engine, index, news);
	if (recovery->state == HG_RECOVERY_NONE && flow->flight.lost > lost)
		enter_recovery(engine, index);
	if (recovery->state == HG_RECOVERY_FAST)
		hg_recovery_reduce(recovery, &flow->cubic, hg_flight_pipe(&flow->flight, segment_of(flow)),
				   news->delivery.bytes, news->acked && flow->flight.lost <= lost, segment_of(flow));
	else if (!ended)
		grow(flow, news, engine->now);
}

void hg_acknowledge_late(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct news news = { .pipe = hg_flight_pipe(&flow->flight, segment_of(flow)) };

	control(engine, index, &news);
	hg_transmit(engine, index);
}

static bool is_duplicate(const struct hg_flow *flow, const struct hg_flow_record *record, const struct hg_pull *pull,
			 uint32_t window)
{
	/* RFC 5681, 2 */
	return record->acked < record->sent && pull->data_bytes == 0 && !(pull->tcp_flags & HG_TCP_FIN) &&
	       window == flow->window;
}

void hg_acknowledge_old(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t acked)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct news news = { .delivery = { .now = engine->now } };

	read_sacks(engine, flow, pull, acked, &news);
	if (!(flow->soft & HG_SOFT_TAIL_PROBED))
		find_needless(engine, flow, record, &news);
}

void hg_acknowledge(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t acked,
		    uint32_t length)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t position = granule_down(acked);
	uint32_t window = hg_flow_window(record, pull->window);
	struct news news = {
		.delivery = { .now = engine->now, .least_rtt = hg_cubic_lowest_rtt(&flow->cubic) },
		.pipe = hg_flight_pipe(&flow->flight, segment_of(flow)),
		.idle = record->sent == record->acked,
	};
	bool duplicate = is_duplicate(flow, record, pull, window);
	bool opened = window > flow->window && news.idle;
	bool probed = flow->soft & HG_SOFT_TAIL_PROBED; /* then that is what came twice */

	if (flow->timeout == HG_TIMEOUT_PERSIST && flow->backoff > PERSIST_BACKOFF_MAX)
		flow->backoff = PERSIST_BACKOFF_MAX;
	flow->window = window;
	if (window > flow->window_max)
		flow->window_max = window < UINT16_MAX ? (uint16_t)window : UINT16_MAX;
	if (acked > length) {
		hg_flow_finish(engine, index, HG_TCP_flows_finished);
		return;
	}
	if (position > record->acked)
		advance(engine, flow, record, position, &news);
	else if (duplicate && !hg_flow_has_sack(record))
		count_duplicate(flow, &news);
	read_sacks(engine, flow, pull, acked, &news);
	find_reneging(engine, flow);
	end_tail_probe(flow, &news);
	sample(flow, &news.delivery);
	hg_rack_update(&flow->recovery.rack, &news.delivery);
	if (news.delivery.reordered && !flow->recovery.reordering && !flow->timer.tag)
		flow->recovery.reordering = 1;
	if (!probed)
		find_needless(engine, flow, record, &news);
	control(engine, index, &news);
	hg_cohort_heard(engine, index, &news.delivery);
	if (opened)
		flow->backoff = 0;
	hg_transmit(engine, index);
	hg_timeout_arm(engine, index, news.acked > 0 || opened);
}
