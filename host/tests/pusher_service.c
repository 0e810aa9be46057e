/* SPDX-License-Identifier: Apache-2.0 */
/* Framing and answers, without a socket: what is decoded, what is refused and how. */
#include <errno.h>
#include <string.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "convert.h"
#include "error.h"
#include "pusher_check.h"
#include "service.h"

static struct hg_service service;
static hg_pb_Request request;
static hg_pb_Response response;
static uint8_t answer[HG_ANSWER_BYTES_MAX];

static void read_answer(size_t bytes)
{
	const uint8_t *message;
	size_t length;
	pb_istream_t stream;

	CHECK_EQUAL(hg_message_next(answer, bytes, &message, &length), 1);
	CHECK_EQUAL(length + HG_MESSAGE_PREFIX_BYTES, bytes);
	stream = pb_istream_from_buffer(message, length);
	CHECK(pb_decode(&stream, hg_pb_Response_fields, &response));
}

static void ask_bytes(const void *bytes, size_t length)
{
	read_answer(hg_service_answer(&service, bytes, length, answer));
}

static void ask(void)
{
	uint8_t bytes[hg_pb_Request_size];
	pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof(bytes));

	request.id = 7;
	CHECK(pb_encode(&stream, hg_pb_Request_fields, &request));
	ask_bytes(bytes, stream.bytes_written);
	CHECK_EQUAL(response.id, 7);
}

static void refused(uint32_t code, const char *text)
{
	CHECK(response.has_status);
	CHECK_EQUAL(response.status.code, code);
	if (!strstr(response.status.message, text)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", response.status.message, text);
		exit(1);
	}
}

static hg_pb_StreamSpec *start(const char *name)
{
	request = (hg_pb_Request){ .which_what = hg_pb_Request_start_tag };
	strcpy(request.what.start.name, name);
	request.what.start.has_spec = true;
	request.what.start.spec.which_source = hg_pb_StreamSpec_path_tag;
	strcpy(request.what.start.spec.source.path, "/dev/null");
	request.what.start.spec.groups_count = 1;
	request.what.start.spec.groups[0] = 1;
	return &request.what.start.spec;
}

static void framing(void)
{
	uint8_t buffer[8] = { 0, 0, 0, 2, 'a', 'b', 0, 1 };
	const uint8_t *message;
	size_t length;

	for (size_t bytes = 0; bytes < 6; bytes++)
		CHECK_EQUAL(hg_message_next(buffer, bytes, &message, &length), 0);
	CHECK_EQUAL(hg_message_next(buffer, 8, &message, &length), 1);
	CHECK(length == 2 && message == buffer + 4);
	hg_message_prefix(buffer, HG_REQUEST_BYTES_MAX);
	CHECK_EQUAL(hg_message_next(buffer, 8, &message, &length), 0);
	hg_message_prefix(buffer, HG_REQUEST_BYTES_MAX + 1);
	CHECK_EQUAL(hg_message_next(buffer, 4, &message, &length), -EMSGSIZE);
}

static void garbage(void)
{
	static const uint8_t cut[] = { 0x08 }; /* a field without its value */

	ask_bytes("GET / HTTP/1.1\r\n", 16);
	refused(EBADMSG, "16 bytes");
	ask_bytes(cut, sizeof(cut));
	refused(EBADMSG, "1 bytes");
	CHECK_EQUAL(service.bad_requests, 2);
	ask_bytes("", 0);
	refused(ENOSYS, "nothing that this pusher");
	read_answer(hg_service_refuse(&service, 70000, answer));
	refused(EMSGSIZE, "70000 bytes");
	CHECK_EQUAL(service.bad_requests, 3);
}

static void specifications(void)
{
	request = (hg_pb_Request){ .which_what = hg_pb_Request_start_tag, .what.start.name = "a" };
	ask();
	refused(EINVAL, "no source");
	strcpy(start("a")->source.path, "relative");
	ask();
	refused(EINVAL, "path \"relative\"");
	start("a")->groups[0] = 65536;
	ask();
	refused(EINVAL, "group 65536");
	start("a")->groups[0] = 0;
	ask();
	refused(EINVAL, "group 0");
	start("a")->groups_count = 0;
	ask();
	refused(EINVAL, "no group");
	start("a")->which_rate = hg_pb_StreamSpec_packets_per_second_tag;
	ask();
	refused(EINVAL, "rate of 0");
	start("a")->which_source = hg_pb_StreamSpec_udp_tag;
	request.what.start.spec.source.udp.port = 70000;
	ask();
	refused(EINVAL, "UDP port 70000");
	start("Bad Name");
	ask();
	refused(EINVAL, "stream name \"Bad Name\"");
	start("no-interface");
	ask();
	refused(ENODEV, "hg-no-such-if: no such interface");
	request = (hg_pb_Request){ .which_what = hg_pb_Request_stop_tag, .what.stop.name = "nobody" };
	ask();
	refused(ENOENT, "\"nobody\"");
}

static void answers(void)
{
	request = (hg_pb_Request){ .which_what = hg_pb_Request_hello_tag };
	ask();
	CHECK(!response.has_status);
	CHECK_EQUAL(response.what.hello.protocol, 1);
	CHECK(strcmp(response.what.hello.name, "test") == 0);
	CHECK_EQUAL(response.what.hello.mtu, 0); /* there is no such interface */
	request = (hg_pb_Request){ .which_what = hg_pb_Request_list_tag };
	ask();
	CHECK_EQUAL(response.what.list.streams_count, 0);
	request = (hg_pb_Request){ .which_what = hg_pb_Request_counters_tag };
	ask();
	CHECK_EQUAL(response.what.counters.bad_requests, 3);
	CHECK_EQUAL(response.what.counters.requests, service.requests);
}

/* This service has no engine: what asks for one is refused by name. */
static void contents(void)
{
	static const pb_size_t asks[] = { hg_pb_Request_add_content_tag, hg_pb_Request_remove_content_tag,
					  hg_pb_Request_list_contents_tag, hg_pb_Request_list_flows_tag,
					  hg_pb_Request_flow_counters_tag, hg_pb_Request_adopt_flows_tag,
					  hg_pb_Request_forget_flows_tag };

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		request = (hg_pb_Request){ .which_what = asks[i] };
		ask();
		refused(ENOTSUP, "serves no contents");
	}
}

static hg_pb_Flow flow(void)
{
	return (hg_pb_Flow){
		.client_port = 40000,
		.service_port = 80,
		.content = 1,
		.state = hg_pb_Flow_State_RESPONSE,
		.port = 2,
		.acked = 1280,
		.sent = 2560,
		.length = 128000,
		.constants = 0x3D,
		.acknowledgement = 7,
	};
}

static void flow_refused(const hg_pb_Flow *message, const char *text)
{
	char error[HG_PUSHER_ERROR_BYTES] = "";
	struct hg_flow_status status;

	CHECK_EQUAL(hg_flow_from_message(&status, message, 3, error), -EINVAL);
	if (strncmp(error, "flow 3: ", 8) != 0 || !strstr(error, text)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", error, text);
		exit(1);
	}
}

/* Every value that no flow can have is refused by name. */
static void flows(void)
{
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_flow_status status;
	struct hg_flow_key key;
	hg_pb_Flow message = flow();

	CHECK_EQUAL(hg_flow_from_message(&status, &message, 3, error), 0);
	hg_flow_to_message(&message, &status);
	CHECK_EQUAL(message.sent, 2560);
	CHECK_EQUAL(message.acknowledgement, 7);
#define REFUSED(field, bad, text)               \
	do {                                    \
		message = flow();               \
		message.field = bad;            \
		flow_refused(&message, text);   \
	} while (0)
	REFUSED(client_port, 65536, "client_port 65536");
	REFUSED(service_port, 65536, "service_port 65536");
	REFUSED(content, 0, "content 0");
	REFUSED(state, hg_pb_Flow_State_STATE_UNSPECIFIED, "state 0");
	REFUSED(state, 4, "state 4");
	REFUSED(port, 0, "port 0");
	REFUSED(port, 510, "port 510");
	REFUSED(vlan_tci, 65536, "vlan_tci 65536");
	REFUSED(secret, 256, "secret 256");
	REFUSED(constants, 127, "constants 127");
	REFUSED(answer, 6, "answer 6");
	REFUSED(acked, 2688, "2688 bytes acknowledged of 2560 sent");
	REFUSED(length, 128, "sent of 128");
	REFUSED(length, 0x80000080, "length 2147483776");
	REFUSED(sent, 2561, "multiples of 128");
	REFUSED(state, hg_pb_Flow_State_REQUEST, "sent before there was a request");
	REFUSED(request, 1, "request 0x1 ");
#undef REFUSED
	message = flow();
	message.state = hg_pb_Flow_State_REQUEST;
	message.acked = message.sent = message.length = 0;
	message.request = UINT64_MAX;
	flow_refused(&message, "is no reader's note");
	CHECK_EQUAL(hg_flow_key_from_message(&key, &(hg_pb_FlowKey){ .client_port = 70000 }, 3, error), -EINVAL);
	CHECK(strstr(error, "flow 3: client_port 70000"));
}

/* A long line is cut between characters. */
static void error_lines(void)
{
	char error[HG_PUSHER_ERROR_BYTES];

	for (int shift = 0; shift < 3; shift++) {
		char text[HG_PUSHER_ERROR_BYTES * 2] = "";

		memset(text, 'x', (size_t)shift);
		while (strlen(text) < HG_PUSHER_ERROR_BYTES)
			strcat(text, "\u20ac"); /* three bytes */
		CHECK_EQUAL(hg_fail(error, -EINVAL, "%s", text), -EINVAL);
		CHECK(strlen(error) > HG_PUSHER_ERROR_BYTES - 5);
		CHECK(strncmp(error, text, strlen(error)) == 0);
		CHECK_EQUAL((strlen(error) - (size_t)shift) % 3, 0);
	}
}

int main(void)
{
	hg_service_init(&service, "hg-no-such-if", false, "test");
	framing();
	garbage();
	specifications();
	answers();
	contents();
	flows();
	error_lines();
	hg_service_close(&service);
	return 0;
}
