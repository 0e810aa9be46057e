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

static void write_transport(uint8_t *frame, const struct super_shape *shape, uint32_t bytes, uint32_t position,
			    bool last)
{
	uint8_t *transport = frame + shape->transport;
	uint32_t addresses = shape->version == 4 ? shape->ip + 12 : shape->ip + 8;
	bool tcp = shape->protocol == IPPROTO_TCP;
	uint8_t *checksum = transport + (tcp ? 16 : 6);
	uint32_t sum = shape->protocol + bytes + hg_sum(frame + addresses, shape->transport - addresses);

	if (tcp) {
		put32(transport + 4, get32(transport + 4) + position);
		if (!last)
			transport[TCP_FLAGS] &= (uint8_t)~FLAGS_OF_LAST;
		if (position)
			transport[TCP_FLAGS] &= (uint8_t)~FLAG_CWR;
	} else {
		put16(transport + 4, (uint16_t)bytes);
	}
	put16(checksum, 0);
	sum = fold16(sum + hg_sum(transport, bytes));
	/* UDP: 0 says that there is none (RFC 768). */
	put16(checksum, sum == 0xffff && !tcp ? 0xffff : (uint16_t)~sum);
}

uint32_t cut_super(const uint8_t *frame, uint32_t length, const struct virtio_net_hdr *offload, uint8_t *room,
		   uint32_t room_bytes, struct io_frame *frames, uint32_t capacity)
{
	struct super_shape shape;
	uint32_t payload_bytes, position = 0, count = 0;

	if (!super_read(&shape, frame, length, length) || !matches(&shape, offload) || !offload->gso_size)
		return 0;
	payload_bytes = shape.length - shape.payload;
	while (position < payload_bytes) {
		uint32_t bytes = payload_bytes - position;
		struct io_frame *out = &frames[count];

		if (bytes > offload->gso_size)
			bytes = offload->gso_size;
		if (count == capacity || room_bytes < shape.payload + bytes)
			return 0;
		out->bytes = room;
		out->length = shape.payload + bytes;
		memcpy(room, frame, shape.payload);
		memcpy(room + shape.payload, frame + shape.payload + position, bytes);
		write_ip(room + shape.ip, &shape, shape.payload - shape.transport + bytes, count);
		write_transport(room, &shape, shape.payload - shape.transport + bytes, position,
				position + bytes == payload_bytes);
		room += out->length;
		room_bytes -= out->length;
		position += bytes;
		count++;
	}
	return count;
}

/* ---- bundles ------------------------------------------------------------------ */

bool cut_is_bundle(const uint8_t *frame, uint32_t length)
{
	return length > ETH_HLEN && get16(frame + 2 * ETH_ALEN) == HG_ETHERTYPE_PUSH &&
	       frame[ETH_HLEN] == (HG_PUSH_VERSION << 4 | HG_PUSH_KIND_BUNDLE);
}

uint32_t cut_bundle(uint8_t *frame, uint32_t length, struct io_frame *frames, uint32_t capacity, bool *whole)
{
	uint32_t at = HG_BUNDLE_FRAME_BYTES, count = 0;

	*whole = false;
	while (at + 2 <= length) {
		uint32_t bytes = get16(frame + at);

		if (!bytes) /* Ethernet's padding */
			break;
		at += 2;
		if (bytes < HG_ETHERNET_BYTES || bytes > HG_MAX_FRAME_BYTES || bytes > length - at || count == capacity)
			return count;
		frames[count++] = (struct io_frame){ frame + at, bytes };
		at += bytes;
	}
	*whole = count && at + 1 != length;
	return count;
}
