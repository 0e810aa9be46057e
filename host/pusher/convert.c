/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pb_decode.h>

#include "error.h"
#include "framing.h"

/* pusher.options and the library agree. */
static_assert(sizeof(((hg_pb_StreamSpec *)0)->source.path) == HG_PUSHER_PATH_BYTES, "path");
static_assert(sizeof(((hg_pb_UdpSource *)0)->address) == HG_PUSHER_ADDRESS_BYTES, "address");
static_assert(sizeof(((hg_pb_UdpSource *)0)->multicast_interface) == HG_PUSHER_INTERFACE_BYTES, "interface");
static_assert(sizeof(((hg_pb_StreamSpec *)0)->groups) / sizeof(uint32_t) == HG_PUSHER_GROUPS_MAX, "groups");
static_assert(sizeof(((hg_pb_StreamList *)0)->streams) / sizeof(hg_pb_Stream) == HG_STREAMS_MAX, "streams");
static_assert(sizeof(((hg_pb_Stream *)0)->name) == HG_STREAM_NAME_BYTES, "name");
static_assert(sizeof(((hg_pb_Stream *)0)->error) == HG_PUSHER_ERROR_BYTES, "error");
static_assert(sizeof(((hg_pb_Status *)0)->message) == HG_PUSHER_ERROR_BYTES, "message");
static_assert((int)hg_pb_Stream_State_FAILED == HG_STREAM_FAILED, "states are numbered alike");
static_assert(hg_pb_Response_size <= HG_RESPONSE_BYTES_MAX, "every response fits");
static_assert(hg_pb_Request_size <= HG_REQUEST_BYTES_MAX, "every request fits");

int hg_request_decode(const uint8_t *message, size_t length, hg_pb_Request *request, char *error)
{
	pb_istream_t stream = pb_istream_from_buffer(message, length);

	if (!pb_decode(&stream, hg_pb_Request_fields, request))
		return hg_fail(error, -EBADMSG, "a request of %zu bytes cannot be decoded: %s", length,
			       PB_GET_ERROR(&stream));
	return 0;
}

static int source_from_message(struct hg_stream_spec *spec, const hg_pb_StreamSpec *message, char *error)
{
	const hg_pb_UdpSource *udp = &message->source.udp;

	switch (message->which_source) {
	case hg_pb_StreamSpec_path_tag:
		if (message->source.path[0] != '/')
			return hg_fail(error, -EINVAL, "path \"%s\": it must be absolute", message->source.path);
		spec->source = HG_SOURCE_PATH;
		strcpy(spec->path, message->source.path);
		return 0;
	case hg_pb_StreamSpec_udp_tag:
		if (udp->port == 0 || udp->port > UINT16_MAX)
			return hg_fail(error, -EINVAL, "UDP port %" PRIu32 ": a port is 1 to 65535", udp->port);
		spec->source = HG_SOURCE_UDP;
		spec->udp.port = (uint16_t)udp->port;
		strcpy(spec->udp.address, udp->address);
		strcpy(spec->udp.multicast_interface, udp->multicast_interface);
		return 0;
	default:
		return hg_fail(error, -EINVAL, "no source: a stream needs a path or a UDP address");
	}
}

static int rate_from_message(struct hg_stream_spec *spec, const hg_pb_StreamSpec *message, char *error)
{
	switch (message->which_rate) {
	case hg_pb_StreamSpec_bits_per_second_tag:
		spec->bits_per_second = message->rate.bits_per_second;
		break;
	case hg_pb_StreamSpec_packets_per_second_tag:
		spec->packets_per_second = message->rate.packets_per_second;
		break;
	default:
		return 0;
	}
	if (!spec->bits_per_second && !spec->packets_per_second)
		return hg_fail(error, -EINVAL, "a rate of 0: leave it out to push as fast as the interface can");
	return 0;
}

int hg_spec_from_message(struct hg_stream_spec *spec, const hg_pb_StreamSpec *message, char *error)
{
	int ret;

	*spec = (struct hg_stream_spec){
		.group_count = message->groups_count,
		.content = message->content,
		.segment_bytes = message->segment_bytes,
		.loop = message->loop,
		.start_offset = message->start_offset,
	};
	ret = source_from_message(spec, message, error);
	if (ret)
		return ret;
	for (pb_size_t i = 0; i < message->groups_count; i++) {
		if (message->groups[i] > UINT16_MAX)
			return hg_fail(error, -EINVAL, "group %" PRIu32 ": a stream's group is 1 to %d", message->groups[i],
				       HG_COHORT_GROUP_FIRST - 1);
		spec->groups[i] = (uint16_t)message->groups[i];
	}
	return rate_from_message(spec, message, error);
}

void hg_spec_to_message(hg_pb_StreamSpec *message, const struct hg_stream_spec *spec)
{
	*message = (hg_pb_StreamSpec){
		.groups_count = (pb_size_t)spec->group_count,
		.content = spec->content,
		.segment_bytes = spec->segment_bytes,
		.loop = spec->loop,
		.start_offset = spec->start_offset,
	};
	for (uint32_t i = 0; i < spec->group_count; i++)
		message->groups[i] = spec->groups[i];
	if (spec->source == HG_SOURCE_PATH) {
		message->which_source = hg_pb_StreamSpec_path_tag;
		strcpy(message->source.path, spec->path);
	} else {
		message->which_source = hg_pb_StreamSpec_udp_tag;
		message->source.udp.port = spec->udp.port;
		strcpy(message->source.udp.address, spec->udp.address);
		strcpy(message->source.udp.multicast_interface, spec->udp.multicast_interface);
	}
	if (spec->bits_per_second) {
		message->which_rate = hg_pb_StreamSpec_bits_per_second_tag;
		message->rate.bits_per_second = spec->bits_per_second;
	} else if (spec->packets_per_second) {
		message->which_rate = hg_pb_StreamSpec_packets_per_second_tag;
		message->rate.packets_per_second = spec->packets_per_second;
	}
}

void hg_stream_to_message(hg_pb_Stream *message, struct hg_named_stream *stream)
{
	struct hg_stream_status status;

	hg_stream_status(stream->stream, &status);
	*message = (hg_pb_Stream){
		.state = (hg_pb_Stream_State)status.state,
		.has_spec = true,
		.total_bytes = status.total_bytes,
		.offset = status.offset,
		.pushes = status.traffic.pushes,
		.payload_bytes = status.traffic.payload_bytes,
		.rounds = status.rounds,
		.late_nanoseconds = status.late_ns,
		.elapsed_microseconds = status.elapsed_ns / 1000,
		.skipped_nanoseconds = status.skipped_ns,
	};
	strcpy(message->name, stream->name);
	strcpy(message->error, status.error);
	hg_spec_to_message(&message->spec, &stream->spec);
}

void hg_traffic_to_message(hg_pb_Counters *message, const struct hg_traffic *traffic)
{
	*message = (hg_pb_Counters){
		.pushes = traffic->pushes,
		.frame_bytes = traffic->frame_bytes,
		.payload_bytes = traffic->payload_bytes,
		.send_errors = traffic->send_errors,
		.send_retries = traffic->send_retries,
		.source_oversized = traffic->source_oversized,
		.source_empty = traffic->source_empty,
		.source_overflow = traffic->source_overflow,
		.link_waits = traffic->link_waits,
	};
}
