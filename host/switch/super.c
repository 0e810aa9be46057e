/* SPDX-License-Identifier: Apache-2.0 */
#include "super.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "offload.h"
#include "sum.h"
#include "byteorder.h"

#define MORE_FRAGMENTS_AND_OFFSET 0x3fff
#define DONT_FRAGMENT 0x4000
#define IP_LENGTH_MAX 65535u

#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define UDP_BYTES 8u
#define TCP_BYTES 20u
#define TCP_FLAGS 13u

/* What only the last segment may have; and with them, what any may have (RFC 9293, RFC 3168). */
#define FLAGS_OF_LAST 0x09u   /* PSH, FIN */
#define FLAGS_ALLOWED 0x59u   /* ECE, ACK */
#define FLAG_ACK 0x10u

static bool read_ip(struct super_shape *shape, const uint8_t *ip, uint32_t have, uint32_t type)
{
	uint32_t bytes = type == ETH_P_IP ? IPV4_BYTES : IPV6_BYTES;

	if (have < shape->ip + bytes)
		return false;
	shape->transport = shape->ip + bytes;
	if (type == ETH_P_IP) {
		shape->version = 4;
		shape->protocol = ip[9];
		shape->length = shape->ip + get16(ip + 2);
		return ip[0] == 0x45 && !(get16(ip + 6) & MORE_FRAGMENTS_AND_OFFSET);
	}
	shape->version = 6;
	shape->protocol = ip[6];
	shape->length = shape->transport + get16(ip + 4);
	return ip[0] >> 4 == 6;
}

static bool read_transport(struct super_shape *shape, const uint8_t *transport, uint32_t have)
{
	uint32_t bytes = shape->protocol == IPPROTO_TCP ? TCP_BYTES : UDP_BYTES;

	if (have < shape->transport + bytes)
		return false;
	if (shape->protocol == IPPROTO_TCP)
		bytes = (transport[12] >> 4) * 4u;
	shape->payload = shape->transport + bytes;
	return bytes >= UDP_BYTES && shape->payload <= have && shape->payload <= shape->length;
}

bool super_read(struct super_shape *shape, const uint8_t *frame, uint32_t have, uint32_t length)
{
	uint32_t type;

	if (have < ETH_HLEN + OFFLOAD_TAG_BYTES)
		return false;
	shape->ip = ETH_HLEN;
	type = get16(frame + 2 * ETH_ALEN);
	if (type == ETH_P_8021Q) {
		shape->ip += OFFLOAD_TAG_BYTES;
		type = get16(frame + 2 * ETH_ALEN + OFFLOAD_TAG_BYTES);
	}
	if ((type != ETH_P_IP && type != ETH_P_IPV6) || !read_ip(shape, frame + shape->ip, have, type))
		return false;
	if ((shape->protocol != IPPROTO_TCP && shape->protocol != IPPROTO_UDP) || shape->length > length)
		return false;
	return read_transport(shape, frame + shape->transport, have);
}

static uint32_t addresses_at(const struct super_shape *shape)
{
	return shape->ip + (shape->version == 4 ? 12 : 8);
}

uint32_t super_hash(const struct super_shape *shape, const uint8_t *frame)
{
	uint32_t hash = shape->protocol;

	/* Addresses and ports: they lie one after the other. */
	for (uint32_t at = addresses_at(shape); at < shape->transport + 4; at += 4) {
		uint32_t word;

		memcpy(&word, frame + at, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	return hash;
}

static bool is_tcp(const struct super_shape *shape)
{
	return shape->protocol == IPPROTO_TCP;
}

bool super_is_segment(const struct super_shape *shape, const uint8_t *headers)
{
	const uint8_t *transport = headers + shape->transport;

	if (shape->payload == shape->length)
		return false;
	if (!is_tcp(shape)) /* without a checksum the kernel would give it one */
		return get16(transport + 4) == shape->length - shape->transport && get16(transport + 6);
	return transport[TCP_FLAGS] & FLAG_ACK && !(transport[TCP_FLAGS] & ~FLAGS_ALLOWED) &&
	       shape->payload >= shape->transport + TCP_BYTES;
}

/* Not inverted. `bytes` are TCP's or UDP's, header and payload. */
static uint32_t pseudo_header_sum(const struct super_shape *shape, const uint8_t *headers, uint32_t bytes)
{
	uint32_t addresses = addresses_at(shape);

	return hg_sum(headers + addresses, shape->transport - addresses) + shape->protocol + bytes;
}

bool super_checksums_right(const struct super_shape *shape, const uint8_t *headers, uint16_t payload_sum)
{
	uint32_t sum = pseudo_header_sum(shape, headers, shape->length - shape->transport);

	sum += hg_sum(headers + shape->transport, shape->payload - shape->transport) + payload_sum;
	return fold16(sum) == 0xffff && (shape->version == 6 || hg_sum(headers + shape->ip, IPV4_BYTES) == 0xffff);
}

void super_start(struct super_run *run, const struct super_shape *shape, uint8_t *headers)
{
	run->shape = *shape;
	run->headers = headers;
	run->segment_bytes = run->payload_bytes = shape->length - shape->payload;
	run->segments = 1;
	run->id_step = 0;
	run->last_id = shape->version == 4 ? get16(headers + shape->ip + 4) : 0;
	run->flags = is_tcp(shape) ? headers[shape->transport + TCP_FLAGS] : 0;
	run->open = !(run->flags & FLAGS_OF_LAST);
}

void super_start_run(struct super_run *run, const struct super_shape *shape, uint8_t *headers, uint32_t segment_bytes)
{
	super_start(run, shape, headers);
	run->open = false;
	if (run->payload_bytes > segment_bytes) {
		run->segment_bytes = segment_bytes;
		run->segments = (run->payload_bytes + segment_bytes - 1) / segment_bytes;
	}
}

static bool same(const uint8_t *a, const uint8_t *b, uint32_t at, uint32_t end)
{
	return !memcmp(a + at, b + at, end - at);
}

static bool same_ip(const struct super_shape *shape, const uint8_t *a, const uint8_t *b)
{
	uint32_t ip = shape->ip;

	if (shape->version == 6)
		return same(a, b, ip, ip + 4) && same(a, b, ip + 6, shape->transport);
	return same(a, b, ip, ip + 2) && same(a, b, ip + 6, ip + 10) && same(a, b, ip + 12, shape->transport);
}

static bool same_tcp(const struct super_run *run, const uint8_t *headers)
{
	uint32_t tcp = run->shape.transport;
	uint32_t expected = get32(run->headers + tcp + 4) + run->payload_bytes;

	return get32(headers + tcp + 4) == expected && same(run->headers, headers, tcp + 8, tcp + TCP_FLAGS) &&
	       (headers[tcp + TCP_FLAGS] & ~FLAGS_OF_LAST) == (run->flags & ~FLAGS_OF_LAST) &&
	       same(run->headers, headers, tcp + 14, tcp + 16) &&
	       same(run->headers, headers, tcp + 18, run->shape.payload);
}

/* How far IPv4's identification went on; the kernel's cutting counts it up. */
static bool id_follows(const struct super_run *run, const uint8_t *headers, uint8_t *step)
{
	const uint8_t *ip = headers + run->shape.ip;

	*step = 0;
	if (run->shape.version == 6)
		return true;
	*step = (uint8_t)(get16(ip + 4) - run->last_id);
	if ((uint16_t)(run->last_id + *step) != get16(ip + 4) || *step > 1)
		return false;
	return *step == 1 || get16(ip + 6) & DONT_FRAGMENT;
}

bool super_append(struct super_run *run, const struct super_shape *shape, const uint8_t *headers)
{
	uint32_t bytes = shape->length - shape->payload;
	uint8_t step;

	if (!run->open || run->segments == SUPER_SEGMENTS || bytes > run->segment_bytes)
		return false;
	if (run->shape.payload - run->shape.ip + run->payload_bytes + bytes > IP_LENGTH_MAX ||
	    shape->ip != run->shape.ip || shape->transport != run->shape.transport ||
	    shape->payload != run->shape.payload || shape->protocol != run->shape.protocol ||
	    !same(run->headers, headers, 0, shape->ip) || !same_ip(shape, run->headers, headers) ||
	    !same(run->headers, headers, shape->transport, shape->transport + 4) ||
	    (is_tcp(shape) && !same_tcp(run, headers)) || !id_follows(run, headers, &step) ||
	    (run->segments > 1 && step != run->id_step))
		return false;
	run->payload_bytes += bytes;
	run->segments++;
	run->id_step = step;
	run->last_id = (uint16_t)(run->last_id + step);
	if (is_tcp(shape))
		run->flags = headers[shape->transport + TCP_FLAGS];
	run->open = bytes == run->segment_bytes && !(run->flags & FLAGS_OF_LAST);
	return true;
}

static void finish_ip(const struct super_run *run, uint32_t transport_bytes)
{
	uint8_t *ip = run->headers + run->shape.ip;

	if (run->shape.version == 6) {
		put16(ip + 4, (uint16_t)transport_bytes);
		return;
	}
	put16(ip + 2, (uint16_t)(IPV4_BYTES + transport_bytes));
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~hg_sum(ip, IPV4_BYTES));
}

void super_finish(struct super_run *run, struct virtio_net_hdr *offload)
{
	const struct super_shape *shape = &run->shape;
	uint8_t *transport = run->headers + shape->transport;
	uint32_t bytes = shape->payload - shape->transport + run->payload_bytes;
	uint32_t checksum = is_tcp(shape) ? 16 : 6;

	finish_ip(run, bytes);
	if (is_tcp(shape))
		transport[TCP_FLAGS] = run->flags;
	else
		put16(transport + 4, (uint16_t)bytes);
	put16(transport + checksum, fold16(pseudo_header_sum(shape, run->headers, bytes)));
	*offload = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = !is_tcp(shape)	 ? VIRTIO_NET_HDR_GSO_UDP_L4 :
			    shape->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
						  VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = (uint16_t)shape->payload,
		.gso_size = (uint16_t)run->segment_bytes,
		.csum_start = (uint16_t)shape->transport,
		.csum_offset = (uint16_t)checksum,
	};
}
