/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5681, 6582 and 6675 for what comes in; transmit.c sends what follows from it. */
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
	uint32_t acked;    /* bytes newly acknowledged */
	uint32_t flight;   /* bytes outstanding before */
	bool sacked;       /* something newly selectively acknowledged */
	bool duplicate_sack; /* something came twice (RFC 2883) */
	struct hg_range twice;
};

static bool is_inside(const struct hg_pull *pull, uint32_t one, uint32_t other)
{
	return pull->sack_count > other && hg_ahead(pull->sacks[one].left, pull->sacks[other].left) >= 0 &&
	       hg_ahead(pull->sacks[one].right, pull->sacks[other].right) <= 0;
}

static void read_sacks(struct hg_scoreboard *board, const struct hg_flow_record *record, const struct hg_pull *pull,
		       uint32_t acked, struct news *news)
{
	for (uint32_t i = 0; i < pull->sack_count; i++) {
		int32_t left = hg_ahead(pull->sacks[i].left, pull->ack);
		int32_t right = hg_ahead(pull->sacks[i].right, pull->ack);

		if (right <= 0 || (i == 0 && is_inside(pull, 0, 1))) {
			news->duplicate_sack = true;
			news->twice = (struct hg_range){ acked + (uint32_t)left, acked + (uint32_t)right };
			continue;
		}
		/* Only of what was sent; whole granules, because only such are sent. */
		if (left < 0 || left >= right || (uint32_t)right > record->sent + 1 - acked)
			continue;
		left = (int32_t)granule_up(acked + (uint32_t)left);
		right = (int32_t)granule_down(acked + (uint32_t)right);
		if (left < right && hg_scoreboard_add(board, (uint32_t)left, (uint32_t)right))
			news->sacked = true;
	}
}

/*
 * RFC 8985, 7.4: what only the probe brought had been lost, and that is a sign of
 * congestion. The first acknowledgement of all that was sent may be the original's:
 * whether the probe came twice is known from the next.
 */
static void end_tail_probe(struct hg_flow *flow, const struct hg_flow_record *record, const struct news *news)
{
	if (!(flow->soft & HG_SOFT_TAIL_PROBED) || record->acked < flow->board.point ||
	    (record->acked == flow->board.point && !news->duplicate_sack))
		return;
	flow->soft &= (uint8_t)~HG_SOFT_TAIL_PROBED;
	if (flow->board.point && !news->duplicate_sack)
		hg_cubic_lost(&flow->cubic, news->flight, flow->segment * HG_SEQ_GRANULE);
}

/* NewReno, RFC 6582, 3.2, step 5: the next hole begins where the acknowledgement ends. */
static void partial_without_sack(struct hg_flow *flow, const struct hg_flow_record *record, const struct news *news)
{
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t gone = news->acked / segment;

	flow->board.duplicates = flow->board.duplicates > gone ? (uint16_t)(flow->board.duplicates - gone) : 0;
	if (flow->board.recovery == HG_RECOVERY_FAST) {
		flow->board.again = record->acked;
		flow->board.lost = record->sent - record->acked < segment ? record->sent : record->acked + segment;
	}
}

static void advance(struct hg_engine *engine, struct hg_flow *flow, struct hg_flow_record *record, uint32_t position,
		    struct news *news)
{
	struct hg_scoreboard *board = &flow->board;
	uint32_t sample;

	news->acked = position - record->acked;
	/* A hole that nobody filled again was late. */
	if (board->count && board->again <= record->acked && !board->reordering)
		board->reordering = 1;
	record->acked = position;
	hg_scoreboard_advance(board, position);
	/* Nothing sent before this can show that the new first hole was filled in vain. */
	board->mark = record->sent;
	flow->backoff = 0;
	sample = hg_rtt_acked(&flow->rtt, position, engine->now);
	if (sample)
		hg_cubic_sampled(&flow->cubic, sample);
	if (board->recovery != HG_RECOVERY_NONE && position >= board->point) {
		board->recovery = HG_RECOVERY_NONE;
		board->duplicates = 0;
	} else if (!hg_flow_has_sack(record)) {
		partial_without_sack(flow, record, news);
	}
}

/* RFC 2018, 8: a client that has what follows its acknowledgement has thrown it away. */
static void find_reneging(struct hg_scoreboard *board, uint32_t acked)
{
	if (board->count && hg_scoreboard_range(board, 0).start <= acked)
		board->count = board->watched = 0;
}

/* Acknowledgements say something of the window only while it was used. */
static void grow(struct hg_flow *flow, const struct news *news, uint32_t now)
{
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;
	uint32_t used = news->flight + 2 * segment;

	if (hg_cubic_in_slow_start(&flow->cubic))
		used += news->flight;
	if (flow->board.recovery != HG_RECOVERY_FAST && used >= flow->cubic.window)
		hg_cubic_acked(&flow->cubic, news->acked, segment, flow->rtt.smoothed, now);
}

static void enter_recovery(struct hg_engine *engine, struct hg_flow *flow, const struct hg_flow_record *record)
{
	struct hg_scoreboard *board = &flow->board;
	uint32_t segment = flow->segment * HG_SEQ_GRANULE;

	hg_count(engine, HG_TCP_fast_recoveries);
	board->undo = record->acked;
	board->resent = 0;
	flow->soft |= HG_SOFT_UNDOABLE;
	hg_cohort_lost(engine, (uint32_t)(flow - engine->table.flows));
	hg_cubic_lost(&flow->cubic, record->sent - record->acked, segment);
	board->recovery = HG_RECOVERY_FAST;
	board->point = record->sent;
	board->again = record->acked;
	board->mark = record->sent;
	flow->soft &= (uint8_t)~HG_SOFT_TAIL_PROBED;
	if (!hg_flow_has_sack(record))
		board->lost = record->sent - record->acked < segment ? record->sent : record->acked + segment;
}

/*
 * RFC 3708 and RFC 8985, 6.2: what came twice had only been late. When that is true of
 * all that recovery sent again, there was no congestion.
 */
static void undo(struct hg_engine *engine, uint32_t index, const struct hg_range *twice)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_scoreboard *board = &flow->board;

	if (!(flow->soft & HG_SOFT_UNDOABLE) || !hg_scoreboard_came_twice(board, twice->start, twice->end))
		return;
	flow->soft &= (uint8_t)~HG_SOFT_UNDOABLE;
	if (board->reordering < REORDERING_MAX)
		board->reordering++;
	hg_count(engine, HG_TCP_spurious_recoveries);
	hg_cubic_undo(&flow->cubic);
	if (board->recovery == HG_RECOVERY_FAST) {
		board->recovery = HG_RECOVERY_NONE;
		board->lost = record->acked;
	}
}

/*
 * The first hole was filled when `mark` had been sent, and what was sent well after
 * that has arrived: the filling was lost too. Without this it waits for the timeout.
 */
static void refill(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_scoreboard *board = &hg_flow_at(engine, index)->board;
	uint32_t segment = hg_flow_at(engine, index)->segment * HG_SEQ_GRANULE;
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	struct hg_range hole;

	if (board->recovery == HG_RECOVERY_NONE || board->again <= record->acked || !response ||
	    hg_scoreboard_highest(board) < board->mark + HG_DUP_THRESHOLD * segment ||
	    !hg_scoreboard_hole(board, record->acked, board->again, &hole) || hole.start != record->acked)
		return;
	if (hole.end - hole.start > segment)
		hole.end = hole.start + segment;
	hg_transmit_piece(engine, index, content, response, hole.start, hole.end);
	board->mark = record->sent;
}

static void find_losses(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	struct hg_scoreboard *board = &flow->board;
	bool lost;

	if (hg_flow_has_sack(record)) {
		if (board->reordering)
			hg_scoreboard_watch(board);
		else
			hg_scoreboard_find_lost(board, flow->segment * HG_SEQ_GRANULE);
		lost = board->lost > record->acked && board->again < board->lost;
	} else {
		/* RFC 6582, 3.2, step 2: not for what was sent before the last recovery ended. */
		lost = board->duplicates >= HG_DUP_THRESHOLD && record->acked >= board->point;
	}
	if (board->recovery == HG_RECOVERY_NONE && lost)
		enter_recovery(engine, flow, record);
	else
		refill(engine, index);
}

void hg_acknowledge_late(struct hg_engine *engine, uint32_t index)
{
	hg_scoreboard_give_up_watched(&hg_flow_at(engine, index)->board);
	find_losses(engine, index);
	hg_transmit(engine, index);
}

static bool is_duplicate(const struct hg_flow *flow, const struct hg_flow_record *record, const struct hg_pull *pull,
			 uint32_t window)
{
	/* RFC 5681, 2 */
	return record->acked < record->sent && pull->data_bytes == 0 && !(pull->tcp_flags & HG_TCP_FIN) &&
	       window == flow->window;
}

void hg_acknowledge(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t acked,
		    uint32_t length)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint32_t position = granule_down(acked);
	uint32_t window = hg_flow_window(record, pull->window);
	struct news news = { .flight = record->sent - record->acked };
	bool duplicate = is_duplicate(flow, record, pull, window);
	bool opened = window > flow->window;
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
		flow->board.duplicates++;
	read_sacks(&flow->board, record, pull, acked, &news);
	end_tail_probe(flow, record, &news);
	find_reneging(&flow->board, record->acked);
	if (news.duplicate_sack && !probed)
		undo(engine, index, &news.twice);
	if (news.acked)
		grow(flow, &news, engine->now);
	find_losses(engine, index);
	hg_cohort_heard(engine, index);
	if (opened && news.flight == 0)
		flow->backoff = 0;
	hg_transmit(engine, index);
	hg_timeout_arm(engine, index, news.acked > 0 || (opened && news.flight == 0));
}
