/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <pb_encode.h>

#include "convert.h"
#include "error.h"
#include "link.h"
#include "service_tcp.h"

#define PROTOCOL 1

void hg_service_init(struct hg_service *service, const char *interface, bool bundles, const char *name)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(service, 0, sizeof(*service));
	service->streams.interface = interface;
	service->streams.bundles = bundles;
	service->name = name;
	service->cohorts_changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	service->started = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void hg_service_close(struct hg_service *service)
{
	hg_streams_remove_all(&service->streams);
	close(service->cohorts_changed);
}

static int hello(struct hg_service *service)
{
	hg_pb_Hello *answer = &service->response.what.hello;

	service->response.which_what = hg_pb_Response_hello_tag;
	*answer = (hg_pb_Hello){
		.protocol = PROTOCOL,
		.version = HG_VERSION,
		.pid = (uint32_t)getpid(),
		.started = service->started,
		.mtu = hg_link_mtu(service->streams.interface),
	};
	if (hg_link_mac(service->streams.interface, answer->mac.bytes) == 0)
		answer->mac.size = HG_MAC_BYTES;
	snprintf(answer->interface, sizeof(answer->interface), "%s", service->streams.interface);
	snprintf(answer->name, sizeof(answer->name), "%s", service->name);
	return 0;
}

static int start(struct hg_service *service, char *error)
{
	const hg_pb_StartStream *request = &service->request.what.start;
	struct hg_named_stream *stream;
	struct hg_stream_spec spec;
	int ret;

	ret = hg_spec_from_message(&spec, &request->spec, error);
	if (!ret)
		ret = hg_streams_start(&service->streams, request->name, &spec, &stream, error);
	if (ret)
		return ret;
	service->response.which_what = hg_pb_Response_stream_tag;
	hg_stream_to_message(&service->response.what.stream, stream);
	return 0;
}

static int stop(struct hg_service *service, char *error)
{
	const char *name = service->request.what.stop.name;
	struct hg_named_stream *stream = hg_streams_find(&service->streams, name);

	if (!stream)
		return hg_fail(error, -ENOENT, "no stream is called \"%s\"", name);
	hg_stream_stop(stream->stream);
	service->response.which_what = hg_pb_Response_stream_tag;
	hg_stream_to_message(&service->response.what.stream, stream);
	hg_streams_remove(&service->streams, stream);
	return 0;
}

static int list(struct hg_service *service)
{
	hg_pb_StreamList *answer = &service->response.what.list;

	service->response.which_what = hg_pb_Response_list_tag;
	answer->streams_count = (pb_size_t)service->streams.count;
	for (uint32_t i = 0; i < service->streams.count; i++)
		hg_stream_to_message(&answer->streams[i], service->streams.streams[i]);
	return 0;
}

static int counters(struct hg_service *service)
{
	hg_pb_Counters *answer = &service->response.what.counters;
	struct hg_traffic total;

	hg_streams_traffic(&service->streams, &total);
	service->response.which_what = hg_pb_Response_counters_tag;
	hg_traffic_to_message(answer, &total);
	answer->requests = service->requests;
	answer->bad_requests = service->bad_requests;
	return 0;
}

static int act(struct hg_service *service, char *error)
{
	switch (service->request.which_what) {
	case hg_pb_Request_hello_tag:
		return hello(service);
	case hg_pb_Request_start_tag:
		return start(service, error);
	case hg_pb_Request_stop_tag:
		return stop(service, error);
	case hg_pb_Request_list_tag:
		return list(service);
	case hg_pb_Request_counters_tag:
		return counters(service);
	default:
		return hg_service_tcp(service, error);
	}
}

static size_t encode(struct hg_service *service, uint8_t *answer)
{
	pb_ostream_t stream = pb_ostream_from_buffer(answer + HG_MESSAGE_PREFIX_BYTES, hg_pb_Response_size);
	hg_pb_Response *response = &service->response;

	/* Strings are checked to be UTF-8; what came from the command line may not be. */
	if (!pb_encode(&stream, hg_pb_Response_fields, response)) {
		response->which_what = 0;
		response->has_status = true;
		response->status = (hg_pb_Status){ .code = EILSEQ, .message = "the answer is not UTF-8" };
		stream = pb_ostream_from_buffer(answer + HG_MESSAGE_PREFIX_BYTES, hg_pb_Response_size);
		pb_encode(&stream, hg_pb_Response_fields, response);
	}
	hg_message_prefix(answer, stream.bytes_written);
	return HG_MESSAGE_PREFIX_BYTES + stream.bytes_written;
}

static void begin_response(struct hg_service *service, uint32_t id)
{
	/* Not all of it: a list's streams are written where they are counted. */
	service->response.id = id;
	service->response.which_what = 0;
	service->response.has_status = false;
	service->requests++;
}

static void set_status(struct hg_service *service, int ret, const char *error)
{
	hg_pb_Status *status = &service->response.status;

	service->response.has_status = true;
	status->code = (uint32_t)-ret;
	snprintf(status->message, sizeof(status->message), "%s", error);
}

size_t hg_service_answer(struct hg_service *service, const uint8_t *message, size_t length, uint8_t *answer)
{
	char error[HG_PUSHER_ERROR_BYTES];
	int ret = hg_request_decode(message, length, &service->request, error);

	service->watch_begun = false;
	begin_response(service, ret ? 0 : service->request.id);
	if (ret)
		service->bad_requests++;
	else
		ret = act(service, error);
	if (ret)
		set_status(service, ret, error);
	return encode(service, answer);
}

int hg_service_event(struct hg_service *service, uint32_t id, uint8_t *answer)
{
	int ret = hg_engine_next_cohort_event(service->engine, &service->event);

	if (ret <= 0)
		return ret;
	service->response.id = id;
	service->response.has_status = false;
	service->response.which_what = hg_pb_Response_cohort_event_tag;
	hg_cohort_event_to_message(&service->response.what.cohort_event, &service->event);
	return (int)encode(service, answer);
}

size_t hg_service_refuse(struct hg_service *service, size_t length, uint8_t *answer)
{
	char error[HG_PUSHER_ERROR_BYTES];
	int ret = hg_fail(error, -EMSGSIZE, "a request of %zu bytes; at most %d are allowed", length,
			  HG_REQUEST_BYTES_MAX);

	begin_response(service, 0);
	service->bad_requests++;
	set_status(service, ret, error);
	return encode(service, answer);
}
