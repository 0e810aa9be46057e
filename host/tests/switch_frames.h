/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and UDP frames as a pipeline emits them, for the tests of super-frames. */
#ifndef HG_SWITCH_FRAMES_H
#define HG_SWITCH_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_BYTES_MAX 2048u

struct frame_spec {
	bool ipv6, udp, tagged;
	uint8_t flow; /* client's port, and the last byte of its address */
	uint32_t seq;
	uint32_t payload_bytes;
	uint8_t tcp_flags;
	uint32_t option_bytes; /* of TCP; a multiple of 4 */
	uint16_t id;
	bool may_fragment; /* IPv4's DF is not set */
};

struct frame {
	uint32_t length;
	uint32_t header_bytes; /* up to TCP's or UDP's payload */
	uint32_t ip, transport;
	uint8_t bytes[FRAME_BYTES_MAX];
};

/* With a payload that its position in the flow determines, and right checksums. */
void frame_make(struct frame *frame, const struct frame_spec *spec);
/* Makes the checksums right again after a change. */
void frame_sum(struct frame *frame);
/* The same of any frame of TCP or UDP. */
void frame_sum_long(uint8_t *frame, uint32_t length);
/* One super-frame of them behind its vnet header, as a kernel with offloads on sends it; returns the length. */
uint32_t frame_join(uint8_t *message, const struct frame *frames, uint32_t count);

#endif
