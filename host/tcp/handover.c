/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows that come from another host. What is known of them is older than what that
 * host did last, and of some only the handshake was seen. So nothing is sent before the
 * client has said where it stands; its place then tells what was being sent, or nothing
 * does, and the flow is reset.
 */
#include <arpa/inet.h>

#include "engine.h"

static bool is_waiting(const struct hg_engine *engine, uint32_t index)
{
	return hg_flow_at(engine, index)->soft & HG_SOFT_RESUMING;
}

static uint32_t make(struct hg_engine *engine, const struct hg_flow_status *status)
{
	uint32_t index = hg_flow_table_add(&engine->table, &status->header.key);
	struct hg_flow_record *record;

	if (index == HG_FLOW_NONE)
		return index;
	record = hg_record_at(engine, index);
	record->header = status->header;
	record->header.window = htons(HG_RECEIVE_WINDOW);
	record->header.reserved = 0;
	record->content = status->content;
	record->acked = status->acked;
	record->sent = status->sent;
	record->request = status->request;
	record->request_start = ntohl(status->header.ack_no) - status->request.consumed;
	record->response = status->response;
	record->flags = status->client_fin ? HG_FLOW_CLIENT_FIN : 0;
	if (status->length && status->sent == status->length)
		record->flags |= HG_FLOW_FIN_SENT;
	hg_flow_begin(engine, index);
	record->state = status->state;
	/* A first segment that was seen need not have been the first. */
	if (status->state != HG_FLOW_REQUEST || status->request.consumed)
		hg_flow_at(engine, index)->soft |= HG_SOFT_SYNCHRONISED;
	return index;
}

/* Whether another host has gone on with it is news, and that its client may be reached. */
static void keep(struct hg_engine *engine, uint32_t index, const struct hg_flow_status *status)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	if (record->state == HG_FLOW_RESPONSE && status->acked > record->sent)
		record->flags |= HG_FLOW_ADOPTED | HG_FLOW_HANDED_OVER;
	hg_resume_again(engine, index);
}

bool hg_flow_adopt(struct hg_engine *engine, const struct hg_flow_status *status, uint32_t *index)
{
	*index = hg_flow_table_find(&engine->table, &status->header.key);
	if (*index != HG_FLOW_NONE) {
		if (!is_waiting(engine, *index) || status->state <= hg_record_at(engine, *index)->state) {
			keep(engine, *index, status);
			return false;
		}
		/* What it was answered with is known now. */
		hg_flow_close(engine, *index);
	}
	*index = make(engine, status);
	if (*index == HG_FLOW_NONE)
		return false;
	hg_count(engine, HG_TCP_flows_handed_over);
	hg_resume_flow(engine, *index);
	return true;
}

/* The end of what the client has, as far as the packet tells. */
static uint32_t highest_seen(const struct hg_pull *pull, uint32_t position)
{
	uint32_t highest = position;

	for (uint32_t i = 0; i < pull->sack_count; i++) {
		int32_t right = hg_ahead(pull->sacks[i].right, pull->ack);

		if (right > 0 && position + (uint32_t)right > highest && position + (uint32_t)right <= pull->length)
			highest = position + (uint32_t)right;
	}
	return highest / HG_SEQ_GRANULE * HG_SEQ_GRANULE;
}

/* Does any of the content's responses reach that far? */
static bool is_possible(const struct hg_content *content, const struct hg_pull *pull, uint32_t position)
{
	return position <= pull->length || position <= content->longest_other;
}

/* Is it the content that the other host sent of? */
static bool is_same(const struct hg_content *content, const struct hg_pull *pull)
{
	return hg_content_serves(content) && pull->length == content->responses[HG_RESPONSE_CONTENT].length;
}

/* Others took more of what the client sends: its own number is where it is. */
static void catch_up(struct hg_flow_record *record, const struct hg_pull *pull)
{
	if (hg_ahead(pull->seq, ntohl(record->header.ack_no)) > 0)
		record->header.ack_no = htonl(pull->seq);
}

/* Our end, which follows every response's last byte, was acknowledged: all is there, whatever it was. */
static void finish(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	catch_up(record, pull);
	record->sent = position;
	record->flags |= HG_FLOW_FIN_SENT;
	hg_flow_finish(engine, index, HG_TCP_flows_finished);
}

/* A client takes a RST only at its own place (RFC 5961, 3.2). */
static void refuse(struct hg_engine *engine, uint32_t index, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);

	record->acked = record->sent = position;
	record->flags &= (uint8_t)~HG_FLOW_FIN_SENT;
	hg_flow_reset(engine, index, HG_TCP_flows_reset);
}

static bool settle_request(struct hg_engine *engine, uint32_t index, struct hg_content *content,
			   const struct hg_pull *pull, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	uint32_t highest = highest_seen(pull, position);

	if (highest == 0) {
		/* It has sent nothing that was not read here, or sends it now. Else it sends it again, or all is lost. */
		if (hg_ahead(pull->seq, ntohl(record->header.ack_no)) <= 0)
			record->flags &= (uint8_t)~HG_FLOW_HANDED_OVER;
		hg_flow_at(engine, index)->soft &= (uint8_t)~HG_SOFT_RESUMING;
		hg_flow_at(engine, index)->backoff = 0;
		return true;
	}
	if (!is_possible(content, pull, highest)) {
		hg_count(engine, HG_TCP_pull_ack_beyond);
		return false;
	}
	if (highest > content->longest_other && is_same(content, pull)) {
		catch_up(record, pull);
		record->sent = highest;
		hg_flow_at(engine, index)->soft |= HG_SOFT_RESUMING;
		hg_flow_respond(engine, index, content, HG_RESPONSE_CONTENT);
		return true;
	}
	if (pull->constants != record->header.constants)
		finish(engine, index, pull, position);
	else
		refuse(engine, index, position);
	return false;
}

bool hg_flow_settle(struct hg_engine *engine, uint32_t index, const struct hg_pull *pull, uint32_t position)
{
	struct hg_flow_record *record = hg_record_at(engine, index);
	struct hg_content *content = hg_contents_find(&engine->contents, record->content);
	bool unsettled = record->state == HG_FLOW_REQUEST && record->flags & HG_FLOW_HANDED_OVER;

	if (!unsettled && !(record->state == HG_FLOW_RESPONSE && is_waiting(engine, index)))
		return true;
	if (!content || content->state == HG_CONTENT_PREPARING) {
		hg_count(engine, HG_TCP_pull_no_content);
		return false;
	}
	if (unsettled)
		return settle_request(engine, index, content, pull, position);
	if ((record->response == HG_RESPONSE_CONTENT && !is_same(content, pull)) ||
	    record->sent > content->responses[record->response].length) {
		refuse(engine, index, position);
		return false;
	}
	catch_up(record, pull);
	return true;
}
