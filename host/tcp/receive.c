/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9293, 3.10.7.4, for connections whose handshake the switch made and whose other
 * side only asks once. What is no flow of ours is answered from the pull alone.
 */
#include <arpa/inet.h>
#include <string.h>

#include "engine.h"

#define VERIFIED (HG_PULL_CURRENT | HG_PULL_PREVIOUS)

/* The secret that the flow's SYN was answered under, as the pull tells of an unknown one. */
static uint8_t secret_of(const struct hg_pull *pull)
{
	return (uint8_t)(pull->flags & HG_PULL_CURRENT ? pull->secret : pull->secret - 1);
}

static uint32_t position_of(const struct hg_pull *pull)
{
	return pull->flags & HG_PULL_CURRENT ? pull->current_position : pull->previous_position;
}

/*
 * An answer to a packet of no flow, with the sequence number that the packet
 * acknowledges: whatever the constants, that is the client's own acknowledgement number.
 */
static void answer_stranger(struct hg_engine *engine, const struct hg_pull *pull, uint8_t flags)
{
	uint32_t ack_no = pull->seq + pull->data_bytes + (pull->tcp_flags & HG_TCP_FIN ? 1 : 0);
	struct hg_flow_header header = {
		.vlan_tci = htons(pull->vlan_tci),
		.secret = secret_of(pull),
		.constants = pull->constants,
		.key = pull->key,
		.ack_no = htonl(ack_no),
		.window = htons(HG_RECEIVE_WINDOW),
		.egress_port = htons(pull->ingress_port),
	};

	memcpy(header.client_mac, pull->client_mac, 6);
	memcpy(header.service_mac, pull->service_mac, 6);
	hg_outbox_put(&engine->outbox, &header, NULL, NULL, position_of(pull), 0, 0, flags);
}

static void too_big(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	static const uint8_t ipv4_mapped[12] = { [10] = 0xFF, [11] = 0xFF };
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	bool ipv4 = memcmp(pull->key.client_addr, ipv4_mapped, sizeof(ipv4_mapped)) == 0;
	uint32_t overhead = (ipv4 ? 20 : 40) + 20;
	/* No IPv6 link has less (RFC 8200, 5); one that says so is not believed (RFC 8201, 4). */
	uint32_t mtu = !ipv4 && pull->mtu < 1280 ? 1280 : pull->mtu;
	uint32_t granules = mtu > overhead ? (mtu - overhead) / HG_SEQ_GRANULE : 0;

	if (granules == 0)
		granules = 1;
	if (record->state != HG_FLOW_RESPONSE || granules >= flow->segment || flow->soft & HG_SOFT_RESUMING) {
		hg_count(engine, HG_TCP_icmp_ignored);
		return;
	}
	hg_count(engine, HG_TCP_packet_too_big);
	hg_cohort_leave(engine, index, HG_LEFT_PATH);
	flow->segment = (uint8_t)granules;
	/* All that is outstanding may be too long: sent again, without blaming congestion. */
	hg_flow_lose_all(engine, index);
	hg_transmit(engine, index);
	hg_timeout_arm(engine, index, true);
}

/* A position in the middle says by itself what was sent: only the content is that long. */
static void adopt(struct hg_engine *engine, const struct hg_pull *pull, struct hg_content *content)
{
	uint32_t position = position_of(pull);
	uint32_t index = hg_flow_open(engine, pull, secret_of(pull));
	struct hg_flow_record *record;

	if (index == HG_FLOW_NONE)
		return;
	record = hg_record_at(engine, index);
	record->acked = record->sent = position;
	record->flags = HG_FLOW_ADOPTED;
	record->header.ack_no = htonl(pull->seq + pull->data_bytes);
	hg_flight_reset(&engine->runs, &hg_flow_at(engine, index)->flight, position);
	hg_flow_at(engine, index)->soft = HG_SOFT_SYNCHRONISED;
	hg_count(engine, HG_TCP_flows_adopted);
	hg_flow_respond(engine, index, content, HG_RESPONSE_CONTENT);
	hg_acknowledge(engine, index, pull, position, pull->length);
}

static void receive_known(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, bool opened);

/* Position 0: a connection begins. `flags`: HG_FLOW_*. */
static void open_flow(struct hg_engine *engine, const struct hg_pull *pull, uint8_t flags)
{
	uint32_t index = hg_flow_open(engine, pull, secret_of(pull));

	if (index == HG_FLOW_NONE)
		return;
	hg_count(engine, HG_TCP_flows_opened);
	hg_record_at(engine, index)->flags = flags;
	hg_record_at(engine, index)->state = HG_FLOW_REQUEST;
	receive_known(engine, index, pull, true);
}

/*
 * The ports' old connection had the same numbers, if its secret was the same: what was
 * on its way then is taken by the client now, and is what it would get anyway.
 */
static void replace_flow(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	hg_count(engine, HG_TCP_flows_replaced);
	hg_flow_close(engine, index);
	open_flow(engine, pull, HG_FLOW_ADOPTED);
}

static void receive_unknown(struct hg_engine *engine, const struct hg_pull *pull)
{
	struct hg_content *content = hg_contents_find(&engine->contents, pull->content);
	uint32_t position = position_of(pull);

	if (pull->tcp_flags & HG_TCP_RST) {
		hg_count(engine, HG_TCP_pull_unknown_reset);
	} else if (!(pull->flags & VERIFIED)) {
		hg_count(engine, HG_TCP_pull_unknown_unverified);
	} else if (position == 0) {
		open_flow(engine, pull, 0);
	} else if (position >= pull->length) {
		/* Had everything: only its FIN wants an answer. */
		if (pull->tcp_flags & HG_TCP_FIN)
			answer_stranger(engine, pull, HG_TCP_ACK);
	} else if (!content || content->state == HG_CONTENT_PREPARING) {
		hg_count(engine, HG_TCP_pull_no_content);
	} else if (hg_content_serves(content) && position > content->longest_other &&
		   pull->length == content->responses[HG_RESPONSE_CONTENT].length) {
		adopt(engine, pull, content);
	} else {
		/* It may be in an answer without content, or in a content that is no more. */
		hg_count(engine, HG_TCP_flows_reset);
		answer_stranger(engine, pull, HG_TCP_RST | HG_TCP_ACK);
	}
}

/* Its position by the secret that the flow has; false: that secret is gone. */
static bool read_position(const struct hg_flow_record *record, const struct hg_pull *pull, uint32_t *position)
{
	if (record->header.secret == pull->secret)
		*position = pull->current_position;
	else if ((uint8_t)(record->header.secret + 1) == pull->secret)
		*position = pull->previous_position;
	else
		return false;
	return true;
}

/* A new connection of the same ports: its numbers have nothing to do with the old one's. */
static bool is_another(const struct hg_flow_record *record, const struct hg_pull *pull)
{
	int32_t ahead = hg_ahead(pull->seq, ntohl(record->header.ack_no));
	uint32_t position;

	return pull->flags & VERIFIED && position_of(pull) == 0 && !(pull->tcp_flags & (HG_TCP_RST | HG_TCP_FIN)) &&
	       (ahead > HG_RECEIVE_WINDOW || ahead < -HG_RECEIVE_WINDOW || !read_position(record, pull, &position));
}

/*
 * The exact position that is acknowledged: position + constants is the number itself less the hash, so this is right
 * wherever it points.
 */
static uint32_t exact_position(const struct hg_flow_record *record, const struct hg_pull *pull, uint32_t position)
{
	return position + pull->constants - record->header.constants;
}

/* The highest position that the client can have reason to acknowledge. */
static uint32_t highest_position(const struct hg_flow_record *record, uint32_t length)
{
	if (record->flags & HG_FLOW_HANDED_OVER ||
	    (record->flags & HG_FLOW_ADOPTED && record->response == HG_RESPONSE_CONTENT))
		return length + 1;
	return record->sent + (record->flags & HG_FLOW_FIN_SENT ? 1 : 0);
}

/* Does it acknowledge what can be? Whoever only guesses a number in the window does not know that (RFC 5961, 5). */
static bool knows_position(const struct hg_flow_record *record, const struct hg_pull *pull, uint32_t position)
{
	uint32_t acked = exact_position(record, pull, position);
	uint32_t highest = highest_position(record, pull->length);

	return (int32_t)acked >= 0 && acked <= highest && (record->state != HG_FLOW_RESPONSE || acked >= record->acked);
}

/* Where it is now, for the next segment: a client may have moved to another port, where its entry does not lead. */
static void learn_path(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	if (!(pull->flags & VERIFIED))
		return;
	if (record->header.egress_port != htons(pull->ingress_port) || record->header.vlan_tci != htons(pull->vlan_tci) ||
	    memcmp(record->header.client_mac, pull->client_mac, 6) != 0 ||
	    memcmp(record->header.service_mac, pull->service_mac, 6) != 0)
		hg_cohort_leave(engine, index, HG_LEFT_PATH);
	record->header.egress_port = htons(pull->ingress_port);
	record->header.vlan_tci = htons(pull->vlan_tci);
	memcpy(record->header.client_mac, pull->client_mac, 6);
	memcpy(record->header.service_mac, pull->service_mac, 6);
}

/* RFC 9293, 3.10.7.4, first; RFC 5961, 3. false: the segment is done with. */
static bool check_sequence(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	int32_t ahead = hg_ahead(pull->seq, ntohl(record->header.ack_no));

	if (ahead > HG_RECEIVE_WINDOW || ahead < -HG_RECEIVE_WINDOW) {
		hg_count(engine, HG_TCP_pull_out_of_window);
		return false;
	}
	if (!(pull->tcp_flags & HG_TCP_RST))
		return true;
	if (ahead == 0 && record->state != HG_FLOW_CLOSING) {
		hg_record_at(engine, index)->flags |= HG_FLOW_CLIENT_FIN;
		hg_flow_finish(engine, index, HG_TCP_flows_reset_by_client);
	} else if (ahead > 0) {
		hg_flow_send_ack(engine, index);
	}
	return false;
}

/*
 * Says where we stand to who has it wrong, but not at once again (RFC 5961, 7): were
 * both sides wrong, each would answer the other for ever.
 */
static void challenge(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow *flow = hg_flow_at(engine, index);
	uint16_t now = (uint16_t)(engine->now >> 17);

	if (flow->challenged == now)
		return;
	flow->challenged = now;
	flow->soft |= HG_SOFT_ACK_DUE;
}

/* How far the client is, exactly; false: the acknowledgement is of no use. */
static bool check_acknowledgement(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull,
				  uint32_t position, uint32_t length, uint32_t *acked)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	*acked = exact_position(record, pull, position);
	if ((int32_t)*acked < 0 || *acked < record->acked) {
		hg_count(engine, HG_TCP_pull_old_ack);
		if ((int32_t)*acked >= 0)
			hg_acknowledge_old(engine, index, pull, *acked);
		return false;
	}
	if (*acked > highest_position(record, length)) {
		hg_count(engine, HG_TCP_pull_ack_beyond);
		challenge(engine, index);
		return false;
	}
	return true;
}

/* RFC 9293, 3.8.4: a segment with an old number and nothing new asks whether we are there. */
static void note_keep_alive(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	if (hg_ahead(pull->seq, ntohl(record->header.ack_no)) < 0 && pull->data_bytes <= 1 && record->sent > 0) {
		hg_count(engine, HG_TCP_keep_alives);
		challenge(engine, index);
	}
}

static void resume(struct hg_engine *engine, uint32_t index, uint32_t acked)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	/* What was on its way before may have been lost: again from where the client is, in slow start. */
	flow->soft &= (uint8_t)~HG_SOFT_RESUMING;
	flow->backoff = 0;
	hg_flight_reset(&engine->runs, &flow->flight, record->acked);
	if (acked < record->sent) {
		hg_flow_lose_all(engine, index);
		flow->recovery.state = HG_RECOVERY_TIMEOUT;
		flow->recovery.point = record->sent;
	}
}

/*
 * Somebody else has sent up to here, the client says: nothing is outstanding. It says nothing of what the path carries:
 * the window stays as it is, and a client that lies gets no more than a lost segment costs.
 */
static void skip_to(struct hg_engine *engine, uint32_t index, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	record->acked = record->sent = position;
	hg_flight_reset(&engine->runs, &flow->flight, position);
	flow->recovery.state = HG_RECOVERY_NONE;
	flow->soft &= (uint8_t)~HG_SOFT_TAIL_PROBED;
	flow->timeout = HG_TIMEOUT_NONE;
	flow->backoff = 0;
}

static void acknowledge(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_content *content;
	const struct hg_response *response = hg_flow_response(engine, record, &content);
	uint32_t acked;

	if (!response || !check_acknowledgement(engine, index, pull, position, response->length, &acked))
		return;
	if (record->flags & HG_FLOW_ADOPTED && acked > record->sent)
		skip_to(engine, index, acked < response->length ? acked / HG_SEQ_GRANULE * HG_SEQ_GRANULE : response->length);
	if (hg_flow_at(engine, index)->soft & HG_SOFT_RESUMING)
		resume(engine, index, acked);
	hg_acknowledge(engine, index, pull, acked, response->length);
}

static void receive_known(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, bool opened)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);
	bool asked = record->state == HG_FLOW_REQUEST;
	uint32_t position;

	hg_cohort_sync(engine, index);
	if (!read_position(record, pull, &position)) {
		hg_count(engine, HG_TCP_pull_secret);
		return;
	}
	if (!check_sequence(engine, index, pull))
		return;
	if (knows_position(record, pull, position))
		learn_path(engine, index, pull);
	if (!hg_flow_settle(engine, index, pull, position))
		return;
	/* The packet that ends the handshake has the connection's first number. */
	if (opened && pull->data_bytes == 0)
		flow->soft |= HG_SOFT_SYNCHRONISED;
	hg_stream_find_beginning(engine, index, pull);
	if (!opened)
		note_keep_alive(engine, index, pull);
	hg_stream_read(engine, index, pull);
	if (asked && record->state == HG_FLOW_RESPONSE)
		hg_cohort_invite(engine, index, pull);
	if (record->state == HG_FLOW_RESPONSE)
		acknowledge(engine, index, pull, position);
	else
		hg_timeout_arm(engine, index, asked);
	if (flow->soft & HG_SOFT_ACK_DUE)
		hg_flow_send_ack(engine, index);
}

void hg_receive(struct hg_engine *engine, const struct hg_pull *pull)
{
	uint32_t index = hg_flow_table_find(&engine->table, &pull->key);

	if (pull->flags & HG_PULL_ICMP) {
		if (index == HG_FLOW_NONE)
			hg_count(engine, HG_TCP_icmp_ignored);
		else
			too_big(engine, index, pull);
		return;
	}
	if (index == HG_FLOW_NONE)
		receive_unknown(engine, pull);
	else if (is_another(hg_record_at(engine, index), pull))
		replace_flow(engine, index, pull);
	else
		receive_known(engine, index, pull, false);
}
