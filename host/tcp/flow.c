/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "engine.h"

uint32_t hg_flow_open(struct hg_engine *engine, const struct hg_pull *pull, uint8_t secret)
{
	uint32_t index = hg_flow_table_add(&engine->table, &pull->key);
	struct hg_flow_record *record;

	if (index == HG_FLOW_NONE) {
		hg_count(engine, HG_TCP_pull_table_full);
		return index;
	}
	record = hg_record_at(engine, index);
	record->header = (struct hg_flow_header){
		.vlan_tci = htons(pull->vlan_tci),
		.secret = secret,
		.constants = pull->constants,
		.key = pull->key,
		.ack_no = htonl(pull->seq),
		.window = htons(HG_RECEIVE_WINDOW),
		.egress_port = htons(pull->ingress_port),
	};
	memcpy(record->header.client_mac, pull->client_mac, 6);
	memcpy(record->header.service_mac, pull->service_mac, 6);
	record->content = pull->content;
	record->request_start = pull->seq;
	hg_flow_begin(engine, index);
	return index;
}

void hg_flow_begin(struct hg_engine *engine, uint32_t index)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	memset(flow, 0, sizeof(*flow));
	hg_timer_init(&engine->timers, index);
	flow->segment = hg_segment_granules(record->header.constants, engine->outbox.link.mtu);
	flow->pace_at = engine->now;
	hg_cubic_init(&flow->cubic, flow->segment * HG_SEQ_GRANULE);
	hg_flight_reset(&engine->runs, &flow->flight, record->acked);
	if (record->sent > record->acked)
		hg_flow_lose_all(engine, index);
}

void hg_flow_lose_all(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_flow *flow = hg_flow_at(engine, index);

	if (flow->flight.end < record->sent)
		hg_flight_append(&engine->runs, &flow->flight, record->sent, engine->now);
	hg_flight_lose(&engine->runs, &flow->flight, record->acked, record->sent);
}

void hg_flow_respond(struct hg_engine *engine, uint32_t index, struct hg_content *content, enum hg_response_kind kind)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	(void)engine;
	record->response = (uint8_t)kind;
	record->state = HG_FLOW_RESPONSE;
	content->flows++;
}

static void leave_content(struct hg_engine *engine, const struct hg_flow_record *record)
{
	struct hg_content *content = hg_contents_find(&engine->contents, record->content);

	if (record->state == HG_FLOW_RESPONSE && content && content->flows)
		content->flows--;
}

void hg_flow_finish(struct hg_engine *engine, uint32_t index, enum hg_tcp_counter why)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	hg_cohort_leave(engine, index, why == HG_TCP_flows_reset_by_client ? HG_LEFT_RESET : HG_LEFT_CLOSED);
	hg_count(engine, why);
	leave_content(engine, record);
	record->acked = record->sent;
	hg_flight_reset(&engine->runs, &hg_flow_at(engine, index)->flight, record->acked);
	record->state = HG_FLOW_CLOSING;
	hg_flow_at(engine, index)->soft &= (uint8_t)~(HG_SOFT_PACED | HG_SOFT_RESUMING);
	hg_timeout_arm(engine, index, true);
}

void hg_flow_close(struct hg_engine *engine, uint32_t index)
{
	hg_cohort_leave(engine, index, HG_LEFT_CLOSED);
	leave_content(engine, hg_record_at(engine, index));
	hg_timer_clear(&engine->timers, index);
	hg_flight_reset(&engine->runs, &hg_flow_at(engine, index)->flight, 0);
	hg_flow_at(engine, index)->soft = 0;
	hg_flow_table_remove(&engine->table, index);
}

static void send_empty(struct hg_engine *engine, const struct hg_flow_record *record, uint32_t position, uint8_t flags)
{
	hg_outbox_put(&engine->outbox, &record->header, NULL, NULL, position, 0, 0, flags);
}

static uint32_t next_position(const struct hg_flow_record *record)
{
	return record->sent + (record->flags & HG_FLOW_FIN_SENT ? 1 : 0);
}

void hg_flow_send_ack(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	send_empty(engine, record, next_position(record), HG_TCP_ACK);
	hg_flow_at(engine, index)->soft &= (uint8_t)~HG_SOFT_ACK_DUE;
}

void hg_flow_probe(struct hg_engine *engine, uint32_t index)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	hg_outbox_put(&engine->outbox, &record->header, NULL, NULL, record->acked - 1, 1, 1, HG_TCP_ACK);
}

void hg_flow_reset(struct hg_engine *engine, uint32_t index, enum hg_tcp_counter why)
{
	const struct hg_flow_record *record = hg_record_at(engine, index);

	send_empty(engine, record, next_position(record), HG_TCP_RST | HG_TCP_ACK);
	/* A client that had not got all that was sent takes only the reset at its own place (RFC 5961, 3.2). */
	if (record->acked != next_position(record))
		send_empty(engine, record, record->acked, HG_TCP_RST | HG_TCP_ACK);
	hg_count(engine, why);
	hg_flow_close(engine, index);
}

const struct hg_response *hg_flow_response(const struct hg_engine *engine, const struct hg_flow_record *record,
					   struct hg_content **content)
{
	*content = hg_contents_find(&engine->contents, record->content);
	if (!*content)
		return NULL;
	return &(*content)->responses[record->response];
}

void hg_flows_reset(struct hg_engine *engine, uint32_t content, bool all)
{
	for (uint32_t i = 0; i < engine->table.fresh; i++) {
		const struct hg_flow_record *record = hg_record_at(engine, i);

		if (record->state == HG_FLOW_RESPONSE && record->content == content &&
		    (all || record->response == HG_RESPONSE_CONTENT))
			hg_flow_reset(engine, i, HG_TCP_flows_reset);
	}
}
