/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_frames.h"

#include <linux/virtio_net.h>
#include <string.h>

#include "byteorder.h"
#include "super.h"
#include "switch_check.h"

#define ETHERNET_BYTES 14u
#define TAG_BYTES 4u

/* By the definition (RFC 1071), apart from what is tested. */
static uint32_t sum_words(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	return sum;
}

static uint16_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void sum(uint8_t *ip, uint32_t length)
{
	bool ipv6 = ip[0] >> 4 == 6;
	uint8_t *transport = ip + (ipv6 ? 40 : 20);
	uint32_t bytes = length - (ipv6 ? 40 : 20);
	uint8_t protocol = ipv6 ? ip[6] : ip[9];
	uint8_t *field = transport + (protocol == 6 ? 16 : 6);
	uint16_t value;

	if (!ipv6) {
		put16(ip + 10, 0);
		put16(ip + 10, checksum(sum_words(ip, 20, 0)));
	}
	put16(field, 0);
	value = checksum(sum_words(transport, bytes,
				   sum_words(ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8, protocol + bytes)));
	put16(field, value || protocol == 6 ? value : 0xffff);
}

void frame_sum_long(uint8_t *frame, uint32_t length)
{
	uint32_t ip = ETHERNET_BYTES + (get16(frame + 12) == 0x8100 ? TAG_BYTES : 0);

	sum(frame + ip, length - ip);
}

void frame_sum(struct frame *frame)
{
	sum(frame->bytes + frame->ip, frame->length - frame->ip);
}

static void make_ip(struct frame *frame, const struct frame_spec *spec)
{
	uint8_t *ip = frame->bytes + frame->ip;
	uint32_t bytes = frame->length - frame->transport;
	uint8_t protocol = spec->udp ? 17 : 6;

	if (spec->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, (uint16_t)bytes);
		ip[6] = protocol;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = spec->flow;
		return;
	}
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(bytes + 20));
	put16(ip + 4, spec->id);
	put16(ip + 6, spec->may_fragment ? 0 : 0x4000);
	ip[8] = 64;
	ip[9] = protocol;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = spec->flow;
}

static void make_transport(struct frame *frame, const struct frame_spec *spec)
{
	uint8_t *transport = frame->bytes + frame->transport;

	put16(transport, 80);
	put16(transport + 2, (uint16_t)(5000 + spec->flow));
	if (spec->udp) {
		put16(transport + 4, (uint16_t)(frame->length - frame->transport));
		return;
	}
	put32(transport + 4, spec->seq);
	put32(transport + 8, 77);
	transport[12] = (uint8_t)((20 + spec->option_bytes) << 2);
	transport[13] = spec->tcp_flags;
	put16(transport + 14, 1000);
	memset(transport + 20, 1, spec->option_bytes);
}

void frame_make(struct frame *frame, const struct frame_spec *spec)
{
	uint8_t *type = frame->bytes + 12;

	memset(frame, 0, sizeof(*frame));
	frame->ip = ETHERNET_BYTES + (spec->tagged ? TAG_BYTES : 0);
	frame->transport = frame->ip + (spec->ipv6 ? 40 : 20);
	frame->header_bytes = frame->transport + (spec->udp ? 8 : 20 + spec->option_bytes);
	frame->length = frame->header_bytes + spec->payload_bytes;
	frame->bytes[0] = frame->bytes[6] = 2;
	frame->bytes[5] = spec->flow;
	if (spec->tagged) {
		put16(type, 0x8100);
		put16(type + 2, 5);
		type += TAG_BYTES;
	}
	put16(type, spec->ipv6 ? 0x86dd : 0x0800);
	make_ip(frame, spec);
	make_transport(frame, spec);
	for (uint32_t i = 0; i < spec->payload_bytes; i++)
		frame->bytes[frame->header_bytes + i] = (uint8_t)((spec->seq + i) * 7 + spec->flow);
	frame_sum(frame);
}

uint32_t frame_join(uint8_t *message, const struct frame *frames, uint32_t count)
{
	static uint8_t headers[SUPER_HEADER_BYTES];
	struct virtio_net_hdr offload;
	struct super_shape shape;
	struct super_run run;
	uint32_t length;

	memcpy(headers, frames[0].bytes, frames[0].header_bytes);
	CHECK(super_read(&shape, headers, frames[0].header_bytes, frames[0].length));
	super_start(&run, &shape, headers);
	for (uint32_t i = 1; i < count; i++) {
		CHECK(super_read(&shape, frames[i].bytes, frames[i].header_bytes, frames[i].length));
		CHECK(super_append(&run, &shape, frames[i].bytes));
	}
	super_finish(&run, &offload);
	memcpy(message, &offload, sizeof(offload));
	length = sizeof(offload);
	memcpy(message + length, headers, frames[0].header_bytes);
	length += frames[0].header_bytes;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(message + length, frames[i].bytes + frames[i].header_bytes, frames[i].length - frames[i].header_bytes);
		length += frames[i].length - frames[i].header_bytes;
	}
	return length;
}
