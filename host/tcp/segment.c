/* SPDX-License-Identifier: Apache-2.0 */
#include "segment.h"

#include <arpa/inet.h>
#include <string.h>

#include "frame.h"
#include "pusher.h"

uint32_t hg_segment_parts(const struct hg_response *response, uint32_t position, uint32_t bytes,
			  struct iovec parts[HG_SEGMENT_PARTS])
{
	uint32_t count = 0;
	uint32_t head = 0;

	if (position < response->head_bytes) {
		head = response->head_bytes - position < bytes ? response->head_bytes - position : bytes;
		/* sendmmsg() only reads; struct iovec has no const. */
		parts[count++] = (struct iovec){ (void *)(response->head + position), head };
	}
	if (head < bytes)
		parts[count++] = (struct iovec){ (void *)(response->body + position + head - response->head_bytes),
						 bytes - head };
	return count;
}

uint16_t hg_segment_sum(const struct hg_response *response, uint32_t position, uint32_t bytes)
{
	const uint16_t *sums = response->sums + position / HG_SEQ_GRANULE;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes / HG_SEQ_GRANULE; i++)
		sum += sums[i];
	sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)((sum & 0xFFFF) + (sum >> 16));
}

void hg_segment_headers(uint8_t frame[HG_PUSH_FRAME_BYTES], const uint8_t source[6], uint32_t content,
			const struct hg_segment *segment, uint16_t sum)
{
	static const uint8_t destination[HG_MAC_BYTES] = HG_PUSH_DESTINATION;
	struct hg_push_head head = {
		.ether_type = htons(HG_ETHERTYPE_PUSH),
		.version_kind = (uint8_t)(HG_PUSH_VERSION << 4 | segment->kind),
		.tcp_flags = segment->tcp_flags,
		.group = htons(segment->group),
	};
	struct hg_push_tail tail = {
		.payload_length = htons((uint16_t)segment->bytes),
		.payload_sum = htons(sum),
		.content = htonl(content),
		.offset = htonl(segment->position),
	};

	memcpy(head.destination, destination, HG_MAC_BYTES);
	memcpy(head.source, source, HG_MAC_BYTES);
	memcpy(frame, &head, sizeof(head));
	memcpy(frame + sizeof(head), &tail, sizeof(tail));
}

uint8_t hg_segment_granules(uint8_t constants, uint32_t mtu)
{
	static const uint16_t classes[] = { HG_MSS_CLASS_0, HG_MSS_CLASS_1, HG_MSS_CLASS_2, HG_MSS_CLASS_3 };
	uint32_t bytes = classes[constants >> 1 & 3];
	/* The MTU counts what follows Ethernet's header. */
	uint32_t overhead = HG_FLOW_FRAME_BYTES - HG_ETHERNET_BYTES;

	if (mtu < overhead + HG_SEQ_GRANULE)
		return 1;
	if (bytes > mtu - overhead)
		bytes = mtu - overhead;
	return (uint8_t)(bytes / HG_SEQ_GRANULE);
}
