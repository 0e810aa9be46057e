/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel left to do on a frame that it received, or took off it. */
#ifndef HG_OFFLOAD_H
#define HG_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Completes a checksum that was left to hardware (VIRTIO_NET_HDR_F_NEEDS_CSUM):
 * the one's-complement sum from `start` on is stored at start + offset, which
 * holds the pseudo-header's. false: the frame does not reach that far.
 */
bool offload_checksum(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset);

#define OFFLOAD_TAG_BYTES 4u
/* Puts an 802.1Q tag back; there must be room for it before the frame. Returns where the frame begins now. */
uint8_t *offload_tag(uint8_t *frame, uint16_t tpid, uint16_t tci);

#endif
