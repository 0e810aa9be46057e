/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "loaded.h"
#include "offload.h"
#include "sum.h"

#define HEADER_STRIDE (GATHER_VNET_BYTES + LOADED_HEADER_BYTES)
#define PARTS_A_FRAME 4u /* on average, of a full batch */

int gather_init(struct gather *gather, uint32_t frames, uint32_t mtu)
{
	gather->mtu = mtu;
	gather->capacity = frames;
	gather->part_capacity = frames * PARTS_A_FRAME;
	gather->headers = malloc((size_t)frames * HEADER_STRIDE);
	gather->frames = calloc(frames, sizeof(*gather->frames));
	gather->parts = calloc(gather->part_capacity, sizeof(*gather->parts));
	return gather->headers && gather->frames && gather->parts ? 0 : -ENOMEM;
}

void gather_clear(struct gather *gather)
{
	free(gather->headers);
	free(gather->frames);
	free(gather->parts);
}

uint8_t *gather_room(struct gather *gather)
{
	if (gather->frame_count == gather->capacity || gather->part_count == gather->part_capacity)
		return NULL;
	return gather->headers + (size_t)gather->frame_count * HEADER_STRIDE + GATHER_VNET_BYTES;
}

/* Nothing may be appended to what is there. */
static void close_flows(struct gather *gather)
{
	if (gather->flows_used)
		memset(gather->flows, 0, sizeof(gather->flows));
	gather->flows_used = false;
}

void gather_restart(struct gather *gather)
{
	gather->frame_count = gather->part_count = 0;
	gather->summed = NULL;
	close_flows(gather);
}

/* The flow's place, or that of the one that has to go for it. */
static struct gather_flow *flow_at(struct gather *gather, uint32_t hash)
{
	struct gather_flow *set = gather->flows[hash % GATHER_SETS], *oldest = set;

	for (uint32_t way = 0; way < GATHER_WAYS; way++) {
		if (set[way].hash == hash)
			return &set[way];
		if (set[way].frame < oldest->frame)
			oldest = &set[way];
	}
	*oldest = (struct gather_flow){ .hash = hash };
	return oldest;
}

static uint32_t add_part(struct gather *gather, const uint8_t *payload, uint32_t bytes)
{
	gather->parts[gather->part_count] = (struct gather_part){ .payload = payload, .bytes = bytes };
	return gather->part_count++;
}

static uint16_t payload_sum(struct gather *gather, const uint8_t *payload, uint32_t bytes)
{
	if (gather->summed != payload || gather->summed_bytes != bytes) {
		gather->summed = payload;
		gather->summed_bytes = bytes;
		gather->sum = hg_sum(payload, bytes);
	}
	return gather->sum;
}

/* A frame that leaves by itself unless others are appended to it. */
static struct gather_frame *add_frame(struct gather *gather, uint32_t header_bytes, const uint8_t *payload,
				      uint32_t payload_bytes)
{
	struct gather_frame *frame = &gather->frames[gather->frame_count];

	frame->run.headers = gather_room(gather);
	frame->run.segments = 1;
	frame->run.open = false;
	frame->header_bytes = header_bytes;
	frame->payload_bytes = payload_bytes;
	frame->first = frame->last = add_part(gather, payload, payload_bytes);
	gather->frame_count++;
	return frame;
}

static void append(struct gather *gather, struct gather_frame *frame, const uint8_t *payload, uint32_t bytes)
{
	uint32_t part = add_part(gather, payload, bytes);

	gather->parts[frame->last].next = part;
	frame->last = part;
	frame->payload_bytes += bytes;
}

static bool may_join(struct gather *gather, const struct super_shape *shape, const uint8_t *headers,
		     const uint8_t *payload)
{
	uint32_t tag_bytes = shape->ip - ETH_HLEN;

	return (shape->protocol == IPPROTO_TCP ? gather->tcp : gather->udp) && super_is_segment(shape, headers) &&
	       shape->length <= gather->mtu + ETH_HLEN + tag_bytes &&
	       super_checksums_right(shape, headers, payload_sum(gather, payload, shape->length - shape->payload));
}

void gather_add(struct gather *gather, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	uint8_t *headers = gather_room(gather);
	uint32_t have = header_bytes, length = header_bytes + payload_bytes;
	struct super_shape shape;
	struct gather_frame *frame;
	struct gather_flow *flow;
	bool joins;

	if (!gather->tcp && !gather->udp) {
		add_frame(gather, header_bytes, payload, payload_bytes);
		return;
	}
	/* A program that parsed only Ethernet has left IP's headers to the payload. */
	if (have < SUPER_HEADER_BYTES) {
		have = length < SUPER_HEADER_BYTES ? length : SUPER_HEADER_BYTES;
		memcpy(headers + header_bytes, payload, have - header_bytes);
	}
	if (!super_read(&shape, headers, have, length)) {
		/* Whose flow it is nobody knows: nothing may pass it. */
		close_flows(gather);
		add_frame(gather, header_bytes, payload, payload_bytes);
		return;
	}
	flow = flow_at(gather, super_hash(&shape, headers));
	gather->flows_used = true;
	joins = shape.length == length && shape.payload >= header_bytes;
	if (joins) {
		payload += shape.payload - header_bytes;
		payload_bytes = length - shape.payload;
		header_bytes = shape.payload;
		joins = may_join(gather, &shape, headers, payload);
	}
	if (joins && flow->frame && super_append(&gather->frames[flow->frame - 1].run, &shape, headers)) {
		append(gather, &gather->frames[flow->frame - 1], payload, payload_bytes);
		return;
	}
	frame = add_frame(gather, header_bytes, payload, payload_bytes);
	if (joins)
		super_start(&frame->run, &shape, headers);
	flow->frame = joins ? gather->frame_count : 0;
}

void gather_finish(struct gather_frame *frame, struct virtio_net_hdr *offload)
{
	if (frame->run.segments > 1)
		super_finish(&frame->run, offload);
	else
		*offload = (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
}
