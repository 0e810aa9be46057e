/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#include "pusher.h"
#include "sum.h"

void hg_push_head_make(struct hg_push_head *head, const uint8_t source[HG_MAC_BYTES], uint16_t group)
{
	static const uint8_t destination[HG_MAC_BYTES] = HG_PUSH_DESTINATION;

	memcpy(head->destination, destination, HG_MAC_BYTES);
	memcpy(head->source, source, HG_MAC_BYTES);
	head->ether_type = htons(HG_ETHERTYPE_PUSH);
	head->version_kind = HG_PUSH_VERSION << 4 | HG_PUSH_KIND_GROUP;
	head->tcp_flags = 0;
	head->group = htons(group);
}

void hg_push_tail_make(struct hg_push_tail *tail, uint32_t content, uint64_t offset,
		       const void *payload, uint16_t payload_length)
{
	tail->payload_length = htons(payload_length);
	tail->payload_sum = htons(hg_sum(payload, payload_length));
	tail->content = htonl(content);
	tail->offset = htonl((uint32_t)offset);
}
