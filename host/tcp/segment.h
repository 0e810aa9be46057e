/* SPDX-License-Identifier: Apache-2.0 */
/* Any cut of a response: where its bytes are and what they sum to. */
#ifndef HG_TCP_SEGMENT_H
#define HG_TCP_SEGMENT_H

#include <sys/uio.h>

#include "response.h"

#define HG_SEGMENT_PARTS 2 /* of the header section, of the mapping */

/* How many parts it has; `position` and `bytes` are multiples of 128. */
uint32_t hg_segment_parts(const struct hg_response *response, uint32_t position, uint32_t bytes,
			  struct iovec parts[HG_SEGMENT_PARTS]);

uint16_t hg_segment_sum(const struct hg_response *response, uint32_t position, uint32_t bytes);

/* Ethernet, push and flow header of a flow push (docs/stateless-tcp.md) but for the flow header itself. */
void hg_segment_headers(uint8_t frame[HG_PUSH_FRAME_BYTES], const uint8_t source[6], uint32_t content,
			uint32_t position, uint32_t bytes, uint16_t sum, uint8_t tcp_flags);

/* The largest payload, in 128 bytes, of a connection of this class whose pushes leave by a link of this MTU. */
uint8_t hg_segment_granules(uint8_t constants, uint32_t mtu);

#endif
