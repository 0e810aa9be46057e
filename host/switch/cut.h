/* SPDX-License-Identifier: Apache-2.0 */
/* One frame that is many: super-frames as a kernel with offloads sends them, and bundles. */
#ifndef HG_CUT_H
#define HG_CUT_H

#include <linux/virtio_net.h>

#include "io.h"
#include "super.h"

/* One of those that a frame is cut into. */
struct cut_segment {
	uint32_t index, position, bytes; /* of its payload; all 0 before the first */
	bool last;
};

/* Goes on to the next; false: that was the last, of which there are segment->index. */
bool cut_next(struct cut_segment *segment, uint32_t payload_bytes, uint32_t segment_bytes);

/* Makes the whole frame's headers those of the segment. */
void cut_headers(uint8_t *headers, const struct super_shape *shape, const struct cut_segment *segment,
		 uint16_t payload_sum);

/*
 * The plain frames of a TCP or UDP super-frame, with all their checksums, written to
 * `room`; what the vnet header says is checked against the frame. How many there
 * are; 0: it cannot be cut, or there is no room for it.
 */
uint32_t cut_super(const uint8_t *frame, uint32_t length, const struct virtio_net_hdr *offload, uint8_t *room,
		   uint32_t room_bytes, struct io_frame *frames, uint32_t capacity);

bool cut_is_bundle(const uint8_t *frame, uint32_t length);

/*
 * The pushes of a bundle (docs/wire-format.md), where they lie in it. *whole: they
 * were all good; else those before the first that was not.
 */
uint32_t cut_bundle(uint8_t *frame, uint32_t length, struct io_frame *frames, uint32_t capacity, bool *whole);

#endif
