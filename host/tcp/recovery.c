/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#define REORDERING_US 4000

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/*
 * Bytes that were outstanding before the loss was known. Behind a retransmission that was lost the span
 * contains all that the client already has: what is in the network is never more than the window.
 */
static uint32_t outstanding(const struct hg_cubic *cubic, const struct hg_flight *flight)
{
	return least(flight->end - flight->acked, cubic->window);
}

static void begin(struct hg_recovery *recovery, const struct hg_flight *flight, enum hg_recovery_state state)
{
	recovery->state = (uint8_t)state;
	recovery->point = flight->end;
	recovery->undo = flight->acked;
	recovery->resent = 0;
	recovery->delivered = recovery->out = 0;
}

void hg_recovery_begin(struct hg_recovery *recovery, struct hg_cubic *cubic, const struct hg_flight *flight,
		       uint32_t segment)
{
	begin(recovery, flight, HG_RECOVERY_FAST);
	recovery->flight = outstanding(cubic, flight);
	hg_cubic_lost(cubic, recovery->flight, segment);
	/* The threshold has a least: in proportion to less than that, more would be sent than is delivered. */
	recovery->flight = most(recovery->flight, cubic->threshold);
}

void hg_recovery_reduce(struct hg_recovery *recovery, struct hg_cubic *cubic, uint32_t pipe, uint32_t delivered,
			bool clean, uint32_t segment)
{
	uint32_t limit, send;

	recovery->delivered += delivered;
	if (pipe > cubic->threshold) {
		uint64_t share = (uint64_t)recovery->delivered * cubic->threshold;

		limit = (uint32_t)((share + recovery->flight - 1) / recovery->flight);
		send = limit > recovery->out ? limit - recovery->out : 0;
	} else {
		limit = recovery->delivered > recovery->out ? recovery->delivered - recovery->out : 0;
		send = most(limit, delivered) + (clean ? segment : 0);
		send = least(send, cubic->threshold - pipe);
	}
	if (!recovery->out)
		send = most(send, segment);
	/* Never less than a segment: what nobody may send is never answered. */
	cubic->window = most(pipe + send, segment);
}

void hg_recovery_time_out(struct hg_recovery *recovery, struct hg_cubic *cubic, const struct hg_flight *flight,
			  uint32_t segment)
{
	bool same = recovery->state != HG_RECOVERY_NONE;

	if (!same)
		hg_cubic_lost(cubic, outstanding(cubic, flight), segment);
	cubic->window = segment;
	begin(recovery, flight, HG_RECOVERY_TIMEOUT);
}

bool hg_recovery_end(struct hg_recovery *recovery, struct hg_cubic *cubic, uint32_t acked)
{
	if (recovery->state == HG_RECOVERY_NONE || acked < recovery->point)
		return false;
	if (recovery->state == HG_RECOVERY_FAST)
		cubic->window = cubic->threshold;
	recovery->state = HG_RECOVERY_NONE;
	return true;
}

void hg_recovery_sent(struct hg_recovery *recovery, uint32_t bytes, bool again)
{
	uint32_t resent = recovery->resent + bytes / HG_SEQ_GRANULE;

	recovery->out += bytes;
	if (again)
		recovery->resent = (uint16_t)least(resent, UINT16_MAX);
}

bool hg_recovery_came_twice(struct hg_recovery *recovery, uint32_t start, uint32_t end)
{
	uint32_t granules = (end - start) / HG_SEQ_GRANULE;

	if (!recovery->resent || end <= recovery->undo)
		return false;
	recovery->resent = recovery->resent > granules ? (uint16_t)(recovery->resent - granules) : 0;
	return recovery->resent == 0;
}

uint32_t hg_recovery_reordering_window(const struct hg_recovery *recovery, const struct hg_flight *flight,
				       uint32_t smoothed_rtt, uint32_t segment)
{
	uint32_t quarter = smoothed_rtt / 4;

	if (recovery->reordering)
		return least(quarter << (recovery->reordering - 1), most(smoothed_rtt, REORDERING_US));
	if (recovery->state != HG_RECOVERY_NONE || flight->sacked >= HG_DUP_THRESHOLD * segment)
		return 0;
	return quarter;
}
