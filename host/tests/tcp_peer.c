/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/*
 * What one packet may draw: what one flow may send in a turn (PIECES_A_TURN of transmit.c) when it is answered and
 * once more when that makes it leave its cohort, with as many pushes to each group; and acknowledgements.
 */
#define PUSHES_A_PULL (2 * 64 * (1 + PEER_GROUPS) + 16)
#define BYTES_A_PULL ((uint64_t)(2 + PEER_GROUPS) * HG_WINDOW_MAX)

uint8_t peer_secret;

uint32_t peer_index(const struct peer *peer)
{
	return hg_flow_table_find(&world.engine.table, &peer->key);
}

struct hg_flow_record peer_record(const struct peer *peer)
{
	uint32_t index = peer_index(peer);

	return index == HG_FLOW_NONE ? (struct hg_flow_record){ 0 } : *hg_record_at(&world.engine, index);
}

static void put_sacks(struct pull_frame *frame, const struct peer *peer, const struct pull_of *pull)
{
	memcpy(frame->options, "\1\1\5", 3);
	frame->options[3] = (uint8_t)(2 + 8 * pull->sack_count);
	for (uint32_t i = 0; i < 2 * pull->sack_count; i++) {
		uint32_t edge = htonl(peer->base + pull->sacks[i]);

		memcpy(frame->options + 4 + 4 * i, &edge, sizeof(edge));
	}
	frame->option_bytes = pull->sack_count ? 4 + 8 * pull->sack_count : 0;
}

/* The largest window that a packet about this connection may lead to; what is undone was a share of 0.7. */
static uint32_t most_window(const struct hg_flow_key *key)
{
	uint32_t index = hg_flow_table_find(&world.engine.table, key), outstanding;
	const struct hg_flow *flow;
	uint64_t most;

	if (index == HG_FLOW_NONE)
		return hg_initial_window(HG_MSS_CLASS_3);
	hg_cohort_sync(&world.engine, index);
	flow = hg_flow_at(&world.engine, index);
	outstanding = hg_record_at(&world.engine, index)->sent - hg_record_at(&world.engine, index)->acked;
	most = flow->cubic.threshold == UINT32_MAX ? 0 : (uint64_t)flow->cubic.threshold * 10 / 7 + 1;
	if (most < flow->cubic.window)
		most = flow->cubic.window;
	if (most < hg_initial_window(HG_MSS_CLASS_3))
		most = hg_initial_window(HG_MSS_CLASS_3);
	most += outstanding + HG_MSS_CLASS_3;
	return most < HG_WINDOW_MAX ? (uint32_t)most : HG_WINDOW_MAX;
}

void peer_receive(const struct pull_frame *frame)
{
	static uint8_t bytes[4096];
	uint32_t index, most = most_window(&frame->key);
	size_t length = make_pull(bytes, frame);
	uint8_t *copy = malloc(length);
	struct hg_pull pull;

	MUST(copy);
	/* Of exactly that size: what is read beyond is seen. */
	memcpy(copy, bytes, length);
	world_expect(PUSHES_A_PULL, BYTES_A_PULL);
	if (hg_pull_parse(&pull, copy, length, length) == 0)
		hg_receive(&world.engine, &pull);
	hg_outbox_flush(&world.engine.outbox);
	free(copy);
	/* What it acknowledges that was never sent to it says nothing of what its path carries. */
	index = hg_flow_table_find(&world.engine.table, &frame->key);
	MUST(index == HG_FLOW_NONE || hg_flow_at(&world.engine, index)->cubic.window <= most);
}

void peer_send(struct peer *peer, const struct pull_of *pull)
{
	uint32_t ack = peer->base + pull->ack, far = 0x7FFFFF80 - (ack & 0xFF80);
	uint32_t position = (ack - (peer->base & ~127u)) & ~127u;
	bool current = peer->secret == peer_secret, previous = (uint8_t)(peer->secret + 1) == peer_secret;
	struct pull_frame frame = {
		.flags = (uint8_t)(current ? HG_PULL_CURRENT : previous ? HG_PULL_PREVIOUS : HG_PULL_MAYBE_CURRENT),
		.constants = ack & 127,
		.secret = peer_secret,
		.ingress_port = peer->port,
		.content = peer->content,
		.length = world_length(peer->content),
		.current_position = current ? position : far,
		.previous_position = previous ? position : far,
		.key = peer->key,
		.vlan_tci = peer->vlan_tci,
		.seq = pull->seq,
		.ack = ack,
		.tcp_flags = pull->tcp_flags,
		.window = peer->window,
		.data = pull->data,
		.data_bytes = pull->data_bytes,
	};

	if (pull->unverified)
		frame.flags = current ? HG_PULL_MAYBE_CURRENT : HG_PULL_MAYBE_PREVIOUS;
	put_sacks(&frame, peer, pull);
	peer_receive(&frame);
}

