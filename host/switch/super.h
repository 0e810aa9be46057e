/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Super-frames: consecutive segments of one flow that leave as one frame with a
 * vnet header, for the kernel or the NIC to cut up again (GSO). What comes out of
 * the cutting is what would have been sent, byte for byte, but for IPv4's
 * identification, which the kernel counts up: where "don't fragment" is set it
 * means nothing (RFC 6864, 4.1), elsewhere only frames that count up are joined.
 *
 * No program is asked: the rule reads the frame as it was emitted. So a checksum
 * that is wrong stays wrong: only frames whose checksums are right are joined.
 */
#ifndef HG_SUPER_H
#define HG_SUPER_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* since Linux 6.2's headers */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Ethernet, a tag, IPv6, TCP with all its options: what super_read() looks at, at most. */
#define SUPER_HEADER_BYTES 118u
/* As many as the kernel takes of UDP (UDP_MAX_SEGMENTS). */
#define SUPER_SEGMENTS 128u

/* Where a frame's headers are, in bytes from its beginning. */
struct super_shape {
	uint32_t ip, transport, payload;
	uint32_t length; /* up to where IP says that it ends */
	uint8_t version; /* 4 or 6 */
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};

/*
 * Finds the headers, of which the first `have` bytes are here; `length` is the
 * frame's. false: it is neither TCP nor UDP, or a fragment, or behind IP options.
 */
bool super_read(struct super_shape *shape, const uint8_t *frame, uint32_t have, uint32_t length);

/* Equal for all frames of a flow. */
uint32_t super_hash(const struct super_shape *shape, const uint8_t *frame);

/* May it be a super-frame's part at all? payload_sum: of what follows shape->payload, as hg_sum(). */
bool super_is_segment(const struct super_shape *shape, const uint8_t *headers);
bool super_checksums_right(const struct super_shape *shape, const uint8_t *headers, uint16_t payload_sum);

/* A super-frame that grows. */
struct super_run {
	struct super_shape shape; /* the first segment's */
	uint8_t *headers;         /* the first segment's; the super-frame's in the end */
	uint32_t segment_bytes;   /* payload of each but the last */
	uint32_t payload_bytes;   /* of all */
	uint32_t segments;
	uint16_t last_id;
	uint8_t id_step; /* 0 or 1: how IPv4's identification goes on; unknown with one segment */
	uint8_t flags;   /* TCP's, of the last segment */
	bool open;
};

/* Starts with a segment whose headers stay in place. */
void super_start(struct super_run *run, const struct super_shape *shape, uint8_t *headers);

/* With a frame that is a whole run; nothing is appended to it. */
void super_start_run(struct super_run *run, const struct super_shape *shape, uint8_t *headers, uint32_t segment_bytes);

/* Takes a segment that comes after all others of its flow; false: it has to start a run of its own. */
bool super_append(struct super_run *run, const struct super_shape *shape, const uint8_t *headers);

/* Of two or more segments: makes the headers those of the super-frame. */
void super_finish(struct super_run *run, struct virtio_net_hdr *offload);

#endif
