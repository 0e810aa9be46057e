/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "convert.h"
#include "error.h"

static_assert(sizeof(((hg_pb_ContentSpec *)0)->path) == HG_PUSHER_PATH_BYTES, "path");
static_assert(sizeof(((hg_pb_ContentSpec *)0)->type) == HG_CONTENT_TYPE_BYTES, "type");
static_assert(sizeof(((hg_pb_ContentSpec *)0)->etag) == HG_ETAG_BYTES, "etag");
static_assert(sizeof(((hg_pb_Content *)0)->error) == HG_PUSHER_ERROR_BYTES, "error");
static_assert(sizeof(((hg_pb_FlowCounters *)0)->counters) / sizeof(hg_pb_NamedCounter) >= HG_TCP_COUNTER_COUNT,
	      "counters");
static_assert((int)hg_pb_Content_State_WITHDRAWN == HG_CONTENT_WITHDRAWN, "contents' states are numbered alike");
static_assert((int)hg_pb_Flow_State_CLOSING == HG_FLOW_CLOSING, "flows' states are numbered alike");
static_assert((int)hg_pb_Flow_Answer_NOT_FOUND == HG_RESPONSE_NOT_FOUND, "answers are numbered alike");
static_assert((int)hg_pb_Flow_Answer_NOT_FOUND + 1 == HG_RESPONSE_KINDS, "answers are all there");

void hg_content_spec_from_message(struct hg_content_spec *spec, const hg_pb_AddContent *request)
{
	const hg_pb_ContentSpec *message = &request->spec;
	const hg_pb_FileIdentity *file = &request->file;

	*spec = (struct hg_content_spec){
		.id = message->id,
		.modified = message->modified,
		.file = { .device = file->device, .inode = file->inode, .changed_ns = file->changed_ns },
	};
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

/* The reader's note as it stands in the record: nobody else has to understand it. */
static uint64_t request_to_number(const struct hg_request *request)
{
	uint64_t number;

	memcpy(&number, request, sizeof(number));
	return number;
}

static struct hg_request request_from_number(uint64_t number)
{
	struct hg_request request;

	memcpy(&request, &number, sizeof(request));
	return request;
}

void hg_flow_to_message(hg_pb_Flow *message, const struct hg_flow_status *status)
{
	const struct hg_flow_header *header = &status->header;

	*message = (hg_pb_Flow){
		.client_port = ntohs(header->key.client_port),
		.service_port = ntohs(header->key.service_port),
		.content = status->content,
		.state = (hg_pb_Flow_State)status->state,
		.port = ntohs(header->egress_port),
		.acked = status->acked,
		.sent = status->sent,
		.length = status->length,
		.window = status->window,
		.congestion_window = status->congestion_window,
		.rtt_microseconds = status->rtt_us,
		.recovering = status->recovering,
		.vlan_tci = ntohs(header->vlan_tci),
		.secret = header->secret,
		.constants = header->constants,
		.acknowledgement = ntohl(header->ack_no),
		.answer = (hg_pb_Flow_Answer)status->response,
		.client_fin = status->client_fin,
		.request = status->state == HG_FLOW_REQUEST ? request_to_number(&status->request) : 0,
	};
	memcpy(message->client_address, header->key.client_addr, sizeof(message->client_address));
	memcpy(message->service_address, header->key.service_addr, sizeof(message->service_address));
	memcpy(message->client_mac, header->client_mac, sizeof(message->client_mac));
	memcpy(message->service_mac, header->service_mac, sizeof(message->service_mac));
}

struct bounds {
	const char *name;
	uint32_t value, least, most;
};

static int check_bounds(const struct bounds *bounds, uint32_t count, uint32_t place, char *error)
{
	for (uint32_t i = 0; i < count; i++)
		if (bounds[i].value < bounds[i].least || bounds[i].value > bounds[i].most)
			return hg_fail(error, -EINVAL, "flow %" PRIu32 ": %s %" PRIu32 "; it is %" PRIu32 " to %" PRIu32,
				       place, bounds[i].name, bounds[i].value, bounds[i].least, bounds[i].most);
	return 0;
}

static int check_progress(const hg_pb_Flow *message, uint32_t place, char *error)
{
	struct hg_request request = request_from_number(message->request);

	if (message->acked > message->sent || (message->length && message->sent > message->length))
		return hg_fail(error, -EINVAL, "flow %" PRIu32 ": %" PRIu32 " bytes acknowledged of %" PRIu32 " sent of %" PRIu32,
			       place, message->acked, message->sent, message->length);
	if ((message->acked | message->sent | message->length) % HG_SEQ_GRANULE)
		return hg_fail(error, -EINVAL, "flow %" PRIu32 ": acked, sent and length are multiples of %d", place,
			       HG_SEQ_GRANULE);
	if (message->state == hg_pb_Flow_State_REQUEST && message->sent)
		return hg_fail(error, -EINVAL, "flow %" PRIu32 ": %" PRIu32 " bytes sent before there was a request", place,
			       message->sent);
	if (message->state != hg_pb_Flow_State_REQUEST ? message->request != 0 : !hg_request_is_sound(&request))
		return hg_fail(error, -EINVAL, "flow %" PRIu32 ": request %#" PRIx64 " is no reader's note", place,
			       message->request);
	return 0;
}

int hg_flow_from_message(struct hg_flow_status *status, const hg_pb_Flow *message, uint32_t place, char *error)
{
	const struct bounds bounds[] = {
		{ "client_port", message->client_port, 0, UINT16_MAX },
		{ "service_port", message->service_port, 0, UINT16_MAX },
		{ "content", message->content, 1, UINT32_MAX },
		{ "state", (uint32_t)message->state, HG_FLOW_REQUEST, HG_FLOW_CLOSING },
		{ "port", message->port, 1, HG_CPU_PORT - 1 },
		{ "length", message->length, 0, HG_POSITION_MAX },
		{ "sent", message->sent, 0, HG_POSITION_MAX },
		{ "vlan_tci", message->vlan_tci, 0, UINT16_MAX },
		{ "secret", message->secret, 0, UINT8_MAX },
		{ "constants", message->constants, 0, HG_SEQ_GRANULE - 2 },
		{ "answer", (uint32_t)message->answer, 0, HG_RESPONSE_KINDS - 1 },
	};
	int ret = check_bounds(bounds, sizeof(bounds) / sizeof(bounds[0]), place, error);

	if (!ret)
		ret = check_progress(message, place, error);
	if (ret)
		return ret;
	*status = (struct hg_flow_status){
		.header = {
			.vlan_tci = htons((uint16_t)message->vlan_tci),
			.secret = (uint8_t)message->secret,
			.constants = (uint8_t)message->constants,
			.key.client_port = htons((uint16_t)message->client_port),
			.key.service_port = htons((uint16_t)message->service_port),
			.ack_no = htonl(message->acknowledgement),
			.egress_port = htons((uint16_t)message->port),
		},
		.content = message->content,
		.acked = message->acked,
		.sent = message->sent,
		.length = message->length,
		.request = request_from_number(message->request),
		.state = (uint8_t)message->state,
		.response = (uint8_t)message->answer,
		.client_fin = message->client_fin,
	};
	memcpy(status->header.client_mac, message->client_mac, sizeof(message->client_mac));
	memcpy(status->header.service_mac, message->service_mac, sizeof(message->service_mac));
	memcpy(status->header.key.client_addr, message->client_address, sizeof(message->client_address));
	memcpy(status->header.key.service_addr, message->service_address, sizeof(message->service_address));
	return 0;
}

int hg_flow_key_from_message(struct hg_flow_key *key, const hg_pb_FlowKey *message, uint32_t place, char *error)
{
	const struct bounds bounds[] = {
		{ "client_port", message->client_port, 0, UINT16_MAX },
		{ "service_port", message->service_port, 0, UINT16_MAX },
	};
	int ret = check_bounds(bounds, sizeof(bounds) / sizeof(bounds[0]), place, error);

	if (ret)
		return ret;
	*key = (struct hg_flow_key){
		.client_port = htons((uint16_t)message->client_port),
		.service_port = htons((uint16_t)message->service_port),
	};
	memcpy(key->client_addr, message->client_address, sizeof(message->client_address));
	memcpy(key->service_addr, message->service_address, sizeof(message->service_address));
	return 0;
}

void hg_flow_counters_to_message(hg_pb_FlowCounters *message, const struct hg_engine_totals *totals)
{
	message->flows = totals->flows;
	message->contents = totals->contents;
	message->has_link = true;
	message->link = (hg_pb_HostLink){
		.answers = totals->link.answers,
		.window = totals->link.window,
		.outstanding = totals->link.outstanding,
		.round_trip_microseconds = totals->link.trip_us,
		.lowest_round_trip_microseconds = totals->link.lowest_trip_us,
		.waiting = totals->link.waiting,
	};
	message->counters_count = HG_TCP_COUNTER_COUNT;
	for (int i = 0; i < HG_TCP_COUNTER_COUNT; i++) {
		strcpy(message->counters[i].name, hg_tcp_counter_name((enum hg_tcp_counter)i));
		message->counters[i].value = totals->counters.values[i];
	}
}
