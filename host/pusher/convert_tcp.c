/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "convert.h"

static_assert(sizeof(((hg_pb_ContentSpec *)0)->path) == HG_PUSHER_PATH_BYTES, "path");
static_assert(sizeof(((hg_pb_ContentSpec *)0)->type) == HG_CONTENT_TYPE_BYTES, "type");
static_assert(sizeof(((hg_pb_ContentSpec *)0)->etag) == HG_ETAG_BYTES, "etag");
static_assert(sizeof(((hg_pb_Content *)0)->error) == HG_PUSHER_ERROR_BYTES, "error");
static_assert(sizeof(((hg_pb_FlowCounters *)0)->counters) / sizeof(hg_pb_NamedCounter) >= HG_TCP_COUNTER_COUNT,
	      "counters");
static_assert((int)hg_pb_Content_State_WITHDRAWN == HG_CONTENT_WITHDRAWN, "contents' states are numbered alike");
static_assert((int)hg_pb_Flow_State_CLOSING == HG_FLOW_CLOSING, "flows' states are numbered alike");

void hg_content_spec_from_message(struct hg_content_spec *spec, const hg_pb_ContentSpec *message)
{
	*spec = (struct hg_content_spec){ .id = message->id, .modified = message->modified };
	strcpy(spec->path, message->path);
	strcpy(spec->type, message->type);
	strcpy(spec->etag, message->etag);
}

void hg_content_to_message(hg_pb_Content *message, const struct hg_content_status *status)
{
	*message = (hg_pb_Content){
		.has_spec = true,
		.spec = { .id = status->spec.id, .modified = status->spec.modified },
		.state = (hg_pb_Content_State)status->state,
		.file_bytes = status->file_bytes,
		.response_bytes = status->response_bytes,
		.prepared_bytes = status->prepared_bytes,
		.flows = status->flows,
	};
	strcpy(message->spec.path, status->spec.path);
	strcpy(message->spec.type, status->spec.type);
	strcpy(message->spec.etag, status->spec.etag);
	strcpy(message->error, status->error);
}

void hg_flow_to_message(hg_pb_Flow *message, const struct hg_flow_status *status)
{
	*message = (hg_pb_Flow){
		.client_port = ntohs(status->key.client_port),
		.service_port = ntohs(status->key.service_port),
		.content = status->content,
		.state = (hg_pb_Flow_State)status->state,
		.port = status->port,
		.acked = status->acked,
		.sent = status->sent,
		.length = status->length,
		.window = status->window,
		.congestion_window = status->congestion_window,
		.rtt_microseconds = status->rtt_us,
		.recovering = status->recovering,
	};
	memcpy(message->client_address, status->key.client_addr, sizeof(message->client_address));
	memcpy(message->service_address, status->key.service_addr, sizeof(message->service_address));
}

void hg_flow_counters_to_message(hg_pb_FlowCounters *message, const struct hg_engine_totals *totals)
{
	message->flows = totals->flows;
	message->contents = totals->contents;
	message->counters_count = HG_TCP_COUNTER_COUNT;
	for (int i = 0; i < HG_TCP_COUNTER_COUNT; i++) {
		strcpy(message->counters[i].name, hg_tcp_counter_name((enum hg_tcp_counter)i));
		message->counters[i].value = totals->counters.values[i];
	}
}
