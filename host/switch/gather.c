/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "loaded.h"
#include "sum.h"

#define HEADER_STRIDE (GATHER_VNET_BYTES + LOADED_HEADER_BYTES)
#define PARTS_A_FRAME 4u /* on average, of a full batch */

int gather_init(struct gather *gather, uint32_t frames, uint32_t mtu, struct payload_sum *sum)
{
	gather->sum = sum;
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
	close_flows(gather);
}

/* The flow's place, or that of the one that has to go for it. */
static struct gather_flow *flow_at(struct gather *gather, uint32_t hash)
{
	struct gather_flow *set = gather->flows[hash % GATHER_SETS], *oldest = set;

	gather->flows_used = true;
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
	frame->parts = 1;
	gather->frame_count++;
	return frame;
}

static void append(struct gather *gather, struct gather_frame *frame, const uint8_t *payload, uint32_t bytes)
{
	uint32_t part = add_part(gather, payload, bytes);

	gather->parts[frame->last].next = part;
	frame->last = part;
	frame->parts++;
	frame->payload_bytes += bytes;
}

static bool may_join(struct gather *gather, struct outgoing *frame)
{
	return outgoing_is_segment(frame, gather->sum) &&
	       (frame->shape.protocol == IPPROTO_TCP ? gather->tcp : gather->udp) &&
	       outgoing_fits(frame, frame->payload_bytes, gather->mtu);
}

void gather_add(struct gather *gather, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes)
{
	struct outgoing taken = { { 0 }, gather_room(gather), header_bytes, payload, payload_bytes };
	struct gather_frame *frame;
	struct gather_flow *flow;
	bool joins;

	if (!gather->tcp && !gather->udp) {
		add_frame(gather, header_bytes, payload, payload_bytes);
		return;
	}
	if (!outgoing_read(&taken)) {
		/* Whose flow it is nobody knows: nothing may pass it. */
		close_flows(gather);
		add_frame(gather, header_bytes, payload, payload_bytes);
		return;
	}
	flow = flow_at(gather, super_hash(&taken.shape, taken.headers));
	joins = may_join(gather, &taken);
	if (joins && flow->frame && super_append(&gather->frames[flow->frame - 1].run, &taken.shape, taken.headers)) {
		append(gather, &gather->frames[flow->frame - 1], taken.payload, taken.payload_bytes);
		return;
	}
	frame = add_frame(gather, taken.header_bytes, taken.payload, taken.payload_bytes);
	if (joins)
		super_start(&frame->run, &taken.shape, taken.headers);
	flow->frame = joins ? gather->frame_count : 0;
}

bool gather_cut_start(struct gather *gather, struct gather_cut *cut, uint32_t header_bytes, const uint8_t *payload,
		      uint32_t payload_bytes, uint32_t segment_bytes)
{
	struct outgoing taken = { { 0 }, gather_room(gather), header_bytes, payload, payload_bytes };

	if (!outgoing_read(&taken) || !outgoing_is_segment(&taken, gather->sum) ||
	    !outgoing_fits(&taken, segment_bytes, gather->mtu))
		return false;
	flow_at(gather, super_hash(&taken.shape, taken.headers))->frame = 0;
	cut->segment = (struct cut_segment){ 0 };
	cut->segment_bytes = segment_bytes;
	memcpy(cut->headers, taken.headers, taken.header_bytes);
	taken.headers = cut->headers;
	cut->whole = taken;
	return true;
}

static void add_segment(struct gather *gather, struct gather_cut *cut)
{
	const uint8_t *payload = cut->whole.payload + cut->segment.position;

	cut_headers(gather_room(gather), &cut->whole.shape, &cut->segment, hg_sum(payload, cut->segment.bytes));
	add_frame(gather, cut->whole.header_bytes, payload, cut->segment.bytes);
}

bool gather_cut_add(struct gather *gather, struct gather_cut *cut)
{
	struct outgoing *whole = &cut->whole;
	uint8_t *headers = gather_room(gather);
	struct gather_frame *frame;

	memcpy(headers, cut->headers, whole->header_bytes);
	if (whole->shape.protocol == IPPROTO_TCP ? gather->tcp : gather->udp) {
		frame = add_frame(gather, whole->header_bytes, whole->payload, whole->payload_bytes);
		super_start_run(&frame->run, &whole->shape, headers, cut->segment_bytes);
		return false;
	}
	if (cut_next(&cut->segment, whole->payload_bytes, cut->segment_bytes))
		add_segment(gather, cut);
	return !cut->segment.last;
}

void gather_finish(struct gather_frame *frame, struct virtio_net_hdr *offload)
{
	if (frame->run.segments > 1)
		super_finish(&frame->run, offload);
	else
		*offload = (struct virtio_net_hdr){ .gso_type = VIRTIO_NET_HDR_GSO_NONE };
}
