/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves by a port in one batch, in order: the headers here, the payload where
 * it was received. Segments of one flow are joined to super-frames as they come,
 * whatever other flows come between them; no frame passes another one of its flow.
 */
#ifndef HG_GATHER_H
#define HG_GATHER_H

#include "cut.h"
#include "outgoing.h"

/* Flows that may be open at a time, in sets: one too many in a set closes the oldest. */
#define GATHER_SETS 128u
#define GATHER_WAYS 4u
/*
 * Room before a frame's headers for a vnet header. It also keeps the headers of
 * one batch from falling into the same few cache sets.
 */
#define GATHER_VNET_BYTES 64u

struct gather_part {
	const uint8_t *payload;
	uint32_t bytes;
	uint32_t next; /* of the same frame */
};

struct gather_frame {
	struct super_run run; /* run.segments 1: a plain frame, as it was given */
	uint32_t header_bytes;
	uint32_t payload_bytes;
	uint32_t first, last, parts; /* which, and how many */
};

/* The latest frame of a flow. */
struct gather_flow {
	uint32_t hash;
	uint32_t frame; /* counted from 1; 0: none, or one that nothing may follow */
};

struct gather {
	bool tcp, udp; /* which super-frames may be made */
	uint32_t mtu;
	uint32_t capacity, frame_count;
	uint32_t part_capacity, part_count;
	uint8_t *headers;
	struct gather_frame *frames;
	struct gather_part *parts;
	struct gather_flow flows[GATHER_SETS][GATHER_WAYS]; /* by super_hash() */
	bool flows_used;
	struct payload_sum *sum; /* several may share one; its payload has to stay what it is as long as it is there */
};

struct gather_cut {
	struct outgoing whole;
	uint8_t headers[SUPER_HEADER_BYTES];
	uint32_t segment_bytes;
	struct cut_segment segment; /* the last that was added */
};

int gather_init(struct gather *gather, uint32_t frames, uint32_t mtu, struct payload_sum *sum);
void gather_clear(struct gather *gather);

/* Room for the next frame's headers; NULL: full, gather_restart() first. */
uint8_t *gather_room(struct gather *gather);
/* Takes the frame whose headers were written there. Its payload has to stay in place. */
void gather_add(struct gather *gather, uint32_t header_bytes, const uint8_t *payload, uint32_t payload_bytes);

/*
 * The same for a frame that is a run of segments, in steps: it leaves as a super-frame,
 * or where none can be made, cut up. gather_cut_start() says false if it is no segment
 * by the rules of super.h, or its segments are too long for the port; gather_cut_add(),
 * before which there has to be room, whether there is more of it.
 */
bool gather_cut_start(struct gather *gather, struct gather_cut *cut, uint32_t header_bytes, const uint8_t *payload,
		      uint32_t payload_bytes, uint32_t segment_bytes);
bool gather_cut_add(struct gather *gather, struct gather_cut *cut);

/* Completes the headers of a frame with more than one segment. */
void gather_finish(struct gather_frame *frame, struct virtio_net_hdr *offload);
void gather_restart(struct gather *gather);

/* Bytes of its segments, each with its own headers. */
static inline uint64_t gather_wire_bytes(const struct gather_frame *frame)
{
	return (uint64_t)frame->run.segments * frame->header_bytes + frame->payload_bytes;
}

#endif
