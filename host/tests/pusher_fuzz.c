/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a control connection, for libFuzzer: framing, decoding and the
 * answers. No stream can start, because there is no such interface. The corpus in
 * pusher_corpus/ holds one request of each kind.
 */
#include <stddef.h>
#include <stdint.h>

#include "service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hg_service service;
	static uint8_t answer[HG_ANSWER_BYTES_MAX];
	const uint8_t *message;
	size_t length;

	hg_service_init(&service, "hg-no-such-if", false, "fuzz");
	while (hg_message_next(data, size, &message, &length) == 1) {
		hg_service_answer(&service, message, length, answer);
		length += HG_MESSAGE_PREFIX_BYTES;
		data += length;
		size -= length;
	}
	hg_service_close(&service);
	return 0;
}
