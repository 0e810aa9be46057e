/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a control connection, for libFuzzer: framing, decoding and the
 * answers. No stream can start, because there is no such interface, and there is no
 * engine: so what flows are made of is read here. The corpus in pusher_corpus/ holds
 * one request of each kind.
 */
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include "convert.h"
#include "error.h"
#include "service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken is told again as it was. */
static void read_flows(const hg_pb_AdoptFlows *request)
{
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_flow_status status, again;
	hg_pb_Flow message;

	for (pb_size_t i = 0; i < request->flows_count; i++) {
		if (hg_flow_from_message(&status, &request->flows[i], i, error))
			continue;
		hg_flow_to_message(&message, &status);
		if (hg_flow_from_message(&again, &message, i, error) ||
		    memcmp(&status.header, &again.header, sizeof(status.header)) != 0 ||
		    memcmp(&status.request, &again.request, sizeof(status.request)) != 0 || status.sent != again.sent)
			__builtin_trap();
	}
}

static void read_keys(const hg_pb_ForgetFlows *request)
{
	char error[HG_PUSHER_ERROR_BYTES];
	struct hg_flow_key key;

	for (pb_size_t i = 0; i < request->flows_count; i++)
		hg_flow_key_from_message(&key, &request->flows[i], i, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hg_service service;
	static uint8_t answer[HG_ANSWER_BYTES_MAX];
	const uint8_t *message;
	size_t length;

	hg_service_init(&service, "hg-no-such-if", false, "fuzz");
	while (hg_message_next(data, size, &message, &length) == 1) {
		hg_service_answer(&service, message, length, answer);
		if (service.response.id && service.request.which_what == hg_pb_Request_adopt_flows_tag)
			read_flows(&service.request.what.adopt_flows);
		if (service.response.id && service.request.which_what == hg_pb_Request_forget_flows_tag)
			read_keys(&service.request.what.forget_flows);
		length += HG_MESSAGE_PREFIX_BYTES;
		data += length;
		size -= length;
	}
	hg_service_close(&service);
	return 0;
}
