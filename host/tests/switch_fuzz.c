/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a bundle, as a super-frame with any vnet header, and as frames that
 * leave one after the other; whatever is joined must come apart as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "byteorder.h"
#include "cut.h"
#include "gather.h"

#define FRAMES 64u
#define ROOM_BYTES (192u << 10)
#define MTU 1500u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[ROOM_BYTES], super[ROOM_BYTES];
static struct io_frame cut[1024];

static void expect(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void fuzz_bundle(uint8_t *frame, uint32_t length)
{
	bool whole;
	uint32_t count = cut_bundle(frame, length, cut, 1024, &whole);

	for (uint32_t i = 0; i < count; i++)
		expect(cut[i].bytes >= frame && cut[i].bytes + cut[i].length <= frame + length);
	expect(count || !whole);
	cut_is_bundle(frame, length);
}

static void fuzz_super(const uint8_t *data, uint32_t size)
{
	struct virtio_net_hdr offload;
	uint32_t count;

	if (size < sizeof(offload))
		return;
	memcpy(&offload, data, sizeof(offload));
	count = cut_super(data + sizeof(offload), size - (uint32_t)sizeof(offload), &offload, room, ROOM_BYTES, cut, 1024);
	for (uint32_t i = 0; i < count; i++)
		expect(cut[i].bytes >= room && cut[i].bytes + cut[i].length <= room + ROOM_BYTES);
}

struct given {
	const uint8_t *bytes; /* NULL: it has left */
	uint32_t length;
};

static struct given given[FRAMES];
static uint32_t given_count;

static bool is_nothing(uint16_t checksum)
{
	return checksum == 0 || checksum == 0xffff;
}

/* But for IPv4's identification, where it means nothing, and the two zeros of one's complement. */
static bool same(const uint8_t *left, const uint8_t *bytes, uint32_t length)
{
	static uint8_t masked[2][ROOM_BYTES];
	struct super_shape shape;

	if (!memcmp(left, bytes, length))
		return true;
	if (!super_read(&shape, left, length, length))
		return false;
	memcpy(masked[0], left, length);
	memcpy(masked[1], bytes, length);
	for (int i = 0; i < 2; i++) {
		uint8_t *checksum = masked[i] + shape.transport + (shape.protocol == 6 ? 16 : 6);

		if (shape.version == 4 && masked[i][shape.ip + 6] & 0x40) {
			memset(masked[i] + shape.ip + 4, 0, 2);
			memset(masked[i] + shape.ip + 10, 0, 2);
		}
		if (is_nothing(get16(checksum)))
			put16(checksum, 0);
	}
	return !memcmp(masked[0], masked[1], length);
}

/* What left is the first of those not yet gone that is like it. */
static void expect_given(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < given_count; i++) {
		if (given[i].bytes && given[i].length == length && same(bytes, given[i].bytes, length)) {
			given[i].bytes = NULL;
			return;
		}
	}
	__builtin_trap();
}

static void leave(struct gather *gather)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < gather->frame_count; i++) {
		struct gather_frame *frame = &gather->frames[i];
		uint32_t length = frame->header_bytes, part = frame->first, count = 1;
		struct virtio_net_hdr offload;

		gather_finish(frame, &offload);
		memcpy(super, frame->run.headers, length);
		for (uint32_t p = 0; p < frame->parts; p++, part = gather->parts[part].next) {
			memcpy(super + length, gather->parts[part].payload, gather->parts[part].bytes);
			length += gather->parts[part].bytes;
		}
		cut[0] = (struct io_frame){ super, length, 0 };
		if (frame->run.segments > 1)
			count = cut_super(super, length, &offload, room, ROOM_BYTES, cut, SUPER_SEGMENTS);
		expect(count == frame->run.segments);
		for (uint32_t s = 0; s < count; s++, left++)
			expect_given(cut[s].bytes, cut[s].length);
	}
	expect(left == given_count);
}

/* Lengths stand before the frames, and how much of each the program parsed. */
static void fuzz_gather(const uint8_t *data, uint32_t size)
{
	static struct payload_sum sum;
	static struct gather gather;
	uint32_t at = 0;

	if (!gather.headers && gather_init(&gather, FRAMES, MTU, &sum))
		abort();
	gather.tcp = gather.udp = true;
	gather_restart(&gather);
	sum = (struct payload_sum){ 0 };
	given_count = 0;
	while (at + 4 <= size && given_count < FRAMES) {
		uint32_t length = get16(data + at), parsed = data[at + 2];

		at += 4;
		if (length > size - at)
			length = size - at;
		if (parsed > length)
			parsed = length;
		given[given_count++] = (struct given){ data + at, length };
		memcpy(gather_room(&gather), data + at, parsed);
		gather_add(&gather, parsed, data + at + parsed, length - parsed);
		at += length;
	}
	leave(&gather);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size > 65535)
		return 0;
	/* Of its own, so that one byte too far is seen. */
	copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	fuzz_bundle(copy, (uint32_t)size);
	fuzz_super(copy, (uint32_t)size);
	fuzz_gather(copy, (uint32_t)size);
	free(copy);
	return 0;
}
