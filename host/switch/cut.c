/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "byteorder.h"
#include "offload.h"
#include "sum.h"
#include "super.h"
#include "bundle.h"

#define TCP_FLAGS 13u
#define FLAGS_OF_LAST 0x09u /* PSH, FIN */
#define FLAG_CWR 0x80u      /* of the first alone (RFC 3168, 6.1.2) */

/* ---- super-frames ------------------------------------------------------------- */

static bool matches(const struct super_shape *shape, const struct virtio_net_hdr *offload)
{
	switch (offload->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return shape->protocol == IPPROTO_TCP && shape->version == 4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return shape->protocol == IPPROTO_TCP && shape->version == 6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return shape->protocol == IPPROTO_UDP;
	default:
		return false;
	}
}

static void write_ip(uint8_t *ip, const struct super_shape *shape, uint32_t bytes, uint32_t index)
{
	uint32_t header_bytes = shape->transport - shape->ip;

	if (shape->version == 6) {
		put16(ip + 4, (uint16_t)bytes);
		return;
	}
	put16(ip + 2, (uint16_t)(header_bytes + bytes));
	put16(ip + 4, (uint16_t)(get16(ip + 4) + index));
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~hg_sum(ip, header_bytes));
}

static void write_tcp(uint8_t *tcp, const struct cut_segment *segment)
{
	put32(tcp + 4, get32(tcp + 4) + segment->position);
	if (!segment->last)
		tcp[TCP_FLAGS] &= (uint8_t)~FLAGS_OF_LAST;
	if (segment->position)
		tcp[TCP_FLAGS] &= (uint8_t)~FLAG_CWR;
}

void cut_headers(uint8_t *headers, const struct super_shape *shape, const struct cut_segment *segment,
		 uint16_t payload_sum)
{
	uint8_t *transport = headers + shape->transport;
	uint32_t header_bytes = shape->payload - shape->transport, bytes = header_bytes + segment->bytes;
	uint32_t addresses = shape->ip + (shape->version == 4 ? 12 : 8);
	bool tcp = shape->protocol == IPPROTO_TCP;
	uint8_t *checksum = transport + (tcp ? 16 : 6);
	uint32_t sum = shape->protocol + bytes + payload_sum;

	write_ip(headers + shape->ip, shape, bytes, segment->index);
	if (tcp)
		write_tcp(transport, segment);
	else
		put16(transport + 4, (uint16_t)bytes);
	put16(checksum, 0);
	sum += hg_sum(headers + addresses, shape->transport - addresses) + hg_sum(transport, header_bytes);
	sum = fold16(sum);
	/* UDP: 0 says that there is none (RFC 768). */
	put16(checksum, sum == 0xffff && !tcp ? 0xffff : (uint16_t)~sum);
}

bool cut_next(struct cut_segment *segment, uint32_t payload_bytes, uint32_t segment_bytes)
{
	uint32_t left;

	if (segment->bytes) {
		segment->position += segment->bytes;
		segment->index++;
	}
	left = payload_bytes - segment->position;
	segment->bytes = left < segment_bytes ? left : segment_bytes;
	segment->last = left <= segment_bytes;
	return left;
}

uint32_t cut_super(const uint8_t *frame, uint32_t length, const struct virtio_net_hdr *offload, uint8_t *room,
		   uint32_t room_bytes, struct io_frame *frames, uint32_t capacity)
{
	struct cut_segment segment = { 0 };
	struct super_shape shape;

	if (!super_read(&shape, frame, length, length) || !matches(&shape, offload) || !offload->gso_size)
		return 0;
	while (cut_next(&segment, shape.length - shape.payload, offload->gso_size)) {
		const uint8_t *payload = frame + shape.payload + segment.position;
		uint32_t bytes = shape.payload + segment.bytes;

		if (segment.index == capacity || room_bytes < bytes)
			return 0;
		frames[segment.index] = (struct io_frame){ room, bytes, 0 };
		memcpy(room, frame, shape.payload);
		memcpy(room + shape.payload, payload, segment.bytes);
		cut_headers(room, &shape, &segment, hg_sum(payload, segment.bytes));
		room += bytes;
		room_bytes -= bytes;
	}
	return segment.index;
}

/* ---- bundles ------------------------------------------------------------------ */

bool cut_is_bundle(const uint8_t *frame, uint32_t length)
{
	return length > ETH_HLEN && get16(frame + 2 * ETH_ALEN) == HG_ETHERTYPE_PUSH &&
	       frame[ETH_HLEN] == (HG_PUSH_VERSION << 4 | HG_PUSH_KIND_BUNDLE);
}

/* What Ethernet adds to a short frame. */
static bool is_padding(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

uint32_t cut_bundle(uint8_t *frame, uint32_t length, struct io_frame *frames, uint32_t capacity, bool *whole)
{
	uint32_t at = HG_BUNDLE_FRAME_BYTES, count = 0;

	*whole = false;
	while (at + HG_BUNDLE_ENTRY_BYTES <= length) {
		uint32_t bytes = get16(frame + at), segment_bytes = get16(frame + at + 2);

		if (!bytes) /* Ethernet's padding */
			break;
		at += HG_BUNDLE_ENTRY_BYTES;
		if (bytes < HG_ETHERNET_BYTES || bytes > length - at || count == capacity ||
		    (bytes > HG_MAX_FRAME_BYTES && !segment_bytes))
			return count;
		frames[count++] = (struct io_frame){ frame + at, bytes, segment_bytes };
		at += bytes;
	}
	*whole = count && is_padding(frame + at, length - at);
	return count;
}
